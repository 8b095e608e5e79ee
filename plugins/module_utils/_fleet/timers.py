# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Timers and pacing of the closed loop. Pure: the time is handed in."""

from __future__ import annotations

import heapq

SLOT = 0.05  # seconds a timer may be late
_ROUNDING = 1e-6  # a moment computed from a slot number must count as having reached that slot


class SlotTimers:
    """Timers in slots of 50 ms: setting and firing one is O(1) however many there are.

    Only the slot numbers lie in a heap. A timer that no longer matters is left to fire; whoever set it
    compares the moment it wants now.
    """

    def __init__(self) -> None:
        self._slots: dict[int, list[tuple[int, int]]] = {}
        self._order: list[int] = []

    def set(self, when: float, key: int, kind: int) -> None:
        """Fires (key, kind) at ``when`` seconds, or up to one slot later."""
        slot = int(when / SLOT) + 1
        timers = self._slots.get(slot)
        if timers is None:
            self._slots[slot] = [(key, kind)]
            heapq.heappush(self._order, slot)
        else:
            timers.append((key, kind))

    def due(self, now: float) -> list[tuple[int, int]]:
        """Takes out the timers of the earliest slot that is due; empty when none is."""
        if self._order and self._order[0] <= now / SLOT + _ROUNDING:
            return self._slots.pop(heapq.heappop(self._order))
        return []

    def next(self) -> float | None:
        """The moment of the earliest slot in seconds, None without timers."""
        return self._order[0] * SLOT if self._order else None


class Pace:
    """Lets at most ``rate`` packets a second pass. No limit where it is not above 0.

    Packets leave in bursts of one slot's worth: what follows from them then comes in batches too, and
    nobody wakes up for each packet.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate if rate > 0 else 0.0
        self._burst = max(1.0, self._rate * SLOT)
        self._allowance = self._burst
        self._at: float | None = None

    def take(self, now: float, wanted: int) -> int:
        """How many of ``wanted`` packets may leave now; none before a burst, or all that are wanted, may."""
        if not self._rate:
            return wanted
        if self._at is not None:
            self._allowance = min(self._burst, self._allowance + (now - self._at) * self._rate)
        self._at = now
        allowed = min(wanted, int(self._burst))
        if self._allowance + _ROUNDING < allowed:
            return 0
        self._allowance -= allowed
        return allowed

    def next(self, now: float, wanted: int = 1) -> float:
        """When ``take`` with the same ``wanted`` lets packets pass."""
        lacking = max(0.0, min(wanted, int(self._burst)) - self._allowance)
        return now + lacking / self._rate if self._rate else now
