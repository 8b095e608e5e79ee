# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t
from collections.abc import Sequence

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import TaskFailure
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    IMPOSTOR,
    REFUSED,
    SILENT,
    UNABLE,
    UNKNOWN,
    Outcome,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.survey import Finding
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe
from ansible_collections.lightsout.wake.plugins.modules import awake_info

OUTCOMES = {
    "192.0.2.1": Outcome(AWAKE, "tcp connection to 192.0.2.1:22", ""),
    "192.0.2.2": Outcome(SILENT, "", "192.0.2.2 port 22 did not answer within 2 s."),
    "192.0.2.3": Outcome(REFUSED, "", "refused"),
    "192.0.2.4": Outcome(IMPOSTOR, "", "another machine"),
    "192.0.2.5": Outcome(UNKNOWN, "", "ask again"),
    "192.0.2.6": Outcome(UNABLE, "", "CAP_NET_RAW"),
}


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Probe, int]]:
    asked: list[tuple[Probe, int]] = []

    def survey(probes: Sequence[Probe], retries: int) -> list[Finding]:
        asked.extend((probe, retries) for probe in probes)
        return [Finding(OUTCOMES[probe.host], 0.01234) for probe in probes]

    monkeypatch.setattr(awake_info, "survey", survey)
    return asked


def work(**options: t.Any) -> dict[str, t.Any]:
    nothing = dict.fromkeys(("targets", "host", "port", "type", "identity"))
    return awake_info._work({**nothing, "timeout": 2.0, "retries": 1, **options})


def test_states_and_their_counts(surveyed: list[tuple[Probe, int]]) -> None:
    result = work(targets=[{"host": host, "port": 22} for host in OUTCOMES], retries=3)
    assert [target["state"] for target in result["targets"]] == [
        "awake",
        "asleep",
        "unknown",
        "unknown",
        "unknown",
        "unknown",
    ]
    assert result["summary"] == {"awake": 1, "asleep": 1, "unknown": 4}
    assert result["changed"] is False
    assert [retries for _probe, retries in surveyed] == [3] * 6


def test_the_entry_of_a_target(surveyed: list[tuple[Probe, int]]) -> None:
    result = work(targets=[{"name": "db1", "host": "192.0.2.1", "port": 22}, {"host": "192.0.2.2", "port": "22"}])
    assert result["targets"] == [
        {
            "name": "db1",
            "state": "awake",
            "probe": "tcp",
            "proof": "tcp connection to 192.0.2.1:22",
            "error": None,
            "elapsed": 0.012,
        },
        {
            "name": "192.0.2.2",
            "state": "asleep",
            "probe": "tcp",
            "proof": None,
            "error": "192.0.2.2 port 22 did not answer within 2 s.",
            "elapsed": 0.012,
        },
    ]


def test_the_short_form_and_the_time_out_of_the_task(surveyed: list[tuple[Probe, int]]) -> None:
    work(host="192.0.2.1", type="ssh", timeout=7.0)
    assert surveyed == [(Probe("ssh", "192.0.2.1", 22, 7.0, "relay", "", b""), 1)]


def test_malformed_targets_fail_the_task_after_the_others_were_looked_at(surveyed: list[tuple[Probe, int]]) -> None:
    with pytest.raises(TaskFailure) as failure:
        work(targets=[{"host": "192.0.2.1", "port": 0}, {"host": "192.0.2.2", "port": 22}, {"type": "ssh"}])
    assert str(failure.value).startswith("2 of 3 targets could not be looked at: targets[0]: port is 0, but")
    assert "targets[2]: host is missing" in str(failure.value)
    result = failure.value.result
    assert [target["state"] for target in result["targets"]] == ["unknown", "asleep", "unknown"]
    assert result["summary"] == {"awake": 0, "asleep": 1, "unknown": 2}
    assert [probe.host for probe, _retries in surveyed] == ["192.0.2.2"]


def test_a_message_names_ten_malformed_targets_and_counts_the_rest(surveyed: list[tuple[Probe, int]]) -> None:
    with pytest.raises(TaskFailure) as failure:
        work(targets=[{"host": "192.0.2.1", "port": 0}] * 12)
    assert "targets[9]: " in str(failure.value)
    assert "targets[10]: " not in str(failure.value)
    assert str(failure.value).endswith("; and 2 more")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"targets": []}, "targets is empty"),
        ({"host": "192.0.2.1", "port": 22, "retries": -1}, "retries -1"),
        ({"host": "192.0.2.1", "port": 22, "retries": 11}, "retries 11"),
        ({"host": "192.0.2.1"}, "port is missing"),
    ],
)
def test_wrong_options_are_named(surveyed: list[tuple[Probe, int]], options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(TaskFailure) as failure:
        work(**options)
    assert words in str(failure.value)
    assert surveyed == []
