# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import struct

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import neighbour_messages
from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec.neighbour_messages import Neighbour

ADDRESS = bytes((10, 77, 0, 2))
MAC = bytes.fromhex("02005e005301")
REACHABLE, STALE, INCOMPLETE, FAILED, PERMANENT = 0x02, 0x04, 0x01, 0x20, 0x80


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def neighbour(state: int, *attributes: bytes) -> bytes:
    return message(28, struct.pack("=BxxxiHBB", 2, 7, state, 0, 1) + b"".join(attributes))


def test_questions() -> None:
    one = neighbour_messages.ask_for_one(2, 7, ADDRESS)
    assert one == struct.pack("=IHHII", len(one), 30, 1, 0, 0) + struct.pack("=BxxxiHBB", 2, 7, 0, 0, 0) + attribute(
        1, ADDRESS
    )
    assert struct.unpack_from("=IHH", neighbour_messages.ask_for_all(10)) == (28, 30, 0x301)
    assert struct.unpack_from("=IHH", neighbour_messages.ask_for_tables()) == (20, 66, 0x301)


@pytest.mark.parametrize("state", [REACHABLE, STALE, PERMANENT])
def test_an_entry_in_use(state: int) -> None:
    reply = neighbour_messages.parse_reply(neighbour(state, attribute(1, ADDRESS), attribute(2, MAC)))
    assert reply.neighbours == (Neighbour(7, ADDRESS, MAC),)
    assert (reply.error, reply.done) == (0, False)


@pytest.mark.parametrize("state", [INCOMPLETE, FAILED])
def test_an_entry_that_nobody_answered_for_is_none(state: int) -> None:
    assert not neighbour_messages.parse_reply(neighbour(state, attribute(1, ADDRESS), attribute(2, MAC))).neighbours


def test_an_entry_without_a_mac_is_none() -> None:
    assert not neighbour_messages.parse_reply(neighbour(REACHABLE, attribute(1, ADDRESS))).neighbours


def test_errors_and_ends_among_several_messages() -> None:
    entry = neighbour(STALE, attribute(1, ADDRESS), attribute(2, MAC))
    reply = neighbour_messages.parse_reply(entry + entry + message(3, bytes(4)))
    assert (len(reply.neighbours), reply.done) == (2, True)
    failed = neighbour_messages.parse_reply(message(2, struct.pack("=i", -errno.ENOENT) + bytes(16)))
    assert failed.error == errno.ENOENT


def test_how_often_tables_were_full() -> None:
    statistics = struct.pack("=11Q", *range(100, 111))
    table = message(64, struct.pack("=Bxxx", 2) + attribute(1, b"arp_cache\0") + attribute(7, statistics))
    other = message(64, struct.pack("=Bxxx", 10) + attribute(6, bytes(8)))
    assert neighbour_messages.parse_reply(table + other + table).table_fulls == 220


@pytest.mark.parametrize("data", [b"", b"\0" * 16, b"\1", neighbour(STALE, b"\2\0\1\0")])
def test_cut_messages_hold_nothing(data: bytes) -> None:
    assert not neighbour_messages.parse_reply(data).neighbours
