# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""The example inventory and the examples of the guides, read by the Ansible of this Python and by our own reader."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import typing as t

import pytest
import yaml

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import VERDICTS
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import (
    Target,
    duplicate_macs,
    own_variables,
    read_target,
    read_variables,
    unknown_variables,
)

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "inventory.yml"
GUIDES = sorted((ROOT / "docs" / "docsite" / "rst").glob("guide_*.rst"))
READER = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{ dict(groups.all | zip(groups.all | map('extract', hostvars))) | to_json }}"
        dest: "{{ target_file }}"
        mode: "0600"
"""


def ansible(program: str, *arguments: str) -> str:
    command = [str(pathlib.Path(sys.executable).with_name(program)), *arguments]
    quiet = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOLOR": "true"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hosts_of(inventory: pathlib.Path, folder: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    """Variables of all hosts, templates evaluated, as the Ansible of this Python has them."""
    (folder / "read.yml").write_text(READER, encoding="utf-8")
    target_file = folder / "hosts.json"
    ansible("ansible-playbook", "-i", str(inventory), "-e", f"target_file={target_file}", str(folder / "read.yml"))
    hosts = json.loads(target_file.read_text(encoding="utf-8"))
    assert isinstance(hosts, dict)
    return hosts


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target | None]:
    hosts = hosts_of(EXAMPLE, tmp_path_factory.mktemp("example"))
    assert [name for variables in hosts.values() for name in unknown_variables(variables)] == []
    return {name: read_target(name, variables) for name, variables in hosts.items()}


def test_example_has_targets_and_hosts_that_are_left_out(example: dict[str, Target | None]) -> None:
    assert {name for name, target in example.items() if target is None} == {"gate1", "switch1", "spare01"}
    assert len(example) == 14
    assert duplicate_macs(target for target in example.values() if target) == []


def test_example_shows_what_it_says(example: dict[str, Target | None]) -> None:
    targets = {name: target for name, target in example.items() if target}
    assert {(targets[name].delivery, targets[name].address) for name in ("cell01", "panel01")} == {
        ("directed", "198.51.100.255")
    }
    assert targets["panel01"].secureon == bytes(range(1, 7))
    assert (targets["panel01"].probe.type, targets["panel01"].probe.port) == ("winrm", 5986)
    assert targets["panel01"].probe.origin == "controller"
    assert targets["cell02"].probe.host_key.startswith("SHA256:")
    assert (targets["print01"].probe.type, targets["print01"].probe.port) == ("tcp", 631)
    assert targets["node01"].relays == ("lab_relays", "bench")
    assert len(targets["node01"].macs) == 2
    assert targets["nas01"].order < targets["node01"].order
    assert targets["node03"].after == ("lab_storage",)


def blocks(guide: pathlib.Path) -> list[t.Any]:
    found = re.findall(r"\.\. code-block:: yaml\n\n((?:   .*\n|\n)+)", guide.read_text(encoding="utf-8"))
    return [yaml.safe_load(textwrap.dedent(block)) for block in found]


def variables_in(value: t.Any) -> list[dict[str, t.Any]]:
    """Every dictionary in an example that has one of our variables."""
    if isinstance(value, list):
        return [inner for item in value for inner in variables_in(item)]
    if not isinstance(value, dict):
        return []
    ours = [value] if any(str(key).startswith(("wake_", "amt_")) for key in value) else []
    return ours + [inner for item in value.values() for inner in variables_in(item)]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_variables_in_examples_are_right(guide: pathlib.Path) -> None:
    found = [variables for block in blocks(guide) for variables in variables_in(block)]
    assert found
    for variables in found:
        assert unknown_variables(variables) == []
        assert read_variables("example", variables, own_variables())[1] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_whole_inventories_in_guides_can_be_read(guide: pathlib.Path, tmp_path: pathlib.Path) -> None:
    inventories = [block for block in blocks(guide) if isinstance(block, dict) and "all" in block]
    seen = 0
    for number, inventory in enumerate(inventories):
        path = tmp_path / f"{number}.yml"
        path.write_text(yaml.safe_dump(inventory), encoding="utf-8")
        hosts = json.loads(ansible("ansible-inventory", "-i", str(path), "--list"))["_meta"]["hostvars"]
        for name, variables in hosts.items():
            assert read_target(name, variables) is not None
            seen += 1
    assert seen


def test_tasks_in_guide_have_options_that_exist() -> None:
    module = (ROOT / "plugins" / "modules" / "wake.py").read_text(encoding="utf-8")
    options = yaml.safe_load(module.split('DOCUMENTATION = r"""', 1)[1].split('"""', 1)[0])["options"]
    used = [
        task["lightsout.wake.wake"]
        for guide in GUIDES
        for block in blocks(guide)
        if isinstance(block, list)
        for play in block
        for task in play.get("tasks", [play])
    ]
    assert len(used) >= 3
    assert {option for task in used for option in task} <= options.keys()


def test_guide_has_every_verdict() -> None:
    text = (ROOT / "docs" / "docsite" / "rst" / "guide_wake_a_fleet.rst").read_text(encoding="utf-8")
    table = text.split(".. list-table:: Verdicts", 1)[1].split(".. code-block", 1)[0]
    assert set(re.findall(r"\* - ``(\w+)``", table)) == set(VERDICTS)
