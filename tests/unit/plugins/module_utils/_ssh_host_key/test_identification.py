# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.identification import (
    IdentificationReader,
    NotSsh,
    shown,
)


@given(
    st.lists(st.from_regex(r"[A-RT-Za-z ]{0,60}", fullmatch=True), max_size=20),
    st.sampled_from(["\r\n", "\n"]),
    st.binary(max_size=40),
    st.integers(min_value=1, max_value=50),
)
def test_the_banner_is_found_however_the_bytes_come(lines: list[str], end: str, rest: bytes, size: int) -> None:
    data = "".join(line + end for line in [*lines, "SSH-2.0-OpenSSH_9.2p1 Debian"]).encode() + rest
    reader = IdentificationReader()
    for start in range(0, len(data), size):
        banner = reader.feed(data[start : start + size])
        if banner is not None:
            break
    assert banner == b"SSH-2.0-OpenSSH_9.2p1 Debian"
    assert rest.startswith(reader.rest)


def test_a_banner_without_its_line_end_is_not_there_yet() -> None:
    reader = IdentificationReader()
    assert reader.feed(b"SSH-2.0-x") is None
    assert reader.feed(b"\r") is None
    assert reader.feed(b"\n") == b"SSH-2.0-x"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x" * 8193, "no SSH banner"),
        (b"x\n" * 1025, "no SSH banner"),
        (b"y" * 100 + b"\n" + b"x" * 8100, "no SSH banner"),
        (b"SSH-2.0-" + b"x" * 300, "more than 255"),
        (b"SSH-1.5-old\n", "'SSH-1.5-old'"),
    ],
)
def test_what_is_no_ssh_server(data: bytes, words: str) -> None:
    with pytest.raises(NotSsh, match=words):
        IdentificationReader().feed(data)


def test_version_1_99_is_version_2() -> None:
    assert IdentificationReader().feed(b"SSH-1.99-Cisco-1.25\n") == b"SSH-1.99-Cisco-1.25"


def test_a_banner_is_shown_without_control_characters_and_short() -> None:
    assert shown(b"SSH-2.0-\x1b[31mred\xff") == "SSH-2.0-?[31mred?"
    assert len(shown(b"x" * 500)) == 80
