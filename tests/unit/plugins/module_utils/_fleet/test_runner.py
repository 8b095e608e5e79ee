# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import Sent
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.runner import FleetRunner
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Settings
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target

PLAIN = Settings()
PROBE = Probe("ssh", "192.0.2.9", 22, 2.0, "relay", "", b"")


def target(name: str = "a", **changed: t.Any) -> Target:
    values: dict[str, t.Any] = {
        "name": name, "methods": ("wol",), "macs": (b"\x02\0\0\0\0\x01",), "secureon": b"", "subnet": "",
        "delivery": "broadcast", "address": "", "port": 9, "interface": "", "count": 3, "relays": ("controller",),
        "probe": PROBE, "timeout": 30.0, "resend_interval": 10.0, "order": 100, "after": (), "power_domain": "all",
        "weight": 1.0, "max_weight": 0.0, "stagger": 0.0,
    }  # fmt: skip
    return Target(**{**values, **changed})


class Seen(t.NamedTuple):
    state: str
    proof: str = ""
    error: str = ""


class FakeNetwork:
    """Clock, prober and method in one. Waiting moves the clock; an answer takes 0.1 s."""

    def __init__(self) -> None:
        self.now = 5000.0
        self.looks: list[tuple[float, int, Probe]] = []
        self.waiting: list[tuple[float, int]] = []
        self.waits: list[float] = []
        self.sight: Callable[[int, float], Seen] = lambda _key, _now: Seen("silent", "", "nobody answered")
        self.sent: list[tuple[float, tuple[int, ...]]] = []
        self.results: list[Sent] = []
        self.refusal = ""
        self.error: tuple[str, bool] = ("", False)
        self.prepared: list[int] = []
        self.closed = 0

    def clock(self) -> float:
        return self.now

    def start(self, key: int, probe: Probe) -> None:
        assert probe is not None
        self.looks.append((self.now, key, probe))
        self.waiting.append((self.now + 0.1, key))

    def collect(self, wait: float | None = None) -> list[t.Any]:
        if wait is None:
            results, self.results = self.results, []
            return list(results)
        self.waits.append(wait)
        until = self.now + wait
        self.now = max(self.now, min([until, *(moment for moment, _key in self.waiting)]))
        done = [key for moment, key in self.waiting if moment <= self.now]
        self.waiting = [(moment, key) for moment, key in self.waiting if moment > self.now]
        return [(key, self.sight(key, self.now - 5000.0)) for key in done]

    def prepare(self, key: int, _target: Target) -> str:
        self.prepared.append(key)
        return self.refusal

    def send(self, keys: Sequence[int]) -> None:
        self.sent.append((self.now - 5000.0, tuple(keys)))
        self.results += [Sent(key, *self.error) for key in keys]

    def close(self) -> None:
        self.closed += 1


def runner(network: FakeNetwork, settings: Settings = PLAIN) -> FleetRunner:
    return FleetRunner({"wol": network}, network, settings, network.clock)


def finish(one: FleetRunner, *, release: bool = True) -> dict[int, Verdict]:
    verdicts: dict[int, Verdict] = {}
    for _turn in range(5000):
        report = one.poll(0.25)
        if release:
            one.release(report.asleep)
        for key, verdict in report.verdicts:
            assert key not in verdicts
            verdicts[key] = verdict
        if not one.unfinished:
            return verdicts
    raise AssertionError("it hangs")


def test_an_awake_target_is_looked_at_with_its_own_probe_and_left_alone() -> None:
    network = FakeNetwork()
    network.sight = lambda _key, _now: Seen("awake", "banner")
    one = runner(network)
    one.add(1, target())
    verdicts = finish(one)
    assert verdicts[1][:5] == ("already_awake", "", "", "", "banner")
    assert network.looks[0][2] is PROBE
    assert network.sent == []


def test_a_sleeper_is_sent_for_once_released_and_its_times_count_from_the_start_of_the_runner() -> None:
    network = FakeNetwork()
    network.sight = lambda _key, now: Seen("awake", "banner") if now > 6.0 else Seen("silent", "", "no answer")
    one = runner(network)
    one.add(1, target())
    assert not network.sent
    verdicts = finish(one)
    assert verdicts[1].verdict == "woken"
    assert 0.0 < verdicts[1].first_sent < 1.0
    assert 6.0 < verdicts[1].awake_at < 12.0
    assert len(network.sent) == 3


def test_nothing_is_sent_without_a_release() -> None:
    network = FakeNetwork()
    one = runner(network, Settings(remaining=20.0))
    one.add(1, target())
    verdicts = finish(one, release=False)
    assert network.sent == []
    assert verdicts[1].error_class == "deadline"


def test_targets_that_are_due_together_are_sent_for_in_one_call() -> None:
    network = FakeNetwork()
    one = runner(network)
    for key in range(50):
        one.add(key, target(f"h{key}", count=1, timeout=5.0))
    finish(one)
    assert len(network.sent) <= 2
    assert sum(len(keys) for _moment, keys in network.sent) == 50


def test_a_target_for_which_nothing_can_be_sent_gets_its_verdict_at_once_and_is_not_looked_at() -> None:
    network = FakeNetwork()
    network.refusal = "no interface is suitable"
    one = runner(network)
    one.add(1, target())
    report = one.poll(10.0)
    assert report.verdicts == [(1, Verdict("invalid", "no interface is suitable", "send_impossible"))]
    assert network.looks == []
    assert network.waits == [0.0]
    one.release([1])
    one.give_up(1, "blocked", "")
    assert one.poll(0.0).verdicts == []
    assert one.unfinished == 0


def test_a_method_that_is_not_there_yet_is_left_out_where_another_is_there() -> None:
    network = FakeNetwork()
    one = runner(network)
    one.add(1, target(methods=("amt", "wol"), timeout=5.0))
    one.add(2, target(methods=("amt",)))
    one.add(3, target(methods=("magic",)))
    verdicts = finish(one)
    assert verdicts[1].method == "wol"
    assert verdicts[2].verdict == "invalid"
    assert verdicts[2].reason == "method amt is not part of this version of lightsout.wake: add wol to wake_methods"
    assert verdicts[3].reason == "there is no method magic"


def test_a_target_without_methods_is_looked_at_and_never_prepared() -> None:
    network = FakeNetwork()
    one = runner(network)
    one.add(1, target(methods=()))
    assert finish(one)[1].verdict == "not_woken"
    assert network.prepared == []
    assert network.sent == []


def test_what_a_method_says_of_its_sends_reaches_the_verdict() -> None:
    network = FakeNetwork()
    network.error = "eth0 is down", False
    one = runner(network)
    one.add(1, target(timeout=5.0))
    verdicts = finish(one)
    assert verdicts[1].verdict == "invalid"
    assert verdicts[1].reason == "nothing could be sent: eth0 is down"


def test_a_preflight_prepares_looks_and_sends_nothing() -> None:
    network = FakeNetwork()
    one = runner(network, Settings(preflight=True))
    one.add(1, target())
    assert finish(one)[1].verdict == "would_wake"
    assert network.prepared == [1]
    assert network.sent == []
    network.refusal = "no interface"
    one.add(2, target())
    assert finish(one)[2][:2] == ("would_fail", "no interface")


def test_giving_up_ends_a_target() -> None:
    network = FakeNetwork()
    one = runner(network)
    one.add(1, target())
    one.give_up(1, "blocked", "no need")
    one.give_up(99, "blocked", "unknown")
    assert finish(one)[1][:2] == ("blocked", "no need")


def test_waiting_never_lasts_longer_than_asked_or_half_a_second_and_ends_when_something_is_due() -> None:
    network = FakeNetwork()
    one = runner(network)
    one.poll(0.2)
    one.poll(30.0)
    assert network.waits == [0.2, 0.5]
    one.add(1, target())
    finish(one)
    assert max(network.waits) <= 0.5
    assert min(network.waits) >= 0.0


def test_an_idle_turn_waits_instead_of_spinning() -> None:
    network = FakeNetwork()
    one = runner(network)
    one.add(1, target(timeout=20.0))
    finish(one)
    turns = len(network.waits)
    assert turns < 200


def test_packets_per_second_reach_the_loop() -> None:
    network = FakeNetwork()
    one = runner(network, Settings(packets_per_second=2.0))
    for key in range(10):
        one.add(key, target(f"h{key}", count=1, timeout=5.0))
    finish(one)
    first = {}
    for moment, keys in network.sent:
        for key in keys:
            first.setdefault(key, moment)
    assert max(first.values()) - min(first.values()) >= 4.0


def test_closing_closes_prober_and_methods() -> None:
    network = FakeNetwork()
    runner(network).close()
    assert network.closed == 2
