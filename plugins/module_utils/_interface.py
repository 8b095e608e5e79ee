# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""A network interface as a value, and the addresses that decide whether it is on a subnet."""

from __future__ import annotations

import dataclasses
import ipaddress


@dataclasses.dataclass(frozen=True)
class Interface:
    """One interface of this machine. `up` means that it is set up and its link is not known to be down."""

    name: str
    index: int
    mac: bytes
    up: bool
    broadcast: bool
    loopback: bool
    addresses: tuple[ipaddress.IPv4Interface | ipaddress.IPv6Interface, ...]


def address_in(
    interface: Interface, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    """The interface's first address within the subnet."""
    for address in interface.addresses:
        if address.version == subnet.version and address.ip in subnet:
            return address
    return None


def first_ipv4(interface: Interface) -> str:
    """The interface's first IPv4 address as text, empty if it has none."""
    for address in interface.addresses:
        if address.version == 4:
            return str(address.ip)
    return ""
