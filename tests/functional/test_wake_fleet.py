# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""A fleet is woken in a lab by real runs of ansible-playbook: ways to send, relays, order, and every way to fail."""

from __future__ import annotations

import typing as t

from wake_fixtures import Fleet

AWAKE = "already_awake"
OFFICE = [f"office{number}" for number in range(1, 7)]
PLANT = ["plant1", "plant2", "plant3"]
BRANCH = [f"branch{number}" for number in range(1, 9)]
WAKES = [*OFFICE, "real", "late", "locked", *PLANT, "branch1", "branch2", "vault", "gate", "hidden1", "hidden2"]

# The connection variables of gamma; nothing of the inventory is added to what wake_relays says.
GAMMA = {
    "ansible_host": "10.77.3.5",
    "ansible_user": "root",
    "ansible_ssh_common_args": "{{ hostvars['gamma'].ansible_ssh_common_args }}",
    "ansible_python_interpreter": "{{ hostvars['gamma'].ansible_python_interpreter }}",
}

# A host each for every relay that works or doesn't; the other hosts behind a relay have the relay of their segment.
RELAYS: dict[str, dict[str, t.Any]] = {
    "branch3": {"wake_relay": ["down", "beta"]},
    "branch4": {"wake_relay": "relay_by_variable", "wake_relays": {"relay_by_variable": GAMMA}},
    "branch5": {"wake_relay": "gamma", "wake_probe": {"type": "ssh", "from": "controller"}},
    "branch6": {"wake_relay": "down"},
    "branch7": {"wake_relay": "bare"},
    "branch8": {"wake_relay": ["down", "bare"]},
}
FAILS = ["never", "moved", "taken", "mislocked"]
SHORT = {name: {"wake_timeout": 5} for name in FAILS}
NOBODY_TO_SEND = ["branch6", "branch7", "branch8"]
PATTERN = "targets:!dead*"


def assert_relays_without_use(rows: dict[str, dict[str, t.Any]]) -> None:
    """What is said of hosts behind a relay that is down, and behind one without Python."""
    assert "relay down can't be used: " in rows["branch6"]["reason"]
    assert "relay bare can't be used: it has no usable Python" in rows["branch7"]["reason"]
    assert "relay down" in rows["branch8"]["reason"]
    assert "relay bare" in rows["branch8"]["reason"]


def test_rehearsal_then_the_whole_fleet_then_again(fleet: Fleet) -> None:
    variables = {**RELAYS, **SHORT}

    rehearsal = fleet.run(fleet.play(PATTERN), variables, "--check")
    assert rehearsal.code == 0, rehearsal.output
    assert fleet.packets() == 0
    rows = {row["host"]: row for row in rehearsal.result["targets"]}
    assert {host for host, row in rows.items() if row["verdict"] == "would_fail"} == {*NOBODY_TO_SEND, "taken"}
    assert rows["taken"]["error_class"] == "identity"
    assert {row["verdict"] for row in rows.values()} == {"would_wake", "would_fail"}
    assert_relays_without_use(rows)

    first = fleet.run(fleet.play(PATTERN), variables)
    assert first.code == 0, first.output
    expected = dict.fromkeys([*WAKES, "branch3", "branch4", "branch5"], "woken")
    expected |= dict.fromkeys(FAILS, "not_woken") | dict.fromkeys(NOBODY_TO_SEND, "relay_unreachable")
    assert first.verdicts == expected
    rows = {row["host"]: row for row in first.result["targets"]}
    assert_relays_without_use(rows)
    assert {rows[host]["error_class"] for host in NOBODY_TO_SEND} == {"relay_unreachable"}
    assert {rows[host]["error_class"] for host in ("never", "moved", "mislocked")} == {"timeout"}
    assert (rows["taken"]["error_class"], "identity" in rows["taken"]["reason"]) == ("identity", True)
    relays = {"office1": "controller", "plant1": "controller", "branch1": "alpha", "hidden1": "inner"}
    relays |= {"branch3": "beta", "branch4": "relay_by_variable", "branch5": "gamma"}
    assert {host: rows[host]["relay"] for host in relays} == relays
    assert "relay down can't be used" in first.output
    assert "beta takes its place" in first.output
    assert all(rows[host]["proof"] and rows[host]["sends"] and rows[host]["awake_at"] for host in first.result["woken"])
    assert all(fleet.lab.stub(host)["power_ons"] == 1 for host in first.result["woken"])
    assert fleet.lab.stub("mislocked")["ignored"] == {"secureon": fleet.lab.stub("mislocked")["packets"]}
    assert fleet.lab.stub("moved")["packets"] == 0
    assert fleet.lab.stub("branch6")["packets"] == 0
    assert first.recap("changed") == 1

    sent = fleet.packets()
    again = fleet.run(fleet.play(":".join(first.result["woken"])), variables)
    assert set(again.verdicts.values()) == {AWAKE}, again.verdicts
    assert (again.recap("changed"), again.result["changed"]) == (0, False)
    assert fleet.packets() == sent


def test_half_of_all_packets_lost(fleet: Fleet) -> None:
    fleet.lab.standby("office").faults(magic_loss=0.5)
    fleet.lab.standby("branch").faults(magic_loss=0.5)
    hosts = [*OFFICE, *BRANCH]
    run = fleet.run(fleet.play(":".join(hosts), {"count": 1}), {"all": {"wake_resend_interval": 1}})
    assert run.verdicts == dict.fromkeys(hosts, "woken")
    assert max(row["sends"] for row in run.result["targets"]) > 1
    lost = sum(fleet.lab.stub(host)["ignored"].get("lost", 0) for host in hosts)
    assert lost, "the lab lost nothing"


def test_order_dependencies_and_a_relay_that_is_woken_first(fleet: Fleet) -> None:
    """Two orders in a domain, a host outside the run that is awake, one that is not, and a relay among the targets."""
    fleet.lab.standby("office").power_on(["office5"], boot_delay=0)
    fleet.lab.wait_for("office5", "on")
    variables: dict[str, dict[str, t.Any]] = {
        "office1": {"wake_order": 10, "wake_power_domain": "left"},
        "late": {"wake_order": 10, "wake_power_domain": "left"},
        "office2": {"wake_order": 20, "wake_power_domain": "left"},
        "office3": {"wake_after": ["office5"]},
        "office4": {"wake_after": "office6"},
        "branch1": {"wake_relay": "gate"},
        "branch2": {"wake_after": ["branch1"]},
        "branch3": {"wake_after": ["dead1"]},
        "dead1": {"wake_timeout": 3},
    }
    hosts = [*variables, "gate"]
    run = fleet.run(fleet.play("targets"), variables, "--limit", ",".join(hosts))
    assert run.code == 0, run.output
    rows = {row["host"]: row for row in run.result["targets"]}
    expected = dict.fromkeys(hosts, "woken") | {"office4": "blocked", "branch3": "blocked", "dead1": "not_woken"}
    assert run.verdicts == expected
    assert (rows["office4"]["reason"], rows["office4"]["error_class"]) == (
        "waits for office6, which is not_woken",
        "dependency",
    )
    assert rows["branch3"]["reason"] == "waits for dead1, which is not_woken"
    assert fleet.lab.stub("office4")["packets"] == fleet.lab.stub("office6")["packets"] == 0
    assert fleet.lab.stub("branch3")["packets"] == 0
    stubs = {host: fleet.lab.stub(host) for host in ("office1", "office2", "office3", "late", *BRANCH, "gate")}
    assert stubs["office2"]["powered_on_at"] >= max(stubs["office1"]["booted_at"], stubs["late"]["booted_at"])
    assert stubs["office3"]["powered_on_at"] < stubs["late"]["booted_at"], "other domains don't wait"
    assert stubs["branch1"]["powered_on_at"] >= stubs["gate"]["booted_at"]
    assert stubs["branch2"]["powered_on_at"] >= stubs["branch1"]["booted_at"]
    assert (rows["branch1"]["relay"], rows["gate"]["relay"]) == ("gate", "alpha")
    assert rows["branch2"]["wave"] > rows["branch1"]["wave"] > rows["gate"]["wave"]
    fleet.wait_until_tidy(["gate"])
