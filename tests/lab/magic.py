# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""The lab's own matcher of magic packets, written from the AMD white paper 20213 (November 1995).

A network interface in standby looks at every frame that is addressed to it, to all, or to a group, for six bytes FF
and sixteen copies of its address without a break, anywhere in the frame. A SecureOn password follows directly.
"""

from __future__ import annotations

import collections.abc
import struct
import typing as t

SYNC = b"\xff" * 6
SHORTEST_FRAME = 14 + 6 + 96
_IPV4, _IPV6, _UDP = 0x0800, 0x86DD, 17


def patterns(frame: bytes) -> collections.abc.Iterator[tuple[bytes, int]]:
    """Yield each address that the frame would wake and where its sixteenth copy ends."""
    position = frame.find(SYNC)
    while position >= 0:
        start = position + 6
        while frame[start : start + 1] == b"\xff":
            start += 1
        mac = frame[start : start + 6]
        if len(mac) == 6 and frame[start : start + 96] == mac * 16:
            yield mac, start + 96
        position = frame.find(SYNC, start)


def accepted(frame: bytes, mac: bytes) -> bool:
    """Whether a network interface with this address takes the frame in at all."""
    return bool(frame[0] & 1) or frame[:6] == mac


def describe(frame: bytes) -> dict[str, t.Any]:
    """Say who sent a frame and how, for the lab's status."""
    ethertype = struct.unpack_from("!H", frame, 12)[0]
    seen: dict[str, t.Any] = {
        "source_mac": frame[6:12].hex(":"),
        "destination_mac": frame[:6].hex(":"),
        "ethertype": f"0x{ethertype:04x}",
        "source": "",
        "destination": "",
        "port": 0,
        "ttl": 0,
        "length": len(frame),
    }
    if ethertype == _IPV4 and len(frame) >= 34:
        seen["source"] = ".".join(str(byte) for byte in frame[26:30])
        seen["destination"] = ".".join(str(byte) for byte in frame[30:34])
        seen["ttl"] = frame[22]
        header = (frame[14] & 15) * 4
        if frame[23] == _UDP:
            seen["port"] = struct.unpack_from("!H", frame, 14 + header + 2)[0]
    elif ethertype == _IPV6 and len(frame) >= 58:
        seen["source"], seen["destination"] = (frame[at : at + 16].hex(":", 2) for at in (22, 38))
        seen["ttl"] = frame[21]
        if frame[20] == _UDP:
            seen["port"] = struct.unpack_from("!H", frame, 56)[0]
    return seen
