# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import select
import time
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import watch as watch_module
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import SILENT, Outcome, awake, unknown
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import Room, probe

SEEN = awake("seen")


class Pipe:
    """A descriptor that can be made ready; `read` takes what is there."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK)

    def make_ready(self) -> None:
        os.write(self._write, b"x")

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._write)


class Listener:
    """Remembers the events it was told."""

    def __init__(self, pipe: Pipe, then: t.Callable[[], None] = lambda: None) -> None:
        self.pipe = pipe
        self.then = then
        self.events: list[int] = []

    def ready(self, events: int) -> None:
        self.events.append(events)
        os.read(self.pipe.fd, 1)
        self.then()


class Plain(Look):
    """Begins with nothing; remembers its ticks and how it was closed."""

    __slots__ = ("closed_with", "ticks")

    def begin(self) -> Outcome | None:
        self.ticks = 0
        self.closed_with: list[Outcome | None] = []
        return None

    def tick(self) -> None:
        self.ticks += 1

    def close(self, outcome: Outcome | None) -> None:
        assert self.job is not None
        self.closed_with.append(outcome)


class Known(Plain):
    """Ends as soon as it begins."""

    __slots__ = ()

    def begin(self) -> Outcome | None:
        super().begin()
        return unknown("at once")


@pytest.fixture
def pipes() -> Iterator[list[Pipe]]:
    made = [Pipe() for _each in range(3)]
    yield made
    for pipe in made:
        pipe.close()


def run(room: Room) -> bool:
    return room.watch.run(0)


def test_only_who_is_ready_is_told_and_only_what_was_asked_for(room: Room, pipes: list[Pipe]) -> None:
    first, second = Listener(pipes[0]), Listener(pipes[1])
    room.watch.watch(pipes[0].fd, select.EPOLLIN, first)
    room.watch.watch(pipes[1].fd, select.EPOLLIN, second)
    assert run(room) is False
    pipes[1].make_ready()
    assert run(room) is True
    assert (first.events, second.events) == ([], [select.EPOLLIN])


def test_watching_again_changes_the_events_and_the_hearer(room: Room, pipes: list[Pipe]) -> None:
    first, second = Listener(pipes[0]), Listener(pipes[0])
    room.watch.watch(pipes[0].fd, select.EPOLLOUT, first)
    pipes[0].make_ready()
    assert run(room) is False
    room.watch.watch(pipes[0].fd, select.EPOLLIN, first)
    room.watch.watch(pipes[0].fd, select.EPOLLIN, second)
    assert run(room) is True
    assert (first.events, second.events) == ([], [select.EPOLLIN])


def test_nobody_is_told_after_unwatching_which_may_be_done_twice(room: Room, pipes: list[Pipe]) -> None:
    listener = Listener(pipes[0])
    room.watch.watch(pipes[0].fd, select.EPOLLIN, listener)
    room.watch.unwatch(pipes[0].fd)
    room.watch.unwatch(pipes[0].fd)
    pipes[0].make_ready()
    assert run(room) is False
    room.watch.watch(pipes[0].fd, select.EPOLLIN, listener)
    assert run(room) is True
    assert len(listener.events) == 1


def test_who_is_unwatched_by_another_in_the_same_round_is_not_told(room: Room, pipes: list[Pipe]) -> None:
    def silence_all() -> None:
        for pipe in pipes:
            room.watch.unwatch(pipe.fd)

    listeners = [Listener(pipe, silence_all) for pipe in pipes]
    for pipe, listener in zip(pipes, listeners):
        room.watch.watch(pipe.fd, select.EPOLLIN, listener)
        pipe.make_ready()
    run(room)
    assert sum(len(listener.events) for listener in listeners) == 1


def test_what_is_known_at_once_has_no_time_out(room: Room) -> None:
    look = room.begin(Known, probe(timeout=0.0))
    assert room.ended == {look: unknown("at once")}
    assert look.closed_with == [unknown("at once")]
    assert room.watch.next_due() == float("inf")
    assert run(room) is False


def test_a_time_out_ends_a_look_once(room: Room) -> None:
    short, long = (room.begin(Plain, probe(host="192.0.2.17", port=22, timeout=timeout)) for timeout in (0.02, 30.0))
    room.run_until(lambda: bool(room.ended))
    assert room.ended == {short: Outcome(SILENT, "", "192.0.2.17 port 22 did not answer within 0.02 s.")}
    assert short.closed_with == [room.ended[short]]
    assert (short.job, long.job is None) == (None, False)
    room.watch.finish(short, SEEN)
    assert short.closed_with == [room.ended[short]]


def test_a_time_out_is_something_that_happened(room: Room) -> None:
    room.begin(Plain, probe(timeout=0.0))
    assert run(room) is True
    assert run(room) is False


def test_what_is_there_is_heard_before_a_time_out_counts(room: Room, pipes: list[Pipe]) -> None:
    look = room.begin(Plain, probe(timeout=0.0))
    pipes[0].make_ready()
    listener = Listener(pipes[0], lambda: room.watch.finish(look, SEEN))
    room.watch.watch(pipes[0].fd, select.EPOLLIN, listener)
    assert run(room) is True
    assert room.ended == {look: SEEN}
    assert look.closed_with == [SEEN]


def test_time_outs_wait_while_there_may_be_more_to_hear(
    room: Room, pipes: list[Pipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "_MOST_EVENTS", 2)
    look = room.begin(Plain, probe(timeout=0.0))
    for pipe in pipes:
        room.watch.watch(pipe.fd, select.EPOLLIN, Listener(pipe))
        pipe.make_ready()
    assert run(room) is True
    assert room.ended == {}
    assert run(room) is True
    assert room.ended[look].state == SILENT


def test_ticks_come_once_each_and_not_after_the_end(room: Room) -> None:
    goes_on, ended = (room.begin(Plain, probe()) for _each in range(2))
    for look in (goes_on, ended):
        room.watch.call_after(0.01, look)
    room.watch.finish(ended, SEEN)
    room.run_until(lambda: goes_on.ticks > 0)
    room.run_for(0.03)
    assert (goes_on.ticks, ended.ticks) == (1, 0)


def test_the_next_due_is_the_earlier_of_time_out_and_tick(room: Room) -> None:
    now = time.monotonic()
    look = room.begin(Plain, probe(timeout=20.0))
    assert now + 20 <= room.watch.next_due() <= time.monotonic() + 20
    room.watch.call_after(10.0, look)
    assert now + 10 <= room.watch.next_due() <= time.monotonic() + 10


def test_it_waits_no_longer_than_asked(room: Room) -> None:
    began = time.monotonic()
    assert room.watch.run(0.05) is False
    assert 0.04 < time.monotonic() - began < 20


class Thing:
    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_shared_things_are_made_once_for_each_key_and_closed_with_the_watch() -> None:
    room = Room()
    first, again = room.watch.shared(("a", 4), Thing), room.watch.shared(("a", 4), Thing)
    other = room.watch.shared(("a", 6), Thing)
    assert first is again
    assert other is not first
    room.close()
    assert (first.closed, other.closed) == (1, 1)


def test_a_shared_thing_that_could_not_be_made_is_made_later(room: Room) -> None:
    def fail() -> t.Any:
        raise PermissionError

    with pytest.raises(PermissionError):
        room.watch.shared(("a",), fail)
    assert isinstance(room.watch.shared(("a",), Thing), Thing)


def test_answers_are_passed_on(room: Room) -> None:
    look = room.begin(Plain, probe())
    room.watch.answered(look)
    assert room.answered == [look]
    assert room.ended == {}
