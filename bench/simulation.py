# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""The closed loop in simulated time: conductor, schedule and watch loop for 100,000 and for a million targets.

    python simulation.py COUNT     (prints what one run cost and what became of the targets)

Of the targets 5 % are awake from the start, 2 % never boot, 5 % boot late; 30 % of the packets are lost. They lie in
power domains of 1,000, each with two orders. The time that the simulated world itself takes is part of the cost.
"""

from __future__ import annotations

import collections
import collections.abc
import heapq
import json
import random
import resource
import sys
import time
import typing as t

from figures import BenchError, Figure, Measured, median, output_of, own_program

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
    from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Report

_SMALL, _LARGE = 100_000, 1_000_000
_TICK = 0.05
_LOSS = 0.3
_ANSWER, _SILENCE = 0.01, 2.0
_NEVER = float("inf")


def scaling(say: collections.abc.Callable[[str], None]) -> Measured:
    """How much more a million targets cost than a hundred thousand."""
    small = [_measure(_SMALL, say) for _run in range(3)]
    large = _measure(_LARGE, say)
    ratio = large["cpu_s"] / median(run["cpu_s"] for run in small)
    return Measured(
        (Figure("simulated closed loop: cost of 1,000,000 against 100,000 targets", ratio, "times", 11.5),),
        (
            f"1,000,000 simulated targets: {large['cpu_s']:.0f} CPU-s, {large['largest_mib']} MiB; every target has "
            f"one verdict, and the right one: {large['verdicts']}",
        ),
        {"small": small, "large": large},
    )


def _measure(count: int, say: collections.abc.Callable[[str], None]) -> dict[str, t.Any]:
    seen: dict[str, t.Any] = json.loads(output_of(own_program("simulation.py", str(count))))
    if seen["wrong"]:
        raise BenchError(f"{seen['wrong']} of {count} simulated targets have no verdict, two, or the wrong one")
    say(f"{count:,} targets: {seen['cpu_s']:.1f} CPU-s, {seen['largest_mib']} MiB, {seen['verdicts']}")
    return seen


class _World:
    """Simulated machines behind a place of the conductor. It keeps the time."""

    def __init__(self, count: int) -> None:
        from ansible_collections.lightsout.wake.plugins.module_utils._fleet.loop import WatchLoop
        from ansible_collections.lightsout.wake.plugins.module_utils._fleet.target_state import Job
        from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Report

        self._random = random.Random(1)
        self._report = Report
        self._job = Job(("wol",))
        self._loop = WatchLoop(packets_per_second=count / 50)
        self.now = 0.0
        self.up = [0.0 if self._random.random() < 0.05 else _NEVER for _number in range(count)]
        self.boot = [self._boot_delay() for _number in range(count)]
        self._answers: dict[int, list[int]] = {}
        self._ticks: list[int] = []

    def begin(self, keys: collections.abc.Sequence[int], skip: collections.abc.Iterable[str]) -> None:
        for key in keys:
            self._loop.add(self.now, key, self._job)

    def release(self, keys: collections.abc.Sequence[int]) -> None:
        for key in keys:
            self._loop.release(self.now, key)

    def give_up(self, keys: collections.abc.Sequence[int]) -> None:
        raise BenchError("nobody waits in vain in this simulation")

    def close(self) -> None:
        pass

    def poll(self, wait: float) -> Report:
        """Let time go on to the next thing that happens, and act on it."""
        step = self._loop.advance(self.now)
        for key in step.look:
            self._answer_later(key)
        for key, _method in step.send:
            self._loop.sent(self.now, key)
            if self.up[key] == _NEVER and self._random.random() >= _LOSS:
                self.up[key] = self.now + self.boot[key]
        if not step.asleep and not step.verdicts:
            self._pass_time(wait)
        return self._report(step.asleep, step.verdicts, [])

    def _boot_delay(self) -> float:
        kind = self._random.random()
        if kind < 0.02:
            return _NEVER
        return self._random.uniform(120, 400) if kind < 0.07 else self._random.uniform(2, 40)

    def _answer_later(self, key: int) -> None:
        delay = _ANSWER if self.up[key] <= self.now else _SILENCE
        tick = int((self.now + delay) / _TICK) + 1
        keys = self._answers.get(tick)
        if keys is None:
            keys = self._answers[tick] = []
            heapq.heappush(self._ticks, tick)
        keys.append(key)

    def _pass_time(self, wait: float) -> None:
        due = self._loop.next_due(self.now)
        moments = [self._ticks[0] * _TICK] if self._ticks else []
        moments += [] if due is None else [due]
        self.now = max(self.now, min([*moments, self.now + wait]))
        while self._ticks and self._ticks[0] * _TICK <= self.now:
            for key in self._answers.pop(heapq.heappop(self._ticks)):
                if self.up[key] <= self.now:
                    self._loop.looked(self.now, key, "awake", "simulated")
                else:
                    self._loop.looked(self.now, key, "silent", "", "it did not answer")


def _simulate(count: int) -> dict[str, t.Any]:
    from ansible_collections.lightsout.wake.plugins.module_utils._fleet.conductor import Behind, Conductor
    from ansible_collections.lightsout.wake.plugins.module_utils._fleet.waves import Member

    began = time.process_time()
    world = _World(count)
    awake_before = [up == 0.0 for up in world.up]
    told: list[str] = [""] * count
    twice = 0

    def note(key: int, verdict: Verdict) -> None:
        nonlocal twice
        twice += bool(told[key])
        told[key] = verdict.verdict

    members = [
        Member(key, f"pc{key}", 10 if key % 100 == 0 else 100, power_domain=f"room{key // 1000}")
        for key in range(count)
    ]
    conductor = Conductor(members, [Behind(world, tuple(range(count)), {})], clock=lambda: world.now, on_verdict=note)
    while not conductor.finished:
        conductor.step(1.0)
    conductor.close()
    cpu = time.process_time() - began
    wrong = sum(
        verdict != ("already_awake" if was_awake else "not_woken" if boot == _NEVER else "woken")
        for verdict, was_awake, boot in zip(told, awake_before, world.boot, strict=True)
    )
    return {
        "targets": count,
        "cpu_s": round(cpu, 2),
        "largest_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "simulated_s": round(world.now),
        "verdicts": collections.Counter(told),
        "wrong": wrong + twice,
    }


if __name__ == "__main__":
    print(json.dumps(_simulate(int(sys.argv[1]))))
