# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Verification of ECDSA signatures with NIST P-256 and SHA-256 (FIPS 186-4, section 6.4; RFC 5656). Pure."""

from __future__ import annotations

import hashlib

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.curve_points import sum_of_multiples

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G_X = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_G_Y = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
_COORDINATE = 32
_UNCOMPRESSED = b"\x04"

_Point = tuple[int, int, int]  # Jacobian: x = X/Z^2, y = Y/Z^3; Z = 0 is the point at infinity
_INFINITY: _Point = (1, 1, 0)


def verify(public: bytes, message: bytes, r: int, s: int) -> bool:
    """Whether (r, s) signs `message` with the key whose uncompressed point (65 bytes) is `public`."""
    key = _decode_point(public)
    if key is None or not (0 < r < _N and 0 < s < _N):
        return False
    e = int.from_bytes(hashlib.sha256(message).digest(), "big")
    w = pow(s, _N - 2, _N)
    x, _y, z = sum_of_multiples(
        e * w % _N, (_G_X, _G_Y, 1), r * w % _N, key, neutral=_INFINITY, add=_add, double=_double
    )
    if z == 0:
        return False
    return x * pow(z, _P - 3, _P) % _P % _N == r


def _decode_point(data: bytes) -> _Point | None:
    if len(data) != 1 + 2 * _COORDINATE or data[:1] != _UNCOMPRESSED:
        return None
    x = int.from_bytes(data[1 : 1 + _COORDINATE], "big")
    y = int.from_bytes(data[1 + _COORDINATE :], "big")
    if x >= _P or y >= _P or (y * y - x * x * x + 3 * x - _B) % _P:
        return None
    return (x, y, 1)


def _double(point: _Point) -> _Point:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    square = y * y % _P
    s = 4 * x * square % _P
    z2 = z * z % _P
    m = 3 * (x - z2) * (x + z2) % _P
    x3 = (m * m - 2 * s) % _P
    return (x3, (m * (s - x3) - 8 * square * square) % _P, 2 * y * z % _P)


def _add(first: _Point, second: _Point) -> _Point:
    x1, y1, z1 = first
    x2, y2, z2 = second
    if z1 == 0:
        return second
    if z2 == 0:
        return first
    z1z1, z2z2 = z1 * z1 % _P, z2 * z2 % _P
    u1, u2 = x1 * z2z2 % _P, x2 * z1z1 % _P
    s1, s2 = y1 * z2 * z2z2 % _P, y2 * z1 * z1z1 % _P
    h, r = (u2 - u1) % _P, (s2 - s1) % _P
    if h == 0:
        return _double(first) if r == 0 else _INFINITY
    h2 = h * h % _P
    h3, v = h * h2 % _P, u1 * h2 % _P
    x3 = (r * r - h3 - 2 * v) % _P
    return (x3, (r * (v - x3) - s1 * h3) % _P, h * z1 * z2 % _P)
