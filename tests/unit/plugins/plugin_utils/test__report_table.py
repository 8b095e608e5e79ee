# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_table

WOKEN = {
    "host": "web1",
    "groups": ["office"],
    "verdict": "woken",
    "reason": "",
    "error_class": "",
    "method": "wol",
    "relay": "controller",
    "wave": 1,
    "proof": "SSH-2.0-OpenSSH_9.2p1",
    "sends": 2,
    "first_sent": "2026-11-22T06:00:00.100000+00:00",
    "awake_at": "2026-11-22T06:00:12.100000+00:00",
    "elapsed": 12.0,
}
LATE = {**WOKEN, "host": "web2", "verdict": "not_woken", "reason": "timeout", "proof": "", "elapsed": 600.0}
AWAKE = {**WOKEN, "host": "web3", "verdict": "already_awake", "sends": 0, "elapsed": 0.1}


def result(targets, **more):
    summary = {}
    for target in targets:
        summary[target["verdict"]] = summary.get(target["verdict"], 0) + 1
    return {"changed": True, "summary": summary, "targets": targets, "left_out": 0, "truncated": False, **more}


def test_whole_table():
    assert _report_table.render(result([WOKEN, AWAKE, LATE], left_out=4)) == [
        "2 of 3 hosts are awake; 4 left out, having no method",
        "  1 not_woken, 1 woken, 1 already_awake",
        "",
        "  HOST  VERDICT        RELAY       SENDS  AFTER        WHY",
        "  web2  not_woken      controller      2  10 min 00 s  timeout",
        "  web1  woken          controller      2  12 s         SSH-2.0-OpenSSH_9.2p1",
        "  web3  already_awake  controller                      SSH-2.0-OpenSSH_9.2p1",
    ]


def test_long_reasons_are_folded_and_long_proofs_cut():
    reason = "not seen awake within 600 s: " + "no answer " * 40
    lines = _report_table.render(result([{**LATE, "reason": reason}, {**WOKEN, "proof": reason}]))
    late = lines[4 : 4 + _report_table.MOST_LINES]
    assert late[0].endswith("not seen awake within 600 s: no answer no answer no answer no")
    assert late[1].lstrip() == late[1][late[0].index("not seen") :]
    assert late[-1].endswith(" ...")
    assert lines[4 + _report_table.MOST_LINES].split()[0] == "web1"
    assert len(lines) == 5 + _report_table.MOST_LINES


def test_no_targets():
    assert _report_table.render({}) == ["0 of 0 hosts are awake", "  no targets"]


def test_big_fleet_is_bounded_and_still_counted():
    late = [{**LATE, "host": f"bad{number}"} for number in range(1000)]
    blocked = [{**LATE, "host": f"waits{number}", "verdict": "blocked"} for number in range(500)]
    good = [{**WOKEN, "host": f"good{number}"} for number in range(8500)]
    lines = _report_table.render(result([*good, *blocked, *late]))
    assert len(lines) == 4 + _report_table.MOST_FAILURES + _report_table.MOST_OTHERS + 2
    assert lines[1] == "  1,000 not_woken, 500 blocked, 8,500 woken"
    assert lines[4].split()[0] == "bad0"
    assert "  ... and 1,470 more failed: 970 not_woken, 500 blocked" in lines
    assert lines[-1] == "  ... and 8,470 more awake: 8,470 woken"


def test_truncated_result_says_so():
    lines = _report_table.render(result([LATE], truncated=True, summary={"not_woken": 1, "already_awake": 5000}))
    assert lines[0] == "5,000 of 5,001 hosts are awake"
    assert lines[-1] == "  Hosts that were awake before are counted, but not listed."


def test_text_from_the_network_can_not_move_the_cursor():
    lines = _report_table.render(result([{**WOKEN, "proof": "SSH-2.0-\x1b[2J\r\nweb9 woken", "host": "web\x07"}]))
    assert all(line.isprintable() for line in lines)
    assert len(lines) == 5


TEXT = st.text(max_size=200)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"host": TEXT, "verdict": TEXT, "reason": TEXT, "proof": TEXT, "relay": TEXT},
            optional={"sends": st.none() | st.integers(0, 10**9), "elapsed": st.none() | st.floats()},
        ),
        max_size=5,
    )
)
def test_whatever_the_targets_say_no_line_is_too_long(targets):
    for line in _report_table.render(result(targets)):
        assert len(line) <= _report_table.WIDTH
        assert line.isprintable()
