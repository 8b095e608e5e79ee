# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import (
    ETHERTYPE_WAKE_ON_LAN,
    InvalidSecureOn,
    MagicPacket,
    build,
    ethernet_frame,
    find,
    parse_secureon,
)

MAC = bytes.fromhex("02005e005301")

stations = st.binary(min_size=6, max_size=6).filter(lambda mac: not mac[0] & 1 and any(mac))
secureons = st.one_of(st.just(b""), st.binary(min_size=4, max_size=4), st.binary(min_size=6, max_size=6))


def slow_find(data: bytes) -> int:
    """The first offset of a magic packet by the letter of the specification, -1 without one."""
    for offset in range(len(data) - 101):
        mac = data[offset + 6 : offset + 12]
        is_station = not mac[0] & 1 and any(mac)
        if is_station and data[offset : offset + 102] == b"\xff" * 6 + mac * 16:
            return offset
    return -1


@given(stations, secureons)
def test_a_packet_is_six_ff_and_sixteen_repeats_and_the_password(mac: bytes, secureon: bytes) -> None:
    packet = build(mac, secureon)
    assert packet[:6] == b"\xff" * 6
    assert [packet[start : start + 6] for start in range(6, 102, 6)] == [mac] * 16
    assert packet[102:] == secureon
    assert len(packet) in (102, 106, 108)


@given(stations, secureons)
def test_a_packet_that_was_built_is_found(mac: bytes, secureon: bytes) -> None:
    assert find(build(mac, secureon)) == MagicPacket(mac, len(secureon), 0)


@given(st.binary(max_size=80), stations, secureons)
def test_a_packet_is_found_at_any_position(before: bytes, mac: bytes, secureon: bytes) -> None:
    data = before + build(mac, secureon)
    found = find(data)
    assert found is not None
    assert found.offset == slow_find(data)
    assert found.mac == mac


@given(st.lists(st.sampled_from([b"\xff", b"\xff" * 6, b"\0", MAC, MAC * 15, MAC * 16, b"\xfe"]), max_size=12))
def test_it_finds_what_the_specification_says_and_nothing_else(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    found = find(data)
    assert (found.offset if found else -1) == slow_find(data)


@given(st.integers(0, 101), st.integers(1, 255))
def test_a_packet_with_one_wrong_byte_is_no_packet_for_its_mac(position: int, change: int) -> None:
    packet = bytearray(build(MAC))
    packet[position] ^= change
    assert find(bytes(packet)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 200,
        b"\0" * 200,
        b"\xff" * 6 + b"\0" * 96,
        b"\xff" * 6 + bytes.fromhex("01005e000001") * 16,
        b"\xff" * 6 + MAC * 15,
        b"\xff" * 5 + MAC * 16,
        b"\xff" * 6 + MAC * 8 + b"\0" + MAC * 8,
        MAC * 16,
        b"",
    ],
)
def test_what_only_looks_like_a_packet_is_not_found(data: bytes) -> None:
    assert find(data) is None


def test_a_longer_run_of_ff_ends_where_the_mac_begins() -> None:
    assert find(b"\xff" * 9 + MAC * 16) == MagicPacket(MAC, 0, 3)


@pytest.mark.parametrize(("extra", "length"), [(0, 0), (1, 0), (4, 4), (5, 0), (6, 6), (7, 0), (24, 0)])
def test_only_four_or_six_bytes_at_the_end_are_a_password(extra: int, length: int) -> None:
    assert find(build(MAC) + b"\x5a" * extra) == MagicPacket(MAC, length, 0)


def test_twenty_repeats_as_some_senders_make_them_are_found() -> None:
    assert find(b"\xff" * 6 + MAC * 20) == MagicPacket(MAC, 0, 0)


@pytest.mark.parametrize("mac", [b"", MAC[:5], MAC + b"\0"])
def test_a_mac_of_another_length_is_refused(mac: bytes) -> None:
    with pytest.raises(InvalidMac, match=f"6 bytes, not {len(mac)}"):
        build(mac)


@pytest.mark.parametrize("length", [1, 3, 5, 7, 8])
def test_a_password_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidSecureOn, match="4 or 6 bytes"):
        build(MAC, b"\1" * length)


@pytest.mark.parametrize("text", ["0102030a", "01:02:03:0A", "01-02-03-0a", " 0102030A\n"])
def test_a_password_of_four_bytes_is_read(text: str) -> None:
    assert parse_secureon(text) == bytes.fromhex("0102030a")


@pytest.mark.parametrize("text", ["0102030a0b0c", "01:02:03:0a:0b:0c", "01-02-03-0A-0B-0C"])
def test_a_password_of_six_bytes_is_read(text: str) -> None:
    assert parse_secureon(text) == bytes.fromhex("0102030a0b0c")


@pytest.mark.parametrize(
    "text",
    ["", "secret", "010203", "01:02-03:04", "0102030405", "01:02:03:04:05:06:07", "01.02.03.04", "\u0660\u0661020304"],
)
def test_what_is_no_password_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidSecureOn) as caught:
        parse_secureon(text)
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_frame_has_the_ethertype_of_wake_on_lan() -> None:
    frame = ethernet_frame(b"\2" * 6, b"\xff" * 6, build(MAC))
    assert frame == b"\xff" * 6 + b"\2" * 6 + b"\x08\x42" + build(MAC)
    assert ETHERTYPE_WAKE_ON_LAN == 0x0842
