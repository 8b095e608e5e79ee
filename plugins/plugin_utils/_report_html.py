# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The result of a wake as one HTML page that needs nothing else: no server, no network, no library."""

from __future__ import annotations

import datetime
import html
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import GOOD_VERDICTS
from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_timeline
from ansible_collections.lightsout.wake.plugins.plugin_utils._report_order import (
    Record,
    duration,
    failed,
    failures_first,
    headline,
    plain,
    rehearsed,
    run_time,
    seconds,
    started_at,
    totals,
    why,
)
from ansible_collections.lightsout.wake.plugins.plugin_utils._report_page import POLICY, SCRIPT, STYLE

MOST_NAMES = 24
MOST_REASONS = 6
MOST_GROUPS = 20

_HALF = ("powered_on", "indeterminate", "blocked")
_MARKS = {"good": "\N{CHECK MARK}", "half": "\N{CIRCLE WITH LEFT HALF BLACK}", "bad": "\N{BALLOT X}"}
_COLUMNS = (
    "Host",
    "Verdict",
    "Reason or proof",
    "Method",
    "Relay",
    "Wave",
    "Sends",
    "Sent for",
    "Awake",
    "Took",
    "Groups",
)
_NUMBERS = ("Wave", "Sends", "Sent for", "Awake", "Took")
_NUMERIC = ' class="number"'


def render(result: Record, title: str = "Wake report", started: str = "") -> str:
    """The page. `result` is that of the wake action, `started` an ISO 8601 time, which wins over the result's own.

    Every text from the result is escaped, and the page's policy lets no script run but its own.
    """
    if started:
        result = {**result, "run_started": started}
    targets = failures_first(result.get("targets") or ())
    bad = [target for target in targets if failed(target)]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_text(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<link rel="icon" href="data:,">\n<title>{_text(title)}</title>',
            f"<style>{STYLE}</style>\n</head>\n<body>",
            _header(result, title),
            "<main>",
            _totals(result),
            _failures(bad, result),
            _timeline(targets, result),
            _table(targets, result),
            "</main>",
            f"<footer>{_text(_footer(result))}</footer>",
            f"<script>{SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


def _text(value: object) -> str:
    return html.escape(plain(value), quote=True)


def _kind(verdict: object) -> str:
    if verdict in GOOD_VERDICTS:
        return "good"
    return "half" if verdict in _HALF else "bad"


def _header(result: Record, title: str) -> str:
    time = started_at(result)
    started = ""
    if time is not None:
        moment = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
        started = f"\n<p>Started {moment:%Y-%m-%d %H:%M:%S} UTC</p>"
    return f'<header>\n<h1>{_text(title)}</h1>\n<p class="headline">{_text(headline(result))}.</p>{started}\n</header>'


def _totals(result: Record) -> str:
    tiles = "\n".join(
        f'<button type="button" class="total {_kind(verdict)}" data-verdict="{_text(verdict)}" aria-pressed="false">'
        f"<b>{count:,}</b> {_MARKS[_kind(verdict)]} {_text(verdict)}</button>"
        for verdict, count in totals(result)
    )
    return f'<div class="totals" role="group" aria-label="Totals; each filters the table below">\n{tiles}\n</div>'


def _footer(result: Record) -> str:
    left_out = result.get("left_out") or 0
    parts = ["Times of hosts count from the start of the run."]
    if left_out:
        parts.append(f"Hosts left out, having no method: {left_out:,}.")
    if result.get("truncated"):
        parts.append("Hosts that were awake before are counted, but not listed.")
    return " ".join(parts)


def _failures(bad: t.Sequence[Record], result: Record) -> str:
    """The failures by kind, each with its hosts, since a thousand of them are mostly one fault."""
    if not bad:
        return ""
    grouped: dict[tuple[str, str], list[Record]] = {}
    for target in bad:
        kind = plain(target.get("error_class")) or why(target)
        grouped.setdefault((plain(target.get("verdict")), kind), []).append(target)
    groups = list(grouped.items())
    items = "\n".join(_failure(verdict, kind, members) for (verdict, kind), members in groups[:MOST_GROUPS])
    rest = sum(len(members) for _key, members in groups[MOST_GROUPS:])
    more = f'\n<p class="note">{rest:,} more hosts failed for other reasons, see the table.</p>' if rest else ""
    heading = "What would fail" if rehearsed(result) else "What failed"
    return f'<section>\n<h2>{heading}</h2>\n<ul class="failures">\n{items}\n</ul>{more}\n</section>'


def _failure(verdict: str, kind: str, members: t.Sequence[Record]) -> str:
    reasons = {why(member) for member in members}
    named = members[:MOST_NAMES] if len(reasons) == 1 else members[:MOST_REASONS]
    if len(reasons) == 1:
        kind, hosts = reasons.pop(), ", ".join(_text(member.get("host")) for member in named)
    else:
        hosts = "<br>".join(f"{_text(member.get('host'))}: {_text(why(member))}" for member in named)
    rest = len(members) - len(named)
    more = f"{'<br>' if len(reasons) > 1 else ' '}and {rest:,} more" if rest else ""
    counted = f"{len(members):,} {'host' if len(members) == 1 else 'hosts'}"
    colour = _kind(verdict)
    return (
        f'<li class="{colour}"><strong>{_MARKS[colour]} {counted} {_text(verdict)}{": " + _text(kind) if kind else ""}'
        f'</strong><span class="hosts">{hosts}{more}</span></li>'
    )


def _origin(targets: t.Sequence[Record], result: Record) -> float:
    started = started_at(result)
    known = [time for time in (seconds(target.get("first_sent")) for target in targets) if time is not None]
    return started if started is not None else min(known, default=0.0)


def _timeline(targets: t.Sequence[Record], result: Record) -> str:
    rows = _report_timeline.spans(targets, _origin(targets, result))
    if not rows:
        return ""
    drawing = _report_timeline.render(rows, run_time(result) or 0.0)
    return f'<section>\n<h2>Timeline</h2>\n<div class="scroll">{drawing}</div>\n</section>'


def _table(targets: t.Sequence[Record], result: Record) -> str:
    origin = _origin(targets, result)
    heads = "".join(
        f'<th scope="col"{_NUMERIC if column in _NUMBERS else ""}><button type="button">{column}</button></th>'
        for column in _COLUMNS
    )
    options = "".join(
        f'<option value="{_text(verdict)}">{_text(verdict)}</option>' for verdict, _count in totals(result)
    )
    rows = "\n".join(_row(target, origin) for target in targets)
    return (
        "<section>\n<h2>All hosts</h2>\n"
        '<div class="controls" data-script hidden>\n'
        '<label>Find <input id="text" type="search" placeholder="host, relay, group, reason" autocomplete="off">'
        "</label>\n"
        f'<label>Verdict <select id="verdict"><option value="">all</option>{options}</select></label>\n'
        '<output id="shown" aria-live="polite"></output>\n</div>\n'
        '<div class="scroll"><table id="hosts">\n<caption>Failures first. A click on a heading sorts.</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>\n"
        '<button type="button" class="more" id="more" hidden></button>\n</section>'
    )


def _row(target: Record, origin: float) -> str:
    verdict = target.get("verdict")
    kind = _kind(verdict)
    groups = target.get("groups") or ()
    error_class = plain(target.get("error_class"))
    detail = f" <small>{_text(error_class)}</small>" if error_class and error_class != why(target) else ""
    wave = target.get("wave")
    return (
        f'<tr data-verdict="{_text(verdict)}"><th scope="row">{_text(target.get("host"))}</th>'
        f'<td class="verdict {kind}">{_MARKS[kind]} {_text(verdict)}</td>'
        f'<td class="why">{_text(why(target))}{detail}</td>'
        f'<td>{_text(target.get("method"))}</td><td class="relay">{_text(target.get("relay"))}</td>'
        f"{_number(wave, '' if wave is None else str(wave))}"
        f"{_number(target.get('sends'), str(target.get('sends') or ''))}"
        f"{_moment(target.get('first_sent'), origin)}{_moment(target.get('awake_at'), origin)}"
        f"{_number(target.get('elapsed') if target.get('sends') else None)}"
        f'<td class="groups">{_text(", ".join(map(str, groups)))}</td></tr>'
    )


def _moment(time: object, origin: float) -> str:
    read = seconds(time)
    return _number(None if read is None else max(0.0, read - origin))


def _number(value: object, written: str | None = None) -> str:
    text = duration(value) if written is None else written
    sortable = f"{float(value):.3f}" if text and isinstance(value, (int, float)) else ""
    return f'<td class="number" data-value="{sortable}">{_text(text)}</td>'
