# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""The modules magic_packet and magic_packet_info against other people's tools, over real links between namespaces.

sender: interfaces `east` (192.0.2.10/24) and `west` (198.51.100.10/24), no default route.
Each leads to a namespace of its own with the interface `port` (.20).
"""

from __future__ import annotations

import errno
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator

import pytest

MAC = "02:00:5e:00:53:01"
OTHER_MAC = "02:00:5e:00:53:02"
LONGEST_WAIT = 60.0
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
WITHOUT_NET_RAW = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST_WAIT, env=ENVIRONMENT)


class Namespace(t.NamedTuple):
    """A network namespace and what can be run in it."""

    name: str

    def command(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str) -> str:
        return run(*self.command(*command)).stdout

    def listeners(self) -> int:
        """How many AF_PACKET sockets are open here."""
        return len(self.run("cat", "/proc/net/packet").splitlines()) - 1


class Network(t.NamedTuple):
    """The sender and the two segments it is on."""

    sender: Namespace
    east: Namespace
    west: Namespace


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network(*(Namespace(f"p-{os.getpid()}-{role}") for role in Network._fields))
    try:
        for namespace in made:
            run("ip", "netns", "add", namespace.name)
        for segment, prefix in ((made.east, "192.0.2"), (made.west, "198.51.100")):
            near = segment.name.rpartition("-")[2]
            ends = ("link", "add", near, "type", "veth", "peer", "name", "port", "netns", segment.name)
            run("ip", "-n", made.sender.name, *ends)
            for namespace, interface, number in ((made.sender, near, 10), (segment, "port", 20)):
                namespace.run("sysctl", "-qw", f"net.ipv6.conf.{interface}.accept_dad=0")
                run("ip", "-n", namespace.name, "address", "add", f"{prefix}.{number}/24", "dev", interface)
                run("ip", "-n", namespace.name, "link", "set", interface, "up")
        yield made
    finally:
        for namespace in made:
            subprocess.run(["ip", "netns", "delete", namespace.name], check=False, capture_output=True)


# Runs a module in a process of its own, as a target would, without the second that the ansible command takes to start.
DRIVER = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
module, arguments = sys.argv[1], json.loads(sys.argv[2])
with patch_module_args(arguments):
    importlib.import_module("ansible_collections.lightsout.wake.plugins.modules." + module).main()
"""


def module_command(module: str, **options: t.Any) -> list[str]:
    return [sys.executable, "-c", DRIVER, module, json.dumps(options)]


def call(
    namespace: Namespace, module: str, prefix: t.Sequence[str] = (), check: bool = False, **options: t.Any
) -> dict[str, t.Any]:
    command = namespace.command(*prefix, *module_command(module, _ansible_check_mode=check, **options))
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LONGEST_WAIT, env=ENVIRONMENT)
    assert done.stdout, done.stderr
    result: dict[str, t.Any] = json.loads(done.stdout)
    result.pop("invocation", None)
    return result


class Watcher:
    """A program that has opened a packet socket in a namespace and is left to run."""

    def __init__(self, namespace: Namespace, *command: str) -> None:
        before = namespace.listeners()
        self.process = subprocess.Popen(
            namespace.command(*command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT
        )
        until = time.monotonic() + LONGEST_WAIT
        while namespace.listeners() <= before:
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise AssertionError(f"it does not listen: {self.process.communicate()[0]}")
            time.sleep(0.05)

    def output(self) -> str:
        try:
            return self.process.communicate(timeout=LONGEST_WAIT)[0]
        finally:
            self.process.kill()


def listen(namespace: Namespace, **options: t.Any) -> Watcher:
    return Watcher(namespace, *module_command("magic_packet_info", **{"interface": "port", "timeout": 30, **options}))


def heard(watcher: Watcher) -> list[dict[str, t.Any]]:
    packets: list[dict[str, t.Any]] = json.loads(watcher.output())["packets"]
    return packets


TSHARK_FIELDS = ("wol.mac", "eth.dst", "eth.type", "ip.dst", "ipv6.dst", "udp.dstport", "frame.len", "udp.payload")


def tshark(namespace: Namespace, count: int) -> Watcher:
    fields = [part for field in TSHARK_FIELDS for part in ("-e", field)]
    return Watcher(
        namespace,
        *("tshark", "-n", "-l", "-i", "port", "-f", "udp or ether proto 0x0842", "-a", "duration:30"),
        *("-c", str(count), "-T", "fields", "-E", "occurrence=f", *fields),
    )


MAGIC = "ff" * 6 + MAC.replace(":", "") * 16
BROADCAST = "ff:ff:ff:ff:ff:ff"
# options, and what tshark must say in the order of TSHARK_FIELDS after wol.mac
DELIVERIES: list[tuple[dict[str, t.Any], list[str]]] = [
    ({"delivery": "broadcast"}, [BROADCAST, "0x0800", "255.255.255.255", "", "9", "144", MAGIC]),
    (
        {"delivery": "directed", "port": 40009, "secureon": "01:02:03:04"},
        [BROADCAST, "0x0800", "192.0.2.255", "", "40009", "148", MAGIC + "01020304"],
    ),
    (
        {"delivery": "unicast", "address": "192.0.2.20", "secureon": "0a0b0c0d0e0f"},
        ["MAC of the receiver", "0x0800", "192.0.2.20", "", "9", "150", MAGIC + "0a0b0c0d0e0f"],
    ),
    ({"delivery": "ethernet"}, [BROADCAST, "0x0842", "", "", "", "116", ""]),
    ({"delivery": "ethernet", "address": MAC}, [MAC, "0x0842", "", "", "", "116", ""]),
    ({"delivery": "ipv6"}, ["33:33:00:00:00:01", "0x86dd", "", "ff02::1", "9", "164", MAGIC]),
]


def test_tshark_reads_what_magic_packet_sends(network: Network) -> None:
    receiver = network.east.run("cat", "/sys/class/net/port/address").strip()
    watcher = tshark(network.east, len(DELIVERIES))
    targets = [{"mac": MAC, "subnet": "192.0.2.0/24", **options} for options, _expected in DELIVERIES]
    result = call(network.sender, "magic_packet", targets=targets, count=1)
    seen = [line.split("\t") for line in watcher.output().splitlines()]
    wanted = [
        [MAC, *(receiver if one == "MAC of the receiver" else one for one in each)] for _options, each in DELIVERIES
    ]
    assert seen == wanted
    assert result["changed"] is True
    assert result["packets"] == len(DELIVERIES)
    assert [one["sent"][0]["bytes"] for one in result["targets"]] == [102, 106, 108, 102, 102, 102]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            ("wakeonlan", "-i", "192.0.2.255", "-p", "4343", MAC),
            {"carrier": "udp", "port": 4343, "destination_ip": "192.0.2.255", "source_ip": "192.0.2.10", "length": 102},
        ),
        (
            ("etherwake", "-i", "east", "-b", "-p", "11:22:33:44:55:66", MAC),
            {"carrier": "ethernet", "destination_mac": "ff:ff:ff:ff:ff:ff", "length": 108, "secureon_length": 6},
        ),
        (
            ("etherwake", "-i", "east", "-p", "17.34.51.68", MAC),
            {"carrier": "ethernet", "destination_mac": MAC, "length": 106, "secureon_length": 4},
        ),
    ],
)
def test_packets_of_other_senders_are_reported(
    network: Network, command: tuple[str, ...], expected: dict[str, t.Any]
) -> None:
    watcher = listen(network.east, count=1)
    network.sender.run(*command)
    (packet,) = heard(watcher)
    assert packet["mac"] == MAC
    assert {key: packet[key] for key in expected} == expected
    assert packet["secureon"] == ("secureon_length" in expected)
    assert packet["outgoing"] is False
    assert packet["interface"] == "port"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", packet["time"])
    own_mac = network.sender.run("cat", "/sys/class/net/east/address").strip()
    assert packet["source_mac"] == own_mac


def test_our_packets_are_reported_by_every_carrier(network: Network) -> None:
    watcher = listen(network.east, count=3)
    targets = [
        {"mac": MAC, "delivery": delivery, "interface": "east"} for delivery in ("broadcast", "ethernet", "ipv6")
    ]
    call(network.sender, "magic_packet", targets=targets, count=1)
    assert [(one["carrier"], one["ip_version"], one["destination_ip"]) for one in heard(watcher)] == [
        ("udp", 4, "255.255.255.255"),
        ("ethernet", None, None),
        ("udp", 6, "ff02::1"),
    ]


def test_broadcast_needs_no_default_route_and_leaves_by_every_interface(network: Network) -> None:
    watchers = [listen(segment, count=2) for segment in (network.east, network.west)]
    result = call(network.sender, "magic_packet", mac="0200.5E00.5301", count=2, interval=0)
    assert [[one["source_ip"] for one in heard(watcher)] for watcher in watchers] == [
        ["192.0.2.10"] * 2,
        ["198.51.100.10"] * 2,
    ]
    assert [(way["interface"], way["count"]) for way in result["targets"][0]["sent"]] == [("east", 2), ("west", 2)]


def test_one_unreachable_interface_does_not_stop_the_other(network: Network) -> None:
    network.sender.run("sysctl", "-qw", "net.ipv6.conf.east.disable_ipv6=1")
    watcher = listen(network.west, count=1)
    result = call(network.sender, "magic_packet", mac=MAC, delivery="ipv6", count=1)
    assert len(heard(watcher)) == 1
    assert [(way["interface"], way["count"], way["errno"]) for way in result["targets"][0]["sent"]] == [
        ("east", 0, "ENETUNREACH"),
        ("west", 1, None),
    ]
    assert result["changed"] is True
    assert "failed" not in result
    assert "no route to ff02::1 by interface east" in json.dumps(result["warnings"])


def test_bad_targets_do_not_stop_the_others_and_fail_the_task_at_the_end(network: Network) -> None:
    watcher = listen(network.east, count=1)
    targets: list[dict[str, t.Any]] = [
        {"mac": "02:00:5e:00:53"},
        {"mac": MAC, "port": "nine"},
        {"mac": MAC, "secureon": "hunter2hunter2"},
        {"mac": MAC, "interface": "north"},
        {"mac": MAC, "delivery": "directed", "subnet": "10.77.0.0/16"},
        {"mac": MAC, "subnet": "10.77.0.0/16"},
        {"mac": OTHER_MAC, "subnet": "192.0.2.0/24"},
    ]
    result = call(network.sender, "magic_packet", targets=targets, count=1)
    assert [one["mac"] for one in heard(watcher)] == [OTHER_MAC]
    assert result["changed"] is True
    message = result["msg"]
    assert message.startswith("nothing was sent for 6 of 7 targets: ")
    for part in (
        "targets[0]: mac '02:00:5e:00:53'",
        "targets[1]: port 'nine'",
        "targets[2]: secureon: ",
        "targets[3]: interface 'north' does not exist",
        "targets[4]: this machine has no route to 10.77.255.255 (ENETUNREACH)",
        "targets[5]: subnet 10.77.0.0/16 is on no interface",
    ):
        assert part in message
    assert "hunter2" not in json.dumps(result)
    assert result["targets"][4]["sent"][0]["errno"] == "ENETUNREACH"


def test_an_interface_that_is_down_is_said(network: Network) -> None:
    run("ip", "-n", network.sender.name, "link", "set", "east", "down")
    named = call(network.sender, "magic_packet", mac=MAC, interface="east")
    assert named["msg"] == "no packet left this machine: interface 'east' is down on this machine"
    assert named["changed"] is False
    everywhere = call(network.sender, "magic_packet", mac=MAC, count=1)
    assert [way["interface"] for way in everywhere["targets"][0]["sent"]] == ["west"]
    listening = call(network.sender, "magic_packet_info", interface="east", timeout=1)
    assert listening["msg"] == "interface 'east' is down on this machine (ENETDOWN)"


def test_without_the_capability_raw_frames_fail_with_a_way_out_that_works(network: Network) -> None:
    watcher = listen(network.east, count=1)
    refused = call(
        network.sender, "magic_packet", prefix=WITHOUT_NET_RAW, mac=MAC, interface="east", delivery="ethernet"
    )
    assert "CAP_NET_RAW" in refused["msg"]
    assert "use delivery broadcast or directed" in refused["msg"]
    assert refused["targets"][0]["sent"][0]["errno"] == "EPERM"
    sent = call(network.sender, "magic_packet", prefix=WITHOUT_NET_RAW, mac=OTHER_MAC, interface="east", count=1)
    assert sent["packets"] == 1
    assert [one["mac"] for one in heard(watcher)] == [OTHER_MAC]


def test_without_the_capability_nobody_listens(network: Network) -> None:
    refused = call(network.east, "magic_packet_info", prefix=WITHOUT_NET_RAW, timeout=1)
    assert "CAP_NET_RAW" in refused["msg"]
    assert "become" in refused["msg"]


def test_check_mode_sends_nothing_and_says_what_would_be_sent(network: Network) -> None:
    watcher = listen(network.east, count=1)
    options: dict[str, t.Any] = {"mac": MAC, "subnet": "192.0.2.0/24"}
    checked = call(network.sender, "magic_packet", check=True, **options)
    call(network.sender, "magic_packet", mac=OTHER_MAC, subnet="192.0.2.0/24", count=1)
    assert [one["mac"] for one in heard(watcher)] == [OTHER_MAC]
    assert call(network.sender, "magic_packet", **options) == checked
    assert (checked["changed"], checked["packets"]) == (True, 3)


def test_check_mode_finds_what_will_fail(network: Network) -> None:
    checked = call(network.sender, "magic_packet", check=True, mac=MAC, delivery="directed", address="10.77.255.255")
    assert checked["msg"].startswith("no packet left this machine: this machine has no route")
    checked = call(
        network.sender,
        "magic_packet",
        prefix=WITHOUT_NET_RAW,
        check=True,
        mac=MAC,
        interface="east",
        delivery="ethernet",
    )
    assert "CAP_NET_RAW" in checked["msg"]


def test_a_vlan_tag_is_passed_over_and_reported(network: Network) -> None:
    watcher = listen(network.east, count=1)
    magic = "ff" * 6 + MAC.replace(":", "") * 16
    frame = "ffffffffffff" + "02000000000a" + "81000014" + "0842" + magic
    program = (
        "import socket, sys; s = socket.socket(17, 3); s.bind((sys.argv[1], 0)); s.send(bytes.fromhex(sys.argv[2]))"
    )
    network.sender.run(sys.executable, "-c", program, "east", frame)
    (packet,) = heard(watcher)
    assert (packet["vlan"], packet["carrier"], packet["length"]) == (20, "ethernet", 102)
    assert packet["source_mac"] == "02:00:00:00:00:0a"


@pytest.mark.parametrize("delivery", ["broadcast", "ethernet", "ipv6"])
def test_own_packets_are_left_out_unless_asked_for_and_seen_once(network: Network, delivery: str) -> None:
    for outgoing in (False, True):
        watcher = listen(network.sender, interface="east", outgoing=outgoing, timeout=2.5)
        call(network.sender, "magic_packet", mac=MAC, interface="east", delivery=delivery, count=1)
        assert [one["outgoing"] for one in heard(watcher)] == [True] * outgoing


def test_only_the_wanted_mac_is_reported_and_counted(network: Network) -> None:
    watcher = listen(network.east, count=1, mac=["0200-5E00-5302"])
    for mac in (MAC, OTHER_MAC):
        network.sender.run("wakeonlan", "-i", "192.0.2.255", mac)
    assert [one["mac"] for one in heard(watcher)] == [OTHER_MAC]


def test_listening_on_all_interfaces_says_which_one(network: Network) -> None:
    watcher = listen(network.sender, interface=None, count=1)
    network.west.run("wakeonlan", "-i", "198.51.100.255", MAC)
    assert [one["interface"] for one in heard(watcher)] == ["west"]


def test_promiscuous_is_switched_on_and_off_again(network: Network) -> None:
    def promiscuity() -> int:
        (link,) = json.loads(run("ip", "-n", network.east.name, "-d", "-j", "link", "show", "port").stdout)
        return int(link["promiscuity"])

    before = promiscuity()
    watcher = listen(network.east, count=1, promiscuous=True)
    time.sleep(0.5)
    during = promiscuity()
    network.sender.run("wakeonlan", "-i", "192.0.2.255", MAC)
    assert len(heard(watcher)) == 1
    assert (before, during, promiscuity()) == (0, 1, 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"interface": "north"}, "interface 'north' does not exist on this machine (ENODEV)"),
        ({"mac": ["x"]}, "mac 'x' is not a MAC address"),
        ({"timeout": 0}, "timeout 0 is not more than 0"),
        ({"timeout": "nan"}, "timeout nan is not more than 0"),
        ({"count": 0}, "count 0 is not between 1 and 100000"),
        ({"promiscuous": True}, "promiscuous needs the option interface"),
    ],
)
def test_bad_options_of_the_listener_are_said(network: Network, options: dict[str, t.Any], sentence: str) -> None:
    assert sentence in call(network.east, "magic_packet_info", **options)["msg"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"count": 1}, "one of the following is required: targets, mac"),
        ({"targets": []}, "targets is empty"),
        ({"mac": MAC, "targets": [{"mac": MAC}]}, "mutually exclusive"),
        ({"mac": MAC, "count": 0}, "count 0 is not between 1 and 1000"),
        ({"mac": MAC, "interval": -1}, "interval -1.0 is not between 0 and 60"),
        ({"mac": MAC, "interval": "nan"}, "interval nan is not between"),
        ({"mac": MAC, "port": 70000}, "port 70000 is not between 1 and 65535"),
    ],
)
def test_bad_options_of_the_sender_are_said(network: Network, options: dict[str, t.Any], sentence: str) -> None:
    assert sentence in call(network.sender, "magic_packet", **options)["msg"]


def test_a_playbook_sends_and_shows_no_password_at_any_verbosity(network: Network, tmp_path: pathlib.Path) -> None:
    watcher = listen(network.east, count=1)
    target = {"mac": MAC, "secureon": "{{ password }}", "subnet": "192.0.2.0/24"}
    task = {"lightsout.wake.magic_packet": {"targets": [target], "count": 1}}
    playbook, variables = tmp_path / "playbook.yml", tmp_path / "variables.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    variables.write_text(json.dumps({"password": "c0-ff-ee-c0-de-11", "ansible_python_interpreter": sys.executable}))
    command = (sys.executable, "-m", "ansible", "playbook", "-vvvv", "-i", "localhost,", "-c", "local")
    done = run(*network.sender.command(*command, "-e", f"@{variables}", str(playbook)))
    output = (done.stdout + done.stderr).lower()
    assert '"bytes": 108' in output
    for spelling in ("c0-ff-ee-c0-de-11", "c0ffeec0de11", "c0:ff:ee:c0:de:11", "wp/uwn4r"):
        assert spelling not in output
    (packet,) = heard(watcher)
    assert (packet["secureon"], packet["secureon_length"]) == (True, 6)
    assert "c0-ff-ee" not in json.dumps(packet)


def test_a_sender_survives_an_interface_that_went_away_and_came_back(network: Network) -> None:
    program = """
import subprocess
from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender
sender = PacketSender()
routes = [Route("udp", "255.255.255.255", 9, "spare", ""), Route("ethernet", "ff:ff:ff:ff:ff:ff", 0, "spare", "")]
for change in (
    "add spare up type veth peer name erraps", "set spare down", "set spare up",
    "delete spare", "add spare up type veth peer name erraps",
):
    subprocess.run(["ip", "link", *change.split()], check=True)
    sender.send(routes[1], [b"x"])
    print(*(errno for route in routes for errno in sender.send(route, [b"x"])))
"""
    program = program.replace("spare up type", "spare up index 77 type", 1)
    names = {str(code): name for code, name in errno.errorcode.items()} | {"0": "sent"}
    outcomes = [
        [names[code] for code in line.split()]
        for line in network.sender.run(sys.executable, "-c", program).splitlines()
    ]
    sent = ["sent", "sent"]
    assert outcomes == [sent, ["ENETUNREACH", "ENETDOWN"], sent, ["ENODEV", "ENODEV"], sent]
