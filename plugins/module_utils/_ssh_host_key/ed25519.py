# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Verification of Ed25519 signatures after RFC 8032, section 5.1.7, without the cofactor, as OpenSSH does it. Pure."""

from __future__ import annotations

import hashlib

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.curve_points import sum_of_multiples

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_KEY_LENGTH, _SIGNATURE_LENGTH = 32, 64

_Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z
_NEUTRAL: _Point = (0, 1, 1, 0)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes) of `message` was made with the private key of `public` (32 bytes)."""
    if len(public) != _KEY_LENGTH or len(signature) != _SIGNATURE_LENGTH:
        return False
    key = _decompress(public)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    x, y, z, product = key
    minus_key = (-x % _P, y, z, -product % _P)
    commitment = sum_of_multiples(s, _BASE, h, minus_key, neutral=_NEUTRAL, add=_add, double=_double)
    return _compress(commitment) == signature[:32]


def _add(first: _Point, second: _Point) -> _Point:
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a = (y1 - x1) * (y2 - x2) % _P
    b = (y1 + x1) * (y2 + x2) % _P
    c = t1 * 2 * _D * t2 % _P
    d = z1 * 2 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _double(point: _Point) -> _Point:
    x, y, z, _product = point
    a, b = x * x % _P, y * y % _P
    h = a + b
    e = h - (x + y) ** 2 % _P
    g = a - b
    f = 2 * z * z % _P + g
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _compress(point: _Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(_KEY_LENGTH, "little")


def _decompress(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P != u:
        x = x * _SQRT_MINUS_ONE % _P
        if v * x * x % _P != u:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _base_point() -> _Point:
    point = _decompress((4 * pow(5, _P - 2, _P) % _P).to_bytes(_KEY_LENGTH, "little"))
    return _NEUTRAL if point is None else point


_BASE = _base_point()
