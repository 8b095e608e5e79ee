# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_timeline as timeline

ORIGIN = 1_000_000_000.0


def target(name, sent, awake, elapsed, verdict="woken"):
    return {
        "host": name,
        "verdict": verdict,
        "first_sent": "" if sent is None else iso(sent),
        "awake_at": "" if awake is None else iso(awake),
        "elapsed": elapsed,
    }


def iso(offset):
    return f"2001-09-09T01:46:{40 + offset:09.6f}+00:00"


def drawings(targets, length):
    text = timeline.render(timeline.spans(targets, ORIGIN), length)
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text)]


def test_spans_are_those_that_were_sent_for_in_time():
    rows = timeline.spans(
        [
            target("late", 2, None, 10.0, "not_woken"),
            target("first", 0.5, 4.5, 4.0),
            target("awake", None, None, 0.0, "already_awake"),
        ],
        ORIGIN,
    )
    assert [(row.name, row.sent, row.end, row.awake) for row in rows] == [
        ("first", 0.5, 4.5, True),
        ("late", 2.0, 12.0, False),
    ]
    assert rows[0].text == "first: sent for after 0.5 s, awake 4.0 s later"
    assert rows[1].text == "late: sent for after 2.0 s, not_woken, given up 10 s later"


def test_relay_whose_clock_is_behind_starts_at_zero():
    [row] = timeline.spans([target("a", -5, -3, 2.0)], ORIGIN)
    assert (row.sent, row.end) == (0.0, 0.0)


def test_bars_are_to_scale():
    _curves, bars = drawings([target("a", 0, 10, 10.0), target("b", 5, None, 5.0, "not_woken")], 10.0)
    first, second = bars.findall("g")
    a, b = first.find("rect"), second.find("rect")
    assert first.get("class") == "host awake"
    assert second.get("class") == "host failed"
    assert float(b.get("x")) - float(a.get("x")) == pytest.approx(float(a.get("width")) / 2)
    assert float(a.get("width")) == pytest.approx(2 * float(b.get("width")))
    assert first.find("title").text == "a: sent for after 0.0 s, awake 10 s later"


def test_curves_end_at_their_numbers():
    curves, _bars = drawings([target("a", 0, 1, 1.0), target("b", 0, None, 9.0, "not_woken")], 10.0)
    assert curves.get("aria-label") == "2 hosts sent for, 1 of them answered, over 10 s"
    heights = {path.get("class"): re.findall(r"V([\d.]+)", path.get("d"))[-1] for path in curves.findall("path")}
    assert heights == {"sent": "10.0", "awake": "80.0"}


@pytest.mark.parametrize("count", [1, 59, 60, 61, 5000])
def test_big_fleets_are_bounded(count):
    targets = [target(f"h{number}", number % 10, number % 10 + 1, 1.0) for number in range(count)]
    targets[0] = target("bad", 0, None, 0.5, "not_woken")
    curves, bars = drawings(targets, 20.0)
    hosts = bars.findall("g")
    assert len(hosts) == min(count, timeline.MOST_BARS)
    assert "bad" in hosts[0].find("title").text
    assert all(path.get("d").count("V") <= 2 * timeline.MOST_POINTS for path in curves.findall("path"))


@pytest.mark.parametrize("length", [0.0, 0.5, 30, 3600, 100000, 10**7])
def test_axis_has_a_handful_of_marks(length):
    curves, _bars = drawings([target("a", 0, 0.1, 0.1)], length)
    marks = [text.text for text in curves.findall("text") if text.get("class") == "mark"]
    assert marks[0] == "start"
    assert 1 <= len(marks) <= 10


def test_names_are_escaped():
    _curves, bars = drawings([target("<b>&'\"", 0, 1, 1.0)], 2.0)
    assert bars.find("g").find("text").text == "<b>&'\""
