# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The timeline of a wake as SVG: how many were sent for and answered, and a bar for each host."""

from __future__ import annotations

import html
import math
import typing as t

from ansible_collections.lightsout.wake.plugins.plugin_utils._report_order import (
    Record,
    duration,
    failed,
    natural,
    plain,
    seconds,
)

MOST_BARS = 60
MOST_POINTS = 400

_WIDTH, _LEFT, _RIGHT = 1000, 170, 90
_ROW = 18
_NICE_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)


class Span(t.NamedTuple):
    """One host that was sent for: times in seconds from the start of the run."""

    name: str
    sent: float
    end: float
    awake: bool
    text: str


def spans(targets: t.Iterable[Record], origin: float) -> list[Span]:
    """Those of the targets that were sent for, by the time of their first packet."""
    found = []
    for target in targets:
        sent_at, awake_at = seconds(target.get("first_sent")), seconds(target.get("awake_at"))
        if sent_at is None:
            continue
        sent = max(0.0, sent_at - origin)
        awake = awake_at is not None and not failed(target)
        end = awake_at - origin if awake and awake_at is not None else sent + _length(target.get("elapsed"))
        end = max(sent, end)
        took = duration(end - sent)
        name = plain(target.get("host"))
        outcome = f"awake {took} later" if awake else f"{plain(target.get('verdict'))}, given up {took} later"
        found.append(Span(name, sent, end, awake, f"{name}: sent for after {duration(sent)}, {outcome}"))
    return sorted(found, key=lambda span: (span.sent, natural(span.name)))


def _length(elapsed: object) -> float:
    return float(elapsed) if isinstance(elapsed, (int, float)) and 0 <= elapsed < math.inf else 0.0


def render(rows: t.Sequence[Span], length: float) -> str:
    """Both drawings of at least one span. `length` is the time of the whole run in seconds."""
    length = max(length, 0.1, *(span.end for span in rows))
    return _curves(rows, length) + _bars(rows, length)


def _x(time: float, length: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * time / length, 1)


def _axis(length: float, bottom: float) -> str:
    step = next((step for step in _NICE_STEPS if length / step <= 8), length / 8)
    marks = []
    for index in range(int(length / step) + 1):
        x = _x(index * step, length)
        marks.append(
            f'<line class="grid" x1="{x}" y1="4" x2="{x}" y2="{bottom}"/>'
            f'<text class="mark" x="{x}" y="{bottom + 14}">{duration(index * step) if index else "start"}</text>'
        )
    return "".join(marks)


def _curves(rows: t.Sequence[Span], length: float) -> str:
    height, total = 150, len(rows)
    sent = sorted(span.sent for span in rows)
    awake = sorted(span.end for span in rows if span.awake)

    def path(times: t.Sequence[float]) -> str:
        every = max(1, len(times) // MOST_POINTS)
        points = [f"M{_x(0, length)} {height}"]
        for count in sorted({*range(every, len(times) + 1, every), len(times)} - {0}):
            y = round(height - (height - 10) * count / total, 1)
            points.append(f"H{_x(times[count - 1], length)}V{y}")
        return "".join([*points, f"H{_x(length, length)}"])

    label = f"{total:,} hosts sent for, {len(awake):,} of them answered, over {duration(length)}"
    return (
        f'<svg class="curves" role="img" aria-label="{html.escape(label)}" viewBox="0 0 {_WIDTH} {height + 22}">'
        f"{_axis(length, height)}"
        f'<text class="label" x="{_LEFT - 10}" y="16">{total:,}</text>'
        f'<text class="label" x="{_LEFT - 10}" y="{height}">0</text>'
        f'<path class="sent" d="{path(sent)}"/><path class="awake" d="{path(awake)}"/></svg>'
        '<p class="legend"><span class="key sent"></span> sent for <span class="key awake"></span> answered</p>'
    )


def _chosen(rows: t.Sequence[Span]) -> list[Span]:
    """All where they fit, else the failures and the slowest."""
    if len(rows) <= MOST_BARS:
        return list(rows)
    worst = sorted(rows, key=lambda span: (span.awake, span.sent - span.end))[:MOST_BARS]
    return sorted(worst, key=lambda span: (span.sent, natural(span.name)))


def _bars(rows: t.Sequence[Span], length: float) -> str:
    chosen = _chosen(rows)
    bottom = len(chosen) * _ROW + 6
    parts = []
    for index, span in enumerate(chosen):
        y = 6 + index * _ROW
        start, end = _x(span.sent, length), _x(span.end, length)
        kind, mark = ("awake", "\N{CHECK MARK}") if span.awake else ("failed", "\N{BALLOT X}")
        name = span.name if len(span.name) <= 24 else span.name[:23] + "\N{HORIZONTAL ELLIPSIS}"
        parts.append(
            f'<g class="host {kind}"><title>{html.escape(span.text)}</title>'
            f'<text class="label" x="{_LEFT - 10}" y="{y + 12}">{html.escape(name)}</text>'
            f'<rect x="{start}" y="{y + 2}" width="{round(max(2.0, end - start), 1)}" height="{_ROW - 6}" rx="3"/>'
            f'<text class="end" x="{round(max(start + 2, end) + 5, 1)}" y="{y + 12}">'
            f"{mark} {duration(span.end - span.sent)}</text></g>"
        )
    note = "" if len(chosen) == len(rows) else f"<p>{len(chosen)} of {len(rows):,} hosts: failures and the slowest.</p>"
    label = f"Time from first packet to answer of {len(chosen)} hosts; the table below has the same times"
    return (
        f'{note}<svg class="bars" role="img" aria-label="{html.escape(label)}" viewBox="0 0 {_WIDTH} {bottom + 22}">'
        f"{_axis(length, bottom)}{''.join(parts)}</svg>"
    )
