# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import curve25519

values = st.binary(min_size=32, max_size=32)


def test_vector_of_rfc_7748() -> None:
    scalar = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    u = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    product = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    assert curve25519.shared_secret(scalar, u).hex() == product


def test_iterated_vector_of_rfc_7748() -> None:
    nine = b"\x09" + bytes(31)
    product = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert curve25519.shared_secret(nine, nine).hex() == product


@given(values, values)
def test_both_sides_agree(ours: bytes, theirs: bytes) -> None:
    here = curve25519.shared_secret(ours, curve25519.public_key(theirs))
    assert here == curve25519.shared_secret(theirs, curve25519.public_key(ours))
    assert any(here)


def test_a_point_of_low_order_gives_zero() -> None:
    assert curve25519.shared_secret(bytes(range(32)), bytes(32)) == bytes(32)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_value_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        curve25519.shared_secret(bytes(32), bytes(length))
