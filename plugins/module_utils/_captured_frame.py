# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""From a captured frame to the magic packet in it, and how it was carried."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import (
    ETHERTYPE_WAKE_ON_LAN,
    MagicPacket,
    find,
)

_ETHERTYPE_IPV4, _ETHERTYPE_IPV6 = 0x0800, 0x86DD
_VLAN_ETHERTYPES = frozenset((0x8100, 0x88A8, 0x9100))
_ETHERNET_HEADER, _VLAN_TAG, _IPV4_HEADER, _IPV6_HEADER, _UDP_HEADER = 14, 4, 20, 40, 8
_PROTOCOL_UDP, _NEXT_FRAGMENT = 17, 44
_NEXT_EXTENSIONS = frozenset((0, 43, 60))  # hop-by-hop options, routing, destination options
_VLAN_ID = 0x0FFF
_FRAGMENT_OFFSET = 0x1FFF


class CapturedPacket(t.NamedTuple):
    """One magic packet. Empty texts and None stand for what its carrier does not have.

    `length` is the carrier's payload in bytes; with carrier `other` it counts from the packet to the end of the frame.
    """

    mac: bytes
    secureon_length: int
    carrier: str
    length: int
    source_mac: bytes = b""
    destination_mac: bytes = b""
    vlan: int | None = None
    ip_version: int | None = None
    source_ip: str = ""
    destination_ip: str = ""
    port: int | None = None


def decode_ethernet(frame: bytes) -> CapturedPacket | None:
    """Find the magic packet in an Ethernet frame without check sequence; VLAN tags are passed over."""
    if len(frame) < _ETHERNET_HEADER or find(frame) is None:
        return None
    ethertype = _number(frame, _ETHERNET_HEADER - 2)
    offset, vlan = _ETHERNET_HEADER, None
    while ethertype in _VLAN_ETHERTYPES and len(frame) >= offset + _VLAN_TAG:
        vlan = _number(frame, offset) & _VLAN_ID
        ethertype = _number(frame, offset + 2)
        offset += _VLAN_TAG
    # The search goes over the whole frame when the payload alone has none, since the receiving chip does the same.
    packet = decode_payload(ethertype, frame[offset:]) or _unknown_carrier(frame)
    if packet is None:
        return None
    return packet._replace(destination_mac=frame[:6], source_mac=frame[6:12], vlan=vlan)


def decode_payload(ethertype: int, data: bytes) -> CapturedPacket | None:
    """Find the magic packet in what follows a link-layer header of this EtherType."""
    if ethertype == ETHERTYPE_WAKE_ON_LAN:
        found = find(data)
        return _packet(found, "ethernet", len(data)) if found else None
    if ethertype == _ETHERTYPE_IPV4:
        return _decode_ipv4(data) or _unknown_carrier(data)
    if ethertype == _ETHERTYPE_IPV6:
        return _decode_ipv6(data) or _unknown_carrier(data)
    return _unknown_carrier(data)


def _decode_ipv4(data: bytes) -> CapturedPacket | None:
    if len(data) < _IPV4_HEADER or data[0] >> 4 != 4:
        return None
    header = (data[0] & 0x0F) * 4
    # A total length of 0 is a segment the network card still has to cut up.
    end = _number(data, 2) or len(data)
    if header < _IPV4_HEADER or end < header:
        return None
    first_fragment = not _number(data, 6) & _FRAGMENT_OFFSET
    packet = _decode_transport(data[9] if first_fragment else -1, data[header:end])
    if packet is None:
        return None
    return packet._replace(
        ip_version=4,
        source_ip=str(ipaddress.IPv4Address(data[12:16])),
        destination_ip=str(ipaddress.IPv4Address(data[16:20])),
    )


def _decode_ipv6(data: bytes) -> CapturedPacket | None:
    if len(data) < _IPV6_HEADER or data[0] >> 4 != 6:
        return None
    protocol, offset = data[6], _IPV6_HEADER
    end = _IPV6_HEADER + (_number(data, 4) or len(data))
    while protocol in _NEXT_EXTENSIONS and len(data) >= offset + 8:
        protocol, offset = data[offset], offset + (data[offset + 1] + 1) * 8
    if protocol == _NEXT_FRAGMENT and len(data) >= offset + 8:
        first_fragment = not _number(data, offset + 2) >> 3
        protocol, offset = (data[offset] if first_fragment else -1), offset + 8
    packet = _decode_transport(protocol, data[offset:end])
    if packet is None:
        return None
    return packet._replace(
        ip_version=6,
        source_ip=str(ipaddress.IPv6Address(data[8:24])),
        destination_ip=str(ipaddress.IPv6Address(data[24:40])),
    )


def _decode_transport(protocol: int, data: bytes) -> CapturedPacket | None:
    if protocol == _PROTOCOL_UDP and len(data) >= _UDP_HEADER:
        end = _number(data, 4) or len(data)
        payload = data[_UDP_HEADER:end]
        found = find(payload)
        if found:
            return _packet(found, "udp", len(payload))._replace(port=_number(data, 2))
    return _unknown_carrier(data)


def _unknown_carrier(data: bytes) -> CapturedPacket | None:
    found = find(data)
    return _packet(found, "other", len(data) - found.offset) if found else None


def _packet(found: MagicPacket, carrier: str, length: int) -> CapturedPacket:
    return CapturedPacket(found.mac, found.secureon_length, carrier, length)


def _number(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "big")
