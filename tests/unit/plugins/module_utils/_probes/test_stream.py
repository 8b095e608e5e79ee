# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import select
import socket
import threading
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import stream
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    REFUSED,
    SILENT,
    UNKNOWN,
    Outcome,
    awake,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.stream import StreamLook
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    Ear,
    Room,
    closed_port,
    deaf,
    probe,
    saying,
    serving,
)


class Talk(StreamLook):
    """Says its words and is content with an answer that ends in a full stop."""

    __slots__ = ("heard", "pieces")
    words: t.ClassVar[bytes] = b""

    def connected(self) -> Outcome | None:
        self.heard = b""
        self.pieces = 0
        self.outgoing = self.words
        return None

    def received(self, data: bytes) -> Outcome | None:
        self.heard += data
        self.pieces += 1
        return awake("content") if self.heard.endswith(b".") else None


class Glance(StreamLook):
    """Is content with the connection."""

    __slots__ = ()

    def connected(self) -> Outcome | None:
        return awake("connected")


class Orderly(Glance):
    """Takes leave in words."""

    __slots__ = ()

    def close(self, outcome: Outcome | None) -> None:
        self.drop(b"bye", reset=False)


class Twice(Talk):
    """Hangs up on the first answer and calls again."""

    __slots__ = ("called",)

    def begin(self) -> Outcome | None:
        self.called = 1
        return self.connect()

    def received(self, data: bytes) -> Outcome | None:
        if self.called == 2:
            return awake(f"second call: {data!r}")
        self.called = 2
        self.drop()
        return self.connect()


def test_pieces_add_up_to_an_answer(room: Room) -> None:
    with saying(b"half a ", b"sentence", b".") as port:
        look = room.begin(Talk, probe(port=port))
        assert room.outcome(look) == Outcome("awake", "content", "")
    assert look.heard == b"half a sentence."


def test_much_is_read_bit_by_bit(room: Room) -> None:
    with saying(b"x" * 100_000 + b".") as port:
        look = room.begin(Talk, probe(port=port))
        room.outcome(look)
    assert len(look.heard) == 100_001
    assert look.pieces >= 100_000 // 16384


def test_more_than_fits_into_the_buffers_is_written_bit_by_bit(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    words = bytes(range(256)) * 40_000
    heard: list[bytes] = []
    go_on = threading.Event()

    def handle(connection: socket.socket) -> None:
        go_on.wait(10)
        while sum(map(len, heard)) < len(words):
            heard.append(connection.recv(1 << 20))
        connection.sendall(b"all of it.")

    monkeypatch.setattr(Talk, "words", words)
    with serving(handle) as port:
        look = room.begin(Talk, probe(port=port))
        room.run_for(0.1)
        assert 0 < len(look.outgoing) < len(words)
        go_on.set()
        room.outcome(look)
    assert b"".join(heard) == words
    assert look.outgoing == b""


def test_it_waits_for_room_to_write_only_while_it_has_something_to_say(room: Room) -> None:
    look = room.make(Talk, probe())
    look.outgoing = b"x"
    assert look.interest() == select.EPOLLIN | select.EPOLLOUT
    look.outgoing = b""
    assert look.interest() == select.EPOLLIN


def test_the_answer_of_the_address_is_told_once_unless_it_ends_everything(room: Room) -> None:
    with saying(b"a", b"b", b".") as port:
        look = room.begin(Talk, probe(port=port))
        assert room.answered == []
        room.outcome(look)
        room.see(Glance, probe(port=port))
    assert room.answered == [look]


def test_refused(room: Room) -> None:
    with closed_port() as port:
        outcome = room.see(Glance, probe(host="127.0.0.1", port=port))
    assert outcome == Outcome(
        REFUSED, "", f"127.0.0.1 port {port} refuses the connection: the machine is up, the service is not."
    )


def test_no_connection_within_the_time_out_is_silence(room: Room) -> None:
    with deaf() as port:
        outcome = room.see(Glance, probe(port=port, timeout=0.1))
    assert outcome == Outcome(SILENT, "", f"127.0.0.1 port {port} did not answer within 0.1 s.")


def test_a_side_that_hangs_up_is_up_but_not_ready(room: Room) -> None:
    with saying(b"half a sen", hang_up=True) as port:
        outcome = room.see(Talk, probe(port=port))
    assert outcome == Outcome(
        REFUSED, "", f"127.0.0.1 port {port} closes the connection: the machine is up, the service is not ready."
    )


def test_a_side_that_resets_is_up_but_not_ready(room: Room) -> None:
    def handle(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with serving(handle) as port:
        outcome = room.see(Talk, probe(port=port))
    assert outcome.state == REFUSED
    assert "closes the connection" in outcome.error


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        (errno.ENETUNREACH, UNKNOWN, "no route to it (ENETUNREACH)"),
        (errno.EPERM, UNKNOWN, "packet filter"),
        (errno.EADDRNOTAVAIL, UNKNOWN, "no local port"),
        (errno.EHOSTUNREACH, UNKNOWN, "no route to it (EHOSTUNREACH)"),
        (errno.ECONNREFUSED, REFUSED, "refuses the connection"),
    ],
)
def test_what_this_machine_turns_down_ends_at_once_and_leaves_no_socket(
    room: Room, monkeypatch: pytest.MonkeyPatch, code: int, state: str, words: str
) -> None:
    class Unable(socket.socket):
        def connect_ex(self, address: t.Any) -> int:
            return code

    made: list[socket.socket] = []

    def make(*arguments: t.Any) -> socket.socket:
        made.append(Unable(*arguments))
        return made[-1]

    monkeypatch.setattr(stream.socket, "socket", make)
    look = room.begin(Glance, probe(host="192.0.2.17", port=22))
    assert room.ended[look].state == state
    assert words in room.ended[look].error
    assert "192.0.2.17 port 22" in room.ended[look].error
    assert [sock.fileno() for sock in made] == [-1]


@pytest.mark.parametrize(
    ("code", "state"), [(errno.EHOSTUNREACH, SILENT), (errno.ETIMEDOUT, SILENT), (errno.ECONNREFUSED, REFUSED)]
)
def test_what_comes_back_later_was_on_the_way(
    room: Room, monkeypatch: pytest.MonkeyPatch, code: int, state: str
) -> None:
    class Answered(socket.socket):
        def getsockopt(self, *arguments: t.Any) -> t.Any:
            return code if arguments == (socket.SOL_SOCKET, socket.SO_ERROR) else super().getsockopt(*arguments)

    monkeypatch.setattr(stream.socket, "socket", Answered)
    with closed_port() as port:
        assert room.see(Glance, probe(port=port)).state == state


def test_a_connection_may_stand_at_once(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    class AtOnce(socket.socket):
        def connect_ex(self, address: t.Any) -> int:
            self.setblocking(True)
            self.connect(address)
            self.setblocking(False)
            return 0

    with saying(b"yes.") as port, saying(b"") as other:
        monkeypatch.setattr(stream.socket, "socket", AtOnce)
        glance = room.begin(Glance, probe(port=other))
        assert room.ended[glance].state == "awake"
        talk = room.begin(Talk, probe(port=port))
        assert room.answered == [talk]
        assert room.outcome(talk).proof == "content"


def test_what_was_looked_at_is_reset_so_that_nothing_stays_behind(room: Room) -> None:
    ear = Ear()
    with serving(ear.listen) as port:
        look = room.begin(Glance, probe(port=port))
        room.outcome(look)
        ear.wait()
    assert (ear.heard, ear.reset) == ([b""], [True])
    assert look.sock is None


def test_leave_can_be_taken_in_order_and_in_words(room: Room) -> None:
    ear = Ear()
    with serving(ear.listen) as port:
        room.see(Orderly, probe(port=port))
        ear.wait()
    assert (ear.heard, ear.reset) == ([b"bye"], [False])


def test_dropping_twice_and_late_events_are_no_matter(room: Room) -> None:
    with saying(b"") as port:
        look = room.begin(Talk, probe(port=port))
        room.run_until(lambda: bool(room.answered))
        look.drop()
        look.drop(b"bye", reset=False)
        look.ready(select.EPOLLIN)
    assert room.ended == {}


def test_it_may_call_again(room: Room) -> None:
    numbers = iter((b"one", b"two"))
    with serving(lambda connection: connection.sendall(next(numbers))) as port:
        look = room.begin(Twice, probe(port=port))
        assert room.outcome(look).proof == "second call: b'two'"
    assert room.answered == [look, look]
