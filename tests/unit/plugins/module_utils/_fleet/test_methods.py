# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import ipaddress
import typing as t
from collections.abc import Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import MagicPackets, Sent
from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import build
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target

MAC = bytes.fromhex("02005e005301")
PROBE = Probe("ssh", "192.0.2.9", 22, 2.0, "relay", "", b"")


def target(**changed: t.Any) -> Target:
    values: dict[str, t.Any] = {
        "name": "a", "methods": ("wol",), "macs": (MAC,), "secureon": b"", "subnet": "", "delivery": "broadcast",
        "address": "", "port": 9, "interface": "", "count": 3, "relays": ("controller",), "probe": PROBE,
        "timeout": 600.0, "resend_interval": 10.0, "order": 100, "after": (), "power_domain": "all", "weight": 1.0,
        "max_weight": 0.0, "stagger": 0.0,
    }  # fmt: skip
    return Target(**{**values, **changed})


def interface(name: str, address: str, index: int = 2) -> Interface:
    return Interface(name, index, b"\x02\0\0\0\0\x09", True, True, False, (ipaddress.ip_interface(address),))


TWO = (interface("eth0", "192.0.2.1/24"), interface("eth1", "198.51.100.1/24", 3))


class FakeSender:
    """Takes packets without a socket; ``codes`` is the errno by interface, ``refusals`` what check() says of one."""

    def __init__(self) -> None:
        self.sent: list[tuple[Route, list[bytes]]] = []
        self.checked: list[Route] = []
        self.codes: dict[str, int] = {}
        self.refusals: dict[str, str] = {}
        self.closed = 0

    def send(self, route: Route, payloads: Sequence[bytes]) -> list[int]:
        self.sent.append((route, list(payloads)))
        return [self.codes.get(route.interface, 0)] * len(payloads)

    def check(self, route: Route) -> str:
        self.checked.append(route)
        return self.refusals.get(route.interface, "")

    def close(self) -> None:
        self.closed += 1


def magic(sender: FakeSender, interfaces: Sequence[Interface] = TWO, warnings: list[str] | None = None) -> MagicPackets:
    said = [] if warnings is None else warnings
    return MagicPackets(t.cast("t.Any", sender), interfaces, said.append)


def test_packets_of_many_targets_leave_route_by_route() -> None:
    sender = FakeSender()
    method = magic(sender)
    macs = [bytes([2, 0, 0, 0, 0, key]) for key in range(1, 5)]
    for key, mac in enumerate(macs):
        assert method.prepare(key, target(macs=(mac,))) == ""
    method.send([0, 1, 2, 3])
    assert sorted(route.interface for route, _payloads in sender.sent) == ["eth0", "eth1"]
    assert all(payloads == [build(mac) for mac in macs] for _route, payloads in sender.sent)
    assert method.collect() == [Sent(key) for key in range(4)]
    assert method.collect() == []


def test_targets_by_different_routes_are_told_apart() -> None:
    sender = FakeSender()
    method = magic(sender)
    method.prepare(1, target(interface="eth0"))
    method.prepare(2, target(delivery="directed", address="203.0.113.255", port=4343))
    method.send([1, 2])
    assert [(route.interface, route.address, route.port) for route, _payloads in sender.sent] == [
        ("eth0", "255.255.255.255", 9), ("", "203.0.113.255", 4343),
    ]  # fmt: skip


def test_each_mac_and_the_password_go_into_packets() -> None:
    sender = FakeSender()
    method = magic(sender)
    other = b"\x02\0\0\0\0\x07"
    method.prepare(1, target(interface="eth0", macs=(MAC, other), secureon=b"\x01\x02\x03\x04"))
    method.send([1])
    assert sender.sent[0][1] == [build(MAC, b"\x01\x02\x03\x04"), build(other, b"\x01\x02\x03\x04")]
    assert method.collect() == [Sent(1)]


def test_one_failing_route_stops_no_other_and_is_no_failure_of_the_target() -> None:
    sender = FakeSender()
    sender.codes["eth0"] = errno.ENETDOWN
    method = magic(sender)
    method.prepare(1, target())
    method.prepare(2, target(interface="eth0"))
    method.send([1, 2])
    first, second = method.collect()
    assert first == Sent(1)
    assert second.key == 2
    assert "eth0" in second.error
    assert not second.final


def test_a_route_that_is_refused_is_not_used_and_is_asked_about_once() -> None:
    sender = FakeSender()
    sender.refusals["eth0"] = "CAP_NET_RAW is missing"
    method = magic(sender)
    for key in range(5):
        assert method.prepare(key, target()) == ""
    assert len(sender.checked) == 2
    method.send([0])
    assert [route.interface for route, _payloads in sender.sent] == ["eth1"]


def test_a_target_whose_routes_are_all_refused_can_never_be_sent_for() -> None:
    sender = FakeSender()
    sender.refusals = {"eth0": "first refusal", "eth1": "second refusal"}
    assert magic(sender).prepare(1, target()) == "first refusal; second refusal"


def test_a_delivery_that_can_not_be_is_a_sentence_with_the_variable() -> None:
    sender = FakeSender()
    refusal = magic(sender).prepare(1, target(subnet="203.0.113.0/24"))
    assert refusal.startswith("wake_")
    assert "203.0.113.0/24" in refusal
    assert sender.checked == []


def test_a_warning_of_a_plan_is_given_once_however_many_targets_have_it() -> None:
    warnings: list[str] = []
    method = magic(FakeSender(), TWO, warnings)
    for key in range(10):
        method.prepare(key, target())
    assert len(warnings) == 1
    assert "eth0" in warnings[0]
    assert "eth1" in warnings[0]


def test_a_target_that_was_not_prepared_is_not_counted_as_sent_for() -> None:
    sender = FakeSender()
    method = magic(sender)
    method.send([7])
    (sent,) = method.collect()
    assert sent.key == 7
    assert sent.error
    assert sender.sent == []


def test_closing_closes_the_sender() -> None:
    sender = FakeSender()
    magic(sender).close()
    assert sender.closed == 1
