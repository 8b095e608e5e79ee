# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import socket
import struct
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import icmp as icmp_module
from ansible_collections.lightsout.wake.plugins.module_utils._probes.icmp import IcmpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    SILENT,
    UNABLE,
    UNKNOWN,
    Outcome,
)
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.fake_socket import (
    FakeKernel,
    FakeSocket,
)
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import Room, probe

HOST = "192.0.2.17"
IP_HEADER = bytes.fromhex("4600003c000000004001000000000000c000021101010101")  # with four bytes of options
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
ICMP6_FILTER = 1


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKernel]:
    made = FakeKernel()
    monkeypatch.setattr(icmp_module, "socket", made.module)
    yield made
    made.close()


@pytest.fixture
def raw(kernel: FakeKernel) -> FakeKernel:
    """A kernel that allows no ping sockets."""
    kernel.refusals[socket.SOCK_DGRAM] = errno.EACCES
    return kernel


def begin(room: Room, host: str = HOST, **fields: t.Any) -> t.Any:
    return room.begin(IcmpLook, probe("icmp", host, **fields))


class Echo(t.NamedTuple):
    kind: int
    identifier: int
    sequence: int
    payload: bytes

    @property
    def data(self) -> bytes:
        return struct.pack("!BBHHH", self.kind, 0, 0, self.identifier, self.sequence) + self.payload


def last_request(sock: FakeSocket) -> Echo:
    data, _destination = sock.sent[-1]
    kind, _code, _checksum, identifier, sequence = struct.unpack_from("!BBHHH", data)
    return Echo(kind, identifier, sequence, data[8:])


def reply_to(sock: FakeSocket, kind: int = 0) -> Echo:
    return last_request(sock)._replace(kind=kind)


def test_a_ping_socket_is_enough_and_its_answer_a_weak_proof(room: Room, kernel: FakeKernel) -> None:
    look = begin(room)
    assert kernel.socket.arguments == (
        socket.AF_INET,
        socket.SOCK_DGRAM | socket.SOCK_NONBLOCK,
        socket.IPPROTO_ICMP,
    )
    assert [destination for _data, destination in kernel.socket.sent] == [(HOST, 0)]
    # The kernel puts an identifier of its own into requests of ping sockets.
    kernel.socket.deliver(reply_to(kernel.socket)._replace(identifier=4711).data, (HOST, 0))
    assert room.outcome(look) == Outcome(AWAKE, f"weak: ICMP echo reply from {HOST}", "")


def test_ipv6(room: Room, kernel: FakeKernel) -> None:
    look = begin(room, "fe80::11%1")
    assert kernel.socket.arguments[::2] == (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    assert last_request(kernel.socket).kind == 128
    assert kernel.socket.sent[0][1] == ("fe80::11", 0, 0, 1)
    kernel.socket.deliver(reply_to(kernel.socket, 129).data, ("fe80::11%lo", 0, 0, 1))
    assert room.outcome(look) == Outcome(AWAKE, "weak: ICMP echo reply from fe80::11%1", "")


def test_a_raw_socket_gives_the_ip_header_as_well(room: Room, raw: FakeKernel) -> None:
    look = begin(room)
    assert raw.socket.arguments[1] == socket.SOCK_RAW | socket.SOCK_NONBLOCK
    raw.socket.deliver(IP_HEADER + reply_to(raw.socket).data, (HOST, 0))
    assert room.outcome(look).state == AWAKE


def test_a_raw_socket_of_ipv6_gives_none_and_hears_echo_replies_only(room: Room, raw: FakeKernel) -> None:
    look = begin(room, "2001:db8::11")
    blocked = [option[2] for option in raw.socket.options if option[:2] == (socket.IPPROTO_ICMPV6, ICMP6_FILTER)]
    assert len(blocked) == 1
    words = struct.unpack("=8I", blocked[0])
    assert [kind for kind in range(256) if not words[kind >> 5] >> (kind & 31) & 1] == [129]
    raw.socket.deliver(reply_to(raw.socket, 129).data, ("2001:db8::11", 0, 0, 0))
    assert room.outcome(look).state == AWAKE


@pytest.mark.parametrize(
    ("changes", "sender"),
    [
        ({"kind": 8}, HOST),
        ({"kind": 3}, HOST),
        ({"sequence": 4711}, HOST),
        ({"payload": b"x" * 16}, HOST),
        ({"payload": b""}, HOST),
        ({}, "192.0.2.18"),
    ],
    ids=("a request", "unreachable", "another sequence", "another token", "no token", "another sender"),
)
def test_what_is_no_answer_leaves_it_silent(
    room: Room, kernel: FakeKernel, changes: dict[str, t.Any], sender: str
) -> None:
    look = begin(room, timeout=0.1)
    kernel.socket.deliver(reply_to(kernel.socket)._replace(**changes).data, (sender, 0))
    kernel.socket.deliver(b"", (HOST, 0))
    assert room.outcome(look) == Outcome(SILENT, "", f"{HOST} did not answer within 0.1 s.")


def test_a_raw_socket_hears_the_answers_to_other_programs_too(room: Room, raw: FakeKernel) -> None:
    look = begin(room, timeout=0.1)
    reply = reply_to(raw.socket)
    raw.socket.deliver(IP_HEADER + reply._replace(identifier=reply.identifier ^ 1).data, (HOST, 0))
    raw.socket.deliver(IP_HEADER[:8], (HOST, 0))
    assert room.outcome(look).state == SILENT


def test_looks_at_one_address_are_told_apart(room: Room, kernel: FakeKernel) -> None:
    first, second = begin(room), begin(room)
    kernel.socket.deliver(reply_to(kernel.socket).data, (HOST, 0))
    assert room.outcome(second).state == AWAKE
    kernel.socket.deliver(reply_to(kernel.socket).data, (HOST, 0))
    room.run_for(0.03)
    assert first not in room.ended
    assert first.sequence != second.sequence


def test_sequence_numbers_go_round_and_pass_over_those_in_use(room: Room, kernel: FakeKernel) -> None:
    looks = [begin(room) for _each in range(3)]
    channel = looks[0].channel
    channel._next = 65535
    assert [begin(room).sequence for _each in range(3)] == [65535, 3, 4]
    channel._next = 65535
    assert begin(room).sequence == 5
    room.watch.finish(looks[1], Outcome(SILENT, "", ""))
    channel._next = 0
    assert begin(room).sequence == 1


def test_errors_that_came_back_are_passed_over(room: Room, kernel: FakeKernel) -> None:
    look = begin(room)
    kernel.socket.receiving = [errno.ECONNREFUSED, errno.EHOSTUNREACH]
    kernel.socket.deliver(reply_to(kernel.socket).data, (HOST, 0))
    room.watch.run(1)
    assert room.ended[look].state == AWAKE


def test_the_request_is_repeated_even_when_one_repetition_does_not_leave(
    room: Room, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(icmp_module, "_RESEND", 0.02)
    look = begin(room)
    kernel.socket.sending = [errno.ENOBUFS]
    room.run_until(lambda: len(kernel.socket.sent) >= 3)
    assert kernel.socket.sending == []
    kernel.socket.deliver(reply_to(kernel.socket).data, (HOST, 0))
    assert room.outcome(look).state == AWAKE
    sent = len(kernel.socket.sent)
    room.run_for(0.06)
    assert len(kernel.socket.sent) == sent


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOBUFS, "neighbour table are full. Ask again."),
        (errno.ENETUNREACH, "no route to it (ENETUNREACH)"),
        (errno.EPERM, "a packet filter or routing rule of this machine forbids it (EPERM)"),
    ],
)
def test_a_first_request_that_does_not_leave_is_not_silence(
    room: Room, kernel: FakeKernel, code: int, words: str
) -> None:
    begin(room, "192.0.2.18")
    kernel.socket.sending = [code]
    look = begin(room)
    assert room.ended[look].state == UNKNOWN
    assert room.ended[look].error.startswith(f"{HOST} could not be asked: ")
    assert words in room.ended[look].error


def test_without_the_privilege_it_says_what_to_do(room: Room, raw: FakeKernel) -> None:
    raw.refusals[socket.SOCK_RAW] = errno.EPERM
    look = begin(room)
    assert room.ended[look] == Outcome(
        UNABLE,
        "",
        "An ICMP probe needs CAP_NET_RAW, or a group within net.ipv4.ping_group_range, on the machine that probes, and "
        "this process has neither: run it as root (become: true), or use a tcp or ssh probe.",
    )


@pytest.mark.parametrize(
    ("code", "words"), [(errno.EMFILE, "no file descriptor left"), (errno.EAFNOSUPPORT, "no route to it")]
)
def test_other_reasons_for_no_socket_are_unknown(room: Room, kernel: FakeKernel, code: int, words: str) -> None:
    kernel.refusals.update({socket.SOCK_DGRAM: code, socket.SOCK_RAW: code})
    look = begin(room, "2001:db8::11")
    assert room.ended[look].state == UNKNOWN
    assert words in room.ended[look].error


def test_each_ip_version_has_one_socket_closed_with_the_watch(kernel: FakeKernel) -> None:
    room = Room()
    for host in (HOST, "2001:db8::11", "192.0.2.18"):
        begin(room, host)
    assert [one.arguments[0] for one in kernel.sockets] == [socket.AF_INET, socket.AF_INET6]
    room.close()
    assert [one.closed for one in kernel.sockets] == [True, True]


def test_buffers_are_made_large_by_force_where_that_is_allowed(room: Room, kernel: FakeKernel) -> None:
    begin(room)
    assert [option[1] for option in kernel.socket.options] == [SO_SNDBUFFORCE, SO_RCVBUFFORCE]


def test_buffers_are_as_large_as_allowed_otherwise(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    class Limited(FakeSocket):
        def setsockopt(self, *arguments: t.Any) -> None:
            if arguments[1] in (SO_SNDBUFFORCE, SO_RCVBUFFORCE):
                raise PermissionError(errno.EPERM, "no CAP_NET_ADMIN")
            super().setsockopt(*arguments)

    kernel = FakeKernel(Limited)
    monkeypatch.setattr(icmp_module, "socket", kernel.module)
    look = begin(room)
    assert [option[1] for option in kernel.socket.options] == [socket.SO_SNDBUF, socket.SO_RCVBUF]
    kernel.socket.deliver(reply_to(kernel.socket).data, (HOST, 0))
    assert room.outcome(look).state == AWAKE
