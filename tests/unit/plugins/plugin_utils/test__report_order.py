# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import VERDICTS
from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_order as order


def names(targets):
    return [target["host"] for target in order.failures_first(targets)]


def test_failures_come_first_and_numbers_in_their_order():
    targets = [
        {"host": "web10", "verdict": "woken"},
        {"host": "web2", "verdict": "woken"},
        {"host": "a", "verdict": "already_awake"},
        {"host": "z", "verdict": "not_woken"},
        {"host": "y", "verdict": "blocked"},
        {"host": "2web", "verdict": "woken"},
        {"host": "web002b", "verdict": "woken"},
        {"host": "web\N{SUPERSCRIPT ONE}", "verdict": "woken"},
        {"host": "9" * 5000, "verdict": "woken"},
    ]
    assert names(targets) == [
        *("z", "y", "2web", "9" * 5000, "web2", "web002b", "web10"),
        *("web\N{SUPERSCRIPT ONE}", "a"),
    ]


def test_every_verdict_has_its_place():
    assert all(order.rank(verdict) >= 0 for verdict in VERDICTS)
    assert len({order.rank(verdict) for verdict in VERDICTS}) == len(VERDICTS)
    assert order.rank("no verdict") < min(map(order.rank, VERDICTS))


@pytest.mark.parametrize("verdict", VERDICTS)
def test_failed(verdict):
    assert order.failed({"verdict": verdict}) == (verdict not in ("woken", "already_awake", "would_wake"))


def test_totals_leave_out_zeros():
    assert order.totals({"summary": {"woken": 3, "not_woken": 1, "blocked": 0}}) == [("not_woken", 1), ("woken", 3)]
    assert order.totals({}) == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ({"verdict": "woken", "proof": "ssh banner", "reason": "x"}, "ssh banner"),
        ({"verdict": "not_woken", "proof": "weak: icmp", "reason": "timeout"}, "timeout"),
        ({"verdict": "not_woken", "reason": "", "error_class": "identity"}, "identity"),
        ({"verdict": "would_wake", "reason": "asleep"}, "asleep"),
        ({"verdict": "invalid"}, ""),
        ({"verdict": "invalid", "host": "a", "reason": "host a: x is 1; host a: y is 2; z"}, "x is 1; y is 2; z"),
    ],
)
def test_why(target, why):
    assert order.why(target) == why


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\nb\tc", "a b c"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("\u202eevil\x00", "\ufffdevil\ufffd"),
        ("\udc80", "\ufffd"),
        (None, ""),
        (7, "7"),
        ("Zürich", "Zürich"),
    ],
)
def test_plain_text_has_no_control_characters(text, plain):
    assert order.plain(text) == plain


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T00:01:00.250000+00:00", 60.25),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("1970-01-01T00:01:00", 60.0),
        ("", None),
        ("soon", None),
        (None, None),
        (60, None),
    ],
)
def test_seconds(time, seconds):
    assert order.seconds(time) == seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 00 min"),
        (3725, "1 h 02 min"),
        (-1.0, ""),
        (None, ""),
        ("", ""),
        (float("nan"), ""),
    ],
)
def test_duration(value, text):
    assert order.duration(value) == text


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"summary": {"woken": 2, "not_woken": 1}}, "2 of 3 hosts are awake"),
        ({"summary": {"already_awake": 1}}, "1 of 1 hosts are awake"),
        (
            {"summary": {"woken": 1200}, "run_started": "2026-01-01T00:00:00Z", "run_finished": "2026-01-01T00:00:41Z"},
            "1,200 of 1,200 hosts are awake after 41 s",
        ),
        ({"summary": {"would_wake": 1, "would_fail": 1}}, "1 of 2 hosts could be woken or are awake"),
        ({}, "0 of 0 hosts are awake"),
    ],
)
def test_headline(result, sentence):
    assert order.headline(result) == sentence
