# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""MAC addresses between text and bytes."""

from __future__ import annotations

import re

_SPELLING = re.compile(
    r"""
      [0-9A-F]{12}                                         # 02005e005301
    | [0-9A-F]{2} (?P<pairs>[:.-]) [0-9A-F]{2} (?:(?P=pairs) [0-9A-F]{2}){4}    # 02:00:5e:00:53:01
    | [0-9A-F]{4} (?P<quads>[:.-]) [0-9A-F]{4} (?P=quads) [0-9A-F]{4}           # 0200.5e00.5301
    | [0-9A-F]{6} [:.-] [0-9A-F]{6}                        # 02005e-005301
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_SEPARATORS = str.maketrans("", "", ":.-")
_GROUP_BIT = 0x01


class InvalidMac(ValueError):
    """A text that is not the MAC address of one network interface. The message is a sentence with the text."""


def parse_hardware_address(text: str) -> bytes:
    """Read any 48-bit hardware address, group addresses and broadcast included, as 6 bytes.

    Colons, dashes, Cisco dots and bare hexadecimal are understood, in any case, with blanks around.
    Raises InvalidMac.
    """
    stripped = text.strip()
    if not _SPELLING.fullmatch(stripped):
        hint = ""
        if stripped.isdigit() and len(stripped) < 12:
            hint = " (YAML reads digits with colons as a number: put the address in quotes)"
        raise InvalidMac(f"{text!r} is not a MAC address such as 02:00:5e:00:53:01{hint}")
    return bytes.fromhex(stripped.translate(_SEPARATORS))


def parse_mac(text: str) -> bytes:
    """Read the MAC address of one interface as 6 bytes. Raises InvalidMac, also for group and all-zero addresses."""
    mac = parse_hardware_address(text)
    if mac == b"\xff" * 6:
        raise InvalidMac(f"{text!r} is the broadcast address, not the MAC address of an interface")
    if mac[0] & _GROUP_BIT:
        raise InvalidMac(f"{text!r} is a multicast address, not the MAC address of an interface")
    if not any(mac):
        raise InvalidMac(f"{text!r} is all zeros, not the MAC address of an interface")
    return mac


def format_mac(mac: bytes) -> str:
    """Write 6 bytes as lower-case hexadecimal with colons."""
    return mac.hex(":")
