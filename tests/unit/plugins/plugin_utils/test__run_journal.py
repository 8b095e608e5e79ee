# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.plugin_utils import _run_journal
from ansible_collections.lightsout.wake.plugins.plugin_utils._run_journal import RunJournal


def rows(path: Path | str) -> list[dict[str, t.Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def known(path: Path | str) -> dict[str, str]:
    """The last line of a host counts."""
    return {row["host"]: row["verdict"] for row in rows(path)}


def test_it_begins_with_indeterminate_for_every_host(tmp_path: Path) -> None:
    journal = RunJournal(str(tmp_path / "j"), ["a", "b"])
    assert known(tmp_path / "j") == {"a": "indeterminate", "b": "indeterminate"}
    assert rows(tmp_path / "j")[0]["reason"] == "the run ended before its outcome was known"
    journal.close(remove=False)


def test_a_verdict_takes_the_place_of_it(tmp_path: Path) -> None:
    journal = RunJournal(str(tmp_path / "j"), ["a", "b"])
    journal.write("a", Verdict("woken", "", "", "wol", "SSH banner", 2, 1.0, 2.0, 3.0))
    journal.flush()
    assert known(tmp_path / "j") == {"a": "woken", "b": "indeterminate"}
    assert rows(tmp_path / "j")[-1] == {
        "host": "a", "verdict": "woken", "reason": "", "proof": "SSH banner", "sends": 2,
    }  # fmt: skip
    journal.close(remove=False)


def test_what_is_written_last_is_there_when_it_is_closed_and_kept(tmp_path: Path) -> None:
    journal = RunJournal(str(tmp_path / "j"), ["a"])
    journal.write("a", Verdict("not_woken", "it's \u00e4 long\nstory"))
    journal.close(remove=False)
    assert rows(tmp_path / "j")[-1]["reason"] == "it's \u00e4 long\nstory"


def test_it_is_removed_when_the_run_has_told_everything(tmp_path: Path) -> None:
    journal = RunJournal(str(tmp_path / "j"), ["a"])
    journal.close(remove=True)
    assert os.listdir(tmp_path) == []


def test_it_is_ours_alone_in_a_directory_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j"
    journal = RunJournal(str(path), [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    journal.close(remove=True)


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("precious")
    with pytest.raises(FileExistsError):
        RunJournal(str(tmp_path / "j"), ["a"])
    assert (tmp_path / "j").read_text() == "precious"


def test_a_path_without_directory_is_one_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    RunJournal("j", ["a"]).close(remove=False)
    assert (tmp_path / "j").exists()


def test_without_a_path_each_run_has_a_file_of_its_own_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    journal = RunJournal("", ["a"])
    path = Path(journal.path)
    assert path.parent == tmp_path / ".ansible" / "lightsout_wake"
    assert path.name.endswith(f"-{os.getpid()}.jsonl")
    assert known(path) == {"a": "indeterminate"}
    journal.close(remove=True)


def test_without_a_home_to_write_to_it_lies_in_a_private_temporary_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("no directory")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(_run_journal.tempfile, "tempdir", str(tmp_path))
    journal = RunJournal("", ["a"])
    directory = Path(journal.path).parent
    assert directory.parent == tmp_path
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    journal.close(remove=True)
    assert not Path(journal.path).exists()
