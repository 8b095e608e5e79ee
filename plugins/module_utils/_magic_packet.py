# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Magic packets as bytes, after AMD's Magic Packet Technology, white paper 20213 (1995).

Six bytes 0xFF and 16 repeats of the station's address without a break, anywhere in a frame.
A SecureOn password of 4 or 6 bytes follows the last repeat.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac

ETHERTYPE_WAKE_ON_LAN = 0x0842
SECUREON_LENGTHS = (4, 6)

_MAC_LENGTH = 6
_REPEATS = 16
_SYNCHRONIZATION = b"\xff" * 6
# A station's address has an even first byte and is not all zeros, so a run of 0xFF longer than six, a blank disk block
# and a filled buffer are no magic packets, and the synchronization can only end where the run ends.
_PATTERN = re.compile(
    rb"\xff{6}((?!\x00{6})[" + b"".join(re.escape(bytes([first])) for first in range(0, 256, 2)) + rb"].{5})\1{15}",
    re.DOTALL,
)
_SECUREON_SPELLING = re.compile(
    r"[0-9A-F]{8}|[0-9A-F]{12}"
    r"|[0-9A-F]{2}(?P<four>[:-])[0-9A-F]{2}(?:(?P=four)[0-9A-F]{2}){2}"
    r"|[0-9A-F]{2}(?P<six>[:-])[0-9A-F]{2}(?:(?P=six)[0-9A-F]{2}){4}",
    re.IGNORECASE | re.ASCII,
)


class InvalidSecureOn(ValueError):
    """A text that is no SecureOn password. The message never contains the text."""


class MagicPacket(t.NamedTuple):
    """What was found in captured data: whose address, how long a password, where the packet begins."""

    mac: bytes
    secureon_length: int
    offset: int


def parse_secureon(text: str) -> bytes:
    """Read a SecureOn password of 4 or 6 bytes: hexadecimal with colons, dashes or nothing between.

    Raises InvalidSecureOn, whose message does not contain the text.
    """
    stripped = text.strip()
    if not _SECUREON_SPELLING.fullmatch(stripped):
        raise InvalidSecureOn(
            "the SecureOn password is not 4 or 6 bytes in hexadecimal, with colons, dashes or nothing between them, "
            "in quotes (its value is not shown)"
        )
    return bytes.fromhex(stripped.replace(":", "").replace("-", ""))


def build(mac: bytes, secureon: bytes = b"") -> bytes:
    """Make a magic packet: 102 bytes, or 106 or 108 with a password. Raises InvalidMac or InvalidSecureOn."""
    if len(mac) != _MAC_LENGTH:
        raise InvalidMac(f"a MAC address has 6 bytes, not {len(mac)}")
    if secureon and len(secureon) not in SECUREON_LENGTHS:
        raise InvalidSecureOn(f"a SecureOn password has 4 or 6 bytes, not {len(secureon)}")
    return _SYNCHRONIZATION + mac * _REPEATS + secureon


def find(data: bytes) -> MagicPacket | None:
    """Find the first magic packet at any position.

    The password has no mark of its own: exactly 4 or 6 bytes between the last repeat and the end of the data are one.
    """
    match = _PATTERN.search(data)
    if match is None:
        return None
    rest = len(data) - match.end()
    return MagicPacket(
        mac=bytes(match.group(1)),
        secureon_length=rest if rest in SECUREON_LENGTHS else 0,
        offset=match.start(),
    )


def ethernet_frame(source: bytes, destination: bytes, payload: bytes) -> bytes:
    """Put a magic packet into an Ethernet frame of its own EtherType, without frame check sequence."""
    return destination + source + ETHERTYPE_WAKE_ON_LAN.to_bytes(2, "big") + payload
