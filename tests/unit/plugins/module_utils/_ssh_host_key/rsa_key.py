# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An RSA key to sign with, of two Mersenne primes: whoever knows that knows its private half."""

from __future__ import annotations

import hashlib

_P, _Q = 2**521 - 1, 2**607 - 1
MODULUS, EXPONENT = _P * _Q, 65537
_PRIVATE = pow(EXPONENT, -1, (_P - 1) * (_Q - 1))
# The beginnings of DigestInfo in RFC 8017, section 9.2, note 1.
_DIGEST_INFO = {
    "rsa-sha2-256": ("sha256", "3031300d060960864801650304020105000420"),
    "rsa-sha2-512": ("sha512", "3051300d060960864801650304020305000440"),
}


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _number(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


PUBLIC_BLOB = _string(b"ssh-rsa") + _number(EXPONENT) + _number(MODULUS)


def sign(message: bytes, algorithm: str = "rsa-sha2-512") -> bytes:
    """The signature blob of SSH (RFC 8332, section 3)."""
    digest, information = _DIGEST_INFO[algorithm]
    told = bytes.fromhex(information) + hashlib.new(digest, message).digest()
    length = (MODULUS.bit_length() + 7) // 8
    padded = b"\0\1" + b"\xff" * (length - len(told) - 3) + b"\0" + told
    signature = pow(int.from_bytes(padded, "big"), _PRIVATE, MODULUS).to_bytes(length, "big")
    return _string(algorithm.encode("ascii")) + _string(signature)
