# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Asks a list of probes to the end, again where nothing was learned."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._probes.engine import ProbeEngine
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import UNKNOWN, Outcome

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

_WAIT = 1.0
_BEFORE_NEXT_ROUND = 1.0


class Finding(t.NamedTuple):
    """One probe's end; `elapsed` is in seconds from the beginning of the survey."""

    outcome: Outcome
    elapsed: float


def survey(probes: Sequence[Probe], retries: int) -> list[Finding]:
    """A finding for each probe, in their order; those that end unknown are asked up to `retries` times more."""
    began = time.monotonic()
    findings: dict[int, Finding] = {}
    engine = ProbeEngine()
    try:
        keys = list(range(len(probes)))
        for attempt in range(retries + 1):
            if attempt:
                time.sleep(_BEFORE_NEXT_ROUND)
            for key in keys:
                engine.start(key, probes[key])
            while engine.pending():
                for key, outcome in engine.collect(_WAIT):
                    findings[key] = Finding(outcome, time.monotonic() - began)
            keys = [key for key in keys if findings[key].outcome.state == UNKNOWN]
            if not keys:
                break
    finally:
        engine.close()
    return [findings[key] for key in range(len(probes))]
