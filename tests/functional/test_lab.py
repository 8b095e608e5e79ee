# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""The lab itself: what wakes, what doesn't, how awake hosts answer, and that nothing of a lab stays behind."""

from __future__ import annotations

import ast
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import lab.layout
import pytest
from lab import Configuration, ConfigurationError, Lab, LabError, Machine, Segment, Stub, magic, many_stubs, namespaces

TESTS = pathlib.Path(lab.__file__).parent.parent
READ_BANNER = """
import socket, sys
with socket.create_connection((sys.argv[1], 22), 2) as connection:
    print(connection.recv(100).decode())
"""
SEND_IPV6 = """
import socket, sys
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
    data = bytes(7) + b"\\xff" * 6 + bytes.fromhex(sys.argv[1].replace(":", "")) * 16
    sender.sendto(data, ("ff02::1", 40000, 0, socket.if_nametoindex("eth0")))
"""


def name(number: int) -> str:
    return f"test{number}x{os.getpid()}"


CONFIGURATION = Configuration(
    name(0),
    segments=(
        Segment("own", "10.66.1.0/24"),
        Segment("routed", "10.66.2.0/24", directed_broadcast=True, static_neighbours=True),
        Segment("closed", "10.66.3.0/24"),
        Segment("hidden", "10.66.4.0/24", routed=False),
    ),
    machines=(
        Machine("relay", ("closed",)),
        Machine("jump", ("closed", "hidden")),
        Machine("inner", ("hidden",), jump="jump"),
        Machine("bare", ("closed",), python=False),
        Machine("down", ("closed",), up=False),
    ),
    stubs=(
        *many_stubs(6, "own", prefix="own", boot_delay=0.1),
        *many_stubs(3, "routed", prefix="routed", boot_delay=0.1),
        *many_stubs(2, "closed", prefix="closed", boot_delay=0.1),
        *many_stubs(1, "hidden", prefix="hidden", boot_delay=0.1),
        Stub("real", "own", boot_delay=0.1, real=True),
        Stub("secret6", "own", boot_delay=0.1, secureon="01:02:03:04:05:06", inventory_secureon="01:02:03:04:05:07"),
        Stub("secret4", "own", boot_delay=0.1, secureon="0a0b0c0d"),
        Stub("dead", "own", never_boots=True),
        Stub("late", "own", boot_delay=1.5),
        Stub("moved", "own", inventory_mac="02:00:00:00:99:99"),
        Stub("taken", "own", impostor=True, real=True, boot_delay=0.1),
        Stub("early", "own", awake=True),
    ),
)


@pytest.fixture(scope="module")
def shared_lab():
    with Lab(CONFIGURATION) as running:
        yield running


@pytest.fixture
def here(shared_lab):
    """The lab, with every stub switched off."""
    for segment in shared_lab.configuration.segments:
        shared_lab.standby(segment.name).reset()
    return shared_lab


def banner(here, stub: str) -> str:
    done = here.control([sys.executable, "-c", READ_BANNER, here.stub(stub)["address"]], check=False)
    return done.stdout.strip()


def pings(here, stub: str) -> bool:
    argv = ["ping", "-c", "1", "-W", "1", here.stub(stub)["address"]]
    return here.control(argv, check=False).returncode == 0


def neighbour(here, stub: str) -> str:
    return here.control(["ip", "neigh", "show", here.stub(stub)["address"]]).stdout


def broadcast(here, stub: str, to: str) -> None:
    here.control(["wakeonlan", "-i", to, here.stub(stub)["mac"]])


def leftovers(lab_name: str) -> list[str]:
    files = [lab.layout.STATE_ROOT + "/" + lab_name] if os.path.exists(f"{lab.layout.STATE_ROOT}/{lab_name}") else []
    found = subprocess.run(["pgrep", "-f", f"supervise .* {lab_name}"], capture_output=True, text=True, check=False)
    return namespaces.existing(lab_name) + files + found.stdout.split()


def assert_dead(pids: list[int], patience: float = 10.0) -> None:
    """All of these ran and are gone; init may take a moment to collect an orphan."""
    assert pids
    deadline = time.monotonic() + patience
    while alive := [pid for pid in pids if os.path.exists(f"/proc/{pid}")]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.02)


def wait_until_gone(lab_name: str, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while leftovers(lab_name) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leftovers(lab_name) == []


def test_shares_no_code_with_the_collection():
    for path in pathlib.Path(lab.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            known = (*sys.stdlib_module_names, "lab")
            assert all(module.split(".")[0] in known for module in modules), path


def test_a_sleeper_is_silent_and_a_woken_host_answers_with_its_own_mac(here):
    assert (banner(here, "own1"), pings(here, "own1")) == ("", False)
    assert here.stub("own1")["mac"] not in neighbour(here, "own1")
    broadcast(here, "own1", "10.66.1.255")
    seen = here.wait_for("own1", "on")["woken_by"]
    assert (seen["source"], seen["destination"], seen["port"]) == ("10.66.1.2", "10.66.1.255", 9)
    assert banner(here, "own1").startswith("SSH-2.0-")
    assert pings(here, "own1")
    assert here.stub("own1")["mac"] in neighbour(here, "own1")
    assert here.stub("own2")["state"] == "off"


def test_every_frame_of_a_woken_host_has_its_own_mac(here):
    here.control(["ip", "neigh", "flush", "dev", "eth0"])
    address, mac = here.stub("own1")["address"], here.stub("own1")["mac"]
    fields = ["-T", "fields", "-e", "eth.src", "-e", "frame.protocols"]
    argv = ["tshark", "-l", "-i", "eth0", "-c", "6", "-a", "duration:20", *fields, f"ether src {mac}"]
    capture = here.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in capture.stderr:
        if "Capturing" in line:
            break
    time.sleep(0.5)
    broadcast(here, "own1", "10.66.1.255")
    here.wait_for("own1", "on")
    here.control(["ip", "neigh", "flush", "dev", "eth0"])
    assert pings(here, "own1")
    assert banner(here, "own1")
    out = capture.communicate(timeout=30)[0]
    protocols = {line.split("\t")[1] for line in out.splitlines()}
    assert {"eth:ethertype:arp", "eth:ethertype:ip:tcp"} <= protocols, (address, out)


def test_a_host_that_is_switched_off_is_silent_again(here):
    broadcast(here, "own1", "10.66.1.255")
    here.wait_for("own1", "on")
    assert banner(here, "own1")
    here.standby("own").power_off(["own1"])
    here.control(["ip", "neigh", "flush", "dev", "eth0"])
    assert (banner(here, "own1"), pings(here, "own1")) == ("", False)
    assert here.stub("own1")["mac"] not in neighbour(here, "own1")


def test_raw_frame_wakes(here):
    here.control(["etherwake", "-i", "eth0", here.stub("own2")["mac"]])
    assert here.wait_for("own2", "on")["woken_by"]["ethertype"] == "0x0842"


def test_ipv6_and_any_position_wake(here):
    here.control([sys.executable, "-c", SEND_IPV6, here.stub("own3")["mac"]])
    assert here.wait_for("own3", "on")["woken_by"]["destination_mac"] == "33:33:00:00:00:01"


def test_unicast_to_a_neighbour_the_router_knows_wakes(here):
    broadcast(here, "routed1", here.stub("routed1")["address"])
    assert here.wait_for("routed1", "on")["woken_by"]["destination_mac"] == here.stub("routed1")["mac"]


def test_router_forwards_directed_broadcast_only_where_it_is_open(here):
    broadcast(here, "routed2", "10.66.2.255")
    broadcast(here, "closed1", "10.66.3.255")
    broadcast(here, "routed3", "255.255.255.255")
    assert here.wait_for("routed2", "on")["woken_by"]["ttl"] == 63
    assert here.standby("closed").status()["frames"] == 0
    assert here.stub("routed3")["packets"] == 0


def test_relay_wakes_its_segment(here):
    ssh = ["ssh", "-F", here.layout.path("ssh_config")]
    here.control([*ssh, "relay", "wakeonlan", "-i", "10.66.3.255", here.stub("closed1")["mac"]])
    assert here.wait_for("closed1", "on")["woken_by"]["source"] == "10.66.3.3"
    assert banner(here, "closed1").startswith("SSH-2.0-")


def test_relay_behind_a_jump_host(here):
    ssh = ["ssh", "-F", here.layout.path("ssh_config")]
    direct = here.control([*ssh, "-o", "ConnectTimeout=2", "-o", "ProxyJump=none", "inner", "true"], check=False)
    assert direct.returncode == 255
    here.control([*ssh, "inner", "wakeonlan", "-i", "10.66.4.255", here.stub("hidden1")["mac"]])
    assert here.wait_for("hidden1", "on")["woken_by"]["source"] == "10.66.4.4"


def test_relays_with_faults(here):
    ssh = ["ssh", "-F", here.layout.path("ssh_config"), "-o", "ConnectTimeout=2"]
    search = "command -v python3; ls /usr/bin/python3 /usr/local/bin/python3"
    found = here.control([*ssh, "bare", search], check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert here.control([*ssh, "down", "true"], check=False).returncode == 255
    relay = here.relay("relay")
    relay.cut()
    assert here.control([*ssh, "relay", "true"], check=False).returncode == 255
    relay.restore()
    here.control([*ssh, "relay", "setsid sleep 999 >/dev/null 2>&1 </dev/null & touch /tmp/trace"])
    assert relay.files() == ["/tmp/trace"]
    assert any("sleep 999" in line for line in relay.processes().values())
    relay.power_off()
    assert relay.processes() == {}
    relay.power_on()
    assert relay.files() == []
    assert here.control([*ssh, "relay", "hostname"]).stdout == "relay\n"


def test_real_stub_is_a_machine_with_its_own_host_key(here):
    assert banner(here, "real") == ""
    broadcast(here, "real", "10.66.1.255")
    here.wait_for("real", "on")
    ssh = ["ssh", "-F", here.layout.path("ssh_config"), "-o", "ConnectionAttempts=5"]
    assert here.control([*ssh, here.stub("real")["address"], "hostname"]).stdout == "real\n"
    assert here.stub("real")["mac"] in neighbour(here, "real")
    here.standby("own").power_off(["real"])
    assert banner(here, "real") == ""


def test_secureon(here):
    for stub, wrong, right in (
        ("secret6", "01:02:03:04:05:07", "01:02:03:04:05:06"),
        ("secret4", "10.11.12.14", "10.11.12.13"),
    ):
        mac = here.stub(stub)["mac"]
        here.control(["etherwake", "-b", "-i", "eth0", mac])
        here.control(["etherwake", "-b", "-i", "eth0", "-p", wrong, mac])
        time.sleep(0.3)
        assert (here.stub(stub)["state"], here.stub(stub)["ignored"]) == ("off", {"secureon": 2})
        here.control(["etherwake", "-b", "-i", "eth0", "-p", right, mac])
        here.wait_for(stub, "on")


def test_hosts_that_do_not_boot(here):
    broadcast(here, "dead", "10.66.1.255")
    broadcast(here, "taken", "10.66.1.255")
    here.control(["wakeonlan", "-i", "10.66.1.255", "02:00:00:00:99:99"])
    broadcast(here, "late", "10.66.1.255")
    assert here.wait_for("late", "booting")["packets"] == 1
    late = here.wait_for("late", "on")
    assert 1.5 <= late["booted_at"] - late["powered_on_at"] < 10
    assert [here.stub(stub)["state"] for stub in ("dead", "taken", "moved")] == ["off"] * 3
    assert here.stub("dead")["ignored"] == {"never_boots": 1}
    assert here.standby("own").status()["strangers"] == {"02:00:00:00:99:99": 1}


def test_impostor_answers_with_another_key_and_mac(here):
    assert banner(here, "taken").startswith("SSH-2.0-")
    assert here.stub("taken")["mac"] not in neighbour(here, "taken")
    keys = here.control(["ssh-keyscan", "-t", "ed25519", here.stub("taken")["address"]]).stdout
    seen = subprocess.run(["ssh-keygen", "-lf", "-"], input=keys, capture_output=True, text=True, check=True).stdout
    expected = inventory_of(here)["_meta"]["hostvars"]["taken"]["wake_probe"]["identity"]["host_key"]
    assert expected.startswith("SHA256:")
    assert seen.startswith("256 SHA256:")
    assert expected not in seen


def test_the_right_machine_takes_its_address_back(here):
    here.control(["ping", "-c", "1", here.stub("taken")["address"]])
    other_mac = neighbour(here, "taken")
    here.ask_supervisor(command="power_off", machine="taken.impostor")
    here.standby("own").power_on(["taken"], boot_delay=0)
    here.wait_for("taken", "on")
    assert pings(here, "taken")
    own_mac = neighbour(here, "taken")
    assert own_mac != other_mac
    assert here.stub("taken")["mac"] in own_mac
    here.standby("own").power_off(["taken"])
    here.ask_supervisor(command="power_on", machine="taken.impostor")
    assert pings(here, "taken")
    assert here.stub("taken")["mac"] not in neighbour(here, "taken")


def test_loss_by_configuration(here):
    here.standby("own").faults(magic_loss=1.0)
    broadcast(here, "own1", "10.66.1.255")
    here.standby("own").faults(magic_loss=0.0)
    assert (here.stub("own1")["state"], here.stub("own1")["ignored"]) == ("off", {"lost": 1})
    here.frame_loss("own", 100)
    broadcast(here, "own1", "10.66.1.255")
    here.frame_loss("own", 0)
    assert here.stub("own1")["packets"] == 1
    broadcast(here, "own1", "10.66.1.255")
    here.wait_for("own1", "on")


def test_half_of_the_packets_are_lost(here):
    here.standby("own").faults(magic_loss=0.5)
    mac = here.stub("dead")["mac"]
    here.control(["sh", "-c", f"for n in $(seq 100); do etherwake -b -i eth0 {mac}; done"])
    here.standby("own").faults(magic_loss=0.0)
    status = here.stub("dead")
    assert status["packets"] == 100
    assert 20 < status["ignored"]["lost"] < 80


def inventory_of(here) -> dict:
    argv = [os.path.join(os.path.dirname(sys.executable), "ansible-inventory"), "-i", here.inventory, "--list"]
    return json.loads(here.control(argv).stdout)


def test_inventory_is_what_ansible_reads(here):
    inventory = inventory_of(here)
    hosts = inventory["_meta"]["hostvars"]
    assert set(hosts) == {thing.name for thing in (*CONFIGURATION.stubs, *CONFIGURATION.machines)}
    assert hosts["moved"]["wake_mac"] == "02:00:00:00:99:99"
    assert hosts["secret6"]["wake_secureon"] == "01:02:03:04:05:07"
    assert hosts["routed1"]["wake_subnet"] == "10.66.2.0/24"
    assert "ProxyJump=jump" in hosts["inner"]["ansible_ssh_common_args"]
    assert hosts["relay"]["wake_methods"] == []


def test_ansible_reaches_relays_and_real_hosts(here):
    here.standby("own").power_on(["real"], boot_delay=0)
    here.wait_for("real", "on")
    argv = [os.path.join(os.path.dirname(sys.executable), "ansible"), "-i", here.inventory, "-m", "ping"]
    done = here.control([*argv, "relay,inner,real"])
    assert done.stdout.count("SUCCESS") == 3


def test_thousands_of_hosts_in_one_process():
    stubs = many_stubs(3000, "big", boot_delay=0.0)
    segments = (Segment("own", "10.66.0.0/24"), Segment("big", "10.67.0.0/16", directed_broadcast=True))
    with Lab(Configuration(name(1), segments, stubs=stubs)) as big:
        macs = [stub.mac for stub in big.configuration.stubs]
        text = "\n".join(macs)
        big.control(["wakeonlan", "-i", "10.67.255.255", "-f", "/dev/stdin"], input=text)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            states = {status["state"] for status in big.standby("big").status()["stubs"].values()}
            if states == {"on"}:
                break
            time.sleep(0.1)
        assert states == {"on"}
        assert banner(big, "pc3000").startswith("SSH-2.0-")
        assert len(big.ask_supervisor(command="status")["standbys"]) == 2
        assert len(inventory_of(big)["_meta"]["hostvars"]) == 3000


def small(number: int) -> Configuration:
    segments = (Segment("own", "10.66.1.0/24"),)
    return Configuration(name(number), segments, (Machine("relay", ("own",)),), (Stub("real", "own", real=True),))


def test_two_labs_at_once_and_nothing_stays():
    with Lab(small(2)) as one, Lab(small(3)) as other:
        one.standby("own").power_on(["real"], boot_delay=0)
        one.wait_for("real", "on")
        assert other.stub("real")["state"] == "off"
        one.control(
            ["ssh", "-F", one.layout.path("ssh_config"), "relay", "setsid sleep 998 >/dev/null 2>&1 </dev/null &"]
        )
        pids = namespaces.processes(namespaces.existing(one.configuration.name))
        with pytest.raises(LabError, match="already up"):
            Lab(small(2)).up()
        assert one.stub("real")["state"] == "on"
    assert leftovers(name(2)) + leftovers(name(3)) == []
    assert_dead(pids)


OWNER = """
import os, sys, time
from lab import Configuration, Lab
with Lab(Configuration.from_json(sys.argv[1])) as lab:
    lab.control(["ssh", "-F", lab.layout.path("ssh_config"), "relay", "setsid sleep 997 >/dev/null 2>&1 </dev/null &"])
    print("up", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_when_the_owner_dies(number):
    configuration = small(10 + number)
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    argv = [sys.executable, "-c", OWNER, configuration.to_json()]
    owner = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True)
    try:
        assert owner.stdout.readline() == "up\n"
        pids = namespaces.processes(namespaces.existing(configuration.name))
    finally:
        owner.send_signal(number)
        owner.wait(60)
    wait_until_gone(configuration.name)
    assert_dead(pids)


def test_down_removes_what_a_killed_lab_left():
    running = Lab(small(4), detached=True)
    try:
        running.up()
        pid = running.ask_supervisor(command="status")["pid"]
        os.kill(pid, signal.SIGKILL)
        running._supervisor.wait()
        assert leftovers(name(4))
        environment = {**os.environ, "PYTHONPATH": str(TESTS)}
        subprocess.run([sys.executable, "-m", "lab", "down", "--name", name(4)], env=environment, check=True)
        assert leftovers(name(4)) == []
    finally:
        running.down()


def test_a_lab_that_fails_in_the_middle_leaves_nothing(monkeypatch, tmp_path):
    broken = tmp_path / "nft"
    broken.write_text("#!/bin/sh\necho this nft is broken >&2\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(LabError, match="this nft is broken"), Lab(small(5)):
        pass
    assert leftovers(name(5)) == []


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        (Configuration("Bad Name", (Segment("a", "10.0.0.0/24"),)), "lab name 'Bad Name'"),
        (Configuration("a", ()), "at least one segment"),
        (Configuration("a", (Segment("a", "10.0.0.0/24"),), stubs=(Stub("x", "b"),)), "no segment 'b'"),
        (Configuration("a", (Segment("a", "10.0.0.0/24"),), stubs=(Stub("x", "a"), Stub("x", "a"))), "given twice"),
        (Configuration("a", (Segment("a", "10.0.0.0/24"),), stubs=(Stub("x", "a", mac="2"),)), "stub x"),
        (Configuration("a", (Segment("a", "10.0.0.0/24"),), stubs=(Stub("router", "a"),)), "name 'router'"),
        (Configuration("a", (Segment("a", "10.0.0.0/28"),), stubs=many_stubs(20, "a")), "no address left"),
    ],
)
def test_configuration_errors_are_sentences(configuration, words):
    with pytest.raises(ConfigurationError, match=words):
        configuration.completed()


def test_configuration_survives_json():
    completed = CONFIGURATION.completed()
    assert Configuration.from_json(completed.to_json()) == completed
    for text in ("", "[]", "{}", '{"name": "a", "segments": [{"nam": 1}]}'):
        with pytest.raises(ConfigurationError, match="can't be read"):
            Configuration.from_json(text)


def test_early_stub_is_on_from_the_start():
    segments = (Segment("own", "10.66.1.0/24"),)
    with Lab(Configuration(name(6), segments, stubs=(Stub("early", "own", awake=True),))) as running:
        assert running.stub("early")["state"] == "on"
        assert banner(running, "early").startswith("SSH-2.0-")


def frame(payload: bytes, destination: bytes = b"\xff" * 6) -> bytes:
    return destination + bytes.fromhex("020000000001") + b"\x08\x42" + payload


MAC = bytes.fromhex("024c00000001")


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        (b"\xff" * 6 + MAC * 16, [MAC]),
        (b"\x00" * 5 + b"\xff" * 6 + MAC * 16 + b"tail", [MAC]),
        (b"\xff" * 9 + MAC * 20, [MAC]),
        (b"\xff" * 6 + MAC * 15, []),
        (b"\xff" * 5 + MAC * 16, []),
        (b"\xff" * 6 + MAC * 15 + b"\0" + MAC, []),
        (b"\xff" * 6 + MAC * 3 + b"\xff" * 6 + MAC * 16, [MAC]),
        ((b"\xff" * 6 + MAC * 16) * 2, [MAC, MAC]),
        (b"\xff" * 200, []),
    ],
)
def test_patterns(payload, found):
    data = frame(payload, MAC)
    assert [mac for mac, _end in magic.patterns(data)] == found
    assert all(data[end - 96 : end] == mac * 16 for mac, end in magic.patterns(data))


def test_interface_takes_in_only_what_is_addressed_to_it():
    assert magic.accepted(frame(b""), MAC)
    assert magic.accepted(frame(b"", MAC), MAC)
    assert magic.accepted(frame(b"", bytes.fromhex("333300000001")), MAC)
    assert not magic.accepted(frame(b"", bytes.fromhex("024c00000002")), MAC)
