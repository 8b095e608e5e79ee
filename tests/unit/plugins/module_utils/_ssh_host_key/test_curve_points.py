# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.curve_points import sum_of_multiples

NUMBERS = st.integers(min_value=0, max_value=2**80)
PRIME = 2**61 - 1


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_it_is_right_in_any_group(first, p, second, q):
    total = sum_of_multiples(
        first, p % PRIME, second, q % PRIME,
        neutral=0, add=lambda one, other: (one + other) % PRIME, double=lambda one: 2 * one % PRIME,
    )  # fmt: skip
    assert total == (first * p + second * q) % PRIME
