# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Runs many probes at once in one thread: who is awake, and how we know."""

from __future__ import annotations

import os
import resource
import time
import typing as t
from collections import deque

from ansible_collections.lightsout.wake.plugins.module_utils._interfaces_linux import read_interfaces
from ansible_collections.lightsout.wake.plugins.module_utils._probes.kinds import look_for
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.names import Answer, Resolver
from ansible_collections.lightsout.wake.plugins.module_utils._probes.neighbour_budget import NeighbourBudget
from ansible_collections.lightsout.wake.plugins.module_utils._probes.neighbours import Overflow, with_identity
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    IMPOSTOR,
    REFUSED,
    SILENT,
    UNABLE,
    UNKNOWN,
    Outcome,
    unknown,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.segments import (
    Address,
    Segment,
    Segments,
    parse_literal,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.timers import Timers
from ansible_collections.lightsout.wake.plugins.module_utils._probes.watch import Watch

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

_MOST_IN_FLIGHT = 2000
_SPARE_DESCRIPTORS = 64
_LAUNCHES_AT_ONCE = 256
_BATCH = 0.005
_SEGMENTS_AGE = 10.0
_NAME_TIMEOUT = 10.0
_HEARD = (AWAKE, REFUSED, IMPOSTOR)
_RANK = {state: rank for rank, state in enumerate((AWAKE, IMPOSTOR, REFUSED, UNKNOWN, SILENT, UNABLE))}


class _Job:
    """A probe on its way through the engine, over all addresses of its name."""

    __slots__ = ("addresses", "best", "key", "look", "named", "probe", "segment", "started", "timeout", "unresolved")

    def __init__(self, key: int, probe: Probe) -> None:
        self.key = key
        self.probe = probe
        self.timeout = probe.timeout
        self.addresses: deque[Address] = deque()
        self.segment: Segment | None = None
        self.look: Look | None = None
        self.best: Outcome | None = None
        self.named = False
        self.started = 0.0
        self.unresolved = False


class ProbeEngine:
    """Non-blocking probes over epoll.

    No more than `max_in_flight` run at once (0: as many as file descriptors allow, at most 2,000), and no more than
    `max_unresolved` of them towards addresses on this machine's own segments from which nothing was heard yet:
    the kernel's neighbour table overflows beyond, and then hosts that are awake look silent.
    """

    def __init__(self, *, max_in_flight: int = 0, max_unresolved: int = 400) -> None:
        self._max_in_flight = _allowed_in_flight(max_in_flight or _MOST_IN_FLIGHT)
        self._watch = Watch(self._look_ended, self._look_answered)
        # Sleepers on link never take all places: those elsewhere always find some.
        self._budget = NeighbourBudget(min(max_unresolved, max(1, self._max_in_flight * 3 // 4)))
        self._running: dict[_Job, None] = {}
        self._free: deque[_Job] = deque()
        self._held: deque[_Job] = deque()
        self._outcomes: list[tuple[int, Outcome]] = []
        self._pending = 0
        self._resolver: Resolver | None = None
        self._named: dict[str, list[_Job]] = {}
        self._name_deadlines: Timers[_Job] = Timers(lambda job: job.named)
        self._segments = Segments(())
        self._segments_until = 0.0
        self._literals: dict[str, tuple[Address | None, Segment | None]] = {}

    def start(self, key: int, probe: Probe) -> None:
        """Queue a probe; `collect` returns its outcome with the key."""
        self._pending += 1
        job = _Job(key, probe)
        address, segment = self._locate(probe.host)
        if address is None:
            self._ask_for_name(job)
        else:
            job.addresses.append(address)
            self._queue(job, segment)

    def pending(self) -> int:
        """Probes started whose outcome was not collected yet."""
        return self._pending

    def collect(self, wait: float) -> list[tuple[int, Outcome]]:
        """Run until there are outcomes, or for `wait` seconds; several that come within 5 ms are returned together."""
        now = time.monotonic()
        end = now + wait
        batch_end = float("inf")
        while True:
            launched = self._launch(now)
            pause = 0.0 if launched or self._outcomes else self._pause(now, end)
            happened = self._watch.run(pause)
            now = time.monotonic()
            self._expire_names(now)
            if self._outcomes:
                batch_end = min(batch_end, now + _BATCH)
                if now >= batch_end or not (happened or launched):
                    break
            elif now >= end:
                break
        outcomes, self._outcomes = self._outcomes, []
        self._pending -= len(outcomes)
        return outcomes

    def close(self) -> None:
        """Drop what runs and close all sockets."""
        for job in self._running:
            if job.look is not None:
                job.look.close(None)
        self._running.clear()
        self._free.clear()
        self._held.clear()
        if self._resolver is not None:
            self._resolver.close()
        self._watch.close()
        self._pending = 0

    def ready(self, events: int) -> None:
        """The resolver has answers."""
        if self._resolver is not None:
            for answer in self._resolver.answers():
                for job in self._named.pop(answer.name, ()):
                    self._name_answered(job, answer)

    def _pause(self, now: float, end: float) -> float:
        due = min(end, self._watch.next_due(), self._name_deadlines.next_due())
        if self._held and len(self._running) < self._max_in_flight:
            due = min(due, self._budget.next_admission())
        return max(0.0, due - now)

    def _launch(self, now: float) -> bool:
        room = min(self._max_in_flight - len(self._running), _LAUNCHES_AT_ONCE)
        launched = 0
        while launched < room and self._held:
            packed = self._held[0].addresses[0].packed
            if not self._budget.admits(packed, now):
                break
            job = self._held.popleft()
            self._budget.start(packed, now)
            job.unresolved = True
            job.started = now
            self._overflow().look(now)
            self._run(job, now)
            launched += 1
        while launched < room and self._free:
            self._run(self._free.popleft(), now)
            launched += 1
        return bool(launched)

    def _run(self, job: _Job, now: float) -> None:
        look = look_for(self._watch, job.probe, job.addresses[0], job.segment, job.timeout)
        look.job = job
        job.look = look
        self._running[job] = None
        self._watch.begin(look, now)

    def _look_answered(self, look: Look) -> None:
        job: _Job = look.job
        if job.unresolved:
            job.unresolved = False
            self._budget.answered(look.address.packed, time.monotonic())

    def _look_ended(self, look: Look, outcome: Outcome) -> None:
        job: _Job = look.job
        del self._running[job]
        if job.unresolved:
            if outcome.state in _HEARD:
                self._look_answered(look)
            else:
                job.unresolved = False
                self._budget.gave_up()
                outcome = self._doubted(job, outcome)
        if outcome.state == AWAKE and job.probe.mac and job.probe.type != "arp":
            outcome = with_identity(look, outcome)
        self._conclude(job, outcome)

    def _doubted(self, job: _Job, outcome: Outcome) -> Outcome:
        """Silence while the neighbour table had no room is no silence."""
        if outcome.state == SILENT and self._overflow().since(job.started, time.monotonic()):
            return unknown(
                f"{job.probe.host} did not answer, but this machine's neighbour table was full meanwhile (see "
                "net.ipv4.neigh.default.gc_thresh3). Ask again."
            )
        return outcome

    def _overflow(self) -> Overflow:
        overflow: Overflow = self._watch.shared(("overflow",), Overflow)
        return overflow

    def _conclude(self, job: _Job, outcome: Outcome) -> None:
        if job.best is None or _RANK[outcome.state] < _RANK[job.best.state]:
            job.best = outcome
        job.addresses.popleft()
        if job.addresses and outcome.state != AWAKE:
            self._queue(job, self._segments.find(job.addresses[0]))
        else:
            self._outcomes.append((job.key, job.best))

    def _queue(self, job: _Job, segment: Segment | None) -> None:
        job.segment = segment
        # An ARP probe asks by itself and leaves the kernel's neighbour table alone.
        if segment is None or job.probe.type == "arp":
            self._free.append(job)
        else:
            self._held.append(job)

    def _locate(self, host: str) -> tuple[Address | None, Segment | None]:
        now = time.monotonic()
        if now >= self._segments_until:
            self._segments_until = now + _SEGMENTS_AGE
            self._literals.clear()
            self._segments = _read_segments() or self._segments
        found = self._literals.get(host)
        if found is None:
            address = parse_literal(host)
            found = (address, None if address is None else self._segments.find(address))
            self._literals[host] = found
        return found

    def _ask_for_name(self, job: _Job) -> None:
        name = job.probe.host
        if self._resolver is None:
            self._resolver = Resolver()
            self._watch.watch(self._resolver.fileno(), 1, self)
        self._named.setdefault(name, []).append(job)
        self._name_deadlines.add(job, _NAME_TIMEOUT + job.probe.timeout, time.monotonic())
        self._resolver.ask(name)

    def _name_answered(self, job: _Job, answer: Answer) -> None:
        job.named = True
        if answer.addresses:
            job.addresses.extend(answer.addresses)
            job.timeout = job.probe.timeout / len(answer.addresses)
            self._queue(job, self._segments.find(answer.addresses[0]))
        else:
            self._outcomes.append((job.key, unknown(answer.error)))

    def _expire_names(self, now: float) -> None:
        for job in self._name_deadlines.due(now):
            name = job.probe.host
            waiting = self._named.get(name, [])
            waiting.remove(job)
            job.named = True
            self._outcomes.append((job.key, unknown(f"The name {name!r} was not resolved in time. Ask again.")))
            if not waiting:
                self._named.pop(name, None)


def _read_segments() -> Segments | None:
    try:
        return Segments(read_interfaces())
    except OSError:
        return None


def _allowed_in_flight(wanted: int) -> int:
    """Raise the soft limit of file descriptors as far as `wanted` sockets need, and say how many there may be."""
    used = len(os.listdir("/proc/self/fd")) + _SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < used + wanted:
        soft = used + wanted if hard == resource.RLIM_INFINITY else min(hard, used + wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - used))
