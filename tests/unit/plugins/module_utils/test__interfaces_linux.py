# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress
import socket
import struct

from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._interfaces_linux import interfaces_from, read_interfaces

IFF_UP, IFF_BROADCAST, IFF_LOOPBACK = 1, 2, 8
OPER_UNKNOWN, OPER_DOWN, OPER_LOWER_DOWN, OPER_UP = 0, 2, 3, 6


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def link(name: str, index: int, flags: int, state: int, mac: bytes = b"\2\0\0\0\0\1") -> bytes:
    header = struct.pack("=BxHiII", socket.AF_UNSPEC, 1, index, flags, 0)
    nested_flag = 0x8000
    return (
        header
        + attribute(1, mac)
        + attribute(3, name.encode() + b"\0")
        + attribute(18 | nested_flag, b"\0" * 8)
        + attribute(16, bytes([state]))
    )


def address(family: int, index: int, prefix_length: int, *attributes: tuple[int, str]) -> bytes:
    header = struct.pack("=BBBBI", family, prefix_length, 0, 0, index)
    return header + b"".join(attribute(kind, socket.inet_pton(family, text)) for kind, text in attributes)


def test_links_and_addresses_come_together_by_index() -> None:
    interfaces = interfaces_from(
        [
            link("lo", 1, IFF_UP | IFF_LOOPBACK, OPER_UNKNOWN, b"\0" * 6),
            link("east", 7, IFF_UP | IFF_BROADCAST, OPER_UP),
        ],
        [
            address(socket.AF_INET, 7, 24, (1, "192.0.2.5"), (2, "192.0.2.5")),
            address(socket.AF_INET6, 7, 64, (1, "2001:db8::5")),
            address(socket.AF_INET, 1, 8, (1, "127.0.0.1"), (2, "127.0.0.1")),
        ],
    )
    assert interfaces == (
        Interface("lo", 1, b"", True, False, True, (ipaddress.IPv4Interface("127.0.0.1/8"),)),
        Interface(
            "east",
            7,
            b"\2\0\0\0\0\1",
            True,
            True,
            False,
            (ipaddress.IPv4Interface("192.0.2.5/24"), ipaddress.IPv6Interface("2001:db8::5/64")),
        ),
    )


def test_a_link_without_carrier_is_not_up() -> None:
    states = [(IFF_UP, OPER_UP), (IFF_UP, OPER_UNKNOWN), (IFF_UP, OPER_DOWN), (IFF_UP, OPER_LOWER_DOWN), (0, OPER_DOWN)]
    links = [link(f"e{number}", number, flags, state) for number, (flags, state) in enumerate(states, 1)]
    assert [one.up for one in interfaces_from(links, [])] == [True, True, False, False, False]


def test_our_own_end_of_a_point_to_point_link_is_the_address() -> None:
    interfaces = interfaces_from(
        [link("ppp0", 2, IFF_UP, OPER_UNKNOWN, b"")],
        [address(socket.AF_INET, 2, 32, (1, "10.0.0.99"), (2, "10.0.0.1"))],
    )
    assert interfaces[0].addresses == (ipaddress.IPv4Interface("10.0.0.1/32"),)


def test_this_machine_has_the_interfaces_that_the_system_names() -> None:
    assert {(one.index, one.name) for one in read_interfaces()} == set(socket.if_nameindex())


def test_loopback_of_this_machine_is_known_as_such() -> None:
    loopback = next(one for one in read_interfaces() if one.loopback)
    assert loopback.name == "lo"
    assert loopback.broadcast is False
