# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Packets a second through the collection's sender, against sendmmsg in C, from namespace to namespace.

python packets.py SEND_MANY     (in the sending namespace; prints the packets a second of both, five times)
"""

from __future__ import annotations

import collections.abc
import json
import os
import subprocess
import sys
import tempfile
import time

import spaces
from figures import CHECKOUT, BenchError, Figure, Measured, median, output_of, own_program

_ADDRESS = "10.77.0.255"
_DISTINCT, _ROUNDS, _RUNS = 20_000, 10, 5


def against_c(say: collections.abc.Callable[[str], None]) -> Measured:
    """The share of what C reaches, the median of five pairs of runs."""
    with tempfile.TemporaryDirectory(prefix="lightsout-bench-") as directory:
        program = os.path.join(directory, "send_many")
        source = str(CHECKOUT / "bench" / "send_many.c")
        subprocess.run(["gcc", "-O2", "-Wall", "-o", program, source], check=True)
        with spaces.cable("10.77.0.1/24", "10.77.0.2/24") as (near, far):
            before = spaces.received(far)
            pairs = json.loads(output_of(spaces.inside(near, own_program("packets.py", program))))
            arrived = spaces.received(far) - before
    sent = _RUNS * 2 * _DISTINCT * _ROUNDS
    if arrived < sent:
        raise BenchError(f"only {arrived} of {sent} packets arrived in the other namespace")
    ours, theirs = (median(pair[side] for pair in pairs) for side in (0, 1))
    say(f"{ours:,.0f} packets/s through PacketSender, {theirs:,.0f} by sendmmsg in C; all {sent:,} arrived")
    share = 100 * median(pair[0] / pair[1] for pair in pairs)
    return Measured(
        (Figure("packets a second, share of sendmmsg in C", share, "%", 60, at_least=True),),
        (f"{ours:,.0f} packets a second through PacketSender, {theirs:,.0f} by a C loop of sendmmsg(64)",),
        {"packets_per_second": [{"ours": pair[0], "c": pair[1]} for pair in pairs]},
    )


def _pairs(program: str) -> list[tuple[float, float]]:
    from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
    from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import build
    from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender

    route = Route("udp", _ADDRESS, 9, "", "")
    payloads = [build(bytes((0x02, 0x4C)) + number.to_bytes(4, "big")) for number in range(_DISTINCT)]
    sender = PacketSender()
    pairs: list[tuple[float, float]] = []
    for _run in range(_RUNS):
        began = time.perf_counter()
        for _round in range(_ROUNDS):
            if any(sender.send(route, payloads)):
                raise BenchError("not every packet left")
        ours = _DISTINCT * _ROUNDS / (time.perf_counter() - began)
        argv = [program, _ADDRESS, str(_DISTINCT), str(_ROUNDS)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        pairs.append((round(ours), float(done.stdout)))
    sender.close()
    return pairs


if __name__ == "__main__":
    print(json.dumps(_pairs(sys.argv[1])))
