# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Runs the gates and says what each took: run.py test|lint [NAME...], where NAME picks gates by their start."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import interpreters
from gates import FUNCTIONAL, LINT_LANES, ROOT, Gate, test_lanes

LOGS = ROOT / ".gates" / "logs"
GATE_LIMIT = 1500  # seconds; a gate that hangs must not use up all the time that continuous integration has
_print_lock = threading.Lock()


class Verdict(t.NamedTuple):
    gate: Gate
    passed: bool
    seconds: float
    processor_seconds: float


def say(text: str) -> None:
    with _print_lock:
        print(text, flush=True)


def _end(process: subprocess.Popen[bytes], log: Path) -> None:
    with log.open("a") as output:
        output.write(f"\nended: it took longer than {GATE_LIMIT} s\n")
    os.killpg(process.pid, signal.SIGTERM)


def run_gate(gate: Gate) -> Verdict:
    """Run one gate with its output in a file, which is shown if it fails."""
    started = time.monotonic()
    log = LOGS / f"{gate.name.replace(' ', '-')}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            gate.command,
            cwd=gate.directory,
            env=gate.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        limit = threading.Timer(GATE_LIMIT, _end, (process, log))
        limit.start()
        try:
            _pid, status, usage = os.wait4(process.pid, 0)
        finally:
            limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    verdict = Verdict(gate, process.returncode == 0, seconds, usage.ru_utime + usage.ru_stime)
    word = "passed" if verdict.passed else f"FAILED (exit {process.returncode}), output follows"
    text = f"{gate.name}: {word} in {verdict.seconds:.0f} s"
    if not verdict.passed or gate.shown:
        text += f"\n{log.read_text(errors='replace')}\n--- end of {gate.name}"
    say(text)
    return verdict


def run_lanes(lanes: t.Sequence[t.Sequence[Gate]], workers: int) -> list[Verdict]:
    """Run lanes side by side, and the gates of one lane in order: they share a directory."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        results = pool.map(lambda lane: [run_gate(gate) for gate in lane], lanes)
        return [verdict for lane in results for verdict in lane]


def picked(lanes: t.Sequence[t.Sequence[Gate]], names: t.Sequence[str]) -> list[list[Gate]]:
    chosen = [[gate for gate in lane if not names or gate.name.startswith(tuple(names))] for lane in lanes]
    return [lane for lane in chosen if lane]


def announce_cells() -> bool:
    """Print the cells of the matrix; False where continuous integration must not go on without one."""
    pythons = interpreters.find_pythons()
    say("\n".join(interpreters.describe_cells(pythons)))
    lost = interpreters.cores_without_cell(pythons)
    if lost and os.environ.get("CI") == "true":
        say(f"No Python on this machine runs ansible-core {', '.join(lost)}: with CI=true that is a failure.")
        return False
    return True


def print_table(verdicts: t.Sequence[Verdict], seconds: float) -> None:
    width = max(len(verdict.gate.name) for verdict in verdicts)
    say(f"\n{'gate':<{width}}  {'seconds':>8} {'CPU-s':>8}")
    for verdict in verdicts:
        word = "passed" if verdict.passed else "FAILED"
        say(f"{verdict.gate.name:<{width}}  {verdict.seconds:8.1f} {verdict.processor_seconds:8.1f}  {word}")
    failed = sum(not verdict.passed for verdict in verdicts)
    say(f"{'all':<{width}}  {seconds:8.1f} {sum(verdict.processor_seconds for verdict in verdicts):8.1f}")
    say(f"gates: {len(verdicts) - failed} passed, {failed} failed")


def main(what: str, names: list[str]) -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    lanes = LINT_LANES if what == "lint" else [[FUNCTIONAL], *test_lanes(), *LINT_LANES]
    cells = what == "lint" or announce_cells()
    lanes = picked(lanes, names)
    # One more than processors, up to a bound: the functional tests wait more than they compute.
    verdicts = run_lanes(lanes, min(os.cpu_count() or 1, 4) + (what == "test"))
    if not verdicts:
        say(f"no gate is called {' or '.join(names)}")
        return 2
    print_table(verdicts, time.monotonic() - started)
    return 0 if cells and all(verdict.passed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
