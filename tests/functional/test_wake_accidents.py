# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""What users do by accident, each with the outcome that the guide promises."""

from __future__ import annotations

import typing as t

import pytest
from wake_fixtures import Fleet

# host -> its variables, and words that its reason must have beside its own name
MALFORMED: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "office1": ({"wake_mac": "02:00:00:00:00:0g"}, ["wake_mac", "02:00:00:00:00:0g"]),
    "office2": ({"wake_port": "70000"}, ["wake_port", "70000", "65535"]),
    "office3": ({"wake_secureon": "a1:b2:c3"}, ["wake_secureon"]),
    "office4": ({"wake_delivery": "unicast", "wake_address": "10.77.1.999"}, ["wake_address", "10.77.1.999"]),
    "office5": ({"wake_interface": "eth9"}, ["wake_interface", "eth9"]),
    "office6": ({"wake_probe": {"type": "telepathy"}}, ["wake_probe", "telepathy"]),
    "plant1": ({"wake_delivery": "broadcast"}, ["wake_subnet", "broadcast", "10.77.2.0/24"]),
    "plant2": ({"wake_timeout": "soon"}, ["wake_timeout", "soon"]),
    "plant3": ({"wake_subnet": "10.77.2.0/64"}, ["wake_subnet", "10.77.2.0/64"]),
    "branch1": ({"wake_relay": "nobody-knows-it"}, ["wake_relay", "nobody-knows-it"]),
    "branch2": ({"wake_after": ["nobody-knows-it"]}, ["wake_after", "nobody-knows-it"]),
    "branch3": ({"wake_port": "{{ no_such_variable }}"}, ["wake_port", "no_such_variable"]),
    "branch4": ({"wake_methods": ["amt"], "amt_host": "10.77.3.13"}, ["amt", "wol"]),
    "branch5": ({"wake_relay": "branch5"}, ["wake_relay"]),
    "branch6": ({"wake_interface": "eth9"}, ["wake_interface", "eth9"]),
    "branch7": ({"wake_probe": {"type": "ssh", "identity": {"host_key": "SHA256:short"}}}, ["host_key", "short"]),
    "hidden1": ({"wake_count": 0, "wake_order": "first"}, ["wake_count", "wake_order", "first"]),
}
AS_THEY_ARE = ["locked", "real", "branch8", "hidden2"]


def test_malformed_variables_stop_nobody_else(fleet: Fleet) -> None:
    variables = {host: values for host, (values, _words) in MALFORMED.items()}
    variables["twin"] = {"wake_mac": fleet.lab.stub("real")["mac"], "ansible_host": "10.77.1.250", "wake_timeout": 2}
    variables["twin"] |= {"wake_subnet": "10.77.1.0/24"}
    variables["bystander"] = {"ansible_host": "10.77.1.251"}
    variables["left"] = {"ansible_host": "10.77.1.252", "wake_mac": "02:00:00:00:77:77", "wake_methods": []}
    variables["typo"] = {"wake_metods": ["wol"]}
    hosts = [*MALFORMED, *AS_THEY_ARE, "twin", "bystander", "left", "typo"]
    run = fleet.run(fleet.play(":".join(hosts)), variables)
    assert run.code == 0, run.output
    assert run.verdicts == {
        **dict.fromkeys(MALFORMED, "invalid"),
        **dict.fromkeys(AS_THEY_ARE, "woken"),
        "twin": "not_woken",
    }
    assert run.result["left_out"] == 3
    for host, (_values, words) in MALFORMED.items():
        reason = run.row(host)["reason"]
        assert all(word in reason for word in words), reason
        # what only the sender can know has no host in its sentence: the row has it
        assert f"host {host}: " in reason or "eth9" in reason or "10.77.2.0/24" in reason or "amt" in reason, reason
        assert fleet.lab.stub(host)["packets"] == 0
    assert "a1:b2:c3" not in run.output
    assert "a1b2c3" not in run.output
    output = " ".join(run.output.split())
    assert f"hosts real and twin have the same wake_mac {fleet.lab.stub('real')['mac']}" in output
    assert "host typo: " in output
    assert "wake_metods" in output


def test_circle_is_named_before_anything_is_sent(fleet: Fleet) -> None:
    variables = {"office1": {"wake_after": ["office2"]}, "office2": {"wake_after": ["office3"]}}
    variables["office3"] = {"wake_after": "office1"}
    run = fleet.run(fleet.play("office*"), variables)
    assert run.code != 0
    assert fleet.packets() == 0
    assert "office1 waits for office2 waits for office3 waits for office1" in " ".join(run.output.split())
    assert "interrupted" not in run.output


@pytest.mark.parametrize(
    ("play", "words"),
    [
        ({"hosts": "office1", "vars": {"wake_timeout": 3}}, ["wake_timeout", "option timeout of the task"]),
        ({"hosts": "office1", "task": {"vars": {"wake_order": 3}}}, ["wake_order", "inventory"]),
        ({"hosts": "relays"}, ["nobody to wake"]),
        ({"hosts": "office1:office2", "strategy": "free"}, ["free"]),
        ({"hosts": "office1", "options": {"fail_query": "targets[?"}}, ["fail_query", "targets[?"]),
        ({"hosts": "office1", "options": {"targets": ["nobody-knows-it"]}}, ["targets", "nobody-knows-it"]),
    ],
    ids=["play variable", "task variable", "no target", "free strategy", "bad query", "unknown target"],
)
def test_refused_before_anything_is_sent(fleet: Fleet, play: dict[str, t.Any], words: list[str]) -> None:
    run = fleet.run(fleet.play(**play))
    assert run.code != 0
    assert fleet.packets() == 0
    output = " ".join(run.output.split())
    assert all(word in output for word in words), run.output
    assert "Traceback" not in run.output


def test_first_host_is_broken(fleet: Fleet) -> None:
    """Nothing of its variables can be evaluated, which is its own problem alone."""
    broken = {"ansible_host": "{{ nowhere }}", "ansible_user": "{{ nobody }}", "ansible_connection": "{{ nothing }}"}
    run = fleet.run(fleet.play("office1,office2,branch1"), {"office1": broken})
    assert run.code == 0, run.output
    assert run.verdicts == {"office1": "invalid", "office2": "woken", "branch1": "woken"}
    assert "host office1: ansible_" in run.row("office1")["reason"]
    assert "undefined" in run.row("office1")["reason"]


def test_nothing_of_play_and_first_host_leaks_into_the_relay(fleet: Fleet) -> None:
    """The first host is a Windows one with privilege escalation, and the relay a Linux one behind a jump host."""
    windows = {
        "ansible_connection": "winrm",
        "ansible_user": "Administrator",
        "ansible_password": "not-the-relays",
        "ansible_port": 5986,
        "ansible_shell_type": "powershell",
        "ansible_become": True,
        "ansible_become_method": "ansible.builtin.runas",
        "ansible_become_user": "SYSTEM",
        "ansible_python_interpreter": "/nowhere/python",
        "ansible_remote_tmp": "/nowhere",
        "wake_probe": {"type": "ssh", "port": 22},
    }
    of_the_play = {"ansible_user": "nobody", "ansible_port": 2222, "ansible_ssh_common_args": "-o ProxyJump=nowhere"}
    play = fleet.play("office1,hidden1", vars=of_the_play, remote_user="nobody", become=True, become_user="nobody")
    play["tasks"][0]["become_method"] = "ansible.builtin.su"
    run = fleet.run(play, {"office1": windows}, "-vvv")
    assert run.code == 0, run.output
    assert run.verdicts == {"office1": "woken", "hidden1": "woken"}, run.result
    assert run.row("hidden1")["relay"] == "inner"
    address = str(fleet.lab.configuration.address_of("inner", "hidden").ip)
    to_the_relay = [line for line in run.output.splitlines() if "SSH: EXEC" in line and address in line]
    assert to_the_relay, run.output
    for word in ("nobody", "2222", "nowhere", "Administrator", "5986", "SYSTEM", "su ", "not-the-relays"):
        assert not [line for line in to_the_relay if word in line], word


def test_batches_and_a_condition_of_the_first_host(fleet: Fleet) -> None:
    """`serial` makes a run of each batch, and `when` is decided by the first host of each of them, for all of it."""
    report = str(fleet.folder / "{{ ansible_play_batch | join('-') }}.json")
    condition = "inventory_hostname in ['office1', 'office4', 'office5']"
    play = fleet.play(
        "office1,office2,office3,office4,office5", {"report_json": report}, serial=2, task={"when": condition}
    )
    run = fleet.run(play)
    assert run.code == 0, run.output
    assert {path.name for path in fleet.folder.glob("office*.json")} == {"office1-office2.json", "office5.json"}
    states = fleet.lab.standby("office").status([f"office{number}" for number in range(1, 6)])["stubs"]
    assert [host for host, status in states.items() if status["state"] == "on"] == ["office1", "office2", "office5"]
    assert [host for host, status in states.items() if status["packets"]] == ["office1", "office2", "office5"]


def test_tags_of_another_task(fleet: Fleet) -> None:
    run = fleet.run(fleet.play("office1"), None, "--tags", "another")
    assert (run.code, run.result, fleet.packets()) == (0, {}, 0)


def test_fact_gathering_left_on(fleet: Fleet) -> None:
    """Sleepers are lost before the task; who is awake is found to be."""
    fleet.lab.standby("office").power_on(["real"], boot_delay=0)
    fleet.lab.wait_for("real", "on")
    without_master = {"ANSIBLE_SSH_ARGS": "-C", "ANSIBLE_TIMEOUT": "5"}
    run = fleet.run(fleet.play("real:office1", gather_facts=True), env=without_master)
    assert run.verdicts == {"real": "already_awake"}
    assert (run.recap("unreachable"), run.recap("changed"), fleet.packets()) == (1, 0, 0)


def test_deadline_and_a_query_that_fails_the_task(fleet: Fleet) -> None:
    variables = {"office2": {"wake_after": ["never"]}, "dead2": {"wake_after": ["dead1"]}, "all": {"wake_timeout": 300}}
    options = {"deadline": 8, "fail_query": "targets[?verdict=='not_woken' && contains(groups, 'segment_branch')]"}
    run = fleet.run(fleet.play("never,office1,office2,dead1,dead2", options), variables)
    assert (run.code, run.recap("failed")) == (2, 1)
    assert "holds for this result" in run.output
    assert run.verdicts == {"office1": "woken", **dict.fromkeys(["never", "office2", "dead1", "dead2"], "not_woken")}
    for host in ("never", "dead1"):
        assert "the deadline of the run" in run.row(host)["reason"]
        assert run.row(host)["sends"] > 0
    for host in ("office2", "dead2"):
        assert run.row(host)["reason"] == "the deadline of the run came before it was sent for"
        assert run.row(host)["error_class"] == "deadline"
    assert run.seconds < 30


def test_query_that_passes(fleet: Fleet) -> None:
    run = fleet.run(fleet.play("office1,never", {"timeout": 2, "fail_query": "targets[?verdict=='blocked']"}))
    assert (run.code, run.recap("failed"), run.recap("changed")) == (0, 0, 1)
    assert run.verdicts == {"office1": "woken", "never": "not_woken"}
