# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""make bench: measures, prints a table, writes bench/results/latest.json; fails where a figure is missed."""

from __future__ import annotations

import argparse
import collections.abc
import dataclasses
import json
import os
import pathlib
import platform
import signal
import sys
import time
import types
import typing as t

import fleet
import lossy_lab
import neighbours
import packets
import simulation
import spaces
from figures import CHECKOUT, BenchError, Figure, Measured

RESULTS = CHECKOUT / "bench" / "results"
Say = collections.abc.Callable[[str], None]

BENCHMARKS: dict[str, collections.abc.Callable[[Say], Measured]] = {
    "thousand": fleet.thousand,
    "ten_thousand": fleet.ten_thousand,
    "packets": packets.against_c,
    "neighbours": neighbours.found,
    "simulation": simulation.scaling,
    "lossy_lab": lossy_lab.woken,
}


def main() -> int:
    arguments = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    if os.geteuid():
        print("bench: it makes network namespaces, which needs root", file=sys.stderr)
        return 2
    spaces.remove_leftovers()
    measured: dict[str, Measured] = {}
    failures: dict[str, str] = {}
    try:
        for name in arguments.only or BENCHMARKS:
            _run(name, measured, failures)
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    figures = [figure for one in measured.values() for figure in one.figures]
    _print_table(figures, [remark for one in measured.values() for remark in one.remarks], failures)
    print(f"\nEverything measured: {_write(measured, failures)}")
    return 0 if figures and not failures and all(figure.reached for figure in figures) else 1


def _run(name: str, measured: dict[str, Measured], failures: dict[str, str]) -> None:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {name}: {text}", flush=True)

    say("begins")
    try:
        measured[name] = BENCHMARKS[name](say)
    except BenchError as error:
        failures[name] = str(error)
        say(f"FAILED: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(BENCHMARKS)}; all without one")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.only if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}")
    return arguments


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


def _print_table(figures: list[Figure], remarks: list[str], failures: dict[str, str]) -> None:
    rows = [("What", "Measured", "Must reach", ""), *(figure.line() for figure in figures)]
    rows += [(name, "no figure", "", "MISSED") for name in failures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print()
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if not number:
            print("  ".join("-" * width for width in widths))
    for remark in remarks:
        print(f"* {remark}")
    for name, text in failures.items():
        print(f"* {name}: {text}")


def _write(measured: dict[str, Measured], failures: dict[str, str]) -> pathlib.Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latest.json"
    figures = [
        {**dataclasses.asdict(figure), "reached": figure.reached} for one in measured.values() for figure in one.figures
    ]
    whole: dict[str, t.Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "figures": figures,
        "failures": failures,
        "details": {name: one.details for name, one in measured.items()},
    }
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    if "SUDO_UID" in os.environ:
        for written in (RESULTS, path):
            os.chown(written, int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", "-1")))
    return path


if __name__ == "__main__":
    sys.exit(main())
