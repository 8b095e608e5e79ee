# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""How many neighbours the kernel may be asked to resolve at once. Pure: time comes from the caller.

The neighbour table is one for the whole kernel and holds 1,024 entries (gc_thresh3); a full table drops packets to
hosts that are awake. An entry nobody answers for stays 3 s (three solicitations, 1 s apart) however soon the probe
gives up; an entry that was answered is only dropped in need once it is 5 s old (neigh_forced_gc in
net/core/neighbour.c). What is left of the table is for others, and for what an engine before this one has left there.
"""

from __future__ import annotations

from collections import deque

_UNANSWERED_LIFE = 3.2
_ANSWERED_LIFE = 5.2


class NeighbourBudget:
    """Counts unresolved probes in flight and the young entries that they left in the kernel's table."""

    def __init__(self, max_unresolved: int) -> None:
        self._max_unresolved = max_unresolved
        self._max_unanswered = max_unresolved * 3 // 2
        self._max_young = max_unresolved * 9 // 4
        self._unresolved = 0
        self._until: dict[bytes, float] = {}
        self._answered: set[bytes] = set()
        self._ends: deque[tuple[float, bytes]] = deque()

    @property
    def unresolved(self) -> int:
        return self._unresolved

    def admits(self, address: bytes, now: float) -> bool:
        """Whether a probe of the address may start now."""
        if self._unresolved >= self._max_unresolved:
            return False
        self._expire(now)
        if address in self._until:
            return True
        young, unanswered = len(self._until), len(self._until) - len(self._answered)
        return young < self._max_young and unanswered < self._max_unanswered

    def start(self, address: bytes, now: float) -> None:
        self._unresolved += 1
        if address not in self._answered:
            self._keep(address, now + _UNANSWERED_LIFE)

    def answered(self, address: bytes, now: float) -> None:
        """The neighbour was resolved; the probe no longer counts as unresolved."""
        self._unresolved -= 1
        self._answered.add(address)
        self._keep(address, now + _ANSWERED_LIFE)

    def gave_up(self) -> None:
        """A probe ended without an answer."""
        self._unresolved -= 1

    def next_admission(self) -> float:
        """When time alone may admit another probe; infinity where only the end of one in flight can."""
        if self._unresolved >= self._max_unresolved or not self._ends:
            return float("inf")
        return self._ends[0][0]

    def _keep(self, address: bytes, until: float) -> None:
        if address not in self._until:
            self._ends.append((until, address))
        self._until[address] = until

    def _expire(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            address = self._ends.popleft()[1]
            until = self._until[address]
            if until > now:
                self._ends.append((until, address))
            else:
                del self._until[address]
                self._answered.discard(address)
