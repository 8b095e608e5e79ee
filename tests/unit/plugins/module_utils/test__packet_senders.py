# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import socket
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils import _packet_senders
from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender, explain


@pytest.fixture
def sender() -> Iterator[PacketSender]:
    made = PacketSender()
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(10)
        yield made


def to(receiver: socket.socket, address: str = "127.0.0.1", interface: str = "") -> Route:
    return Route("udp", address, receiver.getsockname()[1], interface, "127.0.0.1" if interface else "")


def test_payloads_arrive_in_order(sender: PacketSender, receiver: socket.socket) -> None:
    assert sender.send(to(receiver), [b"one", b"two"]) == [0, 0]
    assert [receiver.recv(100) for _each in range(2)] == [b"one", b"two"]


def test_no_payload_is_no_packet(sender: PacketSender, receiver: socket.socket) -> None:
    assert sender.send(to(receiver), []) == []


def test_a_host_name_is_resolved_at_each_send(
    sender: PacketSender, receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def resolve(name: str, port: int, *_rest: t.Any) -> list[t.Any]:
        asked.append(name)
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", port))]

    monkeypatch.setattr(_packet_senders.socket, "getaddrinfo", resolve)
    route = to(receiver, "sleeper.example.com")
    assert sender.send(route, [b"one"]) == [0]
    assert sender.send(route, [b"two"]) == [0]
    assert asked == ["sleeper.example.com"] * 2
    assert [receiver.recv(100) for _each in range(2)] == [b"one", b"two"]


def test_a_name_that_does_not_resolve_is_an_errno_for_each_payload(
    sender: PacketSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(*_rest: t.Any) -> list[t.Any]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(_packet_senders.socket, "getaddrinfo", resolve)
    route = Route("udp", "sleeper.example.com", 9, "", "")
    assert sender.send(route, [b"one", b"two"]) == [errno.EHOSTUNREACH] * 2
    assert "does not resolve" in sender.check(route)


def test_packets_to_nobody_are_no_error_for_the_next_ones(sender: PacketSender) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        route = to(closed)
    for _each in range(5):
        assert sender.send(route, [b"x"]) == [0]


def test_a_large_batch_arrives_in_order(sender: PacketSender, receiver: socket.socket) -> None:
    payloads = [number.to_bytes(2, "big") for number in range(100)]
    assert sender.send(to(receiver), payloads) == [0] * 100
    assert [receiver.recv(100) for _each in range(100)] == payloads


def test_refusals_cost_a_large_batch_no_packet(sender: PacketSender) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        route = to(closed)
    assert sender.send(route, [b"x"] * 100) == [0] * 100


def test_a_large_batch_without_a_way_is_an_errno_for_each_payload(sender: PacketSender) -> None:
    assert sender.send(Route("udp", "255.255.255.255", 9, "nosuch0", ""), [b"x"] * 100) == [errno.ENODEV] * 100


@pytest.mark.parametrize(
    "route",
    [
        Route("udp", "255.255.255.255", 9, "nosuch0", "192.0.2.1"),
        Route("udp", "ff02::1", 9, "nosuch0", ""),
        Route("udp", "fe80::1%nosuch0", 9, "", ""),
    ],
)
def test_an_unknown_interface_is_enodev_and_a_sentence(sender: PacketSender, route: Route) -> None:
    assert sender.send(route, [b"x"]) == [errno.ENODEV]
    assert "(ENODEV)" in sender.check(route)


def test_a_check_of_a_good_route_is_silent_and_sends_nothing(sender: PacketSender, receiver: socket.socket) -> None:
    assert sender.check(to(receiver)) == ""
    receiver.settimeout(0.2)
    with pytest.raises(socket.timeout):
        receiver.recv(100)


def test_sockets_are_kept_and_closed(sender: PacketSender, receiver: socket.socket) -> None:
    sender.send(to(receiver), [b"one"])
    kept = list(sender._sockets.values())
    sender.send(to(receiver), [b"two"])
    sender.send(to(receiver, "127.0.0.2"), [b"three"])
    assert list(sender._sockets.values()) == kept
    sender.close()
    assert [one.fileno() for one in kept] == [-1]
    assert sender.send(to(receiver), [b"four"]) == [0]


class DeviceRefused(socket.socket):
    """A socket of a kernel that reserves SO_BINDTODEVICE to CAP_NET_RAW (Linux before 5.7)."""

    bound: t.ClassVar[list[t.Any]] = []

    def setsockopt(self, *arguments: t.Any) -> None:
        if arguments[1] == socket.SO_BINDTODEVICE:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        super().setsockopt(*arguments)

    def bind(self, address: t.Any) -> None:
        self.bound.append(address)
        super().bind(address)


class RawRefused(socket.socket):
    """A socket of a process without CAP_NET_RAW."""

    def __init__(self, family: int, *arguments: t.Any) -> None:
        if family == socket.AF_PACKET:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        super().__init__(family, *arguments)


def test_the_source_address_stands_in_for_the_device(
    sender: PacketSender, receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    DeviceRefused.bound.clear()
    monkeypatch.setattr(_packet_senders.socket, "socket", DeviceRefused)
    assert sender.send(to(receiver, interface="lo"), [b"one"]) == [0]
    assert DeviceRefused.bound == [("127.0.0.1", 0)]
    assert receiver.recv(100) == b"one"


def test_without_a_source_address_a_refused_device_is_eperm(
    sender: PacketSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_packet_senders.socket, "socket", DeviceRefused)
    route = Route("udp", "255.255.255.255", 9, "lo", "")
    assert sender.send(route, [b"x"]) == [errno.EPERM]
    assert "CAP_NET_RAW" in sender.check(route)


def test_raw_frames_without_privilege_name_the_capability_and_the_way_out(
    sender: PacketSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_packet_senders.socket, "socket", RawRefused)
    route = Route("ethernet", "ff:ff:ff:ff:ff:ff", 0, "lo", "")
    assert sender.send(route, [b"x", b"y"]) == [errno.EPERM] * 2
    sentence = sender.check(route)
    assert "CAP_NET_RAW" in sentence
    assert "delivery broadcast or directed" in sentence


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENETUNREACH, "no route to 192.0.2.255 by interface east (ENETUNREACH)"),
        (errno.ENETDOWN, "interface east is down"),
        (errno.ENODEV, "interface east does not exist"),
        (errno.EPERM, "firewall rule"),
        (errno.EHOSTUNREACH, "can't be reached"),
        (errno.ENOBUFS, "(ENOBUFS)"),
        (98765, "98765"),
    ],
)
def test_each_errno_has_a_sentence(code: int, expected: str) -> None:
    assert expected in explain(Route("udp", "192.0.2.255", 9, "east", ""), code)
