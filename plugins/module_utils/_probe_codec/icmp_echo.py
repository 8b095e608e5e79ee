# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""ICMP echo requests and replies as bytes (RFC 792; RFC 4443, section 4). Pure."""

from __future__ import annotations

import struct
import typing as t

_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}
_HEADER = struct.Struct("!BBHHH")
_IHL_UNIT = 4


class EchoReply(t.NamedTuple):
    """What came back; `payload` is what was sent."""

    identifier: int
    sequence: int
    payload: bytes


def build_request(version: int, identifier: int, sequence: int, payload: bytes) -> bytes:
    """An echo request of IP version 4, with checksum, or 6, whose checksum is the kernel's to fill in."""
    kind = _REQUEST[version]
    bare = _HEADER.pack(kind, 0, 0, identifier, sequence) + payload
    if version == 6:
        return bare
    return _HEADER.pack(kind, 0, checksum(bare), identifier, sequence) + payload


def parse_reply(version: int, data: bytes, *, with_ip_header: bool) -> EchoReply | None:
    """The echo reply in a datagram, None if it is something else; raw IPv4 sockets give the IP header as well."""
    if with_ip_header:
        data = data[(data[0] & 0x0F) * _IHL_UNIT :] if data else b""
    if len(data) < _HEADER.size:
        return None
    kind, _code, _checksum, identifier, sequence = _HEADER.unpack_from(data)
    if kind != _REPLY[version]:
        return None
    return EchoReply(identifier, sequence, data[_HEADER.size :])


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
