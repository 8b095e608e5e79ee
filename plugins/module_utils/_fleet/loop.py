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
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.timers import SLOT, Pace, SlotTimers
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict

AWAKE, SILENT, REFUSED, IMPOSTOR, UNKNOWN, UNABLE = "awake", "silent", "refused", "impostor", "unknown", "unable"

PACKET_SPACING = 0.1  # seconds between the packets of one send (design: wake_count)
FRESH_LOOK = 5.0  # seconds a look counts for before a first send; older ones are repeated
FIRST_LOOK_AFTER_SEND = 0.5  # seconds
LOOK_GROWTH = 1.5
LONGEST_LOOK_INTERVAL = 5.0  # seconds
ASK_AGAIN = 0.5  # seconds, after a look that could not tell
TRIES_BEFORE_SENDING = 3  # looks that could not tell, before a target counts as asleep
TRIES_WITHOUT_METHOD = 3  # looks at a host that is never sent for, before it counts as asleep
RESEND_GROWTH = 1.5
LONGEST_RESEND_INTERVAL = 30.0  # seconds

_NEVER = float("inf")
_LOOK, _SEND, _EXPIRE = range(3)
_FIRST_LOOK, _HELD, _RECHECK, _WATCHING, _LAST_LOOK, _DONE = range(6)


class Job(t.NamedTuple):
    """What the loop needs to know of a target. Times are in seconds. Without methods it is only looked at."""

    methods: tuple[str, ...]
    timeout: float = 600.0
    resend_interval: float = 10.0
    packets: int = 3  # of one send


class Step(t.NamedTuple):
    """What to do now: keys to look at, (key, method) to send one packet for, keys to check in a
    preflight, keys that were found asleep and wait for their release, and verdicts."""

    look: list[int]
    send: list[tuple[int, str]]
    check: list[tuple[int, str]]
    asleep: list[int]
    verdicts: list[tuple[int, Verdict]]


class _State:
    """What is known of one target on its way."""

    __slots__ = (
        "job", "phase", "rung", "looking", "released", "tries", "looked_at", "look_interval", "resend_interval",
        "packets_left", "burst_left", "sends", "first_sent", "expires", "started", "last", "note", "impostor",
        "next_look", "next_send", "queued",
    )  # fmt: skip

    def __init__(self, job: Job, now: float) -> None:
        self.job = job
        self.phase = _FIRST_LOOK
        self.rung = 0
        self.looking = False
        self.released = False
        self.tries = 0
        self.looked_at = now
        self.look_interval = 1.0
        self.resend_interval = job.resend_interval
        self.packets_left = 0
        self.burst_left = False
        self.sends = 0
        self.first_sent = -1.0
        self.expires = -1.0
        self.started = now
        self.last = ""
        self.note = ""
        self.impostor = False
        self.next_look = _NEVER
        self.next_send = _NEVER
        self.queued = False


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
        self._states: dict[int, _State] = {}
        self._timers = SlotTimers()
        self._to_send: collections.deque[int] = collections.deque()
        self._deadline_met = False
        self._step = Step([], [], [], [], [])
        self.unfinished = 0

    def add(self, now: float, key: int, job: Job) -> None:
        """Takes a target in. It is looked at at once, and held until ``release``."""
        state = _State(job, now)
        self._states[key] = state
        self.unfinished += 1
        self._look(key, state)

    def release(self, now: float, key: int) -> None:
        """The target may be sent for."""
        state = self._states[key]
        state.released = True
        if state.phase == _HELD:
            self._begin(now, key, state)

    def give_up(self, now: float, key: int, verdict: str, reason: str) -> None:
        """Ends a target from outside (blocked, run interrupted)."""
        state = self._states[key]
        if state.phase != _DONE:
            self._finish(now, key, state, verdict, reason)

    def looked(self, now: float, key: int, sight: str, proof: str = "", error: str = "") -> None:
        """A look has ended. ``sight`` is one of the states of a probe's outcome."""
        state = self._states[key]
        state.looking = False
        if state.phase == _DONE:
            return
        state.looked_at = now
        state.last = error
        state.impostor = sight == IMPOSTOR
        if sight == AWAKE:
            self._seen_awake(now, key, state, proof)
        elif sight == UNABLE:
            self._finish(now, key, state, verdicts.INVALID, error, error_class="probe_impossible")
        elif state.phase == _LAST_LOOK or self._past_deadline(now):
            self._out_of_time(now, key, state)
        elif state.phase in (_FIRST_LOOK, _RECHECK):
            self._seen_asleep(now, key, state, sight)
        else:
            self._look_at(now + self._look_interval(state, sight), key, state)

    def sent(self, now: float, key: int, error: str = "", final: bool = False) -> None:
        """A packet has left (no ``error``), or could not; ``final``: this method never will."""
        state = self._states[key]
        if state.phase == _DONE:
            return
        if not error:
            self._note_send(now, key, state)
            return
        state.note = error
        if final and state.phase == _WATCHING:
            self._end_method(now, key, state)

    def seen_powered_on(self, now: float, key: int, error: str) -> None:
        """A management engine reports S0 while no operating system is seen: no further method is tried."""
        state = self._states[key]
        if state.phase != _DONE:
            self._finish(now, key, state, verdicts.POWERED_ON, error)

    def checked(self, now: float, key: int, error: str = "") -> None:
        """The preflight of a sleeper has ended; ``error`` says what would fail."""
        state = self._states[key]
        if state.phase == _DONE:
            return
        if not error:
            self._finish(now, key, state, verdicts.WOULD_WAKE, "")
        elif state.rung + 1 < len(state.job.methods):
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
        if self._to_send:
            self._send_paced(now)
        step = self._step
        self._step = Step([], [], [], [], [])
        return step

    def next_due(self, now: float) -> float | None:
        """When ``advance`` has something to do without another event; None: never."""
        if self._step.look or self._step.verdicts or self._step.asleep or self._step.check:
            return now
        moments = [self._timers.next()]
        if self._to_send:
            moments.append(self._pace.next(now, len(self._to_send)))
        if self._deadline >= 0 and not self._deadline_met:
            moments.append(self._deadline)
        return min((moment for moment in moments if moment is not None), default=None)

    def progress(self) -> tuple[int, int, int]:
        """How many are unfinished, how many of these were sent for, and the key sent for longest ago (-1)."""
        waiting = [(s.first_sent, k) for k, s in self._states.items() if s.phase != _DONE and s.first_sent >= 0]
        return self.unfinished, len(waiting), min(waiting)[1] if waiting else -1

    # What follows is the inside of the state machine.

    def _fire(self, now: float, key: int, kind: int) -> None:
        state = self._states[key]
        reached = now + SLOT
        if state.phase == _DONE:
            return
        if kind == _LOOK:
            if state.next_look <= reached and not state.looking:
                self._look(key, state)
        elif state.phase != _WATCHING:
            return
        elif kind == _EXPIRE:
            if 0 <= state.expires <= reached:
                self._look_for_the_last_time(key, state)
        elif state.next_send <= reached:
            self._queue_packet(key, state)

    def _look_at(self, when: float, key: int, state: _State) -> None:
        state.next_look = when
        self._timers.set(when, key, _LOOK)

    def _queue_packet(self, key: int, state: _State) -> None:
        if not state.packets_left:
            state.packets_left = state.job.packets
            state.burst_left = False
        state.next_send = _NEVER
        if not state.queued:
            state.queued = True
            self._to_send.append(key)

    def _look(self, key: int, state: _State) -> None:
        state.looking = True
        state.next_look = _NEVER
        self._step.look.append(key)

    def _look_for_the_last_time(self, key: int, state: _State) -> None:
        state.phase = _LAST_LOOK
        if not state.looking:
            self._look(key, state)

    def _begin(self, now: float, key: int, state: _State) -> None:
        if now - state.looked_at > FRESH_LOOK:
            state.phase = _RECHECK
            if not state.looking:
                self._look(key, state)
        elif self._preflight and state.impostor:
            self._finish(now, key, state, verdicts.WOULD_FAIL, *self._why_not(state))
        elif self._preflight:
            state.phase = _WATCHING
            self._step.check.append((key, state.job.methods[state.rung]))
        else:
            self._start_method(key, state)

    def _start_method(self, key: int, state: _State) -> None:
        state.phase = _WATCHING
        state.resend_interval = state.job.resend_interval
        state.packets_left = 0
        state.expires = -1.0
        self._queue_packet(key, state)

    def _send_paced(self, now: float) -> None:
        for _packet in range(self._pace.take(now, len(self._to_send))):
            key = self._to_send.popleft()
            state = self._states[key]
            state.queued = False
            if state.phase != _WATCHING:
                continue
            self._step.send.append((key, state.job.methods[state.rung]))
            state.packets_left -= 1
            state.next_send = now + PACKET_SPACING
            if not state.packets_left:
                state.next_send = now + state.resend_interval
                longest = max(LONGEST_RESEND_INTERVAL, state.job.resend_interval)
                state.resend_interval = min(longest, state.resend_interval * RESEND_GROWTH)
            self._timers.set(state.next_send, key, _SEND)
            if state.expires < 0:
                self._start_watching(now, key, state)

    @staticmethod
    def _look_interval(state: _State, sight: str) -> float:
        """Seconds until the next look. A stranger's sshd shuts out who comes often and never logs in."""
        if sight == UNKNOWN:
            return ASK_AGAIN
        if sight == IMPOSTOR:
            return LONGEST_LOOK_INTERVAL
        interval = state.look_interval
        state.look_interval = min(LONGEST_LOOK_INTERVAL, interval * LOOK_GROWTH)
        return interval

    def _start_watching(self, now: float, key: int, state: _State) -> None:
        state.expires = now + state.job.timeout
        self._timers.set(state.expires, key, _EXPIRE)
        state.look_interval = 1.0
        self._look_at(now + FIRST_LOOK_AFTER_SEND, key, state)

    def _note_send(self, now: float, key: int, state: _State) -> None:
        if state.first_sent < 0:
            state.first_sent = now
        if not state.burst_left:
            state.burst_left = True
            state.sends += 1

    def _seen_awake(self, now: float, key: int, state: _State, proof: str) -> None:
        sent_for = state.first_sent >= 0
        self._finish(now, key, state, verdicts.WOKEN if sent_for else verdicts.ALREADY_AWAKE, "", proof=proof)

    def _seen_asleep(self, now: float, key: int, state: _State, sight: str) -> None:
        state.tries += 1
        if sight == UNKNOWN and state.tries < TRIES_BEFORE_SENDING:
            self._look_at(now + ASK_AGAIN, key, state)
            return
        if not state.job.methods and state.tries < TRIES_WITHOUT_METHOD:
            self._look_at(now + ASK_AGAIN, key, state)
            return
        if not state.job.methods:
            self._finish(now, key, state, verdicts.NOT_WOKEN, state.last or "it does not answer")
            return
        first = state.phase == _FIRST_LOOK
        state.phase = _HELD
        if state.released:
            state.looked_at = now
            self._begin(now, key, state)
        elif first:
            self._step.asleep.append(key)

    def _end_method(self, now: float, key: int, state: _State) -> None:
        """This method will never send. What an earlier one sent may still have worked: that is worth a last look."""
        if state.first_sent < 0 or state.rung + 1 < len(state.job.methods):
            self._next_method(now, key, state)
            return
        self._look_for_the_last_time(key, state)

    def _next_method(self, now: float, key: int, state: _State) -> None:
        """Takes the next rung of the ladder; with none left it is over."""
        if state.rung + 1 < len(state.job.methods):
            state.rung += 1
            state.looked_at = now
            self._start_method(key, state)
        elif state.first_sent < 0:
            self._finish(now, key, state, verdicts.INVALID, "nothing could be sent: " + state.note, "send_failed")
        else:
            self._finish(now, key, state, verdicts.NOT_WOKEN, *self._why_not(state))

    def _out_of_time(self, now: float, key: int, state: _State) -> None:
        if self._past_deadline(now):
            self._finish(now, key, state, verdicts.NOT_WOKEN, *self._why_not(state, "the deadline of the run"))
        else:
            self._next_method(now, key, state)

    @staticmethod
    def _why_not(state: _State, limit: str = "") -> tuple[str, str]:
        """Reason and error class of a target that did not come up."""
        if state.first_sent < 0 and limit:
            return f"{limit} came before it was sent for", "deadline"
        if state.impostor:
            return "identity: " + state.last, "identity"
        limit = limit or f"{state.job.timeout:g} s"
        reason = f"not seen awake within {limit}"
        if state.last:
            reason += ": " + state.last
        if state.note:
            reason += f" (sending: {state.note})"
        return reason, "timeout"

    def _past_deadline(self, now: float) -> bool:
        return 0 <= self._deadline <= now

    def _meet_deadline(self, now: float) -> None:
        self._deadline_met = True
        for key, state in self._states.items():
            if state.phase == _DONE or state.looking:
                continue
            if state.first_sent >= 0 and state.phase != _LAST_LOOK:
                state.phase = _LAST_LOOK
                self._look(key, state)
            elif state.first_sent < 0:
                self._finish(now, key, state, verdicts.NOT_WOKEN, *self._why_not(state, "the deadline of the run"))

    def _finish(
        self, now: float, key: int, state: _State, verdict: str, reason: str, error_class: str = "", proof: str = ""
    ) -> None:
        state.phase = _DONE
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
