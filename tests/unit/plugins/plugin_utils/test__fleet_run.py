# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import time
import typing as t
from collections.abc import Sequence

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.conductor import Progress
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import Sent
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.waves import DependencyCycle
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Batch, Journal, Orders, Report, Settings
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target
from ansible_collections.lightsout.wake.plugins.plugin_utils import _fleet_run
from ansible_collections.lightsout.wake.plugins.plugin_utils._fleet_inventory import Host
from ansible_collections.lightsout.wake.plugins.plugin_utils._fleet_run import FleetRun, Hooks, SplitMagicPackets
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_link import RelayUnusable

PLAIN = Settings()


class Lab:
    """Machines by address: who is awake, and who comes up by a packet. Stands in for senders, probes and relays."""

    def __init__(self) -> None:
        self.awake: set[str] = set()
        self.alive: set[str] = set()
        self.packets: list[str] = []
        self.told: list[tuple[str, Verdict]] = []
        self.warnings: list[str] = []
        self.lines: list[Progress] = []
        self.sessions: dict[str, RelayedSession] = {}
        self.closed = 0

    def packet(self, address: str) -> None:
        self.packets.append(address)
        if address in self.alive:
            self.awake.add(address)

    def start(self, relay: str, batch: Batch) -> RelayedSession:
        if relay not in self.sessions:
            raise RelayUnusable("no route")
        self.sessions[relay].take(batch)
        return self.sessions[relay]

    def hooks(self) -> Hooks:
        return Hooks(
            self.warnings.append, self.lines.append, lambda host, verdict: self.told.append((host.name, verdict))
        )

    def run(self, hosts: Sequence[Host], settings: Settings = PLAIN, **options: t.Any) -> dict[str, Verdict]:
        fleet = FleetRun(hosts, settings, self.start, self.hooks(), **options)
        fleet.run()
        assert sorted(name for name, _verdict in self.told) == sorted(host.name for host in hosts)
        return {hosts[key].name: verdict for key, verdict in fleet.conductor.verdicts.items()}


class FakeSender:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def send(self, route: Route, payloads: Sequence[bytes]) -> list[int]:
        for _payload in payloads:
            self.lab.packet(route.address)
        return [0] * len(payloads)

    def check(self, _route: Route) -> str:
        return ""

    def close(self) -> None:
        self.lab.closed += 1


class Seen(t.NamedTuple):
    state: str
    proof: str
    error: str


class FakeEngine:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.started: list[tuple[int, Probe]] = []

    def start(self, key: int, probe: Probe) -> None:
        self.started.append((key, probe))

    def collect(self, wait: float) -> list[tuple[int, Seen]]:
        if not self.started:
            time.sleep(wait)
        started, self.started = self.started, []
        return [
            (key, Seen("awake", "banner", "") if probe.host in self.lab.awake else Seen("silent", "", "no answer"))
            for key, probe in started
        ]

    def close(self) -> None:
        self.lab.closed += 1


class RelayedSession:
    """A relay that says every host behind it is asleep, and that those released are woken."""

    waits_itself = True

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.batch: Batch | None = None
        self.asleep: list[int] = []
        self.orders: list[Orders] = []
        self.closed = 0

    def take(self, batch: Batch) -> None:
        self.batch = batch
        self.asleep = [key for key in batch.targets if key not in batch.only_send]

    def exchange(self, orders: Orders) -> Journal:
        assert self.batch is not None
        self.orders.append(orders)
        for key in orders.send:
            self.lab.packet(self.batch.targets[key].address)
        asleep, self.asleep = self.asleep, []
        woken = [(key, Verdict("woken", "", "", "wol", "banner", 1, 0.0, 0.0)) for key in orders.release]
        time.sleep(0.005)
        return Journal(Report(asleep, woken, []), [], False, "")

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()
    monkeypatch.setattr(_fleet_run, "PacketSender", lambda: FakeSender(made))
    monkeypatch.setattr(_fleet_run, "ProbeEngine", lambda: FakeEngine(made))
    return made


def host(name: str, number: int = 1, *, origin: str = "relay", **changed: t.Any) -> Host:
    address = f"192.0.2.{number}"
    of_host = {key: changed.pop(key) for key in ("after", "relays", "outside") if key in changed}
    values: dict[str, t.Any] = {
        "name": name, "methods": ("wol",), "macs": (bytes([2, 0, 0, 0, 0, number]),), "secureon": b"", "subnet": "",
        "delivery": "unicast", "address": address, "port": 9, "interface": "", "count": 1, "relays": ("controller",),
        "probe": Probe("ssh", address, 22, 2.0, origin, "", b""), "timeout": 0.2, "resend_interval": 10.0, "order": 100,
        "after": (), "power_domain": "all", "weight": 1.0, "max_weight": 0.0, "stagger": 0.0,
    }  # fmt: skip
    return Host(name, (), Target(**{**values, **changed}), **of_host)


def words(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {name: verdict.verdict for name, verdict in verdicts.items()}


def test_hosts_of_the_control_node_are_looked_at_sent_for_and_watched_here(lab: Lab) -> None:
    lab.awake = {"192.0.2.1"}
    lab.alive = {"192.0.2.2"}
    verdicts = lab.run([host("up", 1), host("sleeper", 2, timeout=5.0), host("dead", 3)])
    assert words(verdicts) == {"up": "already_awake", "sleeper": "woken", "dead": "not_woken"}
    assert set(lab.packets) == {"192.0.2.2", "192.0.2.3"}
    assert lab.closed == 2


def test_an_invalid_host_has_its_problem_as_verdict_and_stops_nobody_but_those_that_wait_for_it(lab: Lab) -> None:
    lab.awake = {"192.0.2.1", "192.0.2.3"}
    bad = Host("bad", (), None, "host bad: wake_mac is nonsense")
    verdicts = lab.run([bad, host("up", 1), host("waits", 2, after=("bad",)), host("awake", 3, after=("bad",))])
    assert words(verdicts) == {"bad": "invalid", "up": "already_awake", "waits": "blocked", "awake": "already_awake"}
    assert (verdicts["bad"].reason, verdicts["bad"].error_class) == (
        "host bad: wake_mac is nonsense",
        "invalid_variables",
    )
    assert lab.packets == []


def test_a_host_outside_is_looked_at_and_never_sent_for(lab: Lab) -> None:
    lab.awake = {"192.0.2.9"}
    lab.alive = {"192.0.2.1"}
    gate = host("gate", 9, methods=(), macs=(), outside=True, order=0)
    verdicts = lab.run([host("a", 1, after=("gate",), timeout=5.0), gate])
    assert words(verdicts) == {"a": "woken", "gate": "already_awake"}
    assert lab.packets == ["192.0.2.1"]


def test_an_order_of_the_run_is_no_barrier_for_hosts_outside(lab: Lab) -> None:
    lab.awake = {"192.0.2.9", "192.0.2.1"}
    gate = host("gate", 9, methods=(), macs=(), outside=True, order=10**6, power_domain="all")
    assert FleetRun(
        [host("a", 1, after=("gate",), order=1), gate], Settings(), lab.start, lab.hooks()
    ).conductor.waves == {
        0: 2,
        1: 1,
    }


def test_hosts_behind_a_relay_are_woken_there_and_it_is_named(lab: Lab) -> None:
    lab.sessions["r2"] = RelayedSession(lab)
    hosts = [host("a", 1, relays=("r1", "r2")), host("b", 2, relays=("r1", "r2")), host("c", 3, relays=("r9",))]
    fleet = FleetRun(hosts, Settings(), lab.start, lab.hooks())
    fleet.run()
    assert {key: verdict.verdict for key, verdict in fleet.conductor.verdicts.items()} == {
        0: "woken", 1: "woken", 2: "relay_unreachable",
    }  # fmt: skip
    assert [fleet.relay_of(key) for key in range(3)] == ["r2", "r2", "r9"]
    assert lab.sessions["r2"].closed == 1
    assert lab.packets == []


def test_a_list_that_begins_with_the_control_node_is_the_control_node(lab: Lab) -> None:
    lab.alive = {"192.0.2.1"}
    hosts = [host("a", 1, relays=("controller", "r1"), timeout=5.0)]
    fleet = FleetRun(hosts, Settings(), lab.start, lab.hooks())
    fleet.run()
    assert fleet.conductor.verdicts[0].verdict == "woken"
    assert fleet.relay_of(0) == "controller"
    assert lab.packets == ["192.0.2.1"]


def test_a_host_that_is_watched_from_here_is_only_sent_for_by_its_relay(lab: Lab) -> None:
    lab.sessions["r1"] = RelayedSession(lab)
    lab.alive = {"192.0.2.1"}
    lab.awake = {"192.0.2.2"}
    hosts = [
        host("a", 1, relays=("r1",), origin="controller", timeout=5.0),
        host("up", 2, relays=("r1",), origin="controller"),
        host("there", 3, relays=("r1",)),
    ]
    verdicts = lab.run(hosts)
    assert words(verdicts) == {"a": "woken", "up": "already_awake", "there": "woken"}
    session = lab.sessions["r1"]
    assert session.batch is not None
    assert session.batch.only_send == {0, 1}
    assert [key for orders in session.orders for key in orders.send] == [0]
    assert [key for orders in session.orders for key in orders.release] == [2]
    assert lab.packets == ["192.0.2.1"]


def test_a_relay_that_is_a_target_is_waited_for(lab: Lab) -> None:
    lab.sessions["r1"] = RelayedSession(lab)
    lab.alive = {"192.0.2.1"}
    verdicts = lab.run([host("a", 2, relays=("r1",)), host("r1", 1, timeout=5.0)])
    assert words(verdicts) == {"a": "woken", "r1": "woken"}
    assert lab.packets == ["192.0.2.1"]


def test_those_behind_a_relay_that_stays_down_are_blocked_without_a_login(lab: Lab) -> None:
    verdicts = lab.run([host("a", 2, relays=("r1",)), host("r1", 1)])
    assert words(verdicts) == {"a": "blocked", "r1": "not_woken"}
    assert verdicts["a"].reason == "its relay r1 is not_woken"


def test_a_relay_whose_own_variables_are_wrong_is_tried_all_the_same(lab: Lab) -> None:
    lab.sessions["r1"] = RelayedSession(lab)
    wrong = Host("r1", (), None, "host r1: wake_port is 0")
    verdicts = lab.run([host("a", 2, relays=("r1",)), wrong])
    assert words(verdicts) == {"a": "woken", "r1": "invalid"}


def test_a_circle_through_a_relay_is_an_error_that_names_it(lab: Lab) -> None:
    with pytest.raises(DependencyCycle) as caught:
        FleetRun([host("a", 1, relays=("r1",)), host("r1", 2, after=("a",))], Settings(), lab.start, lab.hooks())
    assert "a waits for r1" in str(caught.value)
    assert "r1 waits for a" in str(caught.value)


def test_a_relay_of_a_later_order_than_the_hosts_behind_it_is_a_circle(lab: Lab) -> None:
    hosts = [host("a", 1, relays=("r1",), order=1), host("r1", 2, order=2)]
    with pytest.raises(DependencyCycle, match="a waits for r1"):
        FleetRun(hosts, Settings(), lab.start, lab.hooks())


def test_a_preflight_sends_nothing_and_waits_for_no_stagger(lab: Lab) -> None:
    lab.awake = {"192.0.2.1"}
    hosts = [host("up", 1), *(host(f"h{number}", number, stagger=60.0) for number in range(2, 6))]
    hosts.append(Host("bad", (), None, "host bad: wrong"))
    begun = time.monotonic()
    verdicts = lab.run(hosts, Settings(preflight=True))
    assert time.monotonic() - begun < 20.0
    assert words(verdicts) == {
        "up": "already_awake", "bad": "would_fail", **{f"h{number}": "would_wake" for number in range(2, 6)},
    }  # fmt: skip
    assert lab.packets == []


def test_a_run_that_is_interrupted_leaves_a_verdict_for_everybody_and_closes_everything(lab: Lab) -> None:
    lab.sessions["r1"] = RelayedSession(lab)
    lab.awake = {"192.0.2.1"}

    def interrupt(host: Host, verdict: Verdict) -> None:
        lab.told.append((host.name, verdict))
        if verdict.verdict == "already_awake":
            raise KeyboardInterrupt

    hosts = [host("up", 1), host("a", 2, timeout=60.0), host("b", 3, relays=("r1",), order=200)]
    fleet = FleetRun(hosts, Settings(), lab.start, lab.hooks()._replace(verdict=interrupt))
    with pytest.raises(KeyboardInterrupt):
        fleet.run()
    assert words(dict(lab.told)) == {"up": "already_awake", "a": "indeterminate", "b": "indeterminate"}
    assert lab.closed == 2
    assert lab.sessions["r1"].closed <= 1


def test_the_deadline_bounds_the_run(lab: Lab) -> None:
    begun = time.monotonic()
    verdicts = lab.run([host("a", 1, timeout=600.0), host("b", 2, order=200)], Settings(remaining=0.4))
    assert time.monotonic() - begun < 20.0
    assert words(verdicts) == {"a": "not_woken", "b": "not_woken"}
    assert "deadline" in verdicts["a"].reason
    assert verdicts["b"].error_class == "deadline"
    assert lab.packets == ["192.0.2.1"]


def test_progress_is_told_every_few_seconds(lab: Lab) -> None:
    lab.run([host("a", 1, timeout=0.5)], progress_interval=0.1)
    assert 1 <= len(lab.lines) <= 30
    assert lab.lines[-1].waves == 1


def test_many_hosts_that_are_watched_from_here_are_grouped_quickly(lab: Lab) -> None:
    hosts = [host(f"h{number}", number % 250, relays=("r1",), origin="controller") for number in range(20000)]
    begun = time.process_time()
    FleetRun(hosts, Settings(), lab.start, lab.hooks())
    assert time.process_time() - begun < 2.5


class FakeMethod:
    def __init__(self) -> None:
        self.sent: list[int] = []

    def prepare(self, key: int, _target: Target) -> str:
        return f"own {key}"

    def send(self, keys: Sequence[int]) -> None:
        self.sent += keys

    def collect(self) -> list[Sent]:
        sent, self.sent = self.sent, []
        return [Sent(key, "down") for key in sent]

    def close(self) -> None:
        self.sent = [-1]


class FakePlace:
    def __init__(self) -> None:
        self.sent: list[int] = []

    def send(self, keys: Sequence[int]) -> None:
        self.sent += keys


def test_own_packets_and_orders_to_a_relay_are_split() -> None:
    own, place = FakeMethod(), FakePlace()
    split = SplitMagicPackets(t.cast("t.Any", own), {2: t.cast("t.Any", place)})
    target = t.cast("Target", host("a").target)
    assert (split.prepare(1, target), split.prepare(2, target)) == ("own 1", "")
    split.send([1, 2, 3])
    assert place.sent == [2]
    assert sorted(split.collect()) == [Sent(1, "down"), Sent(2), Sent(3, "down")]
    assert split.collect() == []
    split.close()
    assert own.sent == [-1]
