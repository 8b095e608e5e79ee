# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.waves import (
    DependencyCycle,
    Member,
    WaveSchedule,
)


def all_asleep(schedule: WaveSchedule, members: list[Member]) -> None:
    for member in members:
        schedule.asleep(member.key)


def test_nobody_is_released_before_it_was_found_asleep() -> None:
    schedule = WaveSchedule([Member(1, "a"), Member(2, "b")])
    assert schedule.ready(0.0) == []
    schedule.asleep(2)
    assert schedule.ready(0.0) == [2]
    assert schedule.ready(0.0) == []


def test_a_key_is_released_once_however_often_it_is_reported_asleep() -> None:
    schedule = WaveSchedule([Member(1, "a")])
    schedule.asleep(1)
    schedule.asleep(1)
    assert schedule.ready(0.0) == [1]
    schedule.asleep(1)
    assert schedule.ready(1.0) == []


def test_a_higher_order_waits_for_every_verdict_of_the_lower_one_good_or_bad() -> None:
    members = [Member(1, "switch", 10), Member(2, "core", 10), Member(3, "web", 20)]
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert sorted(schedule.ready(0.0)) == [1, 2]
    schedule.finished(1, True)
    assert schedule.ready(1.0) == []
    schedule.finished(2, False)
    assert schedule.ready(2.0) == [3]
    assert schedule.take_blocked() == []


def test_a_barrier_also_waits_for_those_that_were_never_sent_for() -> None:
    members = [Member(1, "a", 10), Member(2, "b", 20)]
    schedule = WaveSchedule(members)
    schedule.asleep(2)
    assert schedule.ready(0.0) == []
    schedule.finished(1, True)
    assert schedule.ready(0.0) == [2]


def test_orders_of_one_domain_do_not_hold_up_another() -> None:
    members = [Member(1, "a", 10, power_domain="north"), Member(2, "b", 20, power_domain="south")]
    schedule = WaveSchedule(members)
    schedule.asleep(2)
    assert schedule.ready(0.0) == [2]


def test_a_dependency_crosses_domains_and_needs_all_of_them_awake() -> None:
    members = [
        Member(1, "a", power_domain="north"),
        Member(2, "b", power_domain="south"),
        Member(3, "c", after=(1, 2, 2), power_domain="west"),
    ]
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert sorted(schedule.ready(0.0)) == [1, 2]
    schedule.finished(1, True)
    assert schedule.ready(0.0) == []
    schedule.finished(2, True)
    assert schedule.ready(0.0) == [3]


def test_who_waits_in_vain_is_named_with_what_it_waits_for_and_only_once() -> None:
    members = [Member(1, "a"), Member(2, "b", after=(1,)), Member(3, "c", after=(2,))]
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert schedule.ready(0.0) == [1]
    schedule.finished(1, False)
    assert schedule.take_blocked() == [(2, 1)]
    assert schedule.take_blocked() == []
    assert schedule.ready(0.0) == []
    schedule.finished(2, False)
    assert schedule.take_blocked() == [(3, 2)]


def test_a_second_verdict_of_a_target_changes_nothing() -> None:
    members = [Member(1, "a", weight=1, max_weight=1), Member(2, "b", weight=1, max_weight=1)]
    members += [Member(3, "c", weight=1, max_weight=1), Member(4, "d", after=(1,))]
    schedule = WaveSchedule(members)
    for key in (1, 2, 3):
        schedule.asleep(key)
    assert schedule.ready(0.0) == [1]
    schedule.finished(1, True)
    schedule.finished(1, False)
    assert schedule.ready(0.0) == [2]
    assert schedule.ready(0.0) == []
    assert schedule.take_blocked() == []


def test_the_budget_counts_those_sent_for_and_not_yet_finished() -> None:
    members = [Member(key, f"h{key}", weight=2, max_weight=4) for key in range(5)]
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert schedule.ready(0.0) == [0, 1]
    assert schedule.ready(9.0) == []
    assert schedule.next_due() is None
    schedule.finished(1, True)
    assert schedule.ready(10.0) == [2]
    schedule.finished(0, False)
    assert schedule.ready(11.0) == [3]


def test_one_that_is_heavier_than_the_budget_is_sent_for_alone() -> None:
    members = [Member(1, "light", weight=1, max_weight=3), Member(2, "heavy", weight=9, max_weight=3)]
    members += [Member(3, "last", weight=1, max_weight=3)]
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert schedule.ready(0.0) == [1]
    schedule.finished(1, True)
    assert schedule.ready(1.0) == [2]
    schedule.finished(2, True)
    assert schedule.ready(2.0) == [3]


def test_what_rounding_leaves_of_the_weights_holds_nobody_up() -> None:
    weights = [0.1, 0.2, 0.3, 0.7]
    members = [Member(key, f"h{key}", weight=weight, max_weight=0.6) for key, weight in enumerate(weights)]
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert schedule.ready(0.0) == [0, 1, 2]
    for key in (0, 1, 2):
        schedule.finished(key, True)
    assert schedule.ready(1.0) == [3]


def test_weight_without_a_budget_limits_nothing_and_weight_zero_always_fits() -> None:
    members = [Member(key, f"h{key}", weight=1e6) for key in range(3)]
    members += [Member(10 + key, f"z{key}", weight=0, max_weight=1, power_domain="z") for key in range(3)]
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert len(schedule.ready(0.0)) == 6


def test_the_stagger_spaces_sends_of_a_domain_and_says_when_the_next_is_due() -> None:
    members = [Member(key, f"h{key}", stagger=2.0) for key in range(3)]
    members.append(Member(9, "other", power_domain="other"))
    schedule = WaveSchedule(members)
    all_asleep(schedule, members)
    assert sorted(schedule.ready(10.0)) == [0, 9]
    assert schedule.next_due() == 12.0
    assert schedule.ready(11.9) == []
    assert schedule.ready(12.0) == [1]
    assert schedule.ready(14.5) == [2]
    assert schedule.next_due() is None


def test_waves_are_counted_over_orders_and_dependencies() -> None:
    members = [
        Member(1, "switch", 10),
        Member(2, "storage", 20),
        Member(3, "database", 20, after=(2,)),
        Member(4, "web", 30),
        Member(5, "elsewhere", 30, power_domain="south"),
        Member(6, "last", 5, after=(4, 5), power_domain="west"),
    ]
    assert WaveSchedule(members).waves == {1: 1, 2: 2, 3: 3, 4: 4, 5: 1, 6: 5}


def test_an_order_that_nobody_has_is_no_wave() -> None:
    assert WaveSchedule([Member(1, "a", -5), Member(2, "b", 1000)]).waves == {1: 1, 2: 2}


def sentence(members: list[Member]) -> str:
    with pytest.raises(DependencyCycle) as caught:
        WaveSchedule(members)
    return str(caught.value)


def test_a_circle_is_named_whole_without_those_that_only_wait_for_it() -> None:
    text = sentence(
        [
            Member(1, "alpha", after=(3,)),
            Member(2, "beta", after=(1,)),
            Member(3, "gamma", after=(2,)),
            Member(4, "behind", after=(1,)),
            Member(5, "before"),
        ]
    )
    assert all(name in text for name in ("alpha", "beta", "gamma"))
    assert "behind" not in text
    assert "before" not in text
    assert "alpha waits for gamma" in text


def test_a_host_that_waits_for_itself_is_a_circle() -> None:
    assert "self waits for self" in sentence([Member(1, "self", after=(1,))])


def test_a_circle_through_an_order_barrier_names_the_barrier_and_its_domain() -> None:
    text = sentence(
        [Member(1, "early", 10, after=(2,), power_domain="hall"), Member(2, "late", 20, power_domain="hall")]
    )
    assert "early waits for late" in text
    assert "ordered before 20 in power domain hall" in text


def test_a_circle_over_several_barriers_and_domains_is_found() -> None:
    text = sentence(
        [
            Member(1, "a1", 1, after=(4,), power_domain="a"),
            Member(2, "a2", 2, power_domain="a"),
            Member(5, "a3", 3, power_domain="a"),
            Member(3, "b1", 1, after=(5,), power_domain="b"),
            Member(4, "b2", 2, power_domain="b"),
        ]
    )
    assert "a1 waits for b2" in text
    assert "b1 waits for a3" in text


def test_the_same_order_in_two_domains_is_no_circle() -> None:
    members = [Member(1, "a", 10, after=(2,), power_domain="x"), Member(2, "b", 20, power_domain="y")]
    assert WaveSchedule(members).waves == {1: 2, 2: 1}


@st.composite
def fleets(draw: st.DrawFn) -> list[Member]:
    """Members whose dependencies and orders never contradict each other: both follow the keys."""
    size = draw(st.integers(1, 25))
    max_weight = draw(st.sampled_from([0.0, 0.3, 1.0, 2.5]))
    members = []
    for key in range(size):
        after = draw(st.lists(st.integers(0, key - 1), max_size=3)) if key else []
        members.append(
            Member(
                key,
                f"h{key}",
                key // draw(st.integers(4, 9)) if draw(st.booleans()) else key // 10,
                tuple(after),
                draw(st.sampled_from(["a", "b"])),
                draw(st.sampled_from([0.0, 0.1, 0.2, 0.7, 1.0, 3.0])),
                max_weight,
                draw(st.sampled_from([0.0, 0.0, 1.5])),
            )
        )
    return members


class Wanderer:
    """Drives a schedule at random, and works out the conditions of each release anew and slowly."""

    def __init__(self, members: list[Member], chance: random.Random) -> None:
        self.members = {member.key: member for member in members}
        self.chance = chance
        self.schedule = WaveSchedule(members)
        self.unseen = list(self.members)
        chance.shuffle(self.unseen)
        self.verdicts: dict[int, bool] = {}
        self.released: list[int] = []
        self.last: dict[str, tuple[float, float]] = {}
        self.now = 0.0

    def finish(self, key: int, awake: bool) -> None:
        self.verdicts[key] = awake
        self.schedule.finished(key, awake)

    def see_some(self) -> None:
        for _each in range(self.chance.randint(0, len(self.unseen))):
            key = self.unseen.pop()
            if key not in self.verdicts:
                if self.chance.random() < 0.1:
                    self.finish(key, True)
                else:
                    self.schedule.asleep(key)

    def block(self) -> None:
        for key, needed in self.schedule.take_blocked():
            assert self.verdicts[needed] is False
            assert key not in self.released
            if key not in self.verdicts:
                self.finish(key, False)

    def release(self) -> None:
        for key in self.schedule.ready(self.now):
            assert key not in self.released
            assert key not in self.verdicts
            self.check_order_and_dependencies(self.members[key])
            self.check_budget_and_stagger(self.members[key])
            self.released.append(key)

    def check_order_and_dependencies(self, member: Member) -> None:
        neighbours = [other for other in self.members.values() if other.power_domain == member.power_domain]
        assert all(other.key in self.verdicts for other in neighbours if other.order < member.order)
        assert all(self.verdicts.get(needed) for needed in member.after)

    def check_budget_and_stagger(self, member: Member) -> None:
        active = [self.members[key] for key in self.released if key not in self.verdicts]
        weight = sum(other.weight for other in active if other.power_domain == member.power_domain)
        assert not member.max_weight or weight < 1e-6 or weight + member.weight <= member.max_weight + 1e-6
        sent_at, stagger = self.last.get(member.power_domain, (0.0, 0.0))
        assert self.now >= sent_at + stagger
        self.last[member.power_domain] = self.now, member.stagger

    def finish_some(self) -> None:
        active = [key for key in self.released if key not in self.verdicts]
        for key in active:
            if self.chance.random() < 0.6 or len(active) == 1:
                self.finish(key, self.chance.random() < 0.8)

    def state(self) -> tuple[int, int, int, float]:
        return len(self.unseen), len(self.verdicts), len(self.released), self.now

    def wander(self) -> None:
        idle = 0
        while len(self.verdicts) < len(self.members):
            before = self.state()
            self.see_some()
            self.block()
            self.release()
            self.now = max(self.now, self.schedule.next_due() or 0.0)
            self.finish_some()
            idle = idle + 1 if self.state() == before else 0
            assert idle < 50, "nobody can go on"


@given(fleets(), st.integers(0, 2**32))
def test_any_schedule_releases_nobody_too_early_and_lets_nobody_starve(members: list[Member], seed: int) -> None:
    try:
        wanderer = Wanderer(members, random.Random(seed))
    except DependencyCycle:
        return
    wanderer.wander()
    assert len(wanderer.verdicts) == len(members)
