# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The closed loop for many targets as a state machine: (time, event) in, actions out. No clock, no socket.

Look first and leave alone who is awake; wait for the release; send; look, send again, take the next
method, until the target is seen awake or its time is up. Everything here is O(1) per event: timers lie
in slots of 50 ms, so that a million targets cost ten times what a hundred thousand do.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import verdicts
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.target_state import (
    ASK_AGAIN,
    AWAKE,
    DONE,
    FIRST_LOOK,
    FIRST_LOOK_INTERVAL,
    HELD,
    IMPOSTOR,
    LAST_LOOK,
    NEVER,
    RECHECK,
    UNABLE,
    UNKNOWN,
    WATCHING,
    Job,
    TargetState,
)
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.timers import SLOT, Pace, SlotTimers
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict

FRESH_LOOK = 5.0  # seconds a look counts for before a first send; older ones are repeated
FIRST_LOOK_AFTER_SEND = 0.5  # seconds
MOST_TRIES = 3  # looks that could not tell, before a target counts as asleep
TRIES_WITHOUT_METHOD = 3  # looks at a host that is never sent for, before it counts as asleep

_LOOK, _SEND, _EXPIRE = range(3)
_DEADLINE = "the deadline of the run"


class Step(t.NamedTuple):
    """What to do now: keys to look at, (key, method) to send one packet for, keys to check in a
    preflight, keys that were found asleep and wait for their release, and verdicts."""

    look: list[int]
    send: list[tuple[int, str]]
    check: list[tuple[int, str]]
    asleep: list[int]
    verdicts: list[tuple[int, Verdict]]


class WatchLoop:
    """Wakes and watches the targets that were added to it.

    ``packets_per_second`` paces all sending together (0: no limit). ``preflight`` sends nothing: a
    sleeper is handed out once in ``Step.check``, and what ``checked`` says becomes its verdict.
    Times are seconds of one clock of the caller's choice that never goes back.
    """

    def __init__(self, *, packets_per_second: float = 0.0, preflight: bool = False, deadline: float = -1.0) -> None:
        self._pace = Pace(packets_per_second)
        self._preflight = preflight
        self._deadline = deadline
        self._states: dict[int, TargetState] = {}
        self._timers = SlotTimers()
        self._to_send: collections.deque[int] = collections.deque()
        self._to_go_on: collections.deque[int] = collections.deque()  # a send that has begun goes first
        self._deadline_met = False
        self._step = Step([], [], [], [], [])
        self.unfinished = 0

    def add(self, now: float, key: int, job: Job) -> None:
        """Takes a target in. It is looked at at once, and held until ``release``."""
        state = TargetState(job, now)
        self._states[key] = state
        self.unfinished += 1
        self._look(key, state)

    def release(self, now: float, key: int) -> None:
        """The target may be sent for."""
        state = self._states[key]
        state.released = True
        if state.phase == HELD:
            self._begin(now, key, state)

    def give_up(self, now: float, key: int, verdict: str, reason: str) -> None:
        """Ends a target from outside (blocked, run interrupted)."""
        state = self._states[key]
        if state.phase != DONE:
            self._finish(now, key, state, verdict, reason)

    def looked(self, now: float, key: int, sight: str, proof: str = "", error: str = "") -> None:
        """A look has ended. ``sight`` is one of the states of a probe's outcome."""
        state = self._states[key]
        state.looking = False
        if state.phase == DONE:
            return
        state.looked_at = now
        state.last = error
        state.impostor = sight == IMPOSTOR
        if sight == AWAKE:
            self._seen_awake(now, key, state, proof)
        elif sight == UNABLE:
            self._finish(now, key, state, verdicts.INVALID, error, error_class="probe_impossible")
        elif self._past_deadline(now):
            self._finish(now, key, state, verdicts.NOT_WOKEN, *state.why_not(_DEADLINE))
        elif state.phase == LAST_LOOK:
            self._seen_nothing_last(now, key, state, sight)
        elif state.phase in (FIRST_LOOK, RECHECK):
            self._seen_asleep(now, key, state, sight)
        else:
            self._look_at(now + state.until_next_look(sight), key, state)

    def sent(self, now: float, key: int, error: str = "", final: bool = False) -> None:
        """A packet has left (no ``error``), or could not; ``final``: this method never will."""
        state = self._states[key]
        if state.phase == DONE:
            return
        if not error:
            state.packet_left(now)
            return
        state.note = error
        if final and state.phase == WATCHING:
            self._end_method(now, key, state)

    def seen_powered_on(self, now: float, key: int, error: str) -> None:
        """A management engine reports S0 while no operating system is seen: no further method is tried."""
        state = self._states[key]
        if state.phase != DONE:
            self._finish(now, key, state, verdicts.POWERED_ON, error)

    def checked(self, now: float, key: int, error: str = "") -> None:
        """The preflight of a sleeper has ended; ``error`` says what would fail."""
        state = self._states[key]
        if state.phase == DONE:
            return
        if not error:
            self._finish(now, key, state, verdicts.WOULD_WAKE, "")
        elif state.has_another_method():
            state.note = error
            state.rung += 1
            self._step.check.append((key, state.job.methods[state.rung]))
        else:
            self._finish(now, key, state, verdicts.WOULD_FAIL, error)

    def advance(self, now: float) -> Step:
        """Runs the timers up to ``now`` and returns what has to be done since the last call."""
        if self._past_deadline(now) and not self._deadline_met:
            self._meet_deadline(now)
        due = self._timers.due(now)
        while due:
            for key, kind in due:
                self._fire(now, key, kind)
            due = self._timers.due(now)
        if self._packets_waiting():
            self._send_paced(now)
        step = self._step
        self._step = Step([], [], [], [], [])
        return step

    def next_due(self, now: float) -> float | None:
        """When ``advance`` has something to do without another event; None: never."""
        if self._step.look or self._step.verdicts or self._step.asleep or self._step.check:
            return now
        moments = [self._timers.next()]
        if self._packets_waiting():
            moments.append(self._pace.next(now, self._packets_waiting()))
        if self._deadline >= 0 and not self._deadline_met:
            moments.append(self._deadline)
        return min((moment for moment in moments if moment is not None), default=None)

    def progress(self) -> tuple[int, int, int]:
        """How many are unfinished, how many of these were sent for, and the key sent for longest ago (-1)."""
        waiting = [(s.first_sent, k) for k, s in self._states.items() if s.phase != DONE and s.first_sent >= 0]
        return self.unfinished, len(waiting), min(waiting)[1] if waiting else -1

    # What follows is the inside of the state machine.

    def _fire(self, now: float, key: int, kind: int) -> None:
        state = self._states[key]
        reached = now + SLOT
        if state.phase == DONE:
            return
        if kind == _LOOK:
            if state.next_look <= reached and not state.looking:
                self._look(key, state)
        elif state.phase != WATCHING:
            return
        elif kind == _EXPIRE:
            if 0 <= state.expires <= reached:
                self._look_for_the_last_time(key, state)
        elif state.next_send <= reached:
            self._queue_packet(key, state)

    def _look_at(self, when: float, key: int, state: TargetState) -> None:
        state.next_look = when
        self._timers.set(when, key, _LOOK)

    def _queue_packet(self, key: int, state: TargetState) -> None:
        queue = self._to_go_on
        if not state.packets_left:
            queue = self._to_send
            state.packets_left = state.job.packets
            state.burst_left = False
        state.next_send = NEVER
        if not state.queued:
            state.queued = True
            queue.append(key)

    def _look(self, key: int, state: TargetState) -> None:
        state.looking = True
        state.next_look = NEVER
        self._step.look.append(key)

    def _look_for_the_last_time(self, key: int, state: TargetState) -> None:
        state.phase = LAST_LOOK
        state.tries = 0
        if not state.looking:
            self._look(key, state)

    def _begin(self, now: float, key: int, state: TargetState) -> None:
        if now - state.looked_at > FRESH_LOOK:
            state.phase = RECHECK
            if not state.looking:
                self._look(key, state)
        elif self._preflight and state.impostor:
            self._finish(now, key, state, verdicts.WOULD_FAIL, *state.why_not())
        elif self._preflight:
            state.phase = WATCHING
            self._step.check.append((key, state.job.methods[state.rung]))
        else:
            self._start_method(key, state)

    def _start_method(self, key: int, state: TargetState) -> None:
        state.begin_method()
        self._queue_packet(key, state)

    def _packets_waiting(self) -> int:
        return len(self._to_send) + len(self._to_go_on)

    def _send_paced(self, now: float) -> None:
        for _packet in range(self._pace.take(now, self._packets_waiting())):
            key = (self._to_go_on or self._to_send).popleft()
            state = self._states[key]
            state.queued = False
            if state.phase != WATCHING:
                continue
            self._step.send.append((key, state.job.methods[state.rung]))
            state.take_packet(now)
            self._timers.set(state.next_send, key, _SEND)
            if state.expires < 0:
                self._start_watching(now, key, state)

    def _start_watching(self, now: float, key: int, state: TargetState) -> None:
        state.expires = now + state.job.timeout
        self._timers.set(state.expires, key, _EXPIRE)
        state.look_interval = FIRST_LOOK_INTERVAL
        self._look_at(now + FIRST_LOOK_AFTER_SEND, key, state)

    def _seen_awake(self, now: float, key: int, state: TargetState, proof: str) -> None:
        sent_for = state.first_sent >= 0
        self._finish(now, key, state, verdicts.WOKEN if sent_for else verdicts.ALREADY_AWAKE, "", proof=proof)

    def _seen_asleep(self, now: float, key: int, state: TargetState, sight: str) -> None:
        state.tries += 1
        if sight == UNKNOWN and state.tries < MOST_TRIES:
            self._look_at(now + ASK_AGAIN, key, state)
            return
        if not state.job.methods and state.tries < TRIES_WITHOUT_METHOD:
            self._look_at(now + ASK_AGAIN, key, state)
            return
        if not state.job.methods:
            self._finish(now, key, state, verdicts.NOT_WOKEN, state.last or "it does not answer")
            return
        first = state.phase == FIRST_LOOK
        state.phase = HELD
        if state.released:
            state.looked_at = now
            self._begin(now, key, state)
        elif first:
            self._step.asleep.append(key)

    def _end_method(self, now: float, key: int, state: TargetState) -> None:
        """This method will never send. What an earlier one sent may still have worked: that is worth a last look."""
        if state.first_sent < 0 or state.has_another_method():
            self._next_method(now, key, state)
            return
        self._look_for_the_last_time(key, state)

    def _next_method(self, now: float, key: int, state: TargetState) -> None:
        """Takes the next rung of the ladder; with none left it is over."""
        if state.has_another_method():
            state.rung += 1
            state.looked_at = now
            self._start_method(key, state)
        elif state.first_sent < 0:
            self._finish(now, key, state, verdicts.INVALID, "nothing could be sent: " + state.note, "send_failed")
        else:
            self._finish(now, key, state, verdicts.NOT_WOKEN, *state.why_not())

    def _seen_nothing_last(self, now: float, key: int, state: TargetState, sight: str) -> None:
        """The time of the method is up. A look that could not tell is no proof of that: ask again, a few times."""
        state.tries += 1
        if sight == UNKNOWN and state.tries < MOST_TRIES:
            self._look_at(now + ASK_AGAIN, key, state)
        else:
            self._next_method(now, key, state)

    def _past_deadline(self, now: float) -> bool:
        return 0 <= self._deadline <= now

    def _meet_deadline(self, now: float) -> None:
        self._deadline_met = True
        for key, state in self._states.items():
            if state.phase == DONE or state.looking:
                continue
            if state.first_sent >= 0 and state.phase != LAST_LOOK:
                self._look_for_the_last_time(key, state)
            elif state.first_sent < 0:
                self._finish(now, key, state, verdicts.NOT_WOKEN, *state.why_not(_DEADLINE))

    def _finish(
        self,
        now: float,
        key: int,
        state: TargetState,
        verdict: str,
        reason: str,
        error_class: str = "",
        proof: str = "",
    ) -> None:
        state.phase = DONE
        self.unfinished -= 1
        if self._preflight and state.job.methods and verdict in (verdicts.INVALID, verdicts.NOT_WOKEN):
            verdict = verdicts.WOULD_FAIL
        awake = verdict in verdicts.AWAKE_VERDICTS
        sent_for = state.first_sent >= 0
        method = state.job.methods[state.rung] if sent_for else ""
        begun = state.first_sent if sent_for else state.started
        record = Verdict(
            verdict, reason, error_class, method, proof, state.sends,
            state.first_sent, now if awake else -1.0, now - begun,
        )  # fmt: skip
        self._step.verdicts.append((key, record))
