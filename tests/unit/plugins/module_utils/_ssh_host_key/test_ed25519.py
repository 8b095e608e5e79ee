# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import ed25519

L = 2**252 + 27742317777372353535851937790883648493
# Public key, message and signature of RFC 8032, section 7.1, tests 1 to 3.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
]
KEY, MESSAGE, SIGNATURE = (bytes.fromhex(part) for part in VECTORS[2])


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_vectors_of_rfc_8032(key: str, message: str, signature: str) -> None:
    assert ed25519.verify(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


@pytest.mark.parametrize("position", range(0, 64, 7))
def test_a_changed_signature_is_refused(position: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[position] ^= 1
    assert not ed25519.verify(KEY, MESSAGE, bytes(changed))


def test_another_message_or_key_is_refused() -> None:
    assert not ed25519.verify(KEY, MESSAGE + b"\0", SIGNATURE)
    assert not ed25519.verify(bytes.fromhex(VECTORS[0][0]), MESSAGE, SIGNATURE)


def test_a_second_form_of_the_same_signature_is_refused() -> None:
    number = int.from_bytes(SIGNATURE[32:], "little") + L
    assert not ed25519.verify(KEY, MESSAGE, SIGNATURE[:32] + number.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "key",
    [
        b"",
        KEY[:31],
        b"\xff" * 32,  # y is not below the prime
        (2).to_bytes(32, "little"),  # no x belongs to this y
        (1 | 1 << 255).to_bytes(32, "little"),  # x = 0 has no sign
    ],
)
def test_bytes_that_are_no_key_are_refused(key: bytes) -> None:
    assert not ed25519.verify(key, MESSAGE, SIGNATURE)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    assert not ed25519.verify(KEY, MESSAGE, (SIGNATURE + b"\0")[:length])
