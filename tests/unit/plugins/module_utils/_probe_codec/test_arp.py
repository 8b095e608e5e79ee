# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import arp
from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec.arp import ArpReply

OUR_MAC, OUR_ADDRESS = bytes.fromhex("02005e0053fe"), bytes((192, 0, 2, 1))
THEIR_MAC, THEIR_ADDRESS = bytes.fromhex("02005e005301"), bytes((192, 0, 2, 17))
REQUEST = "0001080006040001" + "02005e0053fe" + "c0000201" + "000000000000" + "c0000211"
REPLY = "0001080006040002" + "02005e005301" + "c0000211" + "02005e0053fe" + "c0000201"


def test_the_request() -> None:
    assert arp.build_request(OUR_MAC, OUR_ADDRESS, THEIR_ADDRESS).hex() == REQUEST


@pytest.mark.parametrize("padding", ["", "00" * 18])
def test_the_reply_says_who_has_the_address(padding: str) -> None:
    assert arp.parse_reply(bytes.fromhex(REPLY + padding)) == ArpReply(THEIR_ADDRESS, THEIR_MAC)


@pytest.mark.parametrize(
    "data",
    [
        "",
        REPLY[:-2],
        REQUEST,
        REPLY.replace("0800", "86dd", 1),
        REPLY.replace("0001", "0006", 1),
        REPLY.replace("0604", "0804", 1),
        REPLY.replace("0604", "0606", 1),
    ],
)
def test_other_packets_are_no_reply(data: str) -> None:
    assert arp.parse_reply(bytes.fromhex(data)) is None
