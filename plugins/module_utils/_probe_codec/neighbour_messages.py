# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Questions about the kernel's neighbour table as bytes of rtnetlink (linux/neighbour.h, rtnetlink(7)). Pure."""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._netlink_messages import (
    ERROR,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    attribute,
    attributes,
    message,
    messages,
)

_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_RTM_NEWNEIGH, _RTM_GETNEIGH, _RTM_NEWNEIGHTBL, _RTM_GETNEIGHTBL = 28, 30, 64, 66
_NDA_DST, _NDA_LLADDR = 1, 2
_TABLE = struct.Struct("=Bxxx")
_NDTA_STATS = 7
_TABLE_FULLS = struct.Struct("=80xQ")  # struct ndt_stats: ndts_table_fulls is the eleventh of its 64-bit numbers
_VALID_STATES = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80  # reachable, stale, delay, probe, noarp, permanent


class Neighbour(t.NamedTuple):
    """An entry with a link-layer address in use."""

    interface_index: int
    address: bytes
    mac: bytes


class Reply(t.NamedTuple):
    """What a datagram of the kernel held; `error` is an errno, `done` says that a dump is over.

    `table_fulls` counts how often a table had no room left, as far as the datagram holds statistics.
    """

    neighbours: tuple[Neighbour, ...]
    error: int
    done: bool
    table_fulls: int


def ask_for_one(family: int, interface_index: int, address: bytes) -> bytes:
    """The question for one entry (Linux 5.0 and newer)."""
    wanted = attribute(_NDA_DST, address)
    return message(_RTM_GETNEIGH, NLM_F_REQUEST, _NEIGHBOUR.pack(family, interface_index, 0, 0, 0) + wanted)


def ask_for_all(family: int) -> bytes:
    """The question for all entries of an address family."""
    return message(_RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, _NEIGHBOUR.pack(family, 0, 0, 0, 0))


def ask_for_tables() -> bytes:
    """The question for the tables of all address families and their statistics."""
    return message(_RTM_GETNEIGHTBL, NLM_F_REQUEST | NLM_F_DUMP, _TABLE.pack(0))


def parse_reply(data: bytes) -> Reply:
    neighbours: list[Neighbour] = []
    error, done, table_fulls = 0, False, 0
    for kind, body in messages(data):
        if kind == NLMSG_ERROR:
            error = -ERROR.unpack_from(body)[0]
        elif kind == NLMSG_DONE:
            done = True
        elif kind == _RTM_NEWNEIGHTBL:
            statistics = attributes(body[_TABLE.size :]).get(_NDTA_STATS, b"")
            if len(statistics) >= _TABLE_FULLS.size:
                table_fulls += _TABLE_FULLS.unpack_from(statistics)[0]
        elif kind == _RTM_NEWNEIGH:
            neighbour = _parse_neighbour(body)
            if neighbour is not None:
                neighbours.append(neighbour)
    return Reply(tuple(neighbours), error, done, table_fulls)


def _parse_neighbour(body: bytes) -> Neighbour | None:
    _family, index, state, _flags, _type = _NEIGHBOUR.unpack_from(body)
    found = attributes(body[_NEIGHBOUR.size :])
    mac = found.get(_NDA_LLADDR, b"")
    if not state & _VALID_STATES or not mac:
        return None
    return Neighbour(index, found.get(_NDA_DST, b""), mac)
