# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

import html.parser
import re

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_html, _report_page

VOID = ("meta", "link", "input", "br")


class Page(html.parser.HTMLParser):
    """The elements of a page, and whether each was closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open, self.rows = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.rows and {"td", "th"} & set(self.open[-2:]):
            self.rows[-1][-1] += data

    def of(self, tag):
        return [attributes for found, attributes in self.tags if found == tag]


def target(name="web1", verdict="woken", **more):
    return {
        "host": name,
        "groups": ["office", "linux"],
        "verdict": verdict,
        "reason": "",
        "error_class": "",
        "method": "wol",
        "relay": "gate1",
        "wave": 2,
        "proof": "SSH-2.0-OpenSSH_9.2p1",
        "sends": 1,
        "first_sent": "2026-11-22T06:00:01+00:00",
        "awake_at": "2026-11-22T06:00:09+00:00",
        "elapsed": 8.0,
        **more,
    }


def result(targets, **more):
    summary = {}
    for one in targets:
        summary[one["verdict"]] = summary.get(one["verdict"], 0) + 1
    times = {"run_started": "2026-11-22T06:00:00+00:00", "run_finished": "2026-11-22T06:01:30+00:00"}
    return {"changed": True, "summary": summary, "targets": targets, "left_out": 0, "truncated": False, **times, **more}


LATE = target("web2", "not_woken", reason="no answer", error_class="timeout", awake_at="", elapsed=60.0, sends=4)


def test_page_has_all_parts():
    page = Page(_report_html.render(result([target(), LATE]), "Monday's wake", "2026-11-22T05:00:00Z"))
    text = " ".join(page.texts)
    assert "Monday's wake" in text
    assert "1 of 2 hosts are awake after 1 h 01 min." in text
    assert "Started 2026-11-22 05:00:00 UTC" in text
    assert [one["data-verdict"] for one in page.of("button") if "data-verdict" in one] == ["not_woken", "woken"]
    assert page.rows[1:] == [
        [
            "web2",
            "✗ not_woken",
            "no answer timeout",
            "wol",
            "gate1",
            "2",
            "4",
            "1 h 00 min",
            "",
            "1 min 00 s",
            "office, linux",
        ],
        [
            "web1",
            "✓ woken",
            "SSH-2.0-OpenSSH_9.2p1",
            "wol",
            "gate1",
            "2",
            "1",
            "1 h 00 min",
            "1 h 00 min",
            "8.0 s",
            "office, linux",
        ],
    ]


def test_page_needs_nothing_else():
    text = _report_html.render(result([target(), LATE]))
    page = Page(text)
    addresses = [
        value for _tag, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")
    ]
    assert addresses == ["data:,"]
    assert not re.search(r"https?:|//[a-z]|url\(|@import", text)
    assert not [
        name for _tag, attributes in page.tags for name in attributes if name.startswith("on") or name == "style"
    ]


def test_policy_allows_exactly_its_own_style_and_script():
    text = _report_html.render(result([target()]))
    assert text.count("<script>") == text.count("</script>") == 1
    assert f"<script>{_report_page.SCRIPT}</script>" in text
    assert f"<style>{_report_page.STYLE}</style>" in text
    assert "default-src &#x27;none&#x27;" in text
    assert "unsafe" not in _report_page.POLICY


def test_failures_are_grouped_by_reason_and_bounded():
    late = [target(f"web{number}", "not_woken", reason="no answer") for number in range(100)]
    text = _report_html.render(result([*late, target("nas", "blocked", reason="waits for web1")]))
    assert "100 hosts not_woken: no answer" in text
    assert "and 76 more" in text
    assert "1 host blocked: waits for web1" in text
    assert text.index("What failed") < text.index("Timeline") < text.index("All hosts")


def test_failures_of_one_kind_show_a_few_of_their_reasons():
    late = [target(f"web{n}", "not_woken", reason=f"192.0.2.{n} is silent", error_class="timeout") for n in range(50)]
    page = Page(_report_html.render(result(late)))
    assert "✗ 50 hosts not_woken: timeout" in page.texts
    shown = page.texts[page.texts.index("✗ 50 hosts not_woken: timeout") + 1 :][: _report_html.MOST_REASONS + 1]
    assert shown[:2] == ["web0: 192.0.2.0 is silent", "web1: 192.0.2.1 is silent"]
    assert shown[-1] == "and 44 more"


def test_kinds_of_failures_are_bounded():
    text = _report_html.render(result([target(f"web{n}", "not_woken", reason=f"reason {n}") for n in range(100)]))
    assert text.count("1 host not_woken") == _report_html.MOST_GROUPS
    assert "80 more hosts failed for other reasons, see the table." in text


def test_nothing_failed_nothing_listed():
    assert "What failed" not in _report_html.render(result([target()]))


def test_rehearsal_has_no_timeline():
    rehearsed = [
        target("a", "would_wake", first_sent=None, sends=0),
        target("b", "would_fail", first_sent=None, sends=0),
    ]
    text = _report_html.render(result(rehearsed))
    assert "1 of 2 hosts could be woken or are awake." in text
    assert "What would fail" in text
    assert "Timeline" not in text


def test_what_is_not_in_the_table_is_said():
    text = _report_html.render(
        result([LATE], truncated=True, left_out=1200, summary={"not_woken": 1, "already_awake": 5000})
    )
    assert "5,000 of 5,001 hosts are awake" in text
    assert "Hosts left out, having no method: 1,200." in text
    assert "Hosts that were awake before are counted, but not listed." in text


def test_hostile_text_stays_text():
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'\x00\x1b"
    evil = dict.fromkeys(("host", "reason", "proof", "method", "relay", "error_class", "verdict"), hostile)
    text = _report_html.render(result([{**target(), **evil, "groups": [hostile]}]), hostile, "no time")
    page = Page(text)
    assert len(page.of("script")) == 1
    assert page.of("img") == []
    assert any("<img src=x onerror=alert(1)>" in part for part in page.texts)
    assert "\x00" not in text
    assert "\x1b" not in text


def test_empty_result():
    Page(_report_html.render({}))


ANY = st.none() | st.text(max_size=30) | st.integers() | st.floats()
KEYS = (
    "host",
    "verdict",
    "reason",
    "error_class",
    "method",
    "relay",
    "wave",
    "proof",
    "sends",
    "first_sent",
    "awake_at",
    "elapsed",
)


@given(
    targets=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, ANY)), max_size=4),
    title=st.text(max_size=30),
)
def test_whatever_the_result_holds_the_page_is_whole(targets, title):
    text = _report_html.render({"targets": targets, "summary": {"woken": len(targets)}}, title)
    page = Page(text)
    assert len(page.rows) == len(targets) + 1
    assert len({len(row) for row in page.rows}) == 1
    assert text.encode("utf-8")
