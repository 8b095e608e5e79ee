# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import base64

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.host_key import (
    KEY_TYPES,
    fingerprint,
    key_type,
    signature_algorithm,
    verify,
)
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.packets import (
    BadPacket,
    pack_number,
    pack_string,
)
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._ssh_host_key import rsa_key

# Made by ssh-keygen, and the fingerprint that it prints.
OPENSSH_BLOB = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIBm9e6t45iLkXRjw+/IVkach2kx7S1pI2UNQ1YG9LJYV")
OPENSSH_FINGERPRINT = "SHA256:b0qocCI/aqXgaKsHaHOXG53LFKkuKTT+QJZlKXNgd+4"

# RFC 8032, section 7.1, test 3
ED25519_MESSAGE = bytes.fromhex("af82")
ED25519_BLOB = pack_string(b"ssh-ed25519") + pack_string(
    bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
)
ED25519_SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
    "c027beceea1ec40a"
)
# RFC 6979, section A.2.5, with SHA-256 and the message "sample"
POINT = bytes.fromhex(
    "04"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
R = 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
S = 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8
ECDSA = b"ecdsa-sha2-nistp256"


def signature(algorithm: bytes, value: bytes) -> bytes:
    return pack_string(algorithm) + pack_string(value)


def ecdsa_blob(curve: bytes = b"nistp256") -> bytes:
    return pack_string(ECDSA) + pack_string(curve) + pack_string(POINT)


ED25519_SIGNED = signature(b"ssh-ed25519", ED25519_SIGNATURE)
ECDSA_SIGNED = signature(ECDSA, pack_number(R) + pack_number(S))


def test_the_fingerprint_is_the_one_that_openssh_prints() -> None:
    assert fingerprint(OPENSSH_BLOB) == OPENSSH_FINGERPRINT
    assert key_type(OPENSSH_BLOB) == "ssh-ed25519"


def test_a_fingerprint_never_has_padding() -> None:
    for number in range(20):
        shown = fingerprint(bytes((number,)))
        assert shown.startswith("SHA256:")
        assert len(shown) == len("SHA256:") + 43


def test_names_that_are_not_ascii_stay_readable() -> None:
    assert key_type(pack_string(b"ssh-\xff")) == "ssh-\ufffd"
    assert signature_algorithm(pack_string(b"rsa-sha2-512") + b"more") == "rsa-sha2-512"


@pytest.mark.parametrize(
    ("blob", "message", "signed"),
    [
        (ED25519_BLOB, ED25519_MESSAGE, ED25519_SIGNED),
        (ecdsa_blob(), b"sample", ECDSA_SIGNED),
        (rsa_key.PUBLIC_BLOB, b"sample", rsa_key.sign(b"sample", "rsa-sha2-512")),
        (rsa_key.PUBLIC_BLOB, b"sample", rsa_key.sign(b"sample", "rsa-sha2-256")),
    ],
    ids=("ed25519", "ecdsa", "rsa with sha2-512", "rsa with sha2-256"),
)
def test_a_signature_belongs_to_one_message(blob: bytes, message: bytes, signed: bytes) -> None:
    assert verify(blob, message, signed) is True
    assert verify(blob, message + b"\0", signed) is False


def renamed(signed: bytes, old: bytes, new: bytes) -> bytes:
    assert signed.startswith(pack_string(old))
    return pack_string(new) + signed[len(pack_string(old)) :]


@pytest.mark.parametrize(
    ("blob", "message", "signed"),
    [
        (ED25519_BLOB, ED25519_MESSAGE, signature(b"rsa-sha2-512", ED25519_SIGNATURE)),
        (rsa_key.PUBLIC_BLOB, b"sample", renamed(rsa_key.sign(b"sample"), b"rsa-sha2-512", b"rsa-sha2-256")),
        (rsa_key.PUBLIC_BLOB, b"sample", renamed(rsa_key.sign(b"sample"), b"rsa-sha2-512", b"ssh-rsa")),
        (rsa_key.PUBLIC_BLOB, b"sample", renamed(rsa_key.sign(b"sample"), b"rsa-sha2-512", b"ssh-ed25519")),
        (renamed(ED25519_BLOB, b"ssh-ed25519", b"ssh-dss"), ED25519_MESSAGE, ED25519_SIGNED),
        (renamed(ED25519_BLOB, b"ssh-ed25519", ECDSA), b"sample", ED25519_SIGNED),
    ],
    ids=("rsa of ed25519", "digest of another name", "sha-1", "ed25519 of rsa", "unknown type", "another type"),
)
def test_an_algorithm_that_is_not_of_the_key_signs_nothing(blob: bytes, message: bytes, signed: bytes) -> None:
    assert verify(blob, message, signed) is False


def test_sha_1_is_asked_for_by_nobody() -> None:
    assert "ssh-rsa" not in [name for names in KEY_TYPES.values() for name in names]


@pytest.mark.parametrize(
    ("blob", "signed", "sentence"),
    [
        (ecdsa_blob(b"nistp384"), ECDSA_SIGNED, "sent an ECDSA host key of another curve than it names."),
        (ecdsa_blob(), signature(ECDSA, pack_number(R)), "ends too early"),
        (ecdsa_blob(), signature(ECDSA, pack_number(R) + pack_string(b"\xff")), "negative number"),
        (ED25519_BLOB[:-1], ED25519_SIGNED, "ends too early"),
        (ED25519_BLOB, ED25519_SIGNED[:-1], "ends too early"),
        (pack_string(b"ssh-rsa"), rsa_key.sign(b""), "ends too early"),
        (b"", ED25519_SIGNED, "ends too early"),
        (ED25519_BLOB, b"\0\0", "ends too early"),
    ],
)
def test_blobs_that_are_none_are_told_apart_from_wrong_signatures(blob: bytes, signed: bytes, sentence: str) -> None:
    with pytest.raises(BadPacket, match=sentence):
        verify(blob, b"sample", signed)


def test_names_of_blobs_that_are_none() -> None:
    for take in (key_type, signature_algorithm):
        with pytest.raises(BadPacket, match="ends too early"):
            take(b"\0\0\0\7ssh")
