# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""The playbook lightsout.wake.wake, called by its name."""

from __future__ import annotations

import json
import typing as t

from wake_fixtures import PLAYBOOK, Fleet, Run

NAME = "lightsout.wake.wake"


def run_playbook(fleet: Fleet, name: str, *arguments: str, **variables: t.Any) -> Run:
    command = [PLAYBOOK, "-i", fleet.lab.inventory, name, *arguments]
    command += ["-e", json.dumps({"wake_report_json": str(fleet.report), **variables})]
    fleet.report.unlink(missing_ok=True)
    done = fleet.lab.control(command, env=fleet.environment(), check=False, timeout=120)
    return fleet.collected(done.returncode, done.stdout + done.stderr, 0.0)


def test_without_hosts(fleet: Fleet) -> None:
    run = run_playbook(fleet, NAME)
    assert run.code != 0
    assert "wake_hosts is not set: say which hosts to wake, such as -e wake_hosts=rack7" in " ".join(run.output.split())
    assert fleet.packets() == 0


def test_table_reports_and_failure_at_the_end(fleet: Fleet) -> None:
    """Variables on the command line are text; tags that no task has don't skip it."""
    page = fleet.folder / "reports" / "page.html"
    hosts = "never:office1:office2:branch1"
    arguments = ["--tags", "nothing-has-this", "-e", "wake_timeout=4", "-e", f"wake_report_html={page}"]
    run = run_playbook(fleet, NAME, *arguments, wake_hosts=hosts)
    assert (run.code, run.recap("failed"), run.recap("unreachable")) == (2, 1, 0)
    assert "Not awake: never" in run.output
    assert run.verdicts == {"never": "not_woken", **dict.fromkeys(["office1", "office2", "branch1"], "woken")}
    assert "within 4 s" in run.row("never")["reason"]
    assert all(host in page.read_text() for host in run.verdicts)
    tabled = [line.split()[:2] for line in run.output.splitlines() if line.split()[:1] == ["never"]]
    assert ["never", "not_woken"] in tabled, run.output

    silent = run_playbook(fleet, NAME, "-e", "wake_timeout=4", "-e", "wake_table=false", wake_hosts="office1")
    assert (silent.code, silent.verdicts, silent.recap("changed")) == (0, {"office1": "already_awake"}, 0)
    assert "already_awake" not in silent.output


def test_rehearsal_of_the_playbook(fleet: Fleet) -> None:
    run = run_playbook(fleet, NAME, "--check", "-e", "wake_relay=down", wake_hosts="branch1")
    assert (run.code, run.verdicts, fleet.packets()) == (2, {"branch1": "would_fail"}, 0)


def test_own_plays_go_on_when_all_are_awake(fleet: Fleet) -> None:
    show = {"ansible.builtin.debug": {"msg": "goes on with {{ inventory_hostname }}"}}
    plays = [
        {"ansible.builtin.import_playbook": NAME},
        {"hosts": "wake_woken", "gather_facts": False, "tasks": [show]},
    ]
    book = fleet.folder / "own.yml"
    book.write_text(json.dumps(plays))
    fleet.lab.standby("office").power_on(["office3"], boot_delay=0)
    fleet.lab.wait_for("office3", "on")
    run = run_playbook(fleet, str(book), wake_hosts="office1:office2:office3")
    assert run.code == 0, run.output
    assert [host for host in run.verdicts if f"goes on with {host}" in run.output] == ["office1", "office2"]

    fleet.reset()
    failed = run_playbook(fleet, str(book), "-e", "wake_timeout=3", wake_hosts="office1:never")
    assert (failed.code, failed.verdicts["office1"]) == (2, "woken")
    assert "goes on with" not in failed.output
