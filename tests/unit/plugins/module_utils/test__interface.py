# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress

from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface, address_in, first_ipv4

EAST = Interface(
    name="east",
    index=3,
    mac=b"\2\0\0\0\0\1",
    up=True,
    broadcast=True,
    loopback=False,
    addresses=tuple(ipaddress.ip_interface(text) for text in ("2001:db8::5/64", "192.0.2.5/24", "198.51.100.5/24")),
)


def test_an_address_in_the_subnet_is_found_whatever_its_place() -> None:
    assert str(address_in(EAST, ipaddress.ip_network("198.51.100.0/25"))) == "198.51.100.5/24"
    assert str(address_in(EAST, ipaddress.ip_network("2001:db8::/32"))) == "2001:db8::5/64"


def test_no_address_in_the_subnet_is_none() -> None:
    assert address_in(EAST, ipaddress.ip_network("198.51.100.128/25")) is None
    assert address_in(EAST, ipaddress.ip_network("::/96")) is None


def test_the_first_ipv4_address_is_a_text() -> None:
    assert first_ipv4(EAST) == "192.0.2.5"
    assert first_ipv4(Interface("bare", 4, b"", True, True, False, EAST.addresses[:1])) == ""
