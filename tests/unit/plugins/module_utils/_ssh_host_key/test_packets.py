# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import packets


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=50))
def test_packets_are_taken_as_they_were_packed(payload: bytes, after: bytes) -> None:
    packet = packets.pack_packet(payload)
    assert len(packet) % 8 == 0
    assert packet[4] >= 4
    assert packets.take_packet(packet + after) == (payload, after)
    for end in (0, 4, 5, len(packet) - 1):
        assert packets.take_packet(packet[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400",
        b"\0\0\0\0\0",  # no room for the length of the padding
        b"\0\0\0\5\4",  # nothing but padding
        b"\0\4\0\1\4",  # longer than any packet may be
    ],
)
def test_bytes_that_are_no_packet(data: bytes) -> None:
    with pytest.raises(packets.BadPacket, match="no SSH packet"):
        packets.take_packet(data)


@given(st.integers(min_value=0, max_value=2**300))
def test_numbers(number: int) -> None:
    packed = packets.pack_number(number)
    assert packets.Reader(packed).number() == number


@pytest.mark.parametrize(
    ("number", "packed"),
    [
        (0, "00000000"),
        (0x80, "000000020080"),
        (0x9A378F9B2E332A7, "0000000809a378f9b2e332a7"),
    ],
)
def test_numbers_of_rfc_4251(number: int, packed: str) -> None:
    assert packets.pack_number(number).hex() == packed


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(packets.BadPacket, match="negative"):
        packets.Reader(packets.pack_string(b"\x80")).number()


def test_a_string_that_ends_too_early_is_refused() -> None:
    with pytest.raises(packets.BadPacket, match="too early"):
        packets.Reader(b"\0\0\0\4abc").string()


names = st.lists(st.from_regex(r"[a-z0-9@.-]{1,20}", fullmatch=True), max_size=4).map(tuple)


@given(st.binary(min_size=16, max_size=16), st.lists(names, min_size=10, max_size=10).map(tuple))
def test_kexinit(cookie: bytes, lists: tuple[tuple[str, ...], ...]) -> None:
    kexinit = packets.KexInit(cookie, lists)
    assert packets.parse_kexinit(kexinit.build()) == kexinit
    assert (kexinit.exchanges, kexinit.host_keys) == lists[:2]
    with pytest.raises(packets.BadPacket):
        packets.parse_kexinit(kexinit.build()[:40])


def test_disconnect() -> None:
    taken = packets.take_packet(packets.disconnect("enough"))
    assert taken is not None
    assert taken[0][:5] == b"\1\0\0\0\x0b"
    assert packets.parse_disconnect(taken[0]) == "enough"
