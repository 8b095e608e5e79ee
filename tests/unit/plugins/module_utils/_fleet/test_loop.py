# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import heapq
import random
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.loop import WatchLoop
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.target_state import (
    AWAKE,
    IMPOSTOR,
    REFUSED,
    SILENT,
    UNABLE,
    UNKNOWN,
    Job,
)
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict

Sight = t.Callable[[float], str]
ONE_METHOD = Job(("wol",))
SLACK = 0.06  # seconds: a timer may be one slot late


class World:
    """A fake network and a fake clock around a loop. Answers to looks take ``latency`` seconds."""

    def __init__(self, loop: WatchLoop, latency: float = 0.01) -> None:
        self.loop = loop
        self.now = 0.0
        self.latency = latency
        self.sights: dict[int, Sight] = {}
        self.sends: list[tuple[float, int, str]] = []
        self.looks: list[tuple[float, int]] = []
        self.asleep: list[int] = []
        self.verdicts: dict[int, Verdict] = {}
        self.told_at: dict[int, float] = {}
        self.release_at_once = True
        self.refusals: dict[str, tuple[str, bool]] = {}
        self.checks: dict[tuple[int, str], str] = {}
        self._answers: list[tuple[float, int, int]] = []

    def add(self, key: int, sight: Sight | str, job: Job) -> None:
        self.sights[key] = sight if callable(sight) else lambda _now, word=sight: word
        self.loop.add(self.now, key, job)

    def run(self, until: float = 1e6) -> None:
        while True:
            self.turn()
            moments = [self._answers[0][0]] if self._answers else []
            due = self.loop.next_due(self.now)
            if due is not None:
                moments.append(due)
            if not moments or min(moments) > until:
                self.now = max(self.now, min(until, 1e6) if until < 1e6 else self.now)
                return
            self.now = max(self.now, min(moments))

    def turn(self) -> None:
        while self._answers and self._answers[0][0] <= self.now:
            _moment, _count, key = heapq.heappop(self._answers)
            sight = self.sights[key](self.now)
            error = "" if sight == AWAKE else f"{sight} it was"
            self.loop.looked(self.now, key, sight, "seen" if sight == AWAKE else "", error)
        step = self.loop.advance(self.now)
        for key in step.look:
            self.looks.append((self.now, key))
            heapq.heappush(self._answers, (self.now + self.latency, len(self.looks), key))
        for key, method in step.send:
            self.sends.append((self.now, key, method))
            error, final = self.refusals.get(method, ("", False))
            self.loop.sent(self.now, key, error, final)
        for key, method in step.check:
            self.loop.checked(self.now, key, self.checks.get((key, method), ""))
        for key, verdict in step.verdicts:
            assert key not in self.verdicts, "a second verdict"
            self.verdicts[key] = verdict
            self.told_at[key] = self.now
        for key in step.asleep:
            assert key not in self.asleep, "reported asleep twice"
            self.asleep.append(key)
            if self.release_at_once:
                self.loop.release(self.now, key)

    def sent_at(self, key: int, method: str = "wol") -> list[float]:
        return [moment for moment, sent, by in self.sends if sent == key and by == method]


def up_from(moment: float, before: str = SILENT) -> Sight:
    return lambda now: AWAKE if now >= moment else before


def bursts(moments: list[float], gap: float = 0.3) -> list[float]:
    """The first moment of each group of sends."""
    return [moment for index, moment in enumerate(moments) if not index or moment - moments[index - 1] > gap]


def one(sight: Sight | str, job: Job = ONE_METHOD, **options: t.Any) -> World:
    world = World(WatchLoop(**options))
    world.add(1, sight, job)
    world.run()
    return world


# Awake hosts


def test_an_awake_host_is_left_alone() -> None:
    world = one(AWAKE)
    assert world.sends == []
    assert world.asleep == []
    assert len(world.looks) == 1
    assert world.verdicts[1] == Verdict("already_awake", proof="seen", awake_at=0.01, elapsed=0.01)


def test_a_host_that_comes_up_while_it_is_held_is_not_sent_for() -> None:
    world = World(WatchLoop())
    world.release_at_once = False
    world.add(1, up_from(30.0), Job(("wol",)))
    world.run(60.0)
    assert world.asleep == [1]
    world.loop.release(world.now, 1)
    world.run()
    assert world.sends == []
    assert world.verdicts[1].verdict == "already_awake"


def test_a_look_counts_for_five_seconds_before_the_first_send() -> None:
    for pause, looks in ((4.0, 1), (6.0, 2)):
        world = World(WatchLoop())
        world.release_at_once = False
        world.add(1, SILENT, Job(("wol",)))
        world.run(pause)
        world.loop.release(world.now, 1)
        world.run(pause + 0.3)
        assert len(world.looks) == looks
        assert len(world.sent_at(1)) >= 2


def test_who_looked_asleep_again_is_not_reported_asleep_twice() -> None:
    world = World(WatchLoop())
    world.release_at_once = False
    world.add(1, SILENT, Job(("wol",), 5.0))
    world.run(100.0)
    world.loop.release(world.now, 1)
    world.run()
    assert world.asleep == [1]
    assert world.verdicts[1].verdict == "not_woken"


def test_a_release_before_the_first_look_has_ended_is_kept() -> None:
    world = World(WatchLoop())
    world.add(1, SILENT, Job(("wol",), 2.0))
    world.loop.release(0.0, 1)
    world.run()
    assert world.asleep == []
    assert world.sent_at(1)


def test_a_second_release_does_no_harm() -> None:
    world = World(WatchLoop())
    world.add(1, SILENT, Job(("wol",), 5.0, packets=2))
    for moment in (0.0, 0.02, 0.03, 0.2, 3.0):
        world.run(moment)
        world.loop.release(world.now, 1)
    world.run()
    world.loop.release(world.now, 1)
    world.run()
    assert len(world.sent_at(1)) == 2
    assert world.verdicts[1].sends == 1


# Sending and watching


def test_a_sleeper_is_sent_for_and_seen() -> None:
    world = one(up_from(7.0))
    verdict = world.verdicts[1]
    assert verdict.verdict == "woken"
    assert (verdict.method, verdict.proof, verdict.reason, verdict.error_class) == ("wol", "seen", "", "")
    assert verdict.sends == 1
    assert verdict.first_sent == pytest.approx(0.01, abs=SLACK)
    assert 7.0 <= verdict.awake_at <= 7.0 + 5.0 + SLACK
    assert verdict.elapsed == pytest.approx(verdict.awake_at - verdict.first_sent)


def test_the_packets_of_one_send_leave_a_tenth_of_a_second_apart() -> None:
    world = one(SILENT, Job(("wol",), 5.0, packets=5))
    moments = world.sent_at(1)
    assert len(moments) == 5
    for first, second in zip(moments, moments[1:]):
        assert 0.1 - 1e-6 <= second - first <= 0.1 + SLACK
    assert world.verdicts[1].sends == 1


def test_sends_come_again_after_ten_seconds_growing_by_half_to_thirty() -> None:
    world = one(SILENT, Job(("wol",), 200.0))
    begun = bursts(world.sent_at(1))
    pauses = [second - first for first, second in zip(begun, begun[1:])]
    spread = 2 * 0.1 + 3 * SLACK
    for pause, wanted in zip(pauses, [10.0, 15.0, 22.5, 30.0, 30.0, 30.0]):
        assert wanted <= pause <= wanted + spread
    assert world.verdicts[1].sends == len(begun) >= 8


def test_an_interval_that_is_longer_than_thirty_seconds_stays_as_it_is() -> None:
    begun = bursts(one(SILENT, Job(("wol",), 400.0, resend_interval=100.0, packets=1)).sent_at(1))
    assert [second - first for first, second in zip(begun, begun[1:])] == pytest.approx([100.0] * 3, abs=SLACK)


def test_nothing_is_sent_after_the_host_was_seen() -> None:
    world = one(up_from(0.15), Job(("wol",), 100.0, packets=50))
    seen_at = world.told_at[1]
    assert all(moment <= seen_at for moment, _key, _method in world.sends)
    assert len(world.sends) < 50


def test_looks_come_soon_after_the_send_and_then_at_most_five_seconds_apart() -> None:
    world = one(SILENT, Job(("wol",), 60.0))
    moments = [moment for moment, _key in world.looks]
    first = world.verdicts[1].first_sent
    assert moments[1] - first == pytest.approx(0.5, abs=SLACK)
    pauses = [second - begun for begun, second in zip(moments[1:], moments[2:])]
    assert max(pauses) <= 5.0 + 2 * SLACK
    assert pauses[:4] == pytest.approx([1.0, 1.5, 2.25, 3.375], abs=2 * SLACK)


def test_the_time_counts_from_the_first_send() -> None:
    world = World(WatchLoop(packets_per_second=1.0))
    for key in range(10):
        world.add(key, SILENT, Job(("wol",), 20.0, 100.0, 1))
    world.run()
    for key in range(10):
        verdict = world.verdicts[key]
        assert verdict.verdict == "not_woken"
        assert verdict.first_sent == pytest.approx(key, abs=1.0)
        assert 20.0 <= verdict.elapsed <= 20.0 + 2 * SLACK
        assert verdict.reason == "not seen awake within 20 s: silent it was"
        assert verdict.error_class == "timeout"


def test_there_is_a_last_look_when_the_time_is_up() -> None:
    world = one(up_from(10.0), Job(("wol",), 10.0))
    assert world.verdicts[1].verdict == "woken"
    assert world.verdicts[1].awake_at <= 10.2


def test_a_look_that_is_under_way_when_the_time_is_up_is_the_last_one() -> None:
    world = World(WatchLoop(), latency=3.0)
    world.add(1, SILENT, Job(("wol",), 5.0))
    world.run()
    assert world.verdicts[1].verdict == "not_woken"
    begun = world.verdicts[1].first_sent
    assert sum(1 for moment, _key in world.looks if moment >= begun + 5.0) <= 1


def test_one_key_is_never_looked_at_twice_at_once() -> None:
    world = World(WatchLoop(), latency=2.0)
    world.add(1, SILENT, Job(("wol",), 60.0))
    world.run()
    moments = [moment for moment, _key in world.looks]
    assert all(second - first >= 2.0 for first, second in zip(moments, moments[1:]))


# What a look may say


@pytest.mark.parametrize("sight", [SILENT, REFUSED])
def test_nobody_answers_and_connection_refused_are_not_awake(sight: str) -> None:
    verdict = one(sight, Job(("wol",), 3.0)).verdicts[1]
    assert (verdict.verdict, verdict.error_class) == ("not_woken", "timeout")
    assert f"{sight} it was" in verdict.reason


def test_another_machine_at_the_address_is_sent_for_and_ends_as_identity() -> None:
    world = one(IMPOSTOR, Job(("wol",), 3.0))
    assert world.sent_at(1)
    verdict = world.verdicts[1]
    assert (verdict.verdict, verdict.error_class) == ("not_woken", "identity")
    assert verdict.reason == "identity: impostor it was"


def test_an_impostor_that_gives_way_to_the_host_is_no_obstacle() -> None:
    assert one(up_from(20.0, IMPOSTOR)).verdicts[1].verdict == "woken"


def test_the_last_look_decides_between_identity_and_silence() -> None:
    verdict = one(lambda now: IMPOSTOR if now < 1.0 else SILENT, Job(("wol",), 10.0)).verdicts[1]
    assert verdict.error_class == "timeout"


def test_a_probe_that_is_impossible_ends_it_before_anything_is_sent() -> None:
    world = one(UNABLE)
    assert world.sends == []
    verdict = world.verdicts[1]
    assert (verdict.verdict, verdict.reason, verdict.error_class) == ("invalid", "unable it was", "probe_impossible")


def test_a_look_that_could_not_tell_is_repeated_before_anything_is_sent() -> None:
    assert one(up_from(0.9, UNKNOWN)).verdicts[1].verdict == "already_awake"


def test_looks_that_never_tell_do_not_keep_a_host_from_being_sent_for() -> None:
    world = one(UNKNOWN, Job(("wol",), 10.0))
    assert [moment for moment, _key in world.looks][:3] == pytest.approx([0.0, 0.5, 1.0], abs=0.2)
    assert world.sent_at(1)[0] >= 1.0
    assert world.verdicts[1].verdict == "not_woken"


def test_a_storm_of_looks_that_could_not_tell_is_asked_again_twice_a_second_and_no_more() -> None:
    world = one(up_from(30.0, UNKNOWN))
    assert world.verdicts[1].verdict == "woken"
    assert world.verdicts[1].awake_at <= 31.0
    assert 40 <= len(world.looks) <= 65


# Hosts that are only looked at


def test_a_host_without_methods_is_never_sent_for() -> None:
    world = one(SILENT, Job(()))
    assert world.sends == []
    assert world.asleep == []
    assert world.verdicts[1].verdict == "not_woken"
    assert world.verdicts[1].reason == "silent it was"
    assert one(AWAKE, Job(())).verdicts[1].verdict == "already_awake"


def test_a_host_that_is_only_looked_at_gets_three_looks() -> None:
    world = one(SILENT, Job(()))
    assert len(world.looks) == 3
    assert one(up_from(0.9), Job(())).verdicts[1].verdict == "already_awake"


# The ladder


def test_the_next_method_is_tried_when_the_first_did_not_bring_it_up() -> None:
    world = one(up_from(15.0), Job(("amt", "wol"), 10.0))
    amt, wol = world.sent_at(1, "amt"), world.sent_at(1, "wol")
    assert amt
    assert wol
    assert max(amt) < min(wol)
    assert wol[0] - amt[0] == pytest.approx(10.0, abs=0.2)
    assert world.verdicts[1].method == "wol"
    assert world.verdicts[1].first_sent == pytest.approx(amt[0])


def test_each_method_has_its_whole_time_and_its_own_intervals() -> None:
    world = one(SILENT, Job(("amt", "wol"), 40.0, packets=1))
    first, second = world.sent_at(1, "amt"), world.sent_at(1, "wol")
    for moments in (first, second):
        assert [later - earlier for earlier, later in zip(moments, moments[1:])] == pytest.approx(
            [10.0, 15.0], abs=SLACK
        )
    verdict = world.verdicts[1]
    assert verdict.elapsed == pytest.approx(80.0, abs=0.3)
    assert (verdict.verdict, verdict.method, verdict.sends) == ("not_woken", "wol", 6)


def test_a_host_without_operating_system_is_powered_on_and_no_further_method_is_tried() -> None:
    world = World(WatchLoop())
    world.add(1, SILENT, Job(("amt", "wol"), 10.0))
    world.run(3.0)
    world.loop.seen_powered_on(world.now, 1, "AMT says S0")
    world.loop.seen_powered_on(world.now, 1, "again")
    world.run()
    verdict = world.verdicts[1]
    assert (verdict.verdict, verdict.reason, verdict.method) == ("powered_on", "AMT says S0", "amt")
    assert world.sent_at(1, "wol") == []
    assert verdict.awake_at == -1.0


def test_a_method_that_can_never_send_gives_way_at_once() -> None:
    world = World(WatchLoop())
    world.refusals["amt"] = "the password was refused", True
    world.add(1, up_from(5.0), Job(("amt", "wol"), 600.0))
    world.run()
    assert len(world.sent_at(1, "amt")) == 1
    assert world.sent_at(1, "wol")[0] < 0.2
    assert world.verdicts[1].verdict == "woken"
    assert world.verdicts[1].method == "wol"


def test_a_final_error_of_the_second_method_ends_it_too_and_it_is_never_tried_again() -> None:
    world = World(WatchLoop())
    world.refusals["amt"] = "the password was refused", True
    world.add(1, SILENT, Job(("wol", "amt"), 20.0))
    world.run()
    assert len(world.sent_at(1, "amt")) == 1
    verdict = world.verdicts[1]
    assert verdict.verdict == "not_woken"
    assert "the password was refused" in verdict.reason
    assert world.told_at[1] < 25.0


def test_nothing_could_be_sent_by_any_method() -> None:
    world = World(WatchLoop())
    world.refusals["wol"] = "no route", True
    world.add(1, SILENT, Job(("wol",), 600.0))
    world.run()
    verdict = world.verdicts[1]
    assert (verdict.verdict, verdict.error_class) == ("invalid", "send_failed")
    assert verdict.reason == "nothing could be sent: no route"
    assert (verdict.sends, verdict.first_sent, verdict.method) == (0, -1.0, "")


def test_an_error_that_may_pass_is_tried_again_until_the_time_is_up() -> None:
    world = World(WatchLoop())
    world.refusals["wol"] = "the interface is down", False
    world.add(1, SILENT, Job(("wol",), 30.0))
    world.run(12.0)
    assert len(bursts(world.sent_at(1))) == 2
    world.run()
    assert world.verdicts[1].verdict == "invalid"
    assert world.told_at[1] == pytest.approx(30.0, abs=0.3)


def test_a_send_that_worked_after_one_that_did_not_counts_from_there() -> None:
    world = World(WatchLoop())
    world.refusals["wol"] = "the interface is down", False
    world.add(1, up_from(14.0), Job(("wol",), 30.0))
    world.run(5.0)
    del world.refusals["wol"]
    world.run()
    verdict = world.verdicts[1]
    assert verdict.verdict == "woken"
    assert verdict.first_sent == pytest.approx(10.0, abs=0.5)
    assert verdict.sends == 1


def test_a_host_that_waits_for_its_turn_is_queued_once_also_when_the_next_method_begins() -> None:
    world = World(WatchLoop(packets_per_second=1.0))
    world.add(0, SILENT, Job(("amt", "wol"), 10.0, resend_interval=3.0, packets=1))
    for key in range(1, 20):
        world.add(key, SILENT, Job(("amt",), 10.0, resend_interval=100.0, packets=1))
    world.run()
    assert world.verdicts[0].verdict == "not_woken"
    for method in ("amt", "wol"):
        moments = world.sent_at(0, method)
        assert moments
        assert all(second - first >= 3.0 - SLACK for first, second in zip(moments, moments[1:]))


# Deadline


def test_who_was_never_released_by_the_deadline_was_not_sent_for() -> None:
    world = World(WatchLoop(deadline=30.0))
    world.release_at_once = False
    world.add(1, SILENT, Job(("wol",)))
    world.run()
    assert world.sends == []
    verdict = world.verdicts[1]
    assert (verdict.verdict, verdict.error_class) == ("not_woken", "deadline")
    assert verdict.reason == "the deadline of the run came before it was sent for"
    assert world.told_at[1] == pytest.approx(30.0, abs=SLACK)


def test_who_is_watched_at_the_deadline_gets_a_last_look_and_nothing_more_is_sent() -> None:
    world = World(WatchLoop(deadline=30.0))
    world.add(1, SILENT, Job(("wol",)))
    world.add(2, up_from(30.0), Job(("wol",)))
    world.run()
    assert all(moment < 30.0 for moment, _key, _method in world.sends)
    assert world.verdicts[1].reason == "not seen awake within the deadline of the run: silent it was"
    assert world.verdicts[1].error_class == "timeout"
    assert world.verdicts[2].verdict == "woken"
    assert max(world.told_at.values()) < 30.2


def test_the_deadline_waits_for_the_look_that_is_under_way() -> None:
    world = World(WatchLoop(deadline=1.0), latency=4.0)
    world.add(1, AWAKE, Job(("wol",)))
    world.add(2, SILENT, Job(("wol",)))
    world.run()
    assert world.verdicts[1].verdict == "already_awake"
    assert world.verdicts[2].error_class == "deadline"
    assert world.sends == []


def test_the_deadline_ends_the_ladder() -> None:
    world = one(SILENT, Job(("amt", "wol"), 20.0), deadline=20.03)
    assert world.sent_at(1, "wol") == []
    assert world.verdicts[1].verdict == "not_woken"


def test_after_the_deadline_a_target_is_still_looked_at_once_and_never_sent_for() -> None:
    world = World(WatchLoop(deadline=0.0))
    world.add(1, AWAKE, Job(("wol",)))
    world.add(2, SILENT, Job(("wol",)))
    world.add(3, UNKNOWN, Job(("wol",)))
    world.run()
    assert world.sends == []
    assert {key: verdict.verdict for key, verdict in world.verdicts.items()} == {
        1: "already_awake", 2: "not_woken", 3: "not_woken",
    }  # fmt: skip


def test_who_waits_in_the_queue_at_the_deadline_is_not_sent_for() -> None:
    world = World(WatchLoop(packets_per_second=1.0, deadline=5.0))
    for key in range(30):
        world.add(key, SILENT, Job(("wol",), 600.0, 100.0, 1))
    world.run()
    assert len(world.verdicts) == 30
    sent = {key for _moment, key, _method in world.sends}
    assert 5 <= len(sent) <= 6
    assert all((world.verdicts[key].error_class == "deadline") == (key not in sent) for key in range(30))


# Pacing


@pytest.mark.parametrize("rate", [3.0, 100.0, 1000.0])
def test_no_second_has_more_packets_than_allowed(rate: float) -> None:
    world = World(WatchLoop(packets_per_second=rate))
    for key in range(int(rate * 2)):
        world.add(key, up_from(key / 50.0), Job(("wol",), 30.0, 1.0, 3))
    world.run()
    moments = sorted(moment for moment, _key, _method in world.sends)
    burst = max(1.0, rate * 0.05)
    begin = 0
    for end, moment in enumerate(moments):
        while moments[begin] <= moment - 1.0:
            begin += 1
        assert end - begin + 1 <= rate + burst + 1e-6
    assert len(world.verdicts) == int(rate * 2)


def test_a_paced_run_uses_the_rate_it_is_given() -> None:
    world = World(WatchLoop(packets_per_second=100.0))
    for key in range(1000):
        world.add(key, SILENT, Job(("wol",), 60.0, 60.0, 1))
    world.run()
    assert max(moment for moment, _key, _method in world.sends) <= 11.0


# Preflight


def test_a_preflight_sends_nothing_and_says_who_would_wake() -> None:
    world = World(WatchLoop(preflight=True))
    world.add(1, SILENT, Job(("wol",)))
    world.add(2, AWAKE, Job(("wol",)))
    world.run()
    assert world.sends == []
    assert world.verdicts[1].verdict == "would_wake"
    assert world.verdicts[2].verdict == "already_awake"


def test_a_preflight_says_that_another_machine_answers() -> None:
    world = World(WatchLoop(preflight=True))
    world.add(1, IMPOSTOR, Job(("wol",)))
    world.run()
    verdict = world.verdicts[1]
    assert (verdict.verdict, verdict.error_class) == ("would_fail", "identity")
    assert verdict.reason == "identity: impostor it was"


def test_a_preflight_tries_the_next_method_and_says_what_would_fail() -> None:
    world = World(WatchLoop(preflight=True))
    world.checks = {(1, "amt"): "refused", (2, "amt"): "refused", (2, "wol"): "no interface"}
    world.add(1, SILENT, Job(("amt", "wol")))
    world.add(2, SILENT, Job(("amt", "wol")))
    world.run()
    assert world.verdicts[1].verdict == "would_wake"
    assert (world.verdicts[2].verdict, world.verdicts[2].reason) == ("would_fail", "no interface")
    assert world.sends == []


def test_what_ends_a_preflight_is_said_in_words_of_a_preflight() -> None:
    world = World(WatchLoop(preflight=True, deadline=10.0))
    world.release_at_once = False
    world.add(1, UNABLE, Job(("wol",)))
    world.add(2, SILENT, Job(("wol",)))
    world.run()
    assert (world.verdicts[1].verdict, world.verdicts[1].error_class) == ("would_fail", "probe_impossible")
    assert (world.verdicts[2].verdict, world.verdicts[2].error_class) == ("would_fail", "deadline")


# From outside


@pytest.mark.parametrize("moment", [0.0, 0.005, 1.0, 3.0])
def test_giving_up_ends_a_target_wherever_it_is_and_only_once(moment: float) -> None:
    world = World(WatchLoop(), latency=0.4)
    world.add(1, SILENT, Job(("wol",)))
    world.run(moment)
    sent = len(world.sends)
    world.loop.give_up(world.now, 1, "blocked", "no need")
    world.loop.give_up(world.now, 1, "indeterminate", "again")
    world.run()
    assert (world.verdicts[1].verdict, world.verdicts[1].reason) == ("blocked", "no need")
    assert len(world.sends) == sent
    assert world.loop.unfinished == 0


def test_what_comes_after_the_verdict_is_of_no_interest() -> None:
    world = one(SILENT, Job(("wol",), 2.0))
    world.loop.looked(world.now, 1, AWAKE, "late")
    world.loop.sent(world.now, 1)
    world.loop.sent(world.now, 1, "late", True)
    world.loop.checked(world.now, 1, "late")
    world.loop.release(world.now, 1)
    world.run()
    assert world.verdicts[1].verdict == "not_woken"
    assert world.loop.unfinished == 0


def test_progress_names_the_one_that_was_sent_for_longest_ago() -> None:
    world = World(WatchLoop())
    assert world.loop.progress() == (0, 0, -1)
    world.add(1, SILENT, Job(("wol",)))
    world.run(5.0)
    world.add(2, SILENT, Job(("wol",)))
    world.run(10.0)
    assert world.loop.progress() == (2, 2, 1)


def test_with_nothing_to_do_there_is_nothing_due() -> None:
    loop = WatchLoop()
    assert loop.next_due(0.0) is None
    world = one(SILENT, Job(("wol",), 2.0))
    world.run(1000.0)
    assert world.loop.next_due(world.now) is None


# Anything may happen

SIGHTS = st.sampled_from([AWAKE, SILENT, SILENT, REFUSED, IMPOSTOR, UNKNOWN, UNABLE])


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    methods = draw(st.sampled_from([(), ("wol",), ("wol",), ("amt", "wol"), ("amt", "wol", "third")]))
    return Job(
        methods, draw(st.sampled_from([0.1, 3.0, 60.0])), draw(st.sampled_from([0.1, 10.0])), draw(st.integers(1, 4))
    )


@given(
    st.lists(jobs(), min_size=1, max_size=8),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 2.0, 50.0]),
    st.booleans(),
    st.sampled_from([-1.0, 0.0, 5.0, 90.0]),
)
def test_whatever_happens_each_target_gets_one_verdict(
    wanted: list[Job], seed: int, rate: float, preflight: bool, deadline: float
) -> None:
    chance = random.Random(seed)
    world = World(
        WatchLoop(packets_per_second=rate, preflight=preflight, deadline=deadline), chance.choice([0.001, 0.6, 3.0])
    )
    words = [AWAKE, SILENT, SILENT, SILENT, REFUSED, IMPOSTOR, UNKNOWN, UNABLE]
    errors = {"wol": "down", "amt": "refused", "third": "odd"}
    for key, job in enumerate(wanted):
        world.add(key, lambda _now: chance.choice(words), job)
    moment = 0.0
    while world.loop.unfinished and moment < 1500.0:
        moment += chance.choice([0.01, 0.3, 4.0])
        world.refusals = {
            method: (error, chance.random() < 0.3) for method, error in errors.items() if chance.random() < 0.3
        }
        world.run(moment)
        key = chance.randrange(len(wanted))
        if chance.random() < 0.3:
            world.loop.release(world.now, key)
        elif chance.random() < 0.3:
            world.loop.looked(world.now, key, SILENT)
    world.run()
    assert sorted(world.verdicts) == list(range(len(wanted)))
    assert world.loop.unfinished == 0
    assert not (preflight and world.sends)
    for key, verdict in world.verdicts.items():
        if verdict.verdict == "woken":
            assert verdict.sends
        if verdict.verdict == "already_awake":
            assert verdict.sends == 0
        assert bool(verdict.proof) == (verdict.verdict in ("woken", "already_awake"))
        assert verdict.verdict in ("woken", "already_awake", "would_wake") or verdict.reason
        assert wanted[key].methods or not world.sent_at(key)


def test_a_last_look_that_could_not_tell_is_repeated():
    world = one(lambda now: SILENT if now < 5.0 else UNKNOWN if now < 5.7 else AWAKE, Job(("wol",), 5.0))
    assert world.verdicts[1].verdict == "woken"
    world = one(lambda now: SILENT if now < 5.0 else UNKNOWN, Job(("wol",), 5.0))
    assert world.verdicts[1].verdict == "not_woken"


def test_a_send_that_has_begun_goes_before_those_that_wait_to_begin():
    world = World(WatchLoop(packets_per_second=100.0))
    for key in range(200):
        world.add(key, SILENT, Job(("wol",), 60.0, 1000.0))
    world.run()
    for key in range(200):
        first, _second, third = world.sent_at(key)
        assert third - first <= 0.2 + 4 * SLACK
