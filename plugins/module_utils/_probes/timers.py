# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Deadlines of many things that share a few delays: one queue per delay, so that each costs an append and a pop."""

from __future__ import annotations

import typing as t
from collections import deque

T = t.TypeVar("T")


class Timers(t.Generic[T]):
    """`is_over` says that a thing no longer waits; such things are dropped when they come to the head of a queue."""

    def __init__(self, is_over: t.Callable[[T], bool]) -> None:
        self._is_over = is_over
        self._queues: dict[float, deque[tuple[float, T]]] = {}

    def add(self, thing: T, delay: float, now: float) -> None:
        queue = self._queues.get(delay)
        if queue is None:
            queue = self._queues[delay] = deque()
        queue.append((now + delay, thing))

    def due(self, now: float) -> list[T]:
        """Take out what is due."""
        things: list[T] = []
        for delay, queue in list(self._queues.items()):
            while queue and (queue[0][0] <= now or self._is_over(queue[0][1])):
                thing = queue.popleft()[1]
                if not self._is_over(thing):
                    things.append(thing)
            if not queue:
                del self._queues[delay]
        return things

    def next_due(self) -> float:
        """When the next one is due, infinity if none is."""
        return min((queue[0][0] for queue in self._queues.values() if queue), default=float("inf"))
