# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import typing as t
from collections.abc import Sequence

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import VERDICTS, Verdict
from ansible_collections.lightsout.wake.plugins.plugin_utils._wake_result import (
    MOST_LISTED,
    Outcome,
    build_result,
    iso,
    shortened,
)

STARTED = 1772344800.0  # 2026-03-01T06:00:00Z


def outcome(host: str, verdict: Verdict | str, groups: Sequence[str] = ("core",)) -> Outcome:
    return Outcome(host, groups, "controller", 2, Verdict(verdict) if isinstance(verdict, str) else verdict)


def build(*outcomes: Outcome, check_mode: bool = False) -> dict[str, t.Any]:
    return build_result(outcomes, started=STARTED, finished=STARTED + 61.5, left_out=3, check_mode=check_mode)


def test_each_host_has_a_row_and_counts_once() -> None:
    result = build(*(outcome(word, word) for word in VERDICTS))
    assert result["summary"] == dict.fromkeys(VERDICTS, 1)
    assert list(result["summary"]) == list(VERDICTS)
    assert sorted(row["host"] for row in result["targets"]) == sorted(VERDICTS)
    assert result["woken"] == ["woken"]
    assert set(result["failed_hosts"]) == set(VERDICTS) - {"already_awake", "woken", "would_wake"}
    assert result["left_out"] == 3
    assert result["truncated"] is False


def test_words_that_did_not_occur_are_not_in_the_summary() -> None:
    assert build(outcome("a", "woken"), outcome("b", "woken"))["summary"] == {"woken": 2}


def test_the_failed_ones_come_first_and_the_order_is_kept_otherwise() -> None:
    rows = build(
        outcome("a", "woken"), outcome("b", "not_woken"), outcome("c", "already_awake"), outcome("d", "blocked")
    )
    assert [row["host"] for row in rows["targets"]] == ["b", "d", "a", "c"]


def test_a_row_has_what_is_documented() -> None:
    verdict = Verdict("woken", "", "", "wol", "SSH banner", 2, 1.102, 30.5, 29.39812)
    (row,) = build(outcome("a", verdict))["targets"]
    assert row == {
        "host": "a", "groups": ["core"], "verdict": "woken", "reason": "", "error_class": "", "method": "wol",
        "relay": "controller", "wave": 2, "proof": "SSH banner", "sends": 2, "first_sent": "2026-03-01T06:00:01.102Z",
        "awake_at": "2026-03-01T06:00:30.500Z", "elapsed": 29.398,
    }  # fmt: skip


def test_what_never_happened_is_null() -> None:
    (row,) = build(outcome("a", "blocked"))["targets"]
    assert row["first_sent"] is None
    assert row["awake_at"] is None


def test_what_happened_at_the_very_start_is_a_time() -> None:
    (row,) = build(outcome("a", Verdict("already_awake", first_sent=-1.0, awake_at=0.0)))["targets"]
    assert row["awake_at"] == "2026-03-01T06:00:00.000Z"


def test_times_are_in_utc_with_milliseconds() -> None:
    assert iso(STARTED) == "2026-03-01T06:00:00.000Z"
    result = build(outcome("a", "woken"))
    assert (result["run_started"], result["run_finished"]) == ("2026-03-01T06:00:00.000Z", "2026-03-01T06:01:01.500Z")


@pytest.mark.parametrize(
    ("verdict", "changed"),
    [
        (Verdict("already_awake"), False),
        (Verdict("woken", sends=1), True),
        (Verdict("not_woken", sends=4), True),
        (Verdict("not_woken", error_class="deadline"), False),
        (Verdict("blocked"), False),
        (Verdict("invalid", error_class="send_failed"), False),
        (Verdict("indeterminate", error_class="relay_lost"), True),
        (Verdict("indeterminate", error_class="deadline"), True),
        (Verdict("relay_unreachable", error_class="relay_lost"), False),
        (Verdict("relay_unreachable", error_class="relay_unreachable"), False),
    ],
)
def test_changed_says_whether_anything_was_or_may_have_been_sent(verdict: Verdict, changed: bool) -> None:
    assert build(outcome("z", "already_awake"), outcome("a", verdict))["changed"] is changed


@pytest.mark.parametrize(
    ("words", "changed"),
    [(["would_wake", "already_awake"], True), (["would_fail", "already_awake"], False), (["already_awake"], False)],
)
def test_changed_in_check_mode_says_whether_anything_would_be_sent(words: list[str], changed: bool) -> None:
    assert build(*(outcome(word, word) for word in words), check_mode=True)["changed"] is changed


def large(awake: int, failed: int) -> dict[str, t.Any]:
    hosts = [outcome(f"up{key}", "already_awake") for key in range(awake)]
    return build(*hosts, *(outcome(f"down{key}", "not_woken") for key in range(failed)))


def test_up_to_a_thousand_hosts_are_all_listed() -> None:
    result = shortened(large(MOST_LISTED - 1, 1), "auto")
    assert len(result["targets"]) == 1000
    assert result["truncated"] is False


def test_above_a_thousand_the_awake_ones_are_left_out_and_nothing_else() -> None:
    whole = large(MOST_LISTED, 5)
    result = shortened(whole, "auto")
    assert [row["host"] for row in result["targets"]] == [f"down{key}" for key in range(5)]
    assert result["truncated"] is True
    assert result["summary"] == {"already_awake": 1000, "not_woken": 5}
    assert len(whole["targets"]) == 1005
    assert whole["truncated"] is False


def test_with_full_detail_all_are_listed() -> None:
    result = shortened(large(MOST_LISTED, 5), "full")
    assert len(result["targets"]) == 1005
    assert result["truncated"] is False


def test_where_nobody_is_awake_nobody_is_left_out() -> None:
    result = shortened(large(0, MOST_LISTED + 1), "auto")
    assert len(result["targets"]) == 1001
    assert result["truncated"] is False


def test_the_result_is_plain_data() -> None:
    result = build(outcome("a", "woken", groups=("core", "web")))
    assert json.loads(json.dumps(result)) == result
