# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The engine room of the probes: one epoll, the time-outs, and the sockets that probes share."""

from __future__ import annotations

import select
import time
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Hearer, Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import Outcome
from ansible_collections.lightsout.wake.plugins.module_utils._probes.timers import Timers

_MOST_EVENTS = 512


def _has_ended(look: Look) -> bool:
    return look.job is None


class Watch:
    """Runs looks until they end and tells `on_end`; implements `look.Desk` for them."""

    def __init__(self, on_end: t.Callable[[Look, Outcome], None], on_answer: t.Callable[[Look], None]) -> None:
        self._on_end = on_end
        self._on_answer = on_answer
        self._epoll = select.epoll()
        self._hearers: dict[int, tuple[Hearer, int]] = {}
        self._deadlines: Timers[Look] = Timers(_has_ended)
        self._ticks: Timers[Look] = Timers(_has_ended)
        self._shared: dict[tuple[t.Any, ...], t.Any] = {}

    def begin(self, look: Look, now: float) -> None:
        """Start a look; it may end at once."""
        outcome = look.begin()
        if outcome is None:
            self._deadlines.add(look, look.timeout, now)
        else:
            self.finish(look, outcome)

    def run(self, wait: float) -> bool:
        """Wait for events or time-outs, at most `wait` seconds, and act on them; whether there were any.

        A time-out only counts once all events that are there have been heard, so that a busy caller is not taken
        for silent hosts.
        """
        events = self._epoll.poll(wait, _MOST_EVENTS)
        hearers = self._hearers
        for fd, mask in events:
            entry = hearers.get(fd)
            if entry is not None:
                entry[0].ready(mask)
        if len(events) == _MOST_EVENTS:
            return True
        now = time.monotonic()
        late = self._deadlines.due(now)
        for look in late:
            if look.job is not None:
                self.finish(look, look.overdue())
        for look in self._ticks.due(now):
            look.tick()
        return bool(events or late)

    def next_due(self) -> float:
        return min(self._deadlines.next_due(), self._ticks.next_due())

    def close(self) -> None:
        """Close the shared sockets and the epoll; looks that still run must have been closed before."""
        for thing in self._shared.values():
            thing.close()
        self._shared.clear()
        self._hearers.clear()
        self._epoll.close()

    def watch(self, fd: int, events: int, hearer: Hearer) -> None:
        entry = self._hearers.get(fd)
        if entry is None:
            self._epoll.register(fd, events)
        elif entry[1] != events:
            self._epoll.modify(fd, events)
        self._hearers[fd] = (hearer, events)

    def unwatch(self, fd: int) -> None:
        if self._hearers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def finish(self, look: Look, outcome: Outcome) -> None:
        if look.job is not None:
            look.close(outcome)
            self._on_end(look, outcome)
            look.job = None

    def answered(self, look: Look) -> None:
        self._on_answer(look)

    def call_after(self, delay: float, look: Look) -> None:
        self._ticks.add(look, delay, time.monotonic())

    def shared(self, key: tuple[t.Any, ...], make: t.Callable[[], t.Any]) -> t.Any:
        thing = self._shared.get(key)
        if thing is None:
            thing = self._shared[key] = make()
        return thing
