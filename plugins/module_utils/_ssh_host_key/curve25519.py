# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""X25519 after RFC 7748, section 5. Pure, and not in constant time: our side of the exchange protects no secret,
nobody logs in and nothing is ever encrypted with the result."""

from __future__ import annotations

LENGTH = 32

_P = 2**255 - 19
_A24 = 121665
_BASE = (9).to_bytes(LENGTH, "little")


def public_key(private: bytes) -> bytes:
    """The public value of 32 random bytes."""
    return shared_secret(private, _BASE)


def shared_secret(private: bytes, public: bytes) -> bytes:
    """X25519(private, public), 32 bytes. Raises ValueError for a value of another length."""
    if len(private) != LENGTH or len(public) != LENGTH:
        raise ValueError(f"An X25519 value has {LENGTH} bytes, not {len(public)}.")
    scalar = int.from_bytes(private, "little") & ((1 << 254) - 8) | (1 << 254)
    u = int.from_bytes(public, "little") & ((1 << 255) - 1)
    return _ladder(scalar, u % _P).to_bytes(LENGTH, "little")


def _ladder(scalar: int, x1: int) -> int:
    x2, z2, x3, z3 = 1, 0, x1, 1
    swapped = 0
    for position in range(254, -1, -1):
        bit = scalar >> position & 1
        if swapped != bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
            swapped = bit
        a, b = x2 + z2, x2 - z2
        da, cb = (x3 - z3) * a % _P, (x3 + z3) * b % _P
        aa, bb = a * a % _P, b * b % _P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % _P, x1 * ((da - cb) ** 2 % _P) % _P
        x2, z2 = aa * bb % _P, e * (aa + _A24 * e) % _P
    if swapped:
        x2, z2 = x3, z3
    return x2 * pow(z2, _P - 2, _P) % _P
