# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Reads the inventory of a run: who is to be woken, from where, after whom."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleError

from ansible_collections.lightsout.wake.plugins.module_utils._wake_probe import CONNECTION_VARIABLES, read_probe
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import (
    InvalidTarget,
    Target,
    own_variables,
    read_target,
    read_variables,
    unknown_variables,
)
from ansible_collections.lightsout.wake.plugins.plugin_utils._listed_once import connection_plugins_listed_once
from ansible_collections.lightsout.wake.plugins.plugin_utils._places import CONTROLLER

_MOST_RELAYS = 3
_MOST_WARNINGS = 10


class PlayVariable(ValueError):
    """A variable was set where it is not seen."""


class Host(t.NamedTuple):
    """A host of the run, or one that is only looked at because somebody waits for it (``outside``).

    ``problem`` says why it can't be woken; ``target`` is None then. ``after`` and ``relays`` are host names.
    """

    name: str
    groups: tuple[str, ...]
    target: Target | None
    problem: str = ""
    after: tuple[str, ...] = ()
    relays: tuple[str, ...] = (CONTROLLER,)
    outside: bool = False


class FleetInventory:
    """Hosts of a run with their variables read and names resolved.

    Raises PlayVariable for ``wake_*`` or ``amt_*`` variables of a play, role or task.
    """

    def __init__(self, task_vars: Mapping[str, t.Any], templar: t.Any, overrides: Mapping[str, t.Any]) -> None:
        self._hostvars = task_vars["hostvars"]
        self._groups: Mapping[str, Sequence[str]] = task_vars["groups"]
        self._templar = templar
        self._overrides = overrides
        self._first = str(task_vars["inventory_hostname"])
        self._relay_variables: dict[str, Mapping[str, t.Any]] = {}
        self._own_relays: dict[str, Mapping[str, t.Any]] = {}
        self.hosts: list[Host] = []
        self.left_out = 0
        self.warnings: list[str] = []
        self._refuse_play_variables(task_vars)

    def read(self, names: Sequence[str]) -> None:
        """Read the named hosts, and those outside the run that they wait for."""
        unknown: dict[str, list[str]] = {}
        with connection_plugins_listed_once():
            for name in dict.fromkeys(names):
                self._read_host(name, unknown)
        for typo, owners in sorted(unknown.items())[:_MOST_WARNINGS]:
            others = f" and {len(owners) - 1} more" if len(owners) > 1 else ""
            self.warnings.append(f"host {owners[0]}{others}: nothing reads the variable {typo}")
        self._read_outside()

    def expand(self, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the hosts that names of hosts and groups stand for, and the names that stand for nothing."""
        hosts: list[str] = []
        unknown = []
        for name in names:
            if name in self._hostvars:
                hosts.append(name)
            elif name in self._groups:
                hosts.extend(self._groups[name])
            else:
                unknown.append(name)
        return list(dict.fromkeys(hosts)), unknown

    def relay_variables(self, name: str) -> Mapping[str, t.Any]:
        """Return the variables of a relay's connection, from ``wake_relays`` or else from the inventory."""
        return {**self._relay_variables[name], "hostvars": self._hostvars}

    def _refuse_play_variables(self, task_vars: Mapping[str, t.Any]) -> None:
        seen = self._hostvars.raw_get(self._first)
        for name in sorted(own_variables()):
            if name in task_vars and (name not in seen or _differs(task_vars[name], seen[name])):
                option = name[len("wake_") :]
                instead = f"the option {option} of the task" if name in self._overridable() else "no task option"
                raise PlayVariable(
                    f"{name} is set as a variable of the play, a role or the task, where lightsout.wake.wake does not "
                    f"see it: set it in the inventory (host or group) or with -e; there is {instead} for it"
                )

    @staticmethod
    def _overridable() -> frozenset[str]:
        names = ("methods", "relay", "delivery", "port", "count", "timeout", "resend_interval")
        return frozenset("wake_" + name for name in names)

    def _read_host(self, name: str, unknown: dict[str, list[str]]) -> None:
        raw = self._hostvars.raw_get(name)
        groups = tuple(raw.get("group_names", ()))
        variables, problem = self._own_variables(name, raw)
        for typo in unknown_variables(variables):
            unknown.setdefault(typo, []).append(name)
        target = None
        if not problem:
            try:
                target = read_target(name, variables, self._overrides)
            except InvalidTarget as error:
                problem = str(error)
        if problem:
            self.hosts.append(Host(name, groups, None, problem))
        elif target is None:
            self.left_out += 1
        else:
            self.hosts.append(self._resolved(name, groups, target, variables))

    def _resolved(self, name: str, groups: tuple[str, ...], target: Target, variables: Mapping[str, t.Any]) -> Host:
        problems: list[str] = []
        relays = self._resolve_relays(name, target, variables, problems)
        after: tuple[str, ...] = ()
        if target.after:
            hosts, nothing = self.expand(target.after)
            after = tuple(host for host in hosts if host != name)
            problems += [
                f"host {name}: wake_after has {word!r}, but no host or group has that name" for word in nothing
            ]
        if problems:
            return Host(name, groups, None, "; ".join(problems))
        return Host(name, groups, target, "", after, relays)

    def _resolve_relays(
        self, name: str, target: Target, variables: Mapping[str, t.Any], problems: list[str]
    ) -> tuple[str, ...]:
        if target.relays == (CONTROLLER,):
            return target.relays
        values, wrong = read_variables(name, variables, ("wake_relays",))
        problems += wrong
        own = values.get("wake_relays", {})
        relays: list[str] = []
        for word in target.relays:
            if word in own:
                relays.append(word)
                problems += self._own_relay(name, word, own[word])
            elif word == CONTROLLER:
                relays.append(word)
            else:
                hosts, nothing = self.expand([word])
                relays += hosts
                for host in hosts:
                    if host not in self._relay_variables:
                        self._relay_variables[host] = self._hostvars.raw_get(host)
                if nothing:
                    problems.append(
                        f"host {name}: wake_relay has {word!r}, but no host, group or key of wake_relays has that name"
                    )
                elif not hosts:
                    problems.append(f"host {name}: wake_relay has {word!r}, a group without hosts")
        usable = tuple(dict.fromkeys(relay for relay in relays if relay != name))[:_MOST_RELAYS]
        if not usable and not problems:
            problems.append(f"host {name}: wake_relay names the host itself, which can't wake itself")
        return usable

    def _own_relay(self, name: str, relay: str, connection: Mapping[str, t.Any]) -> list[str]:
        """Note a relay of a host's wake_relays. One name is one relay in the whole run."""
        variables = {"ansible_host": relay, **connection}
        if _differs(self._own_relays.setdefault(relay, variables), variables):
            return [f"host {name}: wake_relays has other connection variables for relay {relay} than another host's"]
        self._relay_variables[relay] = variables
        return []

    def _read_outside(self) -> None:
        """Hosts that somebody waits for and that are not in the run are looked at, never woken."""
        inside = {host.name for host in self.hosts}
        wanted = {needed for host in self.hosts for needed in host.after} - inside
        for name in sorted(wanted):
            raw = self._hostvars.raw_get(name)
            variables, problem = self._own_variables(name, raw)
            values, wrong = read_variables(name, variables, ("wake_relay", "wake_probe"))
            problems = ([problem] if problem else []) + wrong
            probe = read_probe(name, variables, values.get("wake_probe", {}), problems)
            if problems or probe is None:
                self.hosts.append(Host(name, (), None, "; ".join(problems), outside=True))
                continue
            target = Target(
                name, (), (), b"", "", "broadcast", "", 9, "", 1, values.get("wake_relay") or (CONTROLLER,), probe,
                60.0, 10.0, 0, (), "", 0.0, 0.0, 0.0,
            )  # fmt: skip
            self.hosts.append(self._resolved(name, (), target, variables)._replace(outside=True))

    def _own_variables(self, name: str, raw: Mapping[str, t.Any]) -> tuple[dict[str, t.Any], str]:
        """The variables that matter, with templates evaluated; a template that fails is the host's problem."""
        variables = {
            key: value
            for key, value in raw.items()
            if key[:5] == "wake_" or key[:4] == "amt_" or key in CONNECTION_VARIABLES
        }
        engine = None
        for key, value in variables.items():
            if not _may_be_template(value):
                continue
            if engine is None:
                engine = self._templar.copy_with_new_env(available_variables={**raw, "hostvars": self._hostvars})
            try:
                variables[key] = engine.template(value)
            except AnsibleError as error:
                return {}, f"host {name}: {key} can't be evaluated: {str(error).splitlines()[0]}"
        return variables, ""


def _differs(one: t.Any, other: t.Any) -> bool:
    """Compare two values; one that can't be decrypted is not told apart here, but is the problem of its host."""
    if one is other:
        return False
    try:
        return bool(one != other)
    except AnsibleError:
        return False


def _may_be_template(value: t.Any) -> bool:
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, dict):
        return any(_may_be_template(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_may_be_template(item) for item in value)
    return False
