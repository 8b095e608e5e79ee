# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import socket
import struct
import types

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import neighbours
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.neighbours import (
    NeighbourTable,
    Overflow,
    compare_mac,
    with_identity,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    IMPOSTOR,
    UNABLE,
    UNKNOWN,
    Outcome,
    awake,
)
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import SEGMENT, Room, probe

MAC = bytes.fromhex("02005e005301")
OTHER_MAC = bytes.fromhex("02005e0053ff")
ADDRESS = socket.inet_aton("192.0.2.17")
EAST, WEST = 7, 8
# linux/rtnetlink.h, linux/neighbour.h
NLMSG_ERROR, NLMSG_DONE, RTM_NEWNEIGH, RTM_NEWNEIGHTBL, RTM_GETNEIGH, RTM_GETNEIGHTBL = 2, 3, 28, 64, 30, 66
NLM_F_DUMP = 0x300
NUD_REACHABLE = 2


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def entry(address: bytes = ADDRESS, index: int = EAST, mac: bytes = MAC) -> bytes:
    head = struct.pack("=BxxxiHBB", socket.AF_INET, index, NUD_REACHABLE, 0, 0)
    return message(RTM_NEWNEIGH, head + attribute(1, address) + attribute(2, mac))


def table(fulls: int) -> bytes:
    return message(RTM_NEWNEIGHTBL, b"\2\0\0\0" + attribute(7, struct.pack("=80xQ", fulls)))


def refusal(code: int) -> bytes:
    return message(NLMSG_ERROR, struct.pack("=i", -code) + bytes(16))


DONE = message(NLMSG_DONE, bytes(4))


class Kernel:
    """Answers questions with datagrams made beforehand, one list for each question."""

    def __init__(self) -> None:
        self.answers: list[list[bytes]] = []
        self.asked: list[tuple[int, int]] = []
        self.opened = 0
        self.closed = 0
        self.refused = 0
        self._due: list[bytes] = []

    def open(self, *arguments: int) -> Kernel:
        if self.refused:
            raise OSError(self.refused, "refused")
        self.opened += 1
        return self

    def settimeout(self, seconds: float) -> None:
        assert 0 < seconds <= 5

    def bind(self, address: tuple[int, int]) -> None:
        assert address == (0, 0)

    def send(self, question: bytes) -> int:
        _length, kind, flags, _sequence, _port = struct.unpack_from("=IHHII", question)
        self.asked.append((kind, flags & NLM_F_DUMP))
        self._due += self.answers.pop(0)
        return len(question)

    def recv(self, size: int) -> bytes:
        if not self._due:
            raise socket.timeout("timed out")
        return self._due.pop(0)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(neighbours, "socket", types.SimpleNamespace(**{**vars(socket), "socket": made.open}))
    return made


def mac_of(kernel: Kernel, *answers: list[bytes]) -> bytes:
    kernel.answers += answers
    return NeighbourTable().mac_of(socket.AF_INET, EAST, ADDRESS)


def test_one_entry_is_asked_for_and_found(kernel: Kernel) -> None:
    assert mac_of(kernel, [entry()]) == MAC
    assert kernel.asked == [(RTM_GETNEIGH, 0)]


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENODEV])
def test_no_entry_and_no_interface_are_no_mac(kernel: Kernel, code: int) -> None:
    assert mac_of(kernel, [refusal(code)]) == b""


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL])
def test_older_kernels_are_asked_for_the_whole_table(kernel: Kernel, code: int) -> None:
    noise = entry(socket.inet_aton("192.0.2.18"), mac=OTHER_MAC) + entry(index=WEST, mac=OTHER_MAC)
    assert mac_of(kernel, [refusal(code)], [noise, entry(), DONE]) == MAC
    assert kernel.asked == [(RTM_GETNEIGH, 0), (RTM_GETNEIGH, NLM_F_DUMP)]


def test_a_table_without_the_address_has_no_mac(kernel: Kernel) -> None:
    assert mac_of(kernel, [refusal(errno.EINVAL)], [entry(index=WEST) + DONE]) == b""


def test_a_whole_table_that_is_refused_is_an_error_in_words(kernel: Kernel) -> None:
    with pytest.raises(PermissionError, match="Operation not permitted"):
        mac_of(kernel, [refusal(errno.EINVAL)], [refusal(errno.EPERM)])


def test_no_answer_is_an_error_in_time(kernel: Kernel) -> None:
    with pytest.raises(OSError, match="timed out"):
        mac_of(kernel, [])
    with pytest.raises(OSError, match="timed out"):
        mac_of(kernel, [refusal(errno.EINVAL)], [entry()])


def test_how_often_tables_were_full_is_summed_over_all_of_them(kernel: Kernel) -> None:
    kernel.answers.append([table(3) + table(0), table(4), DONE])
    assert NeighbourTable().table_fulls() == 7
    assert kernel.asked == [(RTM_GETNEIGHTBL, NLM_F_DUMP)]


def test_this_kernel_answers_without_privileges() -> None:
    opened = NeighbourTable()
    loopback = socket.if_nametoindex("lo")
    assert opened.mac_of(socket.AF_INET, loopback, socket.inet_aton("127.0.0.99")) == b""
    assert opened.table_fulls() >= 0
    opened.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        opened.table_fulls()


def test_an_overflow_is_seen_by_the_counter_going_up(kernel: Kernel) -> None:
    kernel.answers += [[table(5) + DONE], [table(5) + DONE], [table(6) + DONE], [table(6) + DONE]]
    overflow = Overflow()
    overflow.look(10.0)
    assert not overflow.since(0.0, 11.0)
    assert overflow.since(11.0, 12.0)
    assert overflow.since(12.0, 13.0)
    assert not overflow.since(12.5, 13.1)
    assert kernel.opened == 1


def test_the_first_reading_is_no_overflow_however_high(kernel: Kernel) -> None:
    kernel.answers.append([table(99) + DONE])
    assert not Overflow().since(0.0, 10.0)


def test_the_counter_is_not_read_again_within_a_moment(kernel: Kernel) -> None:
    kernel.answers += [[table(5) + DONE], [table(6) + DONE]]
    overflow = Overflow()
    overflow.look(10.0)
    assert not overflow.since(0.0, 10.2)
    assert len(kernel.asked) == 1
    assert overflow.since(0.0, 10.3)


def test_a_counter_that_can_not_be_read_is_no_overflow(kernel: Kernel) -> None:
    overflow = Overflow()
    overflow.close()
    kernel.refused = errno.EMFILE
    assert not overflow.since(0.0, 10.0)
    kernel.refused = 0
    kernel.answers += [[refusal(errno.EPERM)], [table(5) + DONE]]
    assert not overflow.since(0.0, 11.0)
    assert not overflow.since(0.0, 12.0)
    overflow.close()
    assert kernel.closed == 1


def look_at(room: Room, mac: bytes = MAC, on_segment: bool = True) -> Look:
    look: Look = room.make(Look, probe(host="192.0.2.17", port=22, mac=mac), SEGMENT if on_segment else None)
    return look


SEEN = awake("tcp connection to 192.0.2.17:22")
RIGHT = Outcome(AWAKE, "tcp connection to 192.0.2.17:22, MAC 02:00:5e:00:53:01", "")
WRONG = Outcome(
    IMPOSTOR, "", "192.0.2.17 is another machine: the MAC 02:00:5e:00:53:ff answers for it, not 02:00:5e:00:53:01."
)


def test_macs_are_compared(room: Room) -> None:
    assert compare_mac(look_at(room), MAC, SEEN.proof) == RIGHT
    assert compare_mac(look_at(room), OTHER_MAC, SEEN.proof) == WRONG


@pytest.mark.parametrize(("mac", "expected"), [(MAC, RIGHT), (OTHER_MAC, WRONG)])
def test_the_identity_is_what_the_kernel_resolved(room: Room, kernel: Kernel, mac: bytes, expected: Outcome) -> None:
    kernel.answers += [[entry(mac=mac)], [entry(mac=mac)]]
    assert with_identity(look_at(room), SEEN) == expected
    assert with_identity(look_at(room), SEEN) == expected
    assert kernel.opened == 1


def test_beyond_the_segment_no_mac_can_be_known(room: Room, kernel: Kernel) -> None:
    assert with_identity(look_at(room, on_segment=False), SEEN) == Outcome(
        UNABLE,
        "",
        "192.0.2.17 answers, but identity.mac can't be checked from here: the address is on no segment of this "
        "machine. Probe from a relay on its segment, or use identity.host_key.",
    )
    assert kernel.opened == 0


def test_an_answer_without_a_neighbour_came_another_way(room: Room, kernel: Kernel) -> None:
    kernel.answers.append([refusal(errno.ENOENT)])
    assert with_identity(look_at(room), SEEN) == Outcome(
        UNKNOWN, "", "192.0.2.17 answers, but not by east: the kernel knows no MAC for it there."
    )


@pytest.mark.parametrize(("answer", "reason"), [([], "timed out"), ([refusal(errno.EPERM)], "Operation not permitted")])
def test_a_table_that_can_not_be_read_is_unknown(room: Room, kernel: Kernel, answer: list[bytes], reason: str) -> None:
    kernel.answers += [[refusal(errno.EINVAL)], answer]
    assert with_identity(look_at(room), SEEN) == Outcome(
        UNKNOWN, "", f"192.0.2.17 answers, but its MAC could not be read: {reason}. Ask again."
    )
