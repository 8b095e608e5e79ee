# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import socket
import types
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugin_loaders
from ansible.template import Templar

from ansible_collections.lightsout.wake.plugins.action import wake
from ansible_collections.lightsout.wake.plugins.action.wake import ActionModule
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.conductor import Progress

MAC = "02:00:5e:00:53:01"


class HostVars:
    def __init__(self, hosts: Mapping[str, Mapping[str, t.Any]]) -> None:
        self.hosts = hosts

    def raw_get(self, name: str) -> Mapping[str, t.Any]:
        return self.hosts[name]

    def __contains__(self, name: object) -> bool:
        return name in self.hosts


def connection() -> types.SimpleNamespace:
    """As much of a connection as every action looks at, used or not."""
    return types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None), become=None, transport="local")


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def display(self, line: str) -> None:
        self.lines.append(line)

    def warning(self, line: str) -> None:
        self.warnings.append(line)


class Stage:
    """An action with everything that it needs of Ansible, in a directory of its own."""

    def __init__(self, directory: Path, port: int, screen: Screen) -> None:
        self.directory = directory
        self.screen = screen
        self.task = Task()
        self.task.action = "lightsout.wake.wake"
        self.up = {
            "wake_mac": MAC, "ansible_host": "127.0.0.1", "wake_probe": {"type": "tcp", "port": port},
            "group_names": ["core"],
        }  # fmt: skip
        self.down = {
            "wake_mac": "02:00:5e:00:53:02", "ansible_host": "127.0.0.1", "wake_probe": {"type": "tcp", "port": 1},
            "wake_delivery": "unicast", "wake_timeout": 0.2, "wake_count": 1, "group_names": ["web"],
        }  # fmt: skip

    def run(
        self,
        hosts: Mapping[str, Mapping[str, t.Any]],
        *,
        check: bool = False,
        batch: list[str] | None = None,
        **options: t.Any,
    ) -> dict[str, t.Any]:
        self.task.args = {"journal": str(self.directory / "journal"), **options}
        self.task.check_mode = check
        data_loader = DataLoader()
        data_loader.set_basedir(str(self.directory))
        action = ActionModule(
            self.task, connection(), PlayContext(), data_loader, Templar(loader=data_loader), plugin_loaders
        )
        action._load_name = "wake"  # as the loader of plugins does
        first = next(iter(hosts))
        names = [name for name in hosts if name != "outside"] if batch is None else batch
        groups: dict[str, list[str]] = {"all": list(hosts), "core": [name for name in hosts if name.startswith("up")]}
        task_vars = {
            **hosts[first], "hostvars": HostVars(hosts), "groups": groups, "inventory_hostname": first,
            "ansible_play_batch": names,
        }  # fmt: skip
        return action.run(None, task_vars)

    def failure(self, hosts: Mapping[str, Mapping[str, t.Any]], **options: t.Any) -> str:
        with pytest.raises(AnsibleError) as caught:
            self.run(hosts, **options)
        assert not (self.directory / "journal").exists()
        return str(caught.value)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    screen = Screen()
    monkeypatch.setattr(wake, "display", screen)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Stage(tmp_path, listener.getsockname()[1], screen)


def test_it_runs_once_for_all_hosts_of_the_play(stage: Stage) -> None:
    assert ActionModule.BYPASS_HOST_LOOP
    stage.run({"up1": stage.up})
    assert stage.task.run_once


def test_awake_hosts_change_nothing(stage: Stage) -> None:
    result = stage.run({"up1": stage.up, "up2": {**stage.up, "wake_mac": "02:00:5e:00:53:09"}})
    assert result["changed"] is False
    assert result["summary"] == {"already_awake": 2}
    assert result["failed_hosts"] == result["woken"] == []
    assert "failed" not in result
    assert list(stage.directory.iterdir()) == []


def test_a_host_that_stays_down_is_told_and_does_not_fail_the_task(stage: Stage) -> None:
    result = stage.run({"down": stage.down, "up": stage.up, "switch": {"wake_methods": []}})
    assert result["changed"] is True
    assert result["summary"] == {"already_awake": 1, "not_woken": 1}
    assert result["failed_hosts"] == ["down"]
    assert result["left_out"] == 1
    assert [row["host"] for row in result["targets"]] == ["down", "up"]
    assert result["targets"][0]["sends"] == 1
    assert not result.get("failed")
    assert result["ansible_stats"] == {
        "data": {"wake_summary": result["summary"], "wake_failed_hosts": ["down"]},
        "per_host": False,
        "aggregate": False,
    }


def test_options_win_over_variables(stage: Stage) -> None:
    stage.down["wake_timeout"] = 500
    stage.down["wake_count"] = 50
    result = stage.run({"down": stage.down}, timeout=0.2, count=1)
    assert result["targets"][0]["elapsed"] < 30.0


def test_check_mode_sends_nothing_and_says_who_would_wake(stage: Stage) -> None:
    result = stage.run({"down": stage.down, "up": stage.up, "bad": {**stage.down, "wake_mac": "x"}}, check=True)
    assert result["summary"] == {"already_awake": 1, "would_wake": 1, "would_fail": 1}
    assert result["changed"] is True
    assert result["failed_hosts"] == ["bad"]


def test_targets_are_hosts_and_groups_and_an_unknown_name_is_an_error(stage: Stage) -> None:
    hosts = {"down": stage.down, "up1": stage.up, "up2": stage.up}
    result = stage.run(hosts, targets=["core", "up1"])
    assert sorted(row["host"] for row in result["targets"]) == ["up1", "up2"]
    assert "targets has 'nobody'" in stage.failure(hosts, targets=["core", "nobody"])


def test_a_run_with_nobody_to_wake_is_an_error(stage: Stage) -> None:
    assert "nobody to wake: of 2 hosts none has a method" in stage.failure({"a": {}, "b": {"wake_methods": []}})
    assert "nobody to wake" in stage.failure({"up": stage.up}, batch=[])
    assert "nobody to wake" in stage.failure({"up": stage.up}, targets=[])


def test_a_host_outside_is_no_row_of_the_result(stage: Stage) -> None:
    result = stage.run({"up": {**stage.up, "wake_after": ["outside"]}, "outside": stage.up})
    assert [row["host"] for row in result["targets"]] == ["up"]
    assert result["summary"] == {"already_awake": 1}


def test_a_circle_is_an_error_and_leaves_no_journal(stage: Stage) -> None:
    hosts = {"up1": {**stage.up, "wake_after": ["up2"]}, "up2": {**stage.up, "wake_after": ["up1"]}}
    assert "form a circle" in stage.failure(hosts)


def test_a_journal_that_exists_is_an_error_and_stays(stage: Stage) -> None:
    (stage.directory / "journal").write_text("precious")
    with pytest.raises(AnsibleError, match="journal"):
        stage.run({"up": stage.up})
    assert (stage.directory / "journal").read_text() == "precious"


def test_the_same_mac_on_two_hosts_is_a_warning_with_both_names(stage: Stage) -> None:
    stage.run({"up1": stage.up, "up2": stage.up})
    (warning,) = [line for line in stage.screen.warnings if "same wake_mac" in line]
    assert "up1" in warning
    assert "up2" in warning


def test_a_wrong_option_is_an_error(stage: Stage) -> None:
    assert "carrier_pigeon" in stage.failure({"up": stage.up}, delivery="carrier_pigeon")
    assert "colour" in stage.failure({"up": stage.up}, colour="red")


@pytest.mark.parametrize(("option", "value"), [("packets_per_second", -1.0), ("deadline", 0.0), ("deadline", -5.0)])
def test_a_number_that_means_nothing_is_an_error_with_option_and_value(stage: Stage, option: str, value: float) -> None:
    assert f"{option} is {value:g}" in stage.failure({"up": stage.up}, **{option: value})


def test_a_report_that_cannot_be_written_is_an_error_before_anything_is_sent(stage: Stage) -> None:
    (stage.directory / "file").touch()
    for option in ("report_json", "report_html"):
        assert "file" in stage.failure({"down": stage.down}, **{option: "file/report"})
    assert stage.screen.lines == []


def test_a_query_that_turns_out_to_be_useless_fails_the_task_and_keeps_its_result(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Query:
        def __init__(self, _text: str) -> None:
            pass

        def fails(self, _result: t.Any) -> bool:
            raise wake.BadQuery("fail_query 'x' gives 5")

    monkeypatch.setattr(wake, "FailQuery", Query)
    result = stage.run({"up": stage.up}, fail_query="x")
    assert (result["failed"], result["msg"]) == (True, "fail_query 'x' gives 5")
    assert result["summary"] == {"already_awake": 1}


def test_reports_are_written_and_a_table_is_printed(stage: Stage) -> None:
    result = stage.run({"up": stage.up}, table=True, report_json="out/report.json", report_html="out/report.html")
    written = [stage.directory / "out" / name for name in ("report.html", "report.json")]
    assert sorted(result["reports"]) == [str(path) for path in written]
    assert json.loads(written[1].read_text())["summary"] == {"already_awake": 1}
    assert "<html" in written[0].read_text().lower()
    assert any("already" in line for line in stage.screen.lines)


def test_an_interruption_leaves_the_journal_and_says_where(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_run: t.Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wake.FleetRun, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stage.run({"up": stage.up})
    journal = stage.directory / "journal"
    assert json.loads(journal.read_text()) == {
        "host": "up", "verdict": "indeterminate", "reason": "the run ended before its outcome was known",
    }  # fmt: skip
    assert str(journal) in stage.screen.lines[-1]


def test_a_report_that_fails_at_the_end_leaves_the_journal_with_what_became_of_the_hosts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: t.Any, path: str, _text: str) -> str:
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(ActionModule, "_write_report", full)
    with pytest.raises(AnsibleError, match="No space left"):
        stage.run({"up": stage.up}, report_json="report.json")
    last = (stage.directory / "journal").read_text().splitlines()[-1]
    assert json.loads(last)["verdict"] == "already_awake"


def test_secrets_are_in_no_result_and_on_no_screen(stage: Stage) -> None:
    result = stage.run({"down": {**stage.down, "wake_secureon": "de:ad:be:ef:00:01"}}, table=True, report_json="r.json")
    told = json.dumps(result) + "".join(stage.screen.lines + stage.screen.warnings)
    told += (stage.directory / "r.json").read_text()
    assert "de:ad:be" not in told
    assert "deadbe" not in told


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (Progress(1, 3, 5, 1, 4, "", 0.0), "wake: wave 1 of 3, 5 awake, 4 waiting, 1 failed"),
        (
            Progress(2, 3, 5, 0, 4, "web1", 61.4),
            "wake: wave 2 of 3, 5 awake, 4 waiting, 0 failed; longest: web1, 61 s",
        ),
    ],
)
def test_a_line_of_progress(state: Progress, line: str) -> None:
    assert wake._progress_line(state) == line
