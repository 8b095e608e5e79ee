# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""python -m lab demo: wakes the demo's fleet with the collection's playbook, twice, and checks every number."""

from __future__ import annotations

import collections
import collections.abc
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import typing as t

from lab import demo_fleet
from lab.client import Lab

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
REPORTS = CHECKOUT / "demo-report"
_TIMEOUT = 8
_RECAP = re.compile(r"^\S+\s+:\s+ok=\d+\s+changed=(\d+)", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Promise(t.NamedTuple):
    """Something the demo says, and whether it came true."""

    text: str
    kept: bool


def run(name: str) -> int:
    """Run the demo. Return 0 only when everything is as promised."""
    began = time.monotonic()
    _say("Building a lab of network namespaces: control node, router, three segments, one relay, 30 sleepers")
    with Lab(demo_fleet.configuration(name)) as lab:
        _say(f"It took {time.monotonic() - began:.1f} s")
        _prepare(lab)
        _show_inventory(lab)
        command = _command(lab)
        _say(f"Everybody is asleep. Waking them, on the control node:\n\n  {shlex.join(command)}")
        promises = _first_run(lab, command)
        _say("Somebody repairs the two: a new mainboard here, the right machine at its address there; both are started")
        _repair(lab)
        _say(f"The same command again:\n\n  {shlex.join(command)}")
        promises += _second_run(lab, command)
    promises.append(Promise("the lab is removed", not os.path.exists(lab.layout.state)))
    _say("What was promised:")
    for promise in promises:
        print(f"  {'yes' if promise.kept else 'NO '}  {promise.text}")
    _say(f"Reports of both runs: {REPORTS}/first-run.html, {REPORTS}/second-run.html")
    print(f"The demo took {time.monotonic() - began:.0f} s.")
    return 0 if all(promise.kept for promise in promises) else 1


def _first_run(lab: Lab, command: list[str]) -> list[Promise]:
    code, changed, result = _play(lab, command, "first-run")
    states = collections.Counter(status["state"] for status in _stubs(lab).values())
    verdicts = {target["host"]: target for target in result.get("targets", ())}
    dead, taken = (verdicts.get(host, {}) for host in (demo_fleet.NEVER_BOOTS, demo_fleet.TAKEN))
    packets = min(status["packets"] for status in _stubs(lab).values())
    return [
        Promise("first run: 28 woken, 2 not_woken", result.get("summary") == {"woken": 28, "not_woken": 2}),
        Promise("the lab agrees: 28 machines are on, 2 are off", states == {"on": 28, "off": 2}),
        Promise("every machine had its magic packet", packets > 0),
        Promise(f"{demo_fleet.NEVER_BOOTS} is out of time", dead.get("verdict") == "not_woken"),
        Promise(
            f"{demo_fleet.TAKEN} fails by identity", "identity" in f"{taken.get('error_class')} {taken.get('reason')}"
        ),
        Promise("the playbook fails because of these two (exit code 2)", code == 2),
        Promise("the first run changed something", changed > 0),
    ]


def _second_run(lab: Lab, command: list[str]) -> list[Promise]:
    before = sum(status["packets"] for status in _stubs(lab).values())
    code, changed, result = _play(lab, command, "second-run")
    after = sum(status["packets"] for status in _stubs(lab).values())
    return [
        Promise("second run: 30 already_awake", result.get("summary") == {"already_awake": 30}),
        Promise("the second run sent no packet: changed=0", changed == 0 and before == after),
        Promise("the playbook succeeds (exit code 0)", code == 0),
    ]


def _prepare(lab: Lab) -> None:
    collection = pathlib.Path(lab.layout.path("collections", "ansible_collections", "lightsout", "wake"))
    collection.parent.mkdir(parents=True)
    collection.symlink_to(CHECKOUT)
    pathlib.Path(lab.layout.path("ansible.cfg")).touch()
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir()
    (REPORTS / ".gitignore").write_text("*\n", encoding="ascii")
    shutil.copy(lab.inventory, REPORTS / "inventory.yml")
    _give_to_owner(REPORTS / "inventory.yml")
    _give_to_owner(REPORTS)


def _show_inventory(lab: Lab) -> None:
    _say(f"The inventory ({REPORTS}/inventory.yml):")
    count = collections.Counter(stub.segment for stub in lab.configuration.stubs)
    for segment in lab.configuration.segments:
        way = demo_fleet.WAYS[segment.name]
        print(f"  {segment.name:<9} {segment.subnet:<14} {count[segment.name]:>3} hosts   {way}")
    print(f"  {demo_fleet.FILE_SERVER} is woken first (wake_order: 10).")
    print("  Two can't be woken, and the playbook is to say so:")
    for host, reason in demo_fleet.REASONS.items():
        print(f"  {host}: {reason}.")


def _command(lab: Lab) -> list[str]:
    variables = {
        "wake_hosts": "targets",
        "wake_timeout": _TIMEOUT,
        "wake_report_html": REPORTS / "wake.html",
        "wake_report_json": REPORTS / "wake.json",
    }
    extra = [word for key, value in variables.items() for word in ("-e", f"{key}={value}")]
    return ["ansible-playbook", "lightsout.wake.wake", "-i", lab.inventory, *extra]


def _play(lab: Lab, command: list[str], name: str) -> tuple[int, int, dict[str, t.Any]]:
    """Run the playbook, showing what it prints. Return exit code, changed tasks and the result."""
    environment = {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), lab.environment()["PATH"]]),
        "ANSIBLE_COLLECTIONS_PATH": lab.layout.path("collections"),
        "ANSIBLE_CONFIG": lab.layout.path("ansible.cfg"),
        "ANSIBLE_FORCE_COLOR": str(int(sys.stdout.isatty())),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    began = time.monotonic()
    print(flush=True)
    playbook = lab.popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    assert playbook.stdout
    for line in playbook.stdout:
        print(f"  {line}", end="", flush=True)
        lines.append(_COLOUR.sub("", line))
    code = playbook.wait()
    _say(f"It took {time.monotonic() - began:.1f} s and ended with exit code {code}")
    recap = [int(changed) for changed in _RECAP.findall("".join(lines))]
    return code, sum(recap) if recap else -1, _keep_reports(name)


def _keep_reports(name: str) -> dict[str, t.Any]:
    for ending in ("html", "json"):
        written, kept = REPORTS / f"wake.{ending}", REPORTS / f"{name}.{ending}"
        if not written.exists():
            return {}
        written.rename(kept)
        _give_to_owner(kept)
    return t.cast("dict[str, t.Any]", json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8")))


def _repair(lab: Lab) -> None:
    lab.ask_supervisor(command="power_off", machine=f"{demo_fleet.TAKEN}.impostor")
    for host in (demo_fleet.NEVER_BOOTS, demo_fleet.TAKEN):
        segment = next(stub.segment for stub in lab.configuration.stubs if stub.name == host)
        lab.standby(segment).power_on([host], boot_delay=0.5)
    for host in (demo_fleet.NEVER_BOOTS, demo_fleet.TAKEN):
        lab.wait_for(host, "on")


def _stubs(lab: Lab) -> dict[str, dict[str, t.Any]]:
    statuses: collections.abc.Iterable[dict[str, t.Any]] = (
        lab.standby(segment.name).status()["stubs"] for segment in lab.configuration.segments
    )
    return dict(collections.ChainMap(*statuses))


def _give_to_owner(path: pathlib.Path) -> None:
    """Under sudo, let the reports belong to the user."""
    if "SUDO_UID" in os.environ:
        os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", "-1")))


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)
