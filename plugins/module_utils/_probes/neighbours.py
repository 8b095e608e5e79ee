# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Which MAC an address on link has, as the kernel's neighbour table knows it after an answer."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

from ansible_collections.lightsout.wake.plugins.module_utils._mac import format_mac
from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import neighbour_messages
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    Outcome,
    awake,
    impostor,
    unable,
    unknown,
)

_NETLINK_ROUTE = 0
_RECEIVE_BYTES = 1 << 18
_ANSWER_TIMEOUT = 1.0
_READ_AGAIN = 0.25
_NOT_THERE = (errno.ENOENT, errno.ENODEV)


class NeighbourTable:
    """The kernel's neighbour tables, asked over one socket. Its methods raise OSError."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
        self._sock.settimeout(_ANSWER_TIMEOUT)
        self._sock.bind((0, 0))

    def mac_of(self, family: int, interface_index: int, address: bytes) -> bytes:
        """The MAC, empty if the kernel knows none; kernels older than 5.0 are asked for the whole table."""
        self._sock.send(neighbour_messages.ask_for_one(family, interface_index, address))
        reply = neighbour_messages.parse_reply(self._sock.recv(_RECEIVE_BYTES))
        if reply.error in _NOT_THERE:
            return b""
        neighbours = self._all(family) if reply.error else reply.neighbours
        for neighbour in neighbours:
            if neighbour.interface_index == interface_index and neighbour.address == address:
                return neighbour.mac
        return b""

    def table_fulls(self) -> int:
        """How often a table of this kernel had no room for another neighbour since it started."""
        return sum(reply.table_fulls for reply in self._dump(neighbour_messages.ask_for_tables()))

    def close(self) -> None:
        self._sock.close()

    def _all(self, family: int) -> list[neighbour_messages.Neighbour]:
        replies = self._dump(neighbour_messages.ask_for_all(family))
        return [neighbour for reply in replies for neighbour in reply.neighbours]

    def _dump(self, question: bytes) -> Iterator[neighbour_messages.Reply]:
        self._sock.send(question)
        done = False
        while not done:
            reply = neighbour_messages.parse_reply(self._sock.recv(_RECEIVE_BYTES))
            if reply.error:
                raise OSError(reply.error, os.strerror(reply.error))
            yield reply
            done = reply.done


class Overflow:
    """Remembers when the kernel's neighbour table was last seen to have been full."""

    def __init__(self) -> None:
        self._table: NeighbourTable | None = None
        self._count = 0
        self._read_at = float("-inf")
        self._seen_at = float("-inf")

    def look(self, now: float) -> None:
        """Read the kernel's counter, unless that was done a moment ago."""
        if now - self._read_at < _READ_AGAIN:
            return
        try:
            self._table = self._table or NeighbourTable()
            count = self._table.table_fulls()
        except OSError:
            return
        if count != self._count and self._read_at != float("-inf"):
            self._seen_at = now
        self._count, self._read_at = count, now

    def since(self, began: float, now: float) -> bool:
        """Whether it was full at a moment after `began`."""
        self.look(now)
        return self._seen_at >= began

    def close(self) -> None:
        if self._table is not None:
            self._table.close()


def compare_mac(look: Look, seen: bytes, proof: str) -> Outcome:
    """Whether the MAC that answered is the one wanted."""
    wanted = look.probe.mac
    if seen != wanted:
        return impostor(
            f"{look.address.text} is another machine: the MAC {format_mac(seen)} answers for it, "
            f"not {format_mac(wanted)}."
        )
    return awake(f"{proof}, MAC {format_mac(seen)}")


def with_identity(look: Look, outcome: Outcome) -> Outcome:
    """An awake outcome, judged by the MAC that the kernel resolved for the address."""
    segment, address = look.segment, look.address
    if segment is None:
        return unable(
            f"{address.text} answers, but identity.mac can't be checked from here: the address is on no segment of "
            "this machine. Probe from a relay on its segment, or use identity.host_key."
        )
    try:
        table: NeighbourTable = look.desk.shared(("neighbours",), NeighbourTable)
        seen = table.mac_of(address.family, segment.interface_index, address.packed)
    except OSError as error:
        return unknown(f"{address.text} answers, but its MAC could not be read: {error.strerror or error}. Ask again.")
    if not seen:
        return unknown(f"{address.text} answers, but not by {segment.interface}: the kernel knows no MAC for it there.")
    return compare_mac(look, seen, outcome.proof)
