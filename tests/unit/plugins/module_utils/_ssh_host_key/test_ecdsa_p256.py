# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import ecdsa_p256

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# Key and signatures of RFC 6979, section A.2.5, with SHA-256.
KEY = bytes.fromhex(
    "04"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
SAMPLE = (
    0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)
TEST = (
    0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
    0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
)


@pytest.mark.parametrize(("message", "signature"), [(b"sample", SAMPLE), (b"test", TEST)])
def test_vectors_of_rfc_6979(message: bytes, signature: tuple[int, int]) -> None:
    assert ecdsa_p256.verify(KEY, message, *signature)


@pytest.mark.parametrize(
    ("message", "r", "s"),
    [
        (b"Sample", *SAMPLE),
        (b"sample", *TEST),
        (b"sample", SAMPLE[0] ^ 1, SAMPLE[1]),
        (b"sample", SAMPLE[0], SAMPLE[1] ^ 1),
        (b"sample", SAMPLE[0] + N, SAMPLE[1]),
        (b"sample", SAMPLE[0], SAMPLE[1] + N),
        (b"sample", 0, SAMPLE[1]),
        (b"sample", SAMPLE[0], 0),
        (b"sample", 0, 0),
    ],
)
def test_other_signatures_are_refused(message: bytes, r: int, s: int) -> None:
    assert not ecdsa_p256.verify(KEY, message, r, s)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        KEY[:-1],
        b"\x02" + KEY[1:33],
        b"\x05" + KEY[1:],
        KEY[:-1] + bytes((KEY[-1] ^ 1,)),
        b"\x04" + bytes(64),
        b"\x04" + b"\xff" * 64,
    ],
)
def test_bytes_that_are_no_point_of_the_curve_are_refused(key: bytes) -> None:
    assert not ecdsa_p256.verify(key, b"sample", *SAMPLE)
