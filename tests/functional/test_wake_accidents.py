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
    assert "a1:b2:c3" not in run.output and "a1b2c3" not in run.output
    output = " ".join(run.output.split())
    assert f"hosts real and twin have the same wake_mac {fleet.lab.stub('real')['mac']}" in output
    assert "host typo: " in output and "wake_metods" in output


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
