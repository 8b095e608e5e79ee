# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Which addresses lie on a segment of this machine's own, where the kernel must resolve a neighbour to reach them."""

from __future__ import annotations

import socket
import typing as t
from collections.abc import Iterable

from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface

_MAC_LENGTH = 6
_BITS = {socket.AF_INET: 32, socket.AF_INET6: 128}


class Address(t.NamedTuple):
    """A literal address; `packed` is in network order, `scope` an interface index for link-local IPv6, else 0."""

    family: int
    text: str
    packed: bytes
    scope: int

    def endpoint(self, port: int) -> tuple[t.Any, ...]:
        """The address as the socket module takes it."""
        if self.family == socket.AF_INET6:
            return (self.text.partition("%")[0], port, 0, self.scope)
        return (self.text, port)


class Segment(t.NamedTuple):
    """A network that this machine has an address in, by an interface with a MAC."""

    interface: str
    interface_index: int
    mac: bytes
    source: bytes
    family: int
    network: int
    mask: int


def parse_literal(host: str) -> Address | None:
    """The address that `host` spells, or None where it is a name."""
    try:
        return Address(socket.AF_INET, host, socket.inet_pton(socket.AF_INET, host), 0)
    except (OSError, ValueError):
        pass
    plain, _percent, zone = host.partition("%")
    try:
        packed = socket.inet_pton(socket.AF_INET6, plain)
        scope = 0 if not zone else int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except (OSError, ValueError):
        return None
    return Address(socket.AF_INET6, host, packed, scope)


class Segments:
    """The networks of `interfaces` in which neighbours are resolved: without loopback and interfaces without a MAC."""

    def __init__(self, interfaces: Iterable[Interface]) -> None:
        self._segments: list[Segment] = []
        self._own: set[bytes] = set()
        for interface in interfaces:
            self._own.update(address.ip.packed for address in interface.addresses)
            if not interface.loopback and interface.up and len(interface.mac) == _MAC_LENGTH:
                self._segments.extend(_segments_of(interface))

    def find(self, address: Address) -> Segment | None:
        """The segment that `address` is reached on, None where a router or this machine itself answers for it."""
        if address.packed in self._own:
            return None
        value = int.from_bytes(address.packed, "big")
        for segment in self._segments:
            within = segment.family == address.family and value & segment.mask == segment.network
            if within and (not address.scope or address.scope == segment.interface_index):
                return segment
        return None


def _segments_of(interface: Interface) -> Iterable[Segment]:
    for address in interface.addresses:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        bits = _BITS[family]
        if address.network.prefixlen == bits:
            continue
        yield Segment(
            interface=interface.name,
            interface_index=interface.index,
            mac=interface.mac,
            source=address.ip.packed,
            family=family,
            network=int(address.network.network_address),
            mask=int(address.network.netmask),
        )
