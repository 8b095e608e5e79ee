# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import heapq
import random
import typing as t
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.conductor import Behind, Conductor
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.loop import WatchLoop
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.target_state import Job
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.waves import DependencyCycle, Member
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Report

NEVER = float("inf")
ONE_METHOD = Job(("wol",))


class Machine:
    """A machine of the simulation: awake from the start, up some time after a packet got through, or dead."""

    def __init__(self, *, awake: bool = False, dead: bool = False, boot: float = 20.0, loss: float = 0.0) -> None:
        self.up_at = 0.0 if awake else NEVER
        self.dead = dead
        self.boot = boot
        self.loss = loss
        self.packets: list[float] = []

    def packet(self, now: float, chance: random.Random) -> None:
        self.packets.append(now)
        if not self.dead and self.up_at == NEVER and chance.random() >= self.loss:
            self.up_at = now + self.boot

    def sight(self, now: float) -> str:
        return "awake" if now >= self.up_at else "silent"


class Simulation:
    """One clock, the machines, and the places that were made for them. The first place moves the clock."""

    def __init__(self, machines: dict[int, Machine], seed: int = 1) -> None:
        self.machines = machines
        self.chance = random.Random(seed)
        self.now = 0.0
        self.places: list[SimulatedPlace] = []

    def place(self, **options: t.Any) -> SimulatedPlace:
        self.places.append(SimulatedPlace(self, **options))
        return self.places[-1]

    def pass_time(self, wait: float) -> None:
        self.now = min([self.now + wait, *(max(self.now, place.next_event()) for place in self.places)])


class SimulatedPlace:
    """A place that drives a WatchLoop over the simulated network."""

    def __init__(self, simulation: Simulation, job: Job = ONE_METHOD, **options: t.Any) -> None:
        self.simulation = simulation
        self.job = job
        self.loop = WatchLoop(**options)
        self.begun: list[tuple[int, ...]] = []
        self.skipped: set[str] = set()
        self.released: list[int] = []
        self.given_up: list[int] = []
        self.closed = 0
        self.answers: list[tuple[float, int]] = []

    def begin(self, keys: Sequence[int], skip: Iterable[str]) -> None:
        self.begun.append(tuple(keys))
        self.skipped = set(skip)
        for key in keys:
            self.loop.add(self.simulation.now, key, self.job)

    def release(self, keys: Sequence[int]) -> None:
        self.released += keys
        for key in keys:
            self.loop.release(self.simulation.now, key)

    def give_up(self, keys: Sequence[int]) -> None:
        self.given_up += keys
        for key in keys:
            self.loop.give_up(self.simulation.now, key, "blocked", "")

    def next_event(self) -> float:
        if not self.begun:
            return NEVER
        due = self.loop.next_due(self.simulation.now)
        answer = self.answers[0][0] if self.answers else NEVER
        return answer if due is None else min(answer, due)

    def poll(self, wait: float) -> Report:
        if wait:
            self.simulation.pass_time(wait)
        now, machines = self.simulation.now, self.simulation.machines
        while self.answers and self.answers[0][0] <= now:
            key = heapq.heappop(self.answers)[1]
            self.loop.looked(now, key, machines[key].sight(now), "seen", "")
        step = self.loop.advance(now)
        for key in step.look:
            heapq.heappush(self.answers, (now + 0.05, key))
        for key, _method in step.send:
            machines[key].packet(now, self.simulation.chance)
            self.loop.sent(now, key)
        for key, _method in step.check:
            self.loop.checked(now, key)
        return Report(step.asleep, step.verdicts, [])

    def close(self) -> None:
        self.closed += 1


class ScriptedPlace:
    """A place that says what it is told to say, and keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[Report] = []
        self.begun: list[tuple[int, ...]] = []
        self.skipped: set[str] = set()
        self.released: list[int] = []
        self.given_up: list[int] = []
        self.closed = 0
        self.waits: list[float] = []

    def begin(self, keys: Sequence[int], skip: Iterable[str]) -> None:
        self.begun.append(tuple(keys))
        self.skipped = set(skip)

    def release(self, keys: Sequence[int]) -> None:
        self.released += keys

    def give_up(self, keys: Sequence[int]) -> None:
        self.given_up += keys

    def poll(self, wait: float) -> Report:
        self.waits.append(wait)
        return self.said.pop(0) if self.said else Report([], [], [])

    def close(self) -> None:
        self.closed += 1

    def say(self, *asleep: int, **verdicts: str) -> None:
        rows = [(int(key[1:]), Verdict(word)) for key, word in verdicts.items()]
        self.said.append(Report(list(asleep), rows, []))


def conduct(
    simulation: Simulation, members: list[Member], places: list[Behind], **options: t.Any
) -> dict[int, Verdict]:
    """Run to the end and see that each target got exactly one verdict."""
    told: Counter[int] = Counter()
    conductor = Conductor(
        members,
        places,
        clock=lambda: simulation.now,
        on_verdict=lambda key, _verdict: told.update([key]),
        **options,
    )
    while not conductor.finished:
        conductor.step(5.0)
        assert simulation.now < 1e5, "it hangs"
    conductor.close()
    assert told == Counter({member.key: 1 for member in members})
    assert [place.closed for place in simulation.places] == [1] * len(simulation.places)
    return conductor.verdicts


def words(verdicts: dict[int, Verdict]) -> dict[int, str]:
    return {key: verdict.verdict for key, verdict in verdicts.items()}


# One place


def test_a_fleet_of_one_is_woken() -> None:
    simulation = Simulation({1: Machine()})
    verdicts = conduct(simulation, [Member(1, "a")], [Behind(simulation.place(), (1,), {})])
    assert words(verdicts) == {1: "woken"}


def test_orders_are_kept_and_a_dead_host_of_a_lower_one_does_not_stop_the_higher() -> None:
    simulation = Simulation({1: Machine(), 2: Machine(dead=True), 3: Machine(awake=True), 4: Machine()})
    members = [Member(1, "a", 10), Member(2, "b", 10), Member(3, "c", 20), Member(4, "d", 30)]
    place = simulation.place(job=Job(("wol",), 60.0))
    verdicts = conduct(simulation, members, [Behind(place, (1, 2, 3, 4), {})])
    assert words(verdicts) == {1: "woken", 2: "not_woken", 3: "already_awake", 4: "woken"}
    assert verdicts[4].first_sent >= 60.0
    assert simulation.machines[3].packets == []


def test_who_waits_for_a_dead_host_is_blocked_and_so_are_those_that_wait_for_it() -> None:
    simulation = Simulation({1: Machine(dead=True), 2: Machine(), 3: Machine(), 4: Machine()})
    members = [Member(1, "a"), Member(2, "b", after=(1,)), Member(3, "c", after=(2,)), Member(4, "d")]
    place = simulation.place(job=Job(("wol",), 30.0))
    verdicts = conduct(simulation, members, [Behind(place, (1, 2, 3, 4), {})])
    assert words(verdicts) == {1: "not_woken", 2: "blocked", 3: "blocked", 4: "woken"}
    assert verdicts[2].reason == "waits for a, which is not_woken"
    assert verdicts[3].reason == "waits for b, which is blocked"
    assert verdicts[2].error_class == "dependency"
    assert sorted(place.given_up) == [2, 3]
    assert simulation.machines[2].packets == simulation.machines[3].packets == []


def test_who_is_awake_is_not_blocked_whatever_became_of_what_it_waits_for() -> None:
    simulation = Simulation({1: Machine(dead=True), 2: Machine(awake=True), 3: Machine()})
    members = [Member(1, "a"), Member(2, "b", after=(1,)), Member(3, "c", after=(2,))]
    place = simulation.place(job=Job(("wol",), 30.0))
    verdicts = conduct(simulation, members, [Behind(place, (1, 2, 3), {})])
    assert words(verdicts) == {1: "not_woken", 2: "already_awake", 3: "woken"}


def test_a_dependency_that_failed_before_the_first_look_blocks_only_those_found_asleep() -> None:
    simulation = Simulation({2: Machine(awake=True), 3: Machine()})
    members = [Member(1, "bad"), Member(2, "b", after=(1,)), Member(3, "c", after=(1,))]
    place = simulation.place()
    conductor = Conductor(members, [Behind(place, (2, 3), {})], clock=lambda: simulation.now)
    conductor.conclude(1, Verdict("invalid", "its MAC is wrong"))
    while not conductor.finished:
        conductor.step(5.0)
    assert words(conductor.verdicts) == {1: "invalid", 2: "already_awake", 3: "blocked"}
    assert conductor.verdicts[3].reason == "waits for bad, which is invalid"


def test_a_powered_on_host_is_not_awake_for_those_that_wait_for_it() -> None:
    place = ScriptedPlace()
    conductor = Conductor([Member(1, "a"), Member(2, "b", after=(1,))], [Behind(place, (1, 2), {})], clock=lambda: 0.0)
    place.say(1, 2)
    place.say(v1="powered_on")
    conductor.step(1.0)
    conductor.step(1.0)
    assert words(conductor.verdicts) == {1: "powered_on", 2: "blocked"}


def test_the_first_verdict_stays() -> None:
    place = ScriptedPlace()
    conductor = Conductor([Member(1, "a")], [Behind(place, (1,), {})], clock=lambda: 0.0)
    place.say(v1="woken")
    conductor.step(1.0)
    conductor.conclude(1, Verdict("invalid"))
    conductor.interrupt("enough")
    assert words(conductor.verdicts) == {1: "woken"}


def test_an_interruption_leaves_indeterminate_for_those_without_a_verdict() -> None:
    place = ScriptedPlace()
    conductor = Conductor([Member(1, "a"), Member(2, "b")], [Behind(place, (1, 2), {})], clock=lambda: 0.0)
    place.say(v1="woken")
    conductor.step(1.0)
    conductor.interrupt("ctrl-C")
    assert words(conductor.verdicts) == {1: "woken", 2: "indeterminate"}
    assert conductor.verdicts[2].reason == "ctrl-C"
    assert conductor.finished


def test_the_stagger_is_waited_for_and_no_longer() -> None:
    simulation = Simulation({key: Machine(boot=0.1) for key in range(4)})
    members = [Member(key, f"h{key}", stagger=7.0) for key in range(4)]
    place = simulation.place()
    verdicts = conduct(simulation, members, [Behind(place, tuple(range(4)), {})])
    moments = sorted(verdict.first_sent for verdict in verdicts.values())
    assert [later - earlier for earlier, later in zip(moments, moments[1:])] == pytest.approx([7.0] * 3, abs=0.2)


def test_the_budget_bounds_what_boots_at_once() -> None:
    simulation = Simulation({key: Machine(boot=10.0, dead=key % 5 == 0) for key in range(20)})
    members = [Member(key, f"h{key}", weight=1.0, max_weight=3.0) for key in range(20)]
    place = simulation.place(job=Job(("wol",), 30.0))
    verdicts = conduct(simulation, members, [Behind(place, tuple(range(20)), {})])
    spans = [(verdict.first_sent, verdict.first_sent + verdict.elapsed) for verdict in verdicts.values()]
    for begin, _end in spans:
        assert sum(1 for first, last in spans if first <= begin < last - 0.01) <= 3


def test_places_after_the_first_are_asked_without_waiting() -> None:
    first, second = ScriptedPlace(), ScriptedPlace()
    conductor = Conductor(
        [Member(1, "a"), Member(2, "b")], [Behind(first, (1,), {}), Behind(second, (2,), {})], clock=lambda: 0.0
    )
    conductor.step(3.0)
    assert first.waits == [3.0]
    assert second.waits == [0.0]


def test_a_place_that_fails_to_close_does_not_keep_the_others_open() -> None:
    class Stubborn(ScriptedPlace):
        def close(self) -> None:
            raise OSError("no")

    places = [ScriptedPlace(), Stubborn(), ScriptedPlace()]
    conductor = Conductor([], [Behind(place, (), {}) for place in places], clock=lambda: 0.0)
    with pytest.raises(OSError, match="no"):
        conductor.close()
    assert [place.closed for place in places] == [1, 0, 1]


def test_a_circle_is_an_error_before_anything_begins() -> None:
    place = ScriptedPlace()
    with pytest.raises(DependencyCycle, match="a waits for b waits for a|b waits for a waits for b"):
        Conductor(
            [Member(1, "a", after=(2,)), Member(2, "b", after=(1,))], [Behind(place, (1, 2), {})], clock=lambda: 0.0
        )
    assert place.begun == []


def test_progress_counts_and_names_the_longest_waiter() -> None:
    now = [100.0]
    place = ScriptedPlace()
    members = [Member(1, "a"), Member(2, "b"), Member(3, "c"), Member(4, "d", 200), Member(5, "e", 300)]
    conductor = Conductor(members, [Behind(place, (1, 2, 3, 4, 5), {})], clock=lambda: now[0])
    assert conductor.progress() == (1, 3, 0, 0, 5, "", 0.0)
    place.say(1, 2, 4, v3="not_woken")
    conductor.step(1.0)
    now[0] = 105.0
    place.say(v1="woken", v2="already_awake")
    assert conductor.progress() == (1, 3, 0, 1, 4, "a", 5.0)
    conductor.step(1.0)
    now[0] = 107.5
    assert conductor.progress() == (2, 3, 2, 1, 2, "d", 2.5)


# Deadline


def test_at_the_deadline_places_that_have_not_begun_are_told_apart_from_those_that_did() -> None:
    simulation = Simulation({1: Machine(dead=True), 2: Machine(), 3: Machine()})
    own, behind = simulation.place(deadline=20.0), simulation.place(deadline=20.0)
    members = [Member(1, "relay"), Member(2, "b"), Member(3, "late", 200)]
    verdicts = conduct(
        simulation, members, [Behind(own, (1, 3), {}), Behind(behind, (2,), {"relay": 1})], deadline=20.0
    )
    assert words(verdicts) == {1: "not_woken", 2: "not_woken", 3: "not_woken"}
    assert verdicts[2].reason == verdicts[3].reason == "the deadline of the run came before it was sent for"
    assert simulation.now <= 21.0
    assert simulation.machines[2].packets == []


def test_a_place_that_never_reports_is_not_waited_for_long_after_the_deadline() -> None:
    now = [0.0]
    place = ScriptedPlace()
    conductor = Conductor(
        [Member(1, "a"), Member(2, "b", 200)], [Behind(place, (1, 2), {})], clock=lambda: now[0], deadline=20.0
    )
    place.say(1, 2)
    for moment in (1.0, 20.0, 60.0, 109.0):
        now[0] = moment
        conductor.step(0.0)
        assert not conductor.finished
    now[0] = 111.0
    conductor.step(0.0)
    assert words(conductor.verdicts) == {1: "indeterminate", 2: "not_woken"}
    assert conductor.verdicts[1].elapsed == 110.0


def test_a_deadline_in_a_preflight_is_told_in_words_of_a_preflight() -> None:
    now = [0.0]
    own, behind = ScriptedPlace(), ScriptedPlace()
    conductor = Conductor(
        [Member(1, "relay"), Member(2, "b")],
        [Behind(own, (1,), {}), Behind(behind, (2,), {"relay": 1})],
        clock=lambda: now[0],
        preflight=True,
        deadline=20.0,
    )
    conductor.step(0.0)
    now[0] = 20.5
    conductor.step(0.0)
    assert words(conductor.verdicts) == {2: "would_fail"}


# Relays that are targets


def test_a_relay_that_is_a_target_is_woken_first() -> None:
    simulation = Simulation({1: Machine(boot=30.0), 2: Machine()})
    own, behind = simulation.place(), simulation.place()
    verdicts = conduct(
        simulation,
        [Member(1, "relay"), Member(2, "b", after=(1,))],
        [Behind(own, (1,), {}), Behind(behind, (2,), {"relay": 1})],
    )
    assert words(verdicts) == {1: "woken", 2: "woken"}
    assert behind.begun == [(2,)]
    assert behind.skipped == set()
    assert verdicts[2].first_sent >= 30.0


def test_those_behind_a_relay_that_stayed_down_are_blocked() -> None:
    simulation = Simulation({1: Machine(dead=True), 2: Machine(), 3: Machine()})
    own, behind = simulation.place(job=Job(("wol",), 30.0)), simulation.place()
    members = [Member(1, "relay"), Member(2, "b", after=(1,)), Member(3, "c", after=(2,))]
    verdicts = conduct(simulation, members, [Behind(own, (1,), {}), Behind(behind, (2, 3), {"relay": 1})])
    assert words(verdicts) == {1: "not_woken", 2: "blocked", 3: "blocked"}
    assert verdicts[2].reason == "its relay relay is not_woken"
    assert all(not keys for keys in behind.begun)


def test_one_relay_of_a_list_that_is_down_is_skipped() -> None:
    simulation = Simulation({1: Machine(dead=True), 2: Machine(), 3: Machine()})
    own, behind = simulation.place(job=Job(("wol",), 30.0)), simulation.place()
    members = [Member(1, "r1"), Member(2, "r2"), Member(3, "c")]
    verdicts = conduct(simulation, members, [Behind(own, (1, 2), {}), Behind(behind, (3,), {"r1": 1, "r2": 2})])
    assert words(verdicts) == {1: "not_woken", 2: "woken", 3: "woken"}
    assert behind.skipped == {"r1"}


def test_a_relay_beside_those_of_the_run_takes_over_when_they_are_down() -> None:
    simulation = Simulation({1: Machine(dead=True), 3: Machine()})
    own, behind = simulation.place(job=Job(("wol",), 30.0)), simulation.place()
    members = [Member(1, "r1"), Member(3, "c")]
    verdicts = conduct(simulation, members, [Behind(own, (1,), {}), Behind(behind, (3,), {"r1": 1}, True)])
    assert words(verdicts) == {1: "not_woken", 3: "woken"}
    assert behind.skipped == {"r1"}


def test_relays_that_wait_for_each_other_do_not_hang() -> None:
    simulation = Simulation({1: Machine(), 2: Machine(), 3: Machine()})
    own, one, other = simulation.place(), simulation.place(), simulation.place()
    members = [Member(1, "r1"), Member(2, "r2"), Member(3, "free")]
    verdicts = conduct(
        simulation,
        members,
        [Behind(own, (3,), {}), Behind(one, (1,), {"r2": 2}, True), Behind(other, (2,), {"r1": 1}, True)],
    )
    assert words(verdicts) == {1: "woken", 2: "woken", 3: "woken"}
    assert one.skipped == {"r2"}
    assert other.skipped == set()


def test_relays_that_wait_for_each_other_alone_are_blocked() -> None:
    simulation = Simulation({1: Machine(), 2: Machine(), 3: Machine()})
    own, one, other = simulation.place(), simulation.place(), simulation.place()
    members = [Member(1, "r1"), Member(2, "r2"), Member(3, "free")]
    verdicts = conduct(
        simulation, members, [Behind(own, (3,), {}), Behind(one, (1,), {"r2": 2}), Behind(other, (2,), {"r1": 1})]
    )
    assert words(verdicts) == {1: "blocked", 2: "blocked", 3: "woken"}
    assert verdicts[1].reason == "its relay r2 is waiting for a host behind it"


@pytest.mark.parametrize("held_by", ["order", "dependency"])
def test_a_relay_of_a_list_that_waits_for_a_host_behind_it_does_not_hang(held_by: str) -> None:
    simulation = Simulation({1: Machine(), 2: Machine()})
    own, behind = simulation.place(), simulation.place()
    relay = Member(1, "r1", 200) if held_by == "order" else Member(1, "r1", after=(2,))
    verdicts = conduct(
        simulation, [relay, Member(2, "b")], [Behind(own, (1,), {}), Behind(behind, (2,), {"r1": 1}, True)]
    )
    assert words(verdicts) == {1: "woken", 2: "woken"}
    assert behind.skipped == {"r1"}


def test_a_relay_that_only_waits_for_its_turn_is_waited_for() -> None:
    simulation = Simulation({1: Machine(), 2: Machine(), 3: Machine()})
    own, behind = simulation.place(), simulation.place()
    members = [Member(1, "a", stagger=50.0), Member(3, "r1"), Member(2, "b", power_domain="other")]
    verdicts = conduct(simulation, members, [Behind(own, (1, 3), {}), Behind(behind, (2,), {"r1": 3}, True)])
    assert words(verdicts) == {1: "woken", 2: "woken", 3: "woken"}
    assert behind.skipped == set()
    assert verdicts[2].first_sent > verdicts[3].awake_at > 50.0


# Preflight


def test_a_preflight_sends_nothing_and_follows_dependencies_as_if_hosts_had_woken() -> None:
    simulation = Simulation({1: Machine(), 2: Machine(), 3: Machine(awake=True)})
    members = [Member(1, "a", 10), Member(2, "b", 20, after=(1,)), Member(3, "c", 30)]
    place = simulation.place(preflight=True)
    verdicts = conduct(simulation, members, [Behind(place, (1, 2, 3), {})], preflight=True)
    assert words(verdicts) == {1: "would_wake", 2: "would_wake", 3: "already_awake"}
    assert not any(machine.packets for machine in simulation.machines.values())


def test_a_preflight_says_what_it_did_not_check_behind_a_sleeping_relay() -> None:
    simulation = Simulation({1: Machine(), 2: Machine()})
    own, behind = simulation.place(preflight=True), simulation.place(preflight=True)
    verdicts = conduct(
        simulation,
        [Member(1, "r1"), Member(2, "b", after=(1,))],
        [Behind(own, (1,), {}), Behind(behind, (2,), {"r1": 1})],
        preflight=True,
    )
    assert words(verdicts) == {1: "would_wake", 2: "would_wake"}
    assert verdicts[2].reason == "not checked: its relay r1 is asleep, and would be woken first"


def test_a_preflight_says_who_would_fail_with_its_dependency_or_relay() -> None:
    own, behind = ScriptedPlace(), ScriptedPlace()
    members = [Member(1, "r1"), Member(2, "b", after=(1,)), Member(3, "c", after=(1,))]
    conductor = Conductor(
        members, [Behind(own, (1, 3), {}), Behind(behind, (2,), {"r1": 1})], clock=lambda: 0.0, preflight=True
    )
    own.say(3, v1="would_fail")
    while not conductor.finished:
        conductor.step(1.0)
    assert words(conductor.verdicts) == {1: "would_fail", 2: "would_fail", 3: "would_fail"}
    assert conductor.verdicts[2].reason == "its relay r1 is would_fail"


# A large fleet


def make_fleet(size: int, chance: random.Random) -> tuple[dict[int, Machine], list[Member]]:
    machines, members = {}, []
    for key in range(size):
        kind = chance.random()
        machines[key] = Machine(
            awake=kind < 0.1,
            dead=0.1 <= kind < 0.15,
            boot=chance.choice([5.0, 40.0, 40.0, 90.0, 240.0]),
            loss=chance.choice([0.0, 0.5, 0.8]),
        )
        domain = f"hall{key % 5}"
        members.append(
            Member(
                key,
                f"h{key}",
                chance.choice([10, 20, 30]),
                (),
                domain,
                chance.choice([0.5, 1.0, 2.0]),
                120.0 if domain == "hall1" else 0.0,
                0.05 if domain == "hall2" else 0.0,
            )
        )
    return machines, members


def test_of_two_thousand_with_loss_late_boots_and_dead_ones_all_live_ones_are_woken() -> None:
    chance = random.Random(20)
    machines, members = make_fleet(2000, chance)
    simulation = Simulation(machines, 21)
    places = []
    for number in range(4):
        keys = tuple(key for key in range(2000) if key % 4 == number)
        places.append(Behind(simulation.place(packets_per_second=200.0), keys, {}))
    verdicts = conduct(simulation, members, places)
    for key, machine in machines.items():
        word = verdicts[key].verdict
        if machine.dead:
            assert word == "not_woken"
            assert verdicts[key].sends > 5
        elif not machine.packets:
            assert word == "already_awake"
            assert machine.up_at == 0.0
        else:
            assert word == "woken"
            assert machine.up_at <= verdicts[key].awake_at <= machine.up_at + 6.0
    assert Counter(words(verdicts).values())["woken"] > 1500
    by_order: dict[tuple[str, int], list[int]] = {}
    for member in members:
        by_order.setdefault((member.power_domain, member.order), []).append(member.key)
    for (domain, order), keys in by_order.items():
        begun = [verdicts[key].first_sent for key in keys if verdicts[key].first_sent >= 0]
        for (other_domain, lower), others in by_order.items():
            if other_domain == domain and lower < order:
                for other in others:
                    ended = max(verdicts[other].first_sent, 0.0) + verdicts[other].elapsed
                    assert min(begun) >= ended - 0.06
