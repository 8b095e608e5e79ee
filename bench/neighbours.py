# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Finding 100 awake hosts among 2,900 sleepers on one's own segment: three times what the neighbour table holds.

python neighbours.py answer     (in the far namespace: an SSH banner at all its addresses)
python neighbours.py look       (in the near one: prints who was found)
"""

from __future__ import annotations

import collections.abc
import ipaddress
import json
import socket
import subprocess
import sys
import time
import typing as t

import spaces
from figures import BenchError, Figure, Measured, output_of, own_environment, own_program

_SLEEPERS, _AWAKE = 2900, 100
_ALL = _SLEEPERS + _AWAKE
_FIRST = int(ipaddress.IPv4Address("10.78.0.10"))
_PATIENCE = 120.0


def found(say: collections.abc.Callable[[str], None]) -> Measured:
    """Who is found, and how long it takes."""
    with spaces.cable("10.78.0.1/20", "10.78.15.254/20") as (near, far):
        spaces.add_addresses(far, [f"{_address(number)}/20" for number in _awake_numbers()])
        argv = spaces.inside(far, own_program("neighbours.py", "answer"))
        with subprocess.Popen(argv, env=own_environment(), stdout=subprocess.PIPE) as answering:
            try:
                if not answering.stdout or not answering.stdout.readline():
                    raise BenchError("nobody answers in the far namespace")
                seen = json.loads(output_of(spaces.inside(near, own_program("neighbours.py", "look"))))
            finally:
                answering.kill()
    say(
        f"{seen['found']} found in {seen['wall_s']:.1f} s, {seen['cpu_s']:.2f} CPU-s; {seen['asked_again']} asked again"
    )
    if seen["wrong"]:
        raise BenchError(f"sleepers were taken for awake: {seen['wrong'][:5]}")
    what = f"awake on-link hosts found among {_SLEEPERS:,} sleepers"
    return Measured(
        (
            Figure(what, seen["found"], f"of {_AWAKE}", _AWAKE, at_least=True),
            Figure(f"{what}: wall time", seen["wall_s"], "s", 25),
        ),
        (),
        seen,
    )


def _address(number: int) -> str:
    return str(ipaddress.IPv4Address(_FIRST + number))


def _awake_numbers() -> range:
    return range(0, _ALL, _ALL // _AWAKE)


def _look() -> dict[str, t.Any]:
    from ansible_collections.lightsout.wake.plugins.module_utils._probes.engine import ProbeEngine
    from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import AWAKE, UNKNOWN
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_probe import PROBE_TIMEOUT, Probe

    engine = ProbeEngine()
    probes = [Probe("ssh", _address(number), 22, PROBE_TIMEOUT, "controller", "", b"") for number in range(_ALL)]
    began = time.monotonic()
    for key, probe in enumerate(probes):
        engine.start(key, probe)
    awake, asked_again = set(), 0
    while engine.pending() and time.monotonic() - began < _PATIENCE:
        for key, outcome in engine.collect(1.0):
            if outcome.state == AWAKE:
                awake.add(key)
            elif outcome.state == UNKNOWN:
                asked_again += 1
                engine.start(key, probes[key])
    wall = time.monotonic() - began
    engine.close()
    really = set(_awake_numbers())
    return {
        "found": len(awake & really),
        "wrong": sorted(awake - really),
        "asked_again": asked_again,
        "wall_s": round(wall, 2),
        "cpu_s": round(time.process_time(), 2),
    }


def _answer() -> None:
    with socket.create_server(("", 22), backlog=_ALL) as listening:
        print("listening", flush=True)
        while True:
            connection, _peer = listening.accept()
            with connection:
                connection.send(b"SSH-2.0-awake\r\n")


if __name__ == "__main__":
    if sys.argv[1] == "answer":
        _answer()
    else:
        print(json.dumps(_look()))
