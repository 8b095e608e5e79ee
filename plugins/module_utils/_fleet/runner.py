# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Drives the closed loop with real senders, real probes and a clock."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import verdicts
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.loop import Step, WatchLoop
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import NOT_AVAILABLE, WakeMethod
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.target_state import Job
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Report, Settings

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target

_LONGEST_SLICE = 0.5  # seconds in one collect(), so that a new release or send never waits longer


class Prober(t.Protocol):
    """What the runner needs of a ProbeEngine."""

    def start(self, key: int, probe: Probe) -> None:
        """Begin to look."""

    def collect(self, wait: float) -> list[tuple[int, t.Any]]:
        """Return what was seen, waiting at most ``wait`` seconds for it."""

    def close(self) -> None:
        """Let go of all sockets."""


class FleetRunner:
    """Wakes and watches targets from this machine. Times in its verdicts are seconds since it was made."""

    def __init__(
        self,
        methods: Mapping[str, WakeMethod],
        prober: Prober,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._methods = methods
        self._prober = prober
        self._settings = settings
        self._clock = clock
        self._start = clock()
        self._probes: dict[int, Probe] = {}
        self._early: list[tuple[int, Verdict]] = []
        self._unfinished = 0
        self._loop = WatchLoop(
            packets_per_second=settings.packets_per_second,
            preflight=settings.preflight,
            deadline=settings.remaining,
        )

    @property
    def unfinished(self) -> int:
        """How many targets have no verdict that poll() has returned."""
        return self._unfinished

    def add(self, key: int, target: Target) -> None:
        """Take a target in and begin to look at it. One for which nothing could be sent gets its verdict now."""
        self._unfinished += 1
        usable, refusals = [], []
        for name in target.methods:
            refusal = self._prepare(name, key, target)
            if refusal:
                refusals.append(refusal)
            else:
                usable.append(name)
        if target.methods and not usable:
            verdict = verdicts.WOULD_FAIL if self._settings.preflight else verdicts.INVALID
            self._early.append((key, Verdict(verdict, "; ".join(refusals), "send_impossible")))
            return
        self._probes[key] = target.probe
        job = Job(tuple(usable), target.timeout, target.resend_interval, target.count)
        self._loop.add(self._now(), key, job)

    def release(self, keys: Sequence[int]) -> None:
        """These targets may be sent for."""
        now = self._now()
        for key in keys:
            if key in self._probes:
                self._loop.release(now, key)

    def give_up(self, key: int, verdict: str, reason: str) -> None:
        """End a target from outside; without effect where it has its verdict."""
        if key in self._probes:
            self._loop.give_up(self._now(), key, verdict, reason)

    def poll(self, wait: float) -> Report:
        """Look and send for at most about ``wait`` seconds; return at once when something happened."""
        now = self._now()
        step = self._loop.advance(now)
        self._act(step)
        due = self._loop.next_due(self._now())
        pause = 0.0 if step.asleep or step.verdicts or self._early else min(wait, _LONGEST_SLICE)
        if due is not None:
            pause = min(pause, max(0.0, due - self._now()))
        for key, outcome in self._prober.collect(pause):
            self._loop.looked(self._now(), key, outcome.state, outcome.proof, outcome.error)
        early, self._early = self._early, []
        told = early + step.verdicts
        self._unfinished -= len(told)
        return Report(step.asleep, told, [])

    def close(self) -> None:
        """Let go of all sockets."""
        self._prober.close()
        for method in self._methods.values():
            method.close()

    def _now(self) -> float:
        return self._clock() - self._start

    def _prepare(self, name: str, key: int, target: Target) -> str:
        method = self._methods.get(name)
        if method is None:
            return NOT_AVAILABLE.get(name, f"there is no method {name}")
        return method.prepare(key, target)

    def _act(self, step: Step) -> None:
        for key in step.look:
            self._prober.start(key, self._probes[key])
        by_method: dict[str, list[int]] = {}
        for key, name in step.send:
            by_method.setdefault(name, []).append(key)
        for name, keys in by_method.items():
            self._methods[name].send(keys)
        for method in self._methods.values():
            for sent in method.collect():
                self._loop.sent(self._now(), sent.key, sent.error, sent.final)
        for key, _name in step.check:
            # What could refuse was asked in add(): a sleeper that got here can be sent for.
            self._loop.checked(self._now(), key)
