# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Verification of RSASSA-PKCS1-v1_5 signatures (RFC 8017, section 8.2.2; in SSH: RFC 8332). Pure."""

from __future__ import annotations

import hashlib

_FEWEST_BITS, _MOST_BITS = 1024, 16384
_MOST_EXPONENT_BITS = 64
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def verify(modulus: int, exponent: int, message: bytes, signature: bytes, digest: str) -> bool:
    """Whether `signature` of `message` was made with the key; `digest` is sha256 or sha512."""
    if not _FEWEST_BITS <= modulus.bit_length() <= _MOST_BITS or exponent.bit_length() > _MOST_EXPONENT_BITS:
        return False
    length = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) > length or number >= modulus or exponent < 3:
        return False
    told = _DIGEST_INFO[digest] + hashlib.new(digest, message).digest()
    padding = b"\xff" * (length - len(told) - 3)
    return pow(number, exponent, modulus).to_bytes(length, "big") == b"\x00\x01" + padding + b"\x00" + told
