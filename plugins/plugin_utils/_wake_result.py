# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The result of a wake run as plain data. Pure."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import (
    GOOD_VERDICTS,
    INDETERMINATE,
    VERDICTS,
    WOKEN,
    WOULD_WAKE,
    Verdict,
)

MOST_LISTED = 1000  # hosts; AWX drops results of more than about 700 kB


class Outcome(t.NamedTuple):
    """A target's verdict with what the run knows beside it."""

    host: str
    groups: Sequence[str]
    relay: str
    wave: int
    verdict: Verdict


def iso(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC with milliseconds."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_result(
    outcomes: Sequence[Outcome], *, started: float, finished: float, left_out: int, check_mode: bool
) -> dict[str, t.Any]:
    """Return the whole result with every target, the failed ones first. Times are seconds since the epoch."""
    summary: dict[str, int] = {}
    for outcome in outcomes:
        summary[outcome.verdict.verdict] = summary.get(outcome.verdict.verdict, 0) + 1
    ranked = sorted(outcomes, key=lambda outcome: outcome.verdict.verdict in GOOD_VERDICTS)
    changed = WOULD_WAKE if check_mode else None
    return {
        "changed": any(o.verdict.verdict == changed or (not check_mode and _was_sent_for(o)) for o in outcomes),
        "summary": {word: summary[word] for word in VERDICTS if word in summary},
        "woken": [outcome.host for outcome in outcomes if outcome.verdict.verdict == WOKEN],
        "failed_hosts": [outcome.host for outcome in outcomes if outcome.verdict.verdict not in GOOD_VERDICTS],
        "targets": [_row(outcome, started) for outcome in ranked],
        "left_out": left_out,
        "truncated": False,
        "run_started": iso(started),
        "run_finished": iso(finished),
    }


def shortened(result: Mapping[str, t.Any], detail: str) -> dict[str, t.Any]:
    """Return the result; of a large fleet without those that are fine, unless ``detail`` is ``full``."""
    if detail == "full" or len(result["targets"]) <= MOST_LISTED:
        return dict(result)
    listed = [row for row in result["targets"] if row["verdict"] not in GOOD_VERDICTS]
    return {**result, "targets": listed, "truncated": len(listed) < len(result["targets"])}


def _was_sent_for(outcome: Outcome) -> bool:
    """Whether anything was sent, or may have been."""
    return outcome.verdict.sends > 0 or outcome.verdict.verdict == INDETERMINATE


def _row(outcome: Outcome, started: float) -> dict[str, t.Any]:
    verdict = outcome.verdict
    return {
        "host": outcome.host,
        "groups": list(outcome.groups),
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "error_class": verdict.error_class,
        "method": verdict.method,
        "relay": outcome.relay,
        "wave": outcome.wave,
        "proof": verdict.proof,
        "sends": verdict.sends,
        "first_sent": iso(started + verdict.first_sent) if verdict.first_sent >= 0 else None,
        "awake_at": iso(started + verdict.awake_at) if verdict.awake_at >= 0 else None,
        "elapsed": round(verdict.elapsed, 3),
    }
