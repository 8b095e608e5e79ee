# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import icmp_echo
from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec.icmp_echo import EchoReply

shorts = st.integers(min_value=0, max_value=65535)


@given(shorts, shorts, st.binary(max_size=65))
def test_the_checksum_makes_the_sum_of_all_words_vanish(identifier: int, sequence: int, payload: bytes) -> None:
    assert icmp_echo.checksum(icmp_echo.build_request(4, identifier, sequence, payload)) == 0


def test_a_request_of_version_4() -> None:
    # type 8, code 0, identifier 1, sequence 9 and the letters a to w: the request of Windows' ping.
    payload = b"abcdefghijklmnopqrstuvwabcdefghi"
    assert icmp_echo.build_request(4, 1, 9, payload).hex() == "08004d5200010009" + payload.hex()


def test_a_request_of_version_6_leaves_the_checksum_to_the_kernel() -> None:
    assert icmp_echo.build_request(6, 0x1234, 7, b"x").hex() == "80000000" + "12340007" + "78"


@given(st.sampled_from([(4, 0), (6, 129)]), shorts, shorts, st.binary(max_size=40))
def test_a_reply(kind: tuple[int, int], identifier: int, sequence: int, payload: bytes) -> None:
    version, type_of_reply = kind
    body = identifier.to_bytes(2, "big") + sequence.to_bytes(2, "big") + payload
    data = bytes((type_of_reply, 0, 0, 0)) + body
    expected = EchoReply(identifier, sequence, payload)
    assert icmp_echo.parse_reply(version, data, with_ip_header=False) == expected
    with_options = b"\x46" + bytes(23)
    assert icmp_echo.parse_reply(version, with_options + data, with_ip_header=True) == expected


@pytest.mark.parametrize("data", ["", "00", "00000000000000", "0300fcff00000000", "0800f7ff00000000"])
def test_other_messages_are_no_reply(data: str) -> None:
    message = bytes.fromhex(data)
    assert icmp_echo.parse_reply(4, message, with_ip_header=False) is None


def test_a_cut_ip_header_is_no_reply() -> None:
    assert icmp_echo.parse_reply(4, b"\x45\0\0", with_ip_header=True) is None
    assert icmp_echo.parse_reply(4, b"", with_ip_header=True) is None
