# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._mac import (
    InvalidMac,
    format_mac,
    parse_hardware_address,
    parse_mac,
)

stations = st.binary(min_size=6, max_size=6).filter(lambda mac: not mac[0] & 1 and any(mac))


def grouped(mac: bytes, size: int, separator: str) -> str:
    digits = mac.hex()
    return separator.join(digits[start : start + size] for start in range(0, 12, size))


@given(stations, st.sampled_from([(2, ":"), (2, "-"), (2, "."), (4, "."), (4, "-"), (6, "-"), (12, "")]), st.booleans())
def test_every_usual_spelling_of_a_station_is_read(mac: bytes, style: tuple[int, str], upper: bool) -> None:
    text = grouped(mac, *style)
    assert parse_mac(f" {text.upper() if upper else text}\n") == mac


@given(stations)
def test_what_is_written_is_read_back(mac: bytes) -> None:
    assert parse_mac(format_mac(mac)) == mac


def test_a_mac_is_written_in_lower_case_with_colons() -> None:
    assert format_mac(bytes.fromhex("02005E0053AB")) == "02:00:5e:00:53:ab"


@given(st.text().filter(lambda text: sum(character in "0123456789abcdefABCDEF" for character in text) != 12))
def test_a_text_without_twelve_digits_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(InvalidMac) as caught:
        parse_mac(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:00:5e:00:53",
        "02:00:5e:00:53:01:02",
        "02:00:5e:00:53:0g",
        "02:00-5e:00:53:01",
        "0200.5e00-5301",
        "2:0:5e:0:53:1",
        "02005e00530",
        "02005e0053011",
        "02:00:5e:00:53:01 02:00:5e:00:53:02",
        "0x02005e005301",
        "\u0660\u0662:00:5e:00:53:01",
        "02:00:5e:00:53:01\x00",
    ],
)
def test_what_is_no_mac_is_refused(text: str) -> None:
    with pytest.raises(InvalidMac, match="is not a MAC address"):
        parse_mac(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ff:ff:ff:ff:ff:ff", "broadcast"),
        ("01:00:5e:00:00:01", "multicast"),
        ("33-33-00-00-00-01", "multicast"),
        ("000000000000", "all zeros"),
    ],
)
def test_an_address_of_no_single_station_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidMac, match=reason) as caught:
        parse_mac(text)
    assert text in str(caught.value)


def test_a_number_that_yaml_made_of_an_unquoted_address_gets_a_hint() -> None:
    with pytest.raises(InvalidMac, match="put the address in quotes"):
        parse_mac("8041506455")
    with pytest.raises(InvalidMac) as caught:
        parse_mac("02:00:5e:00:53")
    assert "quotes" not in str(caught.value)


def test_a_hardware_address_may_be_a_group_address() -> None:
    assert parse_hardware_address("FF-FF-FF-FF-FF-FF") == b"\xff" * 6
    assert parse_hardware_address("3333.0000.0001") == bytes.fromhex("333300000001")
