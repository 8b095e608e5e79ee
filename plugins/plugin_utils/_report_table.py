# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The result of a wake as a table for the terminal: failures first, a bounded number of lines."""

from __future__ import annotations

import collections
import textwrap
import typing as t

from ansible_collections.lightsout.wake.plugins.plugin_utils._report_order import (
    Record,
    duration,
    failed,
    failures_first,
    headline,
    plain,
    totals,
    why,
)

MOST_FAILURES = 30
MOST_OTHERS = 30
MOST_LINES = 3
WIDTH = 118

_HEADINGS = ("HOST", "VERDICT", "RELAY", "SENDS", "AFTER", "WHY")
_WIDEST = (32, 17, 20, 5, 12)


def render(result: Record) -> list[str]:
    """The lines of the table, none longer than `WIDTH`, whatever the size of the fleet."""
    targets = failures_first(result.get("targets") or ())
    bad = [target for target in targets if failed(target)]
    good = [target for target in targets if not failed(target)]
    shown = bad[:MOST_FAILURES] + good[:MOST_OTHERS]
    lines = [_cut(headline(result) + _left_out(result)), _cut("  " + _counts(totals(result)))]
    if shown:
        lines += ["", *_table(shown)]
    lines += _more("failed", bad[MOST_FAILURES:]) + _more("awake", good[MOST_OTHERS:])
    if result.get("truncated"):
        lines.append("  Hosts that were awake before are counted, but not listed.")
    return [line.rstrip() for line in lines]


def _left_out(result: Record) -> str:
    count = result.get("left_out") or 0
    return f"; {count:,} left out, having no method" if count else ""


def _counts(rows: t.Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {plain(verdict)}" for verdict, count in rows) or "no targets"


def _cells(target: Record) -> tuple[str, ...]:
    sends = target.get("sends") or 0
    return (
        plain(target.get("host")),
        plain(target.get("verdict")),
        plain(target.get("relay")),
        f"{sends:>5,}" if sends else "",
        duration(target.get("elapsed")) if sends else "",
        why(target),
    )


def _table(targets: t.Sequence[Record]) -> list[str]:
    rows = [_HEADINGS, *(_cells(target) for target in targets)]
    widths = [min(widest, max(len(row[column]) for row in rows)) for column, widest in enumerate(_WIDEST)]
    lines = []
    for row, target in zip(rows, [None, *targets]):
        cells = [_cut(cell, width).ljust(width) for cell, width in zip(row, widths)]
        start = "  " + "  ".join(cells) + "  "
        reasons = _folded(row[-1], WIDTH - len(start), MOST_LINES if target and failed(target) else 1)
        lines.append(start + reasons[0])
        lines += [" " * len(start) + more for more in reasons[1:]]
    return lines


def _folded(text: str, width: int, most: int) -> list[str]:
    lines = textwrap.wrap(text, width, max_lines=most, placeholder=" ...") or [""]
    return [_cut(line, width) for line in lines]


def _more(what: str, rest: t.Sequence[Record]) -> list[str]:
    if not rest:
        return []
    counted = collections.Counter(plain(target.get("verdict")) for target in rest)
    return [_cut(f"  ... and {len(rest):,} more {what}: {_counts(counted.most_common())}")]


def _cut(text: str, width: int = WIDTH) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
