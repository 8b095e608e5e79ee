# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress
import socket

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._probes.segments import Address, Segments, parse_literal

MAC = bytes.fromhex("02005e0053fe")


def interface(
    name: str, index: int, *addresses: str, mac: bytes = MAC, up: bool = True, loop: bool = False
) -> Interface:
    return Interface(name, index, mac, up, True, loop, tuple(ipaddress.ip_interface(text) for text in addresses))


INTERFACES = (
    interface("lo", 1, "127.0.0.1/8", "::1/128", mac=b"", loop=True),
    interface("eth0", 2, "192.0.2.10/24", "2001:db8:1::10/64", "fe80::1/64"),
    interface("eth1", 3, "198.51.100.1/25", "fe80::2/64", "203.0.113.9/32"),
    interface("wg0", 4, "10.9.0.1/24", mac=b""),
    interface("down0", 5, "10.8.0.1/24", up=False),
)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.1", "eth0"),
        ("192.0.2.255", "eth0"),
        ("192.0.3.1", None),
        ("192.0.2.10", None),
        ("198.51.100.126", "eth1"),
        ("198.51.100.128", None),
        ("203.0.113.9", None),
        ("203.0.113.8", None),
        ("127.0.0.7", None),
        ("::1", None),
        ("10.9.0.2", None),
        ("10.8.0.2", None),
        ("2001:db8:1::ffff", "eth0"),
        ("2001:db8:2::1", None),
        ("fe80::77%3", "eth1"),
        ("fe80::77%2", "eth0"),
        ("fe80::77%9", None),
    ],
)
def test_on_which_segment_an_address_is(host: str, name: str | None) -> None:
    address = parse_literal(host)
    assert address is not None
    segment = Segments(INTERFACES).find(address)
    assert (segment.interface if segment else None) == name


def test_a_segment_knows_this_machines_own_part() -> None:
    address = parse_literal("192.0.2.1")
    assert address is not None
    segment = Segments(INTERFACES).find(address)
    assert segment is not None
    assert (segment.interface_index, segment.mac, segment.source) == (2, MAC, bytes((192, 0, 2, 10)))


@pytest.mark.parametrize(
    "host", ["server", "192.0.2", "192.0.2.1.example.com", "", "1.2.3.4\0", "fe80::1%nosuch0", "2001::g"]
)
def test_names_are_no_literals(host: str) -> None:
    assert parse_literal(host) is None


def test_endpoints() -> None:
    four, six, local = (parse_literal(host) for host in ("192.0.2.1", "2001:db8::1", "fe80::1%1"))
    assert four == Address(socket.AF_INET, "192.0.2.1", bytes((192, 0, 2, 1)), 0)
    assert four is not None
    assert four.endpoint(22) == ("192.0.2.1", 22)
    assert six is not None
    assert six.endpoint(22) == ("2001:db8::1", 22, 0, 0)
    assert local is not None
    assert local.endpoint(22) == ("fe80::1", 22, 0, 1)
