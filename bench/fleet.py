# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Waking 1,000 and 10,000 sleepers with one task, against a magic packet and a wait_for for each host."""

from __future__ import annotations

import collections.abc
import contextlib
import json
import os
import re
import sys
import tempfile
import typing as t

import sleepers
import spaces
from figures import CHECKOUT, COMMUNITY, LINKS, BenchError, Cost, Figure, Measured, cost_of, median

_BOOT_DELAY = 1.0
_SMALL_SAMPLE, _LARGE_SAMPLE = 2, 18
# What the guide recommends for thousands of hosts: ansible-playbook itself polls its worker a thousand times a second,
# copying the state of every host each time, and lists all connection plugins once for each host to clean its facts.
_LARGE_CONFIGURATION = "[defaults]\ninternal_poll_interval = 0.05\ninject_facts_as_vars = false\n"
_SUMMARY = re.compile(r'"wake_summary": (\{[^}]*\})')


class _Fleet(t.NamedTuple):
    """A running fleet of sleepers, and how to run a playbook beside them."""

    size: int
    machines: sleepers.Sleepers
    space: str
    directory: str

    def play(self, playbook: str, *options: str) -> Cost:
        """Send everybody to sleep and run a playbook. Raises BenchError when somebody does not sleep."""
        self.machines.sleep()
        if self.machines.status()["awake"]:
            raise BenchError("void: somebody was awake before the run")
        return self.run(playbook, *options)

    def run(self, playbook: str, *options: str) -> Cost:
        """Run a playbook, whoever is awake."""
        program = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
        argv = [program, "-i", os.path.join(self.directory, "inventory.sh"), str(CHECKOUT / "bench" / playbook)]
        return cost_of(spaces.inside(self.space, [*argv, *options]), self._environment(), self.directory)

    def configure(self, text: str) -> None:
        """Write the ansible.cfg of the runs that follow."""
        with open(os.path.join(self.directory, "ansible.cfg"), "w", encoding="utf-8") as configuration:
            configuration.write(text)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        return {
            **kept,
            "HOME": self.directory,
            "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
            "ANSIBLE_HOME": os.path.join(self.directory, "ansible"),
            "ANSIBLE_CONFIG": os.path.join(self.directory, "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([str(LINKS), str(COMMUNITY)]),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
        }


def thousand(say: collections.abc.Callable[[str], None]) -> Measured:
    """1,000 hosts, and the way one by one on a sample of them."""
    with _fleet(1000) as fleet:
        costs = [_wake(fleet, say) for _run in range(3)]
        per_host, floor = _one_by_one(fleet, say)
        nothing = _nothing(fleet)
    cpu = median(cost.cpu for cost in costs)
    other = floor + per_host * fleet.size
    return Measured(
        (
            Figure("wake and verify 1,000: less CPU than one by one", other / cpu, "times", 150, at_least=True),
            Figure("wake and verify 1,000: CPU", cpu, "s", 2.5),
        ),
        (
            f"one by one (community.general.wakeonlan, then wait_for): {per_host:.3f} CPU-s a host, the slope between "
            f"{_SMALL_SAMPLE} and {_LARGE_SAMPLE} hosts of the same inventory; start-up of {floor:.2f} s counted once",
            nothing,
        ),
        {"runs": [_data(cost) for cost in costs], "one_by_one_per_host": per_host, "one_by_one_start": floor},
    )


def ten_thousand(say: collections.abc.Callable[[str], None]) -> Measured:
    """10,000 hosts of a script inventory."""
    with _fleet(10_000) as fleet:
        plain = _wake(fleet, say)
        fleet.configure(_LARGE_CONFIGURATION)
        costs = [_wake(fleet, say) for _run in range(2)]
        nothing = _nothing(fleet)
    return Measured(
        (
            Figure("wake and verify 10,000: CPU", median(cost.cpu for cost in costs), "s", 10),
            Figure("wake and verify 10,000: largest process", max(cost.rss for cost in costs), "MiB", 250),
        ),
        (
            f"10,000 hosts with the two lines of ansible.cfg that bench/README.md explains; without them "
            f"{plain.cpu:.2f} CPU-s",
            nothing,
        ),
        {"runs": [_data(cost) for cost in costs], "without_configuration": _data(plain)},
    )


@contextlib.contextmanager
def _fleet(count: int) -> collections.abc.Iterator[_Fleet]:
    with tempfile.TemporaryDirectory(prefix="lightsout-bench-") as directory, spaces.spaces("fleet") as (space,):
        _write_inventory(directory, count)
        machines = sleepers.Sleepers(space, count, _BOOT_DELAY)
        try:
            fleet = _Fleet(count, machines, space, directory)
            fleet.configure("")
            yield fleet
        finally:
            machines.close()


def _wake(fleet: _Fleet, say: collections.abc.Callable[[str], None]) -> Cost:
    cost = fleet.play("wake.yml")
    summary = _SUMMARY.search(cost.output)
    if cost.status or not summary or json.loads(summary[1]) != {"woken": fleet.size}:
        raise BenchError(f"void: not everybody was woken (exit {cost.status}): {cost.output[-2000:]}")
    seen = fleet.machines.status()
    if seen["awake"] != fleet.size or seen["looks"] < fleet.size:
        raise BenchError(f"void: the sleepers say otherwise than the result: {seen}")
    say(f"{fleet.size} woken: {cost.cpu:.2f} CPU-s, {cost.wall:.1f} s, {cost.rss:.0f} MiB; {seen['packets']} packets")
    return cost


def _nothing(fleet: _Fleet) -> str:
    """What ansible-playbook takes for the same inventory without waking anybody: the floor under the figures."""
    costs = [fleet.run("nothing.yml") for _run in range(3)]
    if any(cost.status for cost in costs):
        raise BenchError(f"ansible-playbook could not even say a word: {costs[0].output[-2000:]}")
    cpu = median(cost.cpu for cost in costs)
    return f"the floor: a task that only speaks, with the same inventory of {fleet.size:,} hosts, takes {cpu:.2f} CPU-s"


def _one_by_one(fleet: _Fleet, say: collections.abc.Callable[[str], None]) -> tuple[float, float]:
    """Return what one more host costs, and what the run itself does, in CPU seconds."""
    cpu = {}
    for hosts in (_SMALL_SAMPLE, _LARGE_SAMPLE):
        cost = fleet.play("one_by_one.yml", "--limit", f"all[0:{hosts - 1}]")
        if cost.status or fleet.machines.status()["awake"] != hosts:
            raise BenchError(f"one by one did not wake its sample of {hosts}: {cost.output[-2000:]}")
        say(f"{hosts} one by one: {cost.cpu:.2f} CPU-s, {cost.wall:.1f} s")
        cpu[hosts] = cost.cpu
    per_host = (cpu[_LARGE_SAMPLE] - cpu[_SMALL_SAMPLE]) / (_LARGE_SAMPLE - _SMALL_SAMPLE)
    return per_host, cpu[_SMALL_SAMPLE] - _SMALL_SAMPLE * per_host


def _write_inventory(directory: str, count: int) -> None:
    hosts = {
        f"pc{number:05}": {
            "ansible_host": sleepers.address(number),
            "wake_mac": sleepers.mac(number),
            "rack": f"rack{number // 40}",
        }
        for number in range(count)
    }
    shared = {"wake_delivery": "directed", "wake_address": "127.255.255.255"}
    inventory = {"_meta": {"hostvars": hosts}, "fleet": {"hosts": list(hosts), "vars": shared}}
    with open(os.path.join(directory, "inventory.json"), "w", encoding="utf-8") as output:
        json.dump(inventory, output)
    script = os.path.join(directory, "inventory.sh")
    with open(script, "w", encoding="utf-8") as output:
        output.write('#!/bin/sh\nexec cat "$(dirname "$0")/inventory.json"\n')
    os.chmod(script, 0o700)


def _data(cost: Cost) -> dict[str, float]:
    return {"cpu_s": round(cost.cpu, 3), "wall_s": round(cost.wall, 1), "largest_process_mib": round(cost.rss)}
