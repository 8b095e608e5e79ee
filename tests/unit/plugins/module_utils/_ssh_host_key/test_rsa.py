# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import rsa

# Made with OpenSSL: a key of 2048 bits and its signatures of MESSAGE.
EXPONENT = 65537
MESSAGE = b"a message"
MODULUS = int(
    "bb08e52634381a438f38c7b6012b2228e9db5c9bbd0c81aad12fe20b24360319d3501ff8378f61fe1140aea62ab81d07"
    "a4389993b53bc30be280b3982eb00e71642871197c0788712b44230a8173a52b39f69a6ed6e9d14b5e2abafbe26ad951"
    "3ca820423e6d5e80dfac1a2f4f45c88e7b94db4c3a6755a8a5f80583c523aab842927afbd82dcc73695f99a652d686ae"
    "b89ad054992e0f5d3ed5175f3824c3a9b0aa6e21f9ed5f5d0169f419ec0404b78411dc1cdb3b5e3360580d8ce5a5521a"
    "fcbc6cd718d47f29dd3724fe635be2c8337314d6562ef42530e39120f8dc6027cf70cc3509c4a61a0235b7d30ed0b6c4"
    "1266176bcf4d03eebce6cf9b5514d055",
    16,
)
SIGNATURES = {
    "sha256": bytes.fromhex(
        "030826cd01cb1e6ea43ca0deb486451765a74058f078ddad54a7c28c0d2a351332e4692cedc1c9b600a6f24833e3d272"
        "f4f3acd215e7da4d6460609921017ab9c49ef2bd16d4c8d1ecfdc0542f4aa0029eb5a63b857c1584bf0738c4fb5d5872"
        "fd7b5dcdf723703b44afa3edd1ef973a623095a955cebcd51cccb6e11975bfee98a9f951225316d1424a6b1e36eb8f26"
        "05c748a41ad4995cd7e65e7038e4054d31885f4382cb2bc2332b3b354a4bb0318fcc96d5fa9ae2a1b6fbcec1a85bb268"
        "34fafc25859cbc1b8188b40935ddde9cb4d72a0ffe6fb8c7e2603bc0f524fe9bd3da4deb6add87975ed1f94b088cc4b5"
        "34ee28c1a23610c8897f454ddb207d77"
    ),
    "sha512": bytes.fromhex(
        "25e89bb0ac52ff6d3f58e0995947905641e25e20c72cb1df148b03dead086d14b80ec21b2147229a3a17350f8b13d66d"
        "b1d821cb53ab55426553aa5574a9e9a2ef41a70ec932b07180cb143048270b2499d57b171271a0c97cbf71e0331f1ec6"
        "0a742fa13f67b77d84da4b4b52f4fdd774a2d8eb73732079d8edd61b970cd64c98c4de845792fb9c28033587ead6af7d"
        "a2f5dd59c13ac15e23b47bc5779f46ab7ec08584455ea0196926fbe0f3f1caf4e00d55566c94f017b363ed44ef767bcb"
        "cd9ca194dc72c09aa513975f481020a5a45a4a2530d62bb78fabc972e48cdfc7a508102440db49a0f817b9546c3b3616"
        "9a7794b43a13910a543d8a02740eb00c"
    ),
}


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_signatures_of_openssl(digest: str) -> None:
    assert rsa.verify(MODULUS, EXPONENT, MESSAGE, SIGNATURES[digest], digest)


@pytest.mark.parametrize(
    ("modulus", "exponent", "message", "signature"),
    [
        (MODULUS, EXPONENT, b"A message", SIGNATURES["sha256"]),
        (MODULUS, EXPONENT, MESSAGE, SIGNATURES["sha512"]),
        (MODULUS, EXPONENT, MESSAGE, SIGNATURES["sha256"][:-1]),
        (MODULUS, EXPONENT, MESSAGE, SIGNATURES["sha256"] + b"\0"),
        (MODULUS, EXPONENT, MESSAGE, b""),
        (MODULUS, 3, MESSAGE, SIGNATURES["sha256"]),
        (MODULUS, 1, MESSAGE, SIGNATURES["sha256"]),
        (MODULUS, 2**64 + 1, MESSAGE, SIGNATURES["sha256"]),
        (MODULUS + 2, EXPONENT, MESSAGE, SIGNATURES["sha256"]),
        (2**1022 + 1, EXPONENT, MESSAGE, b"\1"),
        (2**16384 + 1, EXPONENT, MESSAGE, b"\1"),
        (0, EXPONENT, MESSAGE, b""),
    ],
    ids=(
        "another message",
        "another digest",
        "cut",
        "longer",
        "none",
        "another exponent",
        "exponent 1",
        "huge exponent",
        "another modulus",
        "small modulus",
        "huge modulus",
        "no modulus",
    ),
)
def test_other_signatures_and_keys_are_refused(modulus: int, exponent: int, message: bytes, signature: bytes) -> None:
    assert not rsa.verify(modulus, exponent, message, signature, "sha256")


def test_a_signature_not_below_the_modulus_is_refused() -> None:
    number = int.from_bytes(SIGNATURES["sha256"], "big") + MODULUS
    if number.bit_length() <= 2048:
        assert not rsa.verify(MODULUS, EXPONENT, MESSAGE, number.to_bytes(256, "big"), "sha256")


def test_the_plain_padded_digest_is_no_signature() -> None:
    padded = pow(int.from_bytes(SIGNATURES["sha256"], "big"), EXPONENT, MODULUS).to_bytes(256, "big")
    assert padded.startswith(b"\0\1\xff")
    assert not rsa.verify(MODULUS, EXPONENT, MESSAGE, padded, "sha256")
