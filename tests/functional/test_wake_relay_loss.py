# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""What is left when a relay, the control node or the run itself ends in the middle of a wave."""

from __future__ import annotations

import json
import os
import signal
import time
import typing as t

import pytest
from wake_fixtures import Fleet, Running, wait_until

BEHIND: dict[str, dict[str, t.Any]] = {
    "branch1": {"wake_relay": "alpha"},
    "dead1": {"wake_relay": "alpha"},
    "dead2": {"wake_relay": "alpha", "wake_after": ["dead5"]},
    "branch2": {"wake_relay": "beta"},
    "dead3": {"wake_relay": "beta"},
    "branch3": {"wake_relay": "gamma"},
    "dead4": {"wake_relay": "gamma"},
    "branch4": {"wake_relay": "delta"},
    "dead5": {"wake_relay": "delta", "wake_timeout": 60},
}


def service(fleet: Fleet, relay: str) -> int:
    """The process id of the detached wake service on a relay, 0 without one."""
    processes = fleet.lab.relay(relay).processes()
    parents = {pid: _parent(pid) for pid, line in processes.items() if "python" in line}
    return next((pid for pid, parent in parents.items() if parent not in processes), 0)


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def journal_rows(fleet: Fleet) -> dict[str, dict[str, t.Any]]:
    """What the action's own journal says of each host at its end."""
    (journal,) = list(fleet.journals.iterdir())
    assert (journal.stat().st_mode & 0o777, journal.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    return {row["host"]: row for row in rows}


def running_with(fleet: Fleet, awake: list[str], variables: dict[str, dict[str, t.Any]]) -> Running:
    """Start a run of those hosts and return when some are awake, which all relays have reported by then."""
    run = fleet.start(fleet.play(":".join(variables)), {"all": {"wake_timeout": 300}, **variables})
    try:
        for host in awake:
            fleet.lab.wait_for(host, "on", 60)
        time.sleep(4)
    except BaseException:
        print(run.output())
        run.kill()
        raise
    return run


@pytest.fixture
def relays_back(fleet: Fleet) -> t.Iterator[None]:
    yield
    for relay in ("alpha", "beta", "delta"):
        fleet.lab.relay(relay).restore()
    if not fleet.lab.relay("alpha").processes():
        fleet.lab.relay("alpha").power_on()


def abandon(fleet: Fleet, relay: str) -> float:
    """Start a run and kill the whole control node in mid-wave; return when that was, with everything there cleared."""
    run = running_with(fleet, ["branch8"], {"branch8": {"wake_relay": relay}, "dead8": {"wake_relay": relay}})
    try:
        assert service(fleet, relay)
        rows = journal_rows(fleet)
    finally:
        run.kill()
        fleet.kill_everything_here()
    assert set(rows) == {"branch8", "dead8"}
    assert rows["dead8"]["verdict"] == "indeterminate"
    assert service(fleet, relay)
    fleet.forget_files_here()
    return time.monotonic()


def test_relays_lost_in_mid_wave(fleet: Fleet, relays_back: None) -> None:
    """One loses power, one its cable, one its wake process; the fourth loses its cable for 20 s, which costs nothing.

    A fifth one has lost its control node before. It ends by itself, which takes a minute, and nobody waits idly for it.
    """
    abandoned_at = abandon(fleet, "jump")
    run = running_with(fleet, ["branch1", "branch2", "branch3", "branch4"], BEHIND)
    try:
        lost_at = time.monotonic()
        fleet.lab.relay("beta").cut()
        fleet.lab.relay("delta").cut()
        fleet.lab.relay("alpha").power_off()
        os.kill(service(fleet, "gamma"), signal.SIGKILL)
        time.sleep(20)
        fleet.lab.relay("delta").restore()
        done = run.wait(120)
        seconds = time.monotonic() - lost_at
    finally:
        run.kill()
    assert done.code == 0, done.output
    assert seconds < 85, done.output
    rows = {row["host"]: row for row in done.result["targets"]}
    assert done.verdicts == {
        **dict.fromkeys(["branch1", "branch2", "branch3", "branch4"], "woken"),
        **dict.fromkeys(["dead1", "dead3", "dead4"], "indeterminate"),
        "dead2": "relay_unreachable",
        "dead5": "not_woken",
    }
    for host, relay in (("dead1", "alpha"), ("dead3", "beta"), ("dead4", "gamma")):
        assert rows[host]["error_class"] == "relay_lost"
        assert rows[host]["reason"].startswith(f"sent for, and then relay {relay} was lost: "), rows[host]
    assert rows["dead2"]["reason"].startswith("not sent for: relay alpha was lost: ")
    assert "its wake process was ended from outside" in rows["dead4"]["reason"]
    assert done.result["changed"]
    fleet.wait_until_tidy(["gamma", "delta"])

    wait_until(lambda: not service(fleet, "jump"), 80, lambda: fleet.left_on("jump"))
    assert time.monotonic() - abandoned_at > 50
    fleet.wait_until_tidy(["jump"])


@pytest.mark.parametrize("all_of_it", [True, False], ids=["ctrl-C", "main process killed"])
def test_interrupted_run_leaves_a_verdict_for_everybody(fleet: Fleet, all_of_it: bool) -> None:
    """Ctrl-C goes to the whole process group, as a terminal sends it; a kill takes the main process without a word."""
    variables: dict[str, dict[str, t.Any]] = dict.fromkeys(["branch1", "dead1", "hidden1", "office1", "never"], {})
    variables["branch2"] = {"wake_after": ["never"]}
    run = running_with(fleet, ["branch1", "hidden1", "office1"], variables)
    try:
        interrupted_at = time.monotonic()
        if all_of_it:
            os.killpg(run.process.pid, signal.SIGINT)
        else:
            run.process.kill()
        done = run.wait(60)
        wait_until(lambda: not fleet.processes_here(), 20, fleet.processes_here)
        seconds = time.monotonic() - interrupted_at
    finally:
        run.kill()
    assert done.code != 0
    assert seconds < 20, done.output
    path = next(iter(fleet.journals.iterdir()))
    rows = journal_rows(fleet)
    assert {host: row["verdict"] for host, row in rows.items()} == {
        **dict.fromkeys(["branch1", "hidden1", "office1"], "woken"),
        **dict.fromkeys(["dead1", "never", "branch2"], "indeterminate"),
    }
    assert f"what is known of each host is in {path}" in done.output
    path.unlink()
    left = fleet.files_here()
    assert all(path.name.startswith("ansible-local-") for path in left), left
    assert not (left and all_of_it), left
    fleet.forget_files_here()  # the folder of a process that was killed, which is Ansible's own
