# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""ARP for IPv4 over Ethernet as bytes (RFC 826). Pure."""

from __future__ import annotations

import struct
import typing as t

ETHERTYPE_ARP = 0x0806

_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET, _IPV4 = 1, 0x0800
_REQUEST, _REPLY = 1, 2
_MAC_LENGTH, _ADDRESS_LENGTH = 6, 4


class ArpReply(t.NamedTuple):
    """Who has the address."""

    address: bytes
    mac: bytes


def build_request(source_mac: bytes, source: bytes, wanted: bytes) -> bytes:
    """Ask for the MAC of `wanted`; addresses are packed."""
    nobody = bytes(_MAC_LENGTH)
    return _PACKET.pack(_ETHERNET, _IPV4, _MAC_LENGTH, _ADDRESS_LENGTH, _REQUEST, source_mac, source, nobody, wanted)


def parse_reply(data: bytes) -> ArpReply | None:
    """The reply in an ARP packet without its Ethernet header, None if it is something else."""
    if len(data) < _PACKET.size:
        return None
    hardware, protocol, mac_length, length, operation, mac, address, _mac, _address = _PACKET.unpack_from(data)
    if (hardware, protocol, mac_length, length) != (_ETHERNET, _IPV4, _MAC_LENGTH, _ADDRESS_LENGTH):
        return None
    return ArpReply(address, mac) if operation == _REPLY else None
