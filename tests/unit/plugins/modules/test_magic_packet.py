# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import ipaddress
import json
import typing as t
from collections.abc import Sequence

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import build
from ansible_collections.lightsout.wake.plugins.modules import magic_packet
from ansible_collections.lightsout.wake.tests.unit.plugins.modules.module_run import Result, run_module

MAC, OTHER_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:02"
EVERYBODY = "255.255.255.255"


def interface(name: str, index: int, address: str) -> Interface:
    return Interface(
        name=name,
        index=index,
        mac=bytes((2, 0, 0, 0, 0, index)),
        up=True,
        broadcast=True,
        loopback=False,
        addresses=(ipaddress.ip_interface(address),),
    )


EAST, WEST = interface("east", 2, "192.0.2.10/24"), interface("west", 3, "198.51.100.10/24")


class Network:
    """Stands for interfaces, sockets and time. `refusals` maps an interface to the errnos of the packets to come."""

    def __init__(self) -> None:
        self.interfaces: tuple[Interface, ...] = (EAST,)
        self.refusals: dict[str, list[int]] = {}
        self.problems: dict[str, str] = {}
        self.sent: list[tuple[Route, bytes]] = []
        self.checked: list[Route] = []
        self.pauses: list[float] = []
        self.opened = 0
        self.closed = 0
        self.now = 0.0

    def make_sender(self) -> Network:
        self.opened += 1
        return self

    def send(self, route: Route, payloads: Sequence[bytes]) -> list[int]:
        codes = self.refusals.get(route.interface, [])
        code = codes.pop(0) if codes else 0
        if not code:
            self.sent += [(route, payload) for payload in payloads]
        return [code] * len(payloads)

    def check(self, route: Route) -> str:
        self.checked.append(route)
        return self.problems.get(route.interface, "")

    def close(self) -> None:
        self.closed += 1

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network()
    monkeypatch.setattr(magic_packet, "read_interfaces", lambda: made.interfaces)
    monkeypatch.setattr(magic_packet, "PacketSender", made.make_sender)
    monkeypatch.setattr(magic_packet.time, "monotonic", made.clock)
    monkeypatch.setattr(magic_packet.time, "sleep", made.sleep)
    return made


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, network: Network) -> t.Callable[..., Result]:
    def run(**options: t.Any) -> Result:
        return run_module(monkeypatch, magic_packet.main, **options)

    return run


def test_one_machine_is_sent_for_three_times(network: Network, call: t.Callable[..., Result]) -> None:
    result = call(mac="0200.5E00.5301")
    assert result == Result(
        False,
        {
            "changed": True,
            "packets": 3,
            "targets": [
                {
                    "mac": MAC,
                    "delivery": "broadcast",
                    "error": None,
                    "sent": [
                        {
                            "carrier": "udp",
                            "address": EVERYBODY,
                            "port": 9,
                            "interface": "east",
                            "bytes": 102,
                            "count": 3,
                            "errno": None,
                            "error": None,
                        }
                    ],
                }
            ],
        },
        [],
    )
    route = Route("udp", EVERYBODY, 9, "east", "192.0.2.10")
    assert network.sent == [(route, build(bytes.fromhex("02005e005301")))] * 3
    assert network.pauses == [0.1, 0.1]
    assert (network.opened, network.closed) == (1, 1)


def test_count_and_interval(network: Network, call: t.Callable[..., Result]) -> None:
    assert call(mac=MAC, count=4, interval=2.5).values["packets"] == 4
    assert network.pauses == [2.5, 2.5, 2.5]


def test_check_mode_sends_nothing_and_says_what_it_would(network: Network, call: t.Callable[..., Result]) -> None:
    checked = call(mac=MAC, count=2, check_mode=True)
    assert network.sent == []
    assert network.checked == [Route("udp", EVERYBODY, 9, "east", "192.0.2.10")]
    assert (network.pauses, network.closed) == ([], 1)
    assert checked == call(mac=MAC, count=2)


def test_check_mode_fails_where_nothing_could_leave(network: Network, call: t.Callable[..., Result]) -> None:
    network.problems["east"] = "raw Ethernet frames need CAP_NET_RAW"
    result = call(mac=MAC, delivery="ethernet", check_mode=True)
    assert result.message == "no packet left this machine: raw Ethernet frames need CAP_NET_RAW"
    assert (result.values["changed"], result.values["packets"]) == (False, 0)
    assert result.values["targets"][0]["sent"][0]["count"] == 0


def test_every_interface_is_used_and_one_that_fails_is_a_warning(
    network: Network, call: t.Callable[..., Result]
) -> None:
    network.interfaces = (EAST, WEST)
    network.refusals["west"] = [errno.ENETUNREACH] * 3
    result = call(mac=MAC)
    assert not result.failed
    assert result.values["packets"] == 3
    ways = result.values["targets"][0]["sent"]
    assert [(way["interface"], way["count"], way["errno"]) for way in ways] == [
        ("east", 3, None),
        ("west", 0, "ENETUNREACH"),
    ]
    assert result.warnings == [
        "neither subnet nor interface is known: the packets leave by east, west",
        f"{MAC}: this machine has no route to {EVERYBODY} by interface west (ENETUNREACH)",
    ]


def test_one_packet_that_left_is_a_change(network: Network, call: t.Callable[..., Result]) -> None:
    network.refusals["east"] = [errno.ENOBUFS, errno.ENOBUFS]
    result = call(mac=MAC)
    assert (result.failed, result.values["changed"], result.values["packets"]) == (False, True, 1)
    assert result.values["targets"][0]["sent"][0]["errno"] == "ENOBUFS"
    assert len(result.warnings) == 1


def test_nothing_left_is_a_failure_and_no_change(network: Network, call: t.Callable[..., Result]) -> None:
    network.refusals["east"] = [errno.ENETUNREACH] * 3
    result = call(mac=MAC)
    assert result.message == (
        f"no packet left this machine: this machine has no route to {EVERYBODY} by interface east (ENETUNREACH)"
    )
    assert (result.values["changed"], result.values["packets"]) == (False, 0)
    assert network.closed == 1


def test_a_malformed_target_fails_the_task_after_the_others(network: Network, call: t.Callable[..., Result]) -> None:
    targets: list[dict[str, t.Any]] = [
        {"mac": "02:00:5e:00:53"},
        {"mac": MAC},
        {},
        {"mac": OTHER_MAC, "port": "nine"},
        {"mac": OTHER_MAC, "delivery": "pigeon"},
    ]
    result = call(targets=targets, count=1)
    assert result.message.startswith("nothing was sent for 4 of 5 targets: targets[0]: mac '02:00:5e:00:53' is not a ")
    assert "; targets[2]: mac is missing; targets[3]: port 'nine' is not a number" in result.message
    assert "targets[4]: " in result.message
    assert "pigeon" in result.message
    assert (result.values["changed"], result.values["packets"]) == (True, 1)
    assert [payload for _route, payload in network.sent] == [build(bytes.fromhex("02005e005301"))]
    assert [one["mac"] for one in result.values["targets"]] == ["02:00:5e:00:53", MAC, "", OTHER_MAC, OTHER_MAC]
    assert [len(one["sent"]) for one in result.values["targets"]] == [0, 1, 0, 0, 0]


def test_a_malformed_machine_is_named_without_a_number(call: t.Callable[..., Result]) -> None:
    result = call(mac="zz")
    assert result.message.startswith("no packet left this machine: mac 'zz' is not a MAC address")


def test_a_message_names_ten_targets_and_counts_the_rest(call: t.Callable[..., Result]) -> None:
    message = call(targets=[{"mac": "x"}] * 12).message
    assert "targets[9]: " in message
    assert "targets[10]: " not in message
    assert message.endswith("; and 2 more")
    assert not call(targets=[{"mac": "x"}] * 10).message.endswith("more")


def test_targets_are_sent_for_side_by_side(network: Network, call: t.Callable[..., Result]) -> None:
    call(targets=[{"mac": MAC}, {"mac": OTHER_MAC}], count=2)
    assert [payload[-1] for _route, payload in network.sent] == [1, 2, 1, 2]
    assert network.pauses == [0.1]


def test_a_password_is_sent_and_never_shown(network: Network, call: t.Callable[..., Result]) -> None:
    result = call(targets=[{"mac": MAC, "secureon": "c0-ff-ee-c0-de-11"}, {"mac": MAC, "secureon": "hunter2"}], count=1)
    assert network.sent[0][1].endswith(bytes.fromhex("c0ffeec0de11"))
    assert result.values["targets"][0]["sent"][0]["bytes"] == 108
    assert "targets[1]: secureon: " in result.message
    for shown in (json.dumps(result.values), str(result.warnings)):
        assert "hunter2" not in shown
        assert "c0-ff-ee" not in shown


def test_the_options_of_one_machine_are_those_of_a_target(network: Network, call: t.Callable[..., Result]) -> None:
    options = {"mac": MAC, "delivery": "directed", "subnet": "203.0.113.0/24", "port": 7, "secureon": "01020304"}
    short, long = call(**options), call(targets=[options])
    assert short == long
    assert network.sent[0] == network.sent[-1]
    assert network.sent[0][0].address == "203.0.113.255"
    assert network.sent[0][0].port == 7


def test_warnings_of_the_plan_are_given_once(network: Network, call: t.Callable[..., Result]) -> None:
    network.interfaces = (EAST, WEST)
    result = call(targets=[{"mac": MAC}, {"mac": OTHER_MAC}], count=1)
    assert (result.failed, result.values["packets"]) == (False, 4)
    assert result.warnings == ["neither subnet nor interface is known: the packets leave by east, west"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "one of the following is required: targets, mac"),
        ({"mac": MAC, "targets": [{"mac": MAC}]}, "mutually exclusive"),
        ({"port": 9, "targets": [{"mac": MAC}]}, "mutually exclusive"),
        ({"mac": MAC, "delivery": "pigeon"}, "value of delivery must be one of: broadcast, directed, unicast"),
        ({"targets": []}, "targets is empty: there is nobody to send for"),
        ({"mac": MAC, "count": 0}, "count 0 is not between 1 and 1000"),
        ({"mac": MAC, "count": 1001}, "count 1001 is not between 1 and 1000"),
        ({"mac": MAC, "interval": -0.1}, "interval -0.1 is not between 0 and 60"),
        ({"mac": MAC, "interval": 60.5}, "interval 60.5 is not between 0 and 60"),
        ({"mac": MAC, "interval": "inf"}, "interval inf is not between 0 and 60"),
    ],
)
def test_wrong_options_are_said_before_a_socket_is_opened(
    network: Network, call: t.Callable[..., Result], options: dict[str, t.Any], sentence: str
) -> None:
    assert sentence in call(**options).message
    assert network.opened == 0


@pytest.mark.parametrize("options", [{"count": 1000, "interval": 0}, {"count": 1, "interval": 60}])
def test_the_bounds_themselves_are_good(call: t.Callable[..., Result], options: dict[str, t.Any]) -> None:
    assert call(mac=MAC, **options).values["packets"] == options["count"]


def test_sockets_are_closed_when_it_breaks(
    network: Network, call: t.Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(route: Route, payloads: Sequence[bytes]) -> list[int]:
        raise OSError(errno.EIO, "broken wire")

    monkeypatch.setattr(network, "send", refuse)
    assert call(mac=MAC).message == "the system refused what this task needs: broken wire"
    assert network.closed == 1


def test_other_systems_than_linux_are_refused(
    network: Network, call: t.Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "freebsd14")
    assert "not on freebsd14" in call(mac=MAC).message
    assert network.opened == 0
