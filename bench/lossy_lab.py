# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""300 stub hosts of the lab behind a cable that loses half of all frames, woken with the defaults of everything."""

from __future__ import annotations

import collections.abc
import json
import os
import pathlib
import re
import sys
import time

from figures import CHECKOUT, LINKS, BenchError, Figure, Measured
from lab import Lab
from lab.configuration import Configuration, Segment, many_stubs

_STUBS = 300
_LOSS = 50
_SUMMARY = re.compile(r'"wake_summary": (\{[^}]*\})')


def woken(say: collections.abc.Callable[[str], None]) -> Measured:
    """How many come up."""
    segment = Segment("own", "10.66.0.0/16", frame_loss=_LOSS)
    configuration = Configuration(f"bench{os.getpid()}", (segment,), stubs=many_stubs(_STUBS, "own"))
    program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    with Lab(configuration) as lab:
        config = pathlib.Path(lab.layout.path("ansible.cfg"))
        config.touch()
        env = {
            "ANSIBLE_COLLECTIONS_PATH": str(LINKS),
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "ANSIBLE_CONFIG": str(config),
            "PYTHONPATH": "",
        }
        argv = [program, "-i", lab.inventory, str(CHECKOUT / "bench" / "wake.yml")]
        began = time.monotonic()
        done = lab.control(argv, env=env, check=False, timeout=900)
        wall = time.monotonic() - began
        states = [stub["state"] for stub in lab.standby("own").status()["stubs"].values()]
    summary = _SUMMARY.search(done.stdout)
    verdicts = json.loads(summary[1]) if summary else {}
    if "already_awake" in verdicts or not summary:
        raise BenchError(f"void: {verdicts or done.stdout[-2000:] + done.stderr[-2000:]}")
    say(f"{verdicts} in {wall:.0f} s; the lab says {states.count('on')} are on")
    up = min(verdicts.get("woken", 0), states.count("on"))
    return Measured(
        (Figure(f"woken in spite of {_LOSS} % packet loss", 100 * up / _STUBS, "%", 100, at_least=True),),
        (f"{_LOSS} % of all frames to and from the {_STUBS} hosts are lost, of probes too; it took {wall:.0f} s",),
        {"verdicts": verdicts, "wall_s": round(wall, 1)},
    )
