# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Conducts a whole fleet: the schedule decides who may be sent for, places do it. Pure; a clock is handed in.

A place is where targets are sent for and watched from: this process, or a relay. The conductor gives
every target exactly one verdict, whatever the places do.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import verdicts
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.waves import Member, WaveSchedule

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Report

_GRACE_AFTER_DEADLINE = 90.0  # seconds; a place that has not reported by then is not waited for


class Place(t.Protocol):
    """Where targets are sent for and watched from. Times in its verdicts are seconds since the run began."""

    def begin(self, keys: Sequence[int], skip: Iterable[str]) -> None:
        """Begin to look at these targets. ``skip``: relays that are known to be down."""

    def release(self, keys: Sequence[int]) -> None:
        """These targets may be sent for."""

    def give_up(self, keys: Sequence[int]) -> None:
        """Nobody waits for these any more; what the place says of them is of no interest."""

    def poll(self, wait: float) -> Report:
        """Return what happened, waiting at most about ``wait`` seconds for it."""

    def close(self) -> None:
        """End the work there, and leave nothing behind."""


class Behind(t.NamedTuple):
    """A place, the targets behind it, and which of its relays are targets of this run (name -> key).

    ``other_relays``: it has a relay beside those, which is expected to be up.
    """

    place: Place
    keys: tuple[int, ...]
    relays: Mapping[str, int]
    other_relays: bool = False


class Progress(t.NamedTuple):
    """Where a run stands. ``longest``: the name of the target that was sent for longest ago, and since when (s)."""

    wave: int
    waves: int
    awake: int
    failed: int
    waiting: int
    longest: str
    longest_wait: float


class Conductor:
    """Runs a fleet to its verdicts.

    The first of the places may wait in ``poll``; the others are asked without waiting.
    Raises DependencyCycle.
    """

    def __init__(
        self,
        members: Sequence[Member],
        places: Sequence[Behind],
        *,
        clock: Callable[[], float],
        preflight: bool = False,
        deadline: float = -1.0,
        on_verdict: Callable[[int, Verdict], None] = lambda _key, _verdict: None,
    ) -> None:
        self._clock = clock
        self._start = clock()
        self._preflight = preflight
        self._deadline = deadline
        self._on_verdict = on_verdict
        self._members = {member.key: member for member in members}
        self._schedule = WaveSchedule(members)
        self._places = list(places)
        self._waiting_places = list(places)
        self._place_of = {key: behind for behind in places for key in behind.keys}
        self._asleep: set[int] = set()
        self._blocked_by: dict[int, int] = {}
        self._released: dict[int, float] = {}
        self._turn = 0
        self.verdicts: dict[int, Verdict] = {}
        self.waves = self._schedule.waves

    @property
    def finished(self) -> bool:
        """Whether every target has its verdict."""
        return len(self.verdicts) == len(self._members)

    def conclude(self, key: int, verdict: Verdict) -> None:
        """Give a target its verdict; the first one stays."""
        if key in self.verdicts:
            return
        self.verdicts[key] = verdict
        self._on_verdict(key, verdict)
        awake = verdict.verdict in verdicts.AWAKE_VERDICTS or verdict.verdict == verdicts.WOULD_WAKE
        self._schedule.finished(key, awake)

    def step(self, wait: float) -> None:
        """Take in what the places report, within about ``wait`` seconds, and hand out what follows from it."""
        self._begin_places()
        due = self._schedule.next_due()
        if due is not None:
            wait = min(wait, max(0.0, due - self._now()))
        for behind in self._places:
            if behind not in self._waiting_places:
                self._take_in(behind.place.poll(wait))
                wait = 0.0
        for key, needed in self._schedule.take_blocked():
            self._blocked_by.setdefault(key, needed)
        self._block()
        self._release()
        self._meet_deadline()

    def interrupt(self, reason: str) -> None:
        """Give everybody without a verdict ``indeterminate``."""
        for key in self._members:
            if key not in self.verdicts:
                self.conclude(key, self._verdict(key, verdicts.INDETERMINATE, reason, "interrupted"))

    def close(self) -> None:
        """Close all places; one that fails to close does not keep the others open."""
        with contextlib.ExitStack() as endings:
            for behind in reversed(self._places):
                endings.callback(behind.place.close)

    def progress(self) -> Progress:
        """Where the run stands now."""
        awake = sum(1 for verdict in self.verdicts.values() if verdict.verdict in verdicts.GOOD_VERDICTS)
        waiting = {key: since for key, since in self._released.items() if key not in self.verdicts}
        longest = min(waiting, key=lambda key: waiting[key]) if waiting else None
        return Progress(
            max((self.waves[key] for key in self._released), default=1),
            max(self.waves.values(), default=1),
            awake,
            len(self.verdicts) - awake,
            len(self._members) - len(self.verdicts),
            "" if longest is None else self._members[longest].name,
            0.0 if longest is None else self._now() - waiting[longest],
        )

    def _now(self) -> float:
        return self._clock() - self._start

    def _verdict(self, key: int, verdict: str, reason: str, error_class: str) -> Verdict:
        since = self._released.get(key)
        return Verdict(verdict, reason, error_class, elapsed=self._now() - since if since is not None else 0.0)

    def _begin_places(self) -> None:
        stuck = self._waiting_places and not self._something_goes_on()
        for behind in list(self._waiting_places):
            if not stuck and not all(key in self.verdicts for key in behind.relays.values()):
                continue
            stuck = False  # relays that wait for each other, or for who is behind them: one begins without them
            self._waiting_places.remove(behind)
            down = {name: key for name, key in behind.relays.items() if not self._may_be_up(key)}
            if len(down) == len(behind.relays) and behind.relays and not behind.other_relays:
                self._nobody_to_send(behind, next(iter(down.values())))
                behind.place.begin((), down)
            else:
                behind.place.begin([key for key in behind.keys if key not in self.verdicts], down)

    def _something_goes_on(self) -> bool:
        """Whether a place that has begun will report something, or the stagger will release somebody."""
        if self._schedule.next_due() is not None:
            return True
        begun = (behind for behind in self._places if behind not in self._waiting_places)
        return any(
            key not in self.verdicts and (key not in self._asleep or key in self._released)
            for behind in begun
            for key in behind.keys
        )

    def _may_be_up(self, key: int) -> bool:
        """Whether a relay was seen awake, or could not be looked at because its own variables are wrong."""
        if key not in self.verdicts:
            return False
        verdict = self.verdicts[key]
        return verdict.verdict in verdicts.AWAKE_VERDICTS or verdict.error_class == verdicts.INVALID_VARIABLES

    def _nobody_to_send(self, behind: Behind, relay: int) -> None:
        name = self._members[relay].name
        verdict = self.verdicts[relay].verdict if relay in self.verdicts else "waiting for a host behind it"
        for key in behind.keys:
            if verdict == verdicts.WOULD_WAKE:
                reason = f"not checked: its relay {name} is asleep, and would be woken first"
                self.conclude(key, self._verdict(key, verdicts.WOULD_WAKE, reason, ""))
            else:
                word = verdicts.WOULD_FAIL if self._preflight else verdicts.BLOCKED
                self.conclude(key, self._verdict(key, word, f"its relay {name} is {verdict}", "dependency"))

    def _take_in(self, report: Report) -> None:
        for key in report.asleep:
            if key not in self.verdicts:
                self._asleep.add(key)
                self._schedule.asleep(key)
        for key, verdict in report.verdicts:
            self.conclude(key, verdict)

    def _block(self) -> None:
        """Those that wait in vain are blocked, unless they are found to be awake themselves."""
        while True:
            stuck = [key for key in self._blocked_by if key in self._asleep and key not in self.verdicts]
            if not stuck:
                return
            for key in stuck:
                needed = self._blocked_by.pop(key)
                reason = f"waits for {self._members[needed].name}, which is {self.verdicts[needed].verdict}"
                word = verdicts.WOULD_FAIL if self._preflight else verdicts.BLOCKED
                self._place_of[key].place.give_up([key])
                self.conclude(key, self._verdict(key, word, reason, "dependency"))
            for key, needed in self._schedule.take_blocked():
                self._blocked_by.setdefault(key, needed)

    def _release(self) -> None:
        now = self._now()
        by_place: dict[int, tuple[Place, list[int]]] = {}
        for key in self._schedule.ready(now):
            place = self._place_of[key].place
            self._released[key] = now
            by_place.setdefault(id(place), (place, []))[1].append(key)
        for place, keys in by_place.values():
            place.release(keys)

    def _meet_deadline(self) -> None:
        if self._deadline < 0 or self._now() < self._deadline:
            return
        late = self._now() > self._deadline + _GRACE_AFTER_DEADLINE
        for behind in self._places:
            if not late and behind not in self._waiting_places:
                continue
            for key in behind.keys:
                if self._preflight:
                    reason, word = "the deadline of the run came before it was checked", verdicts.WOULD_FAIL
                elif key in self._released:
                    reason, word = "its relay did not report by the deadline of the run", verdicts.INDETERMINATE
                else:
                    reason, word = "the deadline of the run came before it was sent for", verdicts.NOT_WOKEN
                self.conclude(key, self._verdict(key, word, reason, "deadline"))
