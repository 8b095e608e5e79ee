# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.lightsout.wake.plugins.plugin_utils._fleet_inventory import FleetInventory, Host, PlayVariable

MACS = ("02:00:5e:00:53:01", "02:00:5e:00:53:02")


class HostVars:
    """Hosts and their variables as an inventory gives them; counts how often a host was read."""

    def __init__(self, hosts: Mapping[str, Mapping[str, t.Any]]) -> None:
        self.hosts = hosts
        self.reads: list[str] = []

    def raw_get(self, name: str) -> Mapping[str, t.Any]:
        self.reads.append(name)
        return self.hosts[name]

    def __contains__(self, name: object) -> bool:
        return name in self.hosts


class Templar:
    """Replaces ``{{ name }}`` by the variable of that name, in texts, lists and dictionaries."""

    def __init__(self, variables: Mapping[str, t.Any]) -> None:
        self.variables = variables

    def copy_with_new_env(self, available_variables: Mapping[str, t.Any]) -> Templar:
        return Templar(available_variables)

    def template(self, value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: self.template(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.template(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, value: str) -> t.Any:
        whole = re.fullmatch(r"\{\{ (\w+) \}\}", value)
        if whole:
            return self._known(whole[1])
        return re.sub(r"\{\{ (\w+) \}\}", lambda found: str(self._known(found[1])), value)

    def _known(self, name: str) -> t.Any:
        if name not in self.variables:
            raise AnsibleUndefinedVariable(f"'{name}' is undefined\nand more lines")
        return self.variables[name]


def sleeper(**variables: t.Any) -> dict[str, t.Any]:
    return {"wake_mac": MACS[0], "ansible_host": "192.0.2.10", "group_names": ["racks"], **variables}


def inventory(
    hosts: Mapping[str, Mapping[str, t.Any]],
    groups: Mapping[str, list[str]] | None = None,
    play: Mapping[str, t.Any] | None = None,
    **overrides: t.Any,
) -> FleetInventory:
    first = next(iter(hosts))
    task_vars = {
        **hosts[first], "hostvars": HostVars(hosts), "groups": groups or {}, "inventory_hostname": first,
        **(play or {}),
    }  # fmt: skip
    return FleetInventory(task_vars, Templar({}), overrides)


def read(hosts: Mapping[str, Mapping[str, t.Any]], *names: str, **more: t.Any) -> dict[str, Host]:
    made = inventory(hosts, **more)
    made.read(names or list(hosts))
    assert len({host.name for host in made.hosts}) == len(made.hosts)
    return {host.name: host for host in made.hosts}


def problem(variables: Mapping[str, t.Any], **more: t.Any) -> str:
    host = read({"web1": variables, "other": {}}, "web1", **more)["web1"]
    assert host.target is None
    return host.problem


def test_a_host_becomes_a_target_with_its_groups() -> None:
    host = read({"web1": sleeper()})["web1"]
    assert host.target is not None
    assert host.target.macs == (bytes.fromhex("02005e005301"),)
    assert (host.groups, host.problem, host.after, host.relays, host.outside) == (
        ("racks",),
        "",
        (),
        ("controller",),
        False,
    )


def test_a_host_that_is_named_twice_is_read_once() -> None:
    made = inventory({"web1": sleeper()})
    made.read(["web1", "web1"])
    assert len(made.hosts) == 1


def test_hosts_without_a_method_are_left_out_and_counted() -> None:
    made = inventory({"a": sleeper(), "b": {"ansible_host": "192.0.2.1"}, "c": sleeper(wake_methods=[])})
    made.read(["a", "b", "c"])
    assert [host.name for host in made.hosts] == ["a"]
    assert made.left_out == 2


def test_what_is_wrong_with_a_host_is_its_problem_alone() -> None:
    hosts = read({"bad": sleeper(wake_mac="nonsense"), "good": sleeper()})
    assert hosts["bad"].target is None
    assert "host bad: wake_mac" in hosts["bad"].problem
    assert hosts["good"].target is not None


# Templates


def test_templates_of_our_variables_are_evaluated_with_the_host_s_own_variables() -> None:
    hosts = {
        "a": sleeper(wake_mac="{{ nic }}", nic=MACS[0], ansible_host="{{ net }}.7", net="192.0.2"),
        "b": sleeper(wake_mac=["{{ nic }}"], nic=MACS[1]),
    }
    read_hosts = read(hosts)
    first, second = read_hosts["a"].target, read_hosts["b"].target
    assert first is not None
    assert second is not None
    assert first.probe.host == "192.0.2.7"
    assert first.macs[0] == bytes.fromhex("02005e005301")
    assert second.macs[0] == bytes.fromhex("02005e005302")


def test_templates_in_a_dictionary_are_evaluated() -> None:
    host = read({"a": sleeper(wake_probe={"type": "tcp", "port": "{{ http }}"}, http=8080)})["a"]
    assert host.target is not None
    assert host.target.probe.port == 8080


def test_an_undefined_variable_is_the_problem_of_its_host_with_the_variable_s_name() -> None:
    text = problem(sleeper(wake_subnet="{{ nowhere }}"))
    assert text == "host web1: wake_subnet can't be evaluated: 'nowhere' is undefined"


def test_variables_of_others_are_not_evaluated() -> None:
    host = read({"a": sleeper(motd="{{ nowhere }}", ansible_user="{{ nobody }}")})["a"]
    assert host.target is not None


def test_a_host_outside_with_a_broken_template_is_a_problem_of_its_own() -> None:
    hosts = read({"a": sleeper(wake_after=["gate"]), "gate": {"ansible_host": "{{ nowhere }}"}}, "a")
    assert hosts["a"].target is not None
    assert hosts["gate"].target is None
    assert "can't be evaluated" in hosts["gate"].problem
    assert hosts["gate"].outside


# Relays


def test_a_relay_is_a_host_a_group_or_a_key_of_wake_relays() -> None:
    hosts = {
        "a": sleeper(wake_relay="r1"),
        "b": sleeper(wake_relay="relays"),
        "c": sleeper(wake_relay="site", wake_relays={"site": {"ansible_user": "ops"}}),
        "d": sleeper(wake_relay=["r2", "controller"]),
        "r1": {"ansible_host": "192.0.2.1"},
        "r2": {},
    }
    made = inventory(hosts, {"relays": ["r1", "r2"]})
    made.read(["a", "b", "c", "d"])
    assert [host.relays for host in made.hosts] == [("r1",), ("r1", "r2"), ("site",), ("r2", "controller")]
    assert made.relay_variables("site")["ansible_user"] == "ops"
    assert made.relay_variables("site")["ansible_host"] == "site"
    assert made.relay_variables("r1")["ansible_host"] == "192.0.2.1"


def test_wake_relays_wins_over_the_inventory() -> None:
    hosts = {
        "a": sleeper(wake_relay="r1", wake_relays={"r1": {"ansible_host": "198.51.100.9"}}),
        "r1": {"ansible_host": "192.0.2.1", "ansible_user": "root"},
    }
    made = inventory(hosts)
    made.read(["a"])
    variables = made.relay_variables("r1")
    assert variables["ansible_host"] == "198.51.100.9"
    assert "ansible_user" not in variables


def test_one_name_in_two_wake_relays_must_mean_the_same_relay() -> None:
    hosts = {
        "a": sleeper(wake_relay="site", wake_relays={"site": {"ansible_host": "192.0.2.1"}}),
        "b": sleeper(wake_relay="site", wake_relays={"site": {"ansible_host": "192.0.2.1"}}),
        "c": sleeper(
            wake_relay="site", wake_relays={"site": {"ansible_host": "198.51.100.1", "ansible_password": "geheim"}}
        ),
    }
    seen = read(hosts)
    assert seen["a"].target is not None
    assert seen["b"].target is not None
    assert seen["c"].target is None
    assert "host c: wake_relays has other connection variables for relay site" in seen["c"].problem
    assert "geheim" not in seen["c"].problem


def test_a_relay_that_nobody_knows_is_a_problem_that_names_it() -> None:
    text = problem(sleeper(wake_relay=["nowhere"]))
    assert text == "host web1: wake_relay has 'nowhere', but no host, group or key of wake_relays has that name"


def test_a_host_in_the_group_of_its_own_relays_uses_the_others() -> None:
    groups = {"relays": ["web1", "r2", "r3", "r4", "r5"]}
    hosts = {name: sleeper(wake_relay="relays") for name in groups["relays"]}
    assert read(hosts, "web1", groups=groups)["web1"].relays == ("r2", "r3", "r4")


def test_a_host_can_not_be_its_own_only_relay_and_a_group_without_hosts_is_no_relay() -> None:
    assert problem(sleeper(wake_relay="web1")) == "host web1: wake_relay names the host itself, which can't wake itself"
    text = problem(sleeper(wake_relay="empty"), groups={"empty": []})
    assert text == "host web1: wake_relay has 'empty', a group without hosts"


# Dependencies


def test_wake_after_takes_hosts_and_groups_and_not_oneself() -> None:
    hosts = {"a": sleeper(wake_after=["storage", "d"]), "b": sleeper(), "c": sleeper(), "d": sleeper()}
    assert read(hosts, groups={"storage": ["a", "b", "c", "d"]})["a"].after == ("b", "c", "d")


def test_a_dependency_that_nobody_knows_is_a_problem_that_names_it() -> None:
    text = problem(sleeper(wake_after=["nothing", "other", "nobody"]))
    assert text == (
        "host web1: wake_after has 'nothing', but no host or group has that name; "
        "host web1: wake_after has 'nobody', but no host or group has that name"
    )


def test_dependencies_outside_the_run_are_looked_at_and_never_woken() -> None:
    hosts = {
        "a": sleeper(wake_after=["gate"]),
        "gate": sleeper(ansible_host="192.0.2.99", wake_after=["a"], wake_relay="r1", wake_order=7),
        "r1": {},
    }
    gate = read(hosts, "a")["gate"]
    assert gate.outside
    assert gate.target is not None
    assert gate.target.methods == ()
    assert gate.target.macs == ()
    assert gate.target.probe.host == "192.0.2.99"
    assert gate.relays == ("r1",)
    assert gate.after == ()


def test_a_dependency_that_was_left_out_is_looked_at() -> None:
    hosts = read({"a": sleeper(wake_after=["gate"]), "gate": sleeper(wake_methods=[])})
    assert hosts["gate"].outside


def test_a_dependency_that_is_in_the_run_is_no_outside_host() -> None:
    assert not any(host.outside for host in read({"a": sleeper(wake_after=["b"]), "b": sleeper()}).values())


# Options and play variables


def test_options_take_the_place_of_variables() -> None:
    hosts = {"a": sleeper(wake_timeout=5, wake_relay="nowhere"), "b": sleeper()}
    made = inventory(hosts, wake_timeout=77.0, wake_relay=["controller"])
    made.read(["a", "b"])
    for host in made.hosts:
        assert host.target is not None
        assert host.target.timeout == 77.0
        assert host.relays == ("controller",)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("wake_timeout", "there is the option timeout of the task for it"),
        ("wake_methods", "there is the option methods of the task for it"),
        ("wake_mac", "there is no task option for it"),
        ("amt_host", "there is no task option for it"),
    ],
)
def test_a_variable_of_the_play_is_refused_with_what_to_do_instead(name: str, ending: str) -> None:
    with pytest.raises(PlayVariable) as caught:
        inventory({"a": sleeper()}, play={name: "x"})
    assert str(caught.value).startswith(f"{name} is set as a variable of the play, a role or the task")
    assert str(caught.value).endswith(ending)


def test_a_secret_of_the_play_is_not_shown() -> None:
    with pytest.raises(PlayVariable) as caught:
        inventory({"a": sleeper()}, play={"wake_secureon": "de:ad:be:ef"})
    assert "de:ad" not in str(caught.value)


def test_a_variable_of_inventory_or_command_line_is_seen_by_both_and_fine() -> None:
    assert read({"a": sleeper(wake_timeout=9)}, play={"wake_timeout": 9, "wake_hosts": "all", "other": 1})["a"].target


# Names


def test_names_of_hosts_and_groups_are_expanded_and_the_unknown_ones_returned() -> None:
    made = inventory({name: sleeper() for name in "abc"}, {"rack": ["b", "c"], "empty": []})
    assert made.expand(["c", "rack", "nobody", "a", "empty", "nothing"]) == (["c", "b", "a"], ["nobody", "nothing"])
    assert made.expand([]) == ([], [])


def test_a_host_wins_over_a_group_of_the_same_name() -> None:
    made = inventory({"a": sleeper(), "b": sleeper()}, {"a": ["b"]})
    assert made.expand(["a"]) == (["a"], [])


def test_a_variable_that_nothing_reads_is_warned_of_once_however_many_hosts_have_it() -> None:
    made = inventory({f"h{key}": sleeper(wake_timout=5) for key in range(3)})
    made.read(["h0", "h1", "h2"])
    (warning,) = made.warnings
    assert warning.startswith(
        "host h0 and 2 more: nothing reads the variable wake_timout (perhaps wake_timeout is meant)"
    )


def test_each_host_is_read_once_in_a_large_run() -> None:
    hosts = {f"h{key}": sleeper() for key in range(200)}
    made = inventory(hosts)
    made.read(list(hosts))
    reads = t.cast("HostVars", made._hostvars).reads
    assert len(reads) <= 201
