# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils import _netlink_messages as netlink

VALUES = st.binary(max_size=30)


def padded(data):
    return data + bytes(-len(data) % 4)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), VALUES), max_size=5))
def test_messages_come_back(given_messages):
    data = b"".join(padded(netlink.message(kind, 1, body)) for kind, body in given_messages)
    assert list(netlink.messages(data)) == given_messages


@given(st.dictionaries(st.integers(0, 0x3FFF), VALUES, max_size=5))
def test_attributes_come_back(given_attributes):
    data = b"".join(padded(netlink.attribute(kind, value)) for kind, value in given_attributes.items())
    assert netlink.attributes(data) == given_attributes


def test_the_flag_bits_of_a_type_are_left_out():
    assert netlink.attributes(netlink.attribute(0x8000 | 0x4000 | 5, b"abc")) == {5: b"abc"}


def test_the_header_is_that_of_linux():
    assert (
        netlink.message(18, netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP, b"x")
        == struct.pack("=IHHII", 17, 18, 0x301, 0, 0) + b"x"
    )


@given(st.binary(max_size=60))
def test_anything_is_read_to_its_end(data):
    list(netlink.messages(data))
    netlink.attributes(data)


def test_a_length_that_is_too_short_ends_it():
    assert list(netlink.messages(bytes(32))) == []
    assert netlink.attributes(bytes(32)) == {}
