# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""What both reports share: which targets come first, and how times and texts are written."""

from __future__ import annotations

import datetime
import math
import re
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import GOOD_VERDICTS

Record = t.Mapping[str, t.Any]

_DIGITS = re.compile(r"(\d+)", re.ASCII)
_BAD_FIRST = (
    "not_woken",
    "relay_unreachable",
    "indeterminate",
    "invalid",
    "would_fail",
    "blocked",
    "powered_on",
    "woken",
    "would_wake",
    "already_awake",
)
_RANKS = {verdict: rank for rank, verdict in enumerate(_BAD_FIRST)}


def failed(target: Record) -> bool:
    """Whether the target is not awake, or would not be."""
    return target.get("verdict") not in GOOD_VERDICTS


def failures_first(targets: t.Iterable[Record]) -> list[Record]:
    """The targets by verdict, the bad ones first, then by name with numbers in their order (web2 before web10)."""
    return sorted(targets, key=lambda target: (rank(target.get("verdict")), natural(plain(target.get("host")))))


def rank(verdict: object) -> int:
    """Where a verdict stands among all, worst first. A word that is no verdict comes before all of them."""
    return _RANKS.get(str(verdict), -1)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts web2 before web10."""
    return tuple(_part(part) for part in _DIGITS.split(text) if part)


def _part(part: str) -> tuple[int, int, str]:
    if not _DIGITS.fullmatch(part):
        return (1, 0, part)
    digits = part.lstrip("0")
    return (0, len(digits), digits)


def totals(result: Record) -> list[tuple[str, int]]:
    """Verdicts with their numbers, the bad ones first, zeros left out."""
    summary = result.get("summary") or {}
    return sorted(
        ((str(verdict), int(count)) for verdict, count in summary.items() if count), key=lambda row: rank(row[0])
    )


def why(target: Record) -> str:
    """The reason of a failure without the target's own name, or the proof that it is awake."""
    own_name = f"host {plain(target.get('host'))}: "
    reason, proof = plain(target.get("reason")).replace(own_name, ""), plain(target.get("proof"))
    if not failed(target):
        return proof or reason
    return reason or plain(target.get("error_class")) or proof


def plain(text: object) -> str:
    """The text on one line and without control characters, since a proof quotes what came from the network."""
    if text is None:
        return ""
    line = str(text)
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in line)


def seconds(time: object) -> float | None:
    """Seconds since 1970 from an ISO 8601 time; one without a zone is UTC. None where there is no time."""
    if not isinstance(time, str) or not time:
        return None
    try:
        read = datetime.datetime.fromisoformat(time.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=datetime.timezone.utc)).timestamp()


def duration(value: object) -> str:
    """A number of seconds for people: 0.4 s, 41 s, 3 min 20 s, 1 h 02 min. Empty where there is none."""
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        return ""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def started_at(result: Record) -> float | None:
    """When the run began, in seconds since 1970."""
    return seconds(result.get("run_started"))


def run_time(result: Record) -> float | None:
    """Seconds from start to finish of the run."""
    started, finished = started_at(result), seconds(result.get("run_finished"))
    return max(0.0, finished - started) if started is not None and finished is not None else None


def headline(result: Record) -> str:
    """The outcome in one sentence."""
    rows = totals(result)
    total = sum(count for _verdict, count in rows)
    good = sum(count for verdict, count in rows if verdict in GOOD_VERDICTS)
    if rehearsed(result):
        return f"{good:,} of {total:,} hosts could be woken or are awake"
    took = duration(run_time(result))
    return f"{good:,} of {total:,} hosts are awake" + (f" after {took}" if took else "")


def rehearsed(result: Record) -> bool:
    """Whether the run was in check mode."""
    return any(verdict.startswith("would_") for verdict, _count in totals(result))
