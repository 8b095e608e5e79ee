# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""What the benchmarks have in common: figures with what they must reach, and the cost of a child process."""

from __future__ import annotations

import collections.abc
import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import time
import typing as t

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
LINKS = CHECKOUT / ".gates" / "links"
COMMUNITY = CHECKOUT / ".gates" / "bench" / "collections"


class BenchError(RuntimeError):
    """A benchmark could not be run, or what it measured is void; the text says why."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """One line of the table. `at_least`: the figure must not be below `bound`, else not above it."""

    what: str
    value: float
    unit: str
    bound: float
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def line(self) -> tuple[str, str, str, str]:
        """Return the cells: what, figure, what it must reach, and whether it did."""
        sign = ">=" if self.at_least else "<="
        margin = self.value / self.bound if self.bound else 0.0
        return (
            self.what,
            f"{self.value:,.{_digits(self.value)}f} {self.unit}",
            f"{sign} {self.bound:,.{_digits(self.bound)}f} {self.unit} ({margin:.2f} of it)",
            "reached" if self.reached else "MISSED",
        )


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one benchmark found: its figures, remarks for the reader, and everything it saw for the JSON file."""

    figures: tuple[Figure, ...]
    remarks: tuple[str, ...]
    details: dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a process and the children it waited for took; `rss` is the largest single process of them in MiB."""

    cpu: float
    wall: float
    rss: float
    status: int
    output: str


def cost_of(argv: collections.abc.Sequence[str], env: dict[str, str], directory: str) -> Cost:
    """Run a command to its end and return what it cost."""
    began = time.monotonic()
    with open(os.path.join(directory, "output"), "w+", encoding="utf-8") as output:
        child = subprocess.Popen(argv, env=env, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _pid, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(cpu, time.monotonic() - began, usage.ru_maxrss / 1024, child.returncode, text)


def output_of(argv: collections.abc.Sequence[str], patience: float = 900.0) -> str:
    """Run one of the bench's own programs with the collection to import from, and return what it printed."""
    done = subprocess.run(argv, env=own_environment(), capture_output=True, text=True, check=False, timeout=patience)
    if done.returncode:
        raise BenchError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def own_environment() -> dict[str, str]:
    """Return the environment of the bench's own programs, with the collection and the lab to import from."""
    path = [str(LINKS), str(CHECKOUT / "bench"), str(CHECKOUT / "tests")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}


def own_program(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a program of the bench."""
    return [sys.executable, str(CHECKOUT / "bench" / name), *arguments]


def median(values: collections.abc.Iterable[float]) -> float:
    return statistics.median(values)


def _digits(value: float) -> int:
    return 0 if value >= 100 or value == int(value) else 2
