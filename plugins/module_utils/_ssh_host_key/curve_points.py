# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Sums of multiples of points, on any curve whose addition is handed in. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

_Point = t.TypeVar("_Point")


def sum_of_multiples(
    first: int,
    p: _Point,
    second: int,
    q: _Point,
    *,
    neutral: _Point,
    add: Callable[[_Point, _Point], _Point],
    double: Callable[[_Point], _Point],
) -> _Point:
    """Return first * p + second * q, both bits of a position at once (Shamir's trick). Not in constant time."""
    addends = (neutral, p, q, add(p, q))
    result = neutral
    for position in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        result = double(result)
        choice = (first >> position & 1) | (second >> position & 1) << 1
        if choice:
            result = add(result, addends[choice])
    return result
