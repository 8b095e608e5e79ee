# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Builds a lab's network: one bridge a segment, a router, a control node, machines, stub hosts."""

from __future__ import annotations

import collections
import collections.abc
import json
import time

from lab import namespaces, stub_rules
from lab.configuration import Segment
from lab.layout import Cable, Layout

_EVERYWHERE: dict[str, int | str] = {
    "ipv4/ip_forward": 0,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/default/rp_filter": 0,
    "ipv4/conf/all/arp_ignore": 1,
    "ipv4/conf/default/arp_ignore": 1,
    "ipv4/conf/all/arp_notify": 1,
    "ipv4/conf/default/arp_notify": 1,
    "ipv4/conf/all/bc_forwarding": 0,
    "ipv4/conf/default/bc_forwarding": 0,
    "ipv4/icmp_echo_ignore_all": 0,
    "ipv4/ping_group_range": "1 0",
    "ipv6/conf/all/forwarding": 0,
    "ipv6/conf/default/accept_dad": 0,
    "ipv6/conf/default/accept_ra": 0,
    "ipv6/conf/default/router_solicitations": 0,
}
_ROUTER = {"ipv4/ip_forward": 1, "ipv4/conf/all/bc_forwarding": 1, "ipv4/conf/default/bc_forwarding": 1}
_STUB_HOSTS = {
    "ipv4/conf/all/arp_ignore": 8,
    "ipv4/conf/default/arp_ignore": 8,
    "ipv6/conf/default/disable_ipv6": 1,
    "ipv4/tcp_max_syn_backlog": 16384,
    "core/somaxconn": 16384,
}


def build(layout: Layout) -> None:
    """Make all namespaces, cables and rules. Raises CommandFailed."""
    namespaces.add(layout.namespaces())
    _set_sysctls(layout)
    cables = layout.cables()
    segments = layout.configuration.segments
    namespaces.ip_batch(
        (
            f"link add dev {layout.bridge(s.name)} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
            for s in segments
        ),
        layout.switch,
    )
    namespaces.ip_batch(
        f"link add dev {cable.device} netns {cable.namespace} {f'address {cable.mac} ' if cable.mac else ''}"
        f"type veth peer name {cable.port} netns {layout.switch}"
        for cable in cables
    )
    namespaces.ip_batch(_switch_lines(layout, cables), layout.switch)
    by_namespace: dict[str, list[Cable]] = collections.defaultdict(list)
    for cable in cables:
        by_namespace[cable.namespace].append(cable)
    for namespace, its_cables in by_namespace.items():
        namespaces.ip_batch(_machine_lines(layout, namespace, its_cables), namespace)
    _load_rules(layout)


def set_frame_loss(layout: Layout, segment: Segment, percent: int) -> None:
    """Lose that percentage of the frames on the stub hosts' cable, in both directions."""
    port = layout.cable(layout.hosts_namespace(segment.name)).port
    in_namespace = ["ip", "netns", "exec", layout.switch]
    namespaces.run([*in_namespace, "nft", "-f", "-"], stub_rules.frame_loss(port, percent))


def plug(layout: Layout, namespace: str, plugged: bool) -> None:
    """Plug a machine's cables in or out at the switch."""
    state = "up" if plugged else "down"
    lines = (f"link set dev {cable.port} {state}" for cable in layout.cables() if cable.namespace == namespace)
    namespaces.ip_batch(lines, layout.switch)


def switch_on(layout: Layout, namespace: str) -> None:
    """Plug a machine's cables in, bring its interfaces up and announce its addresses by ARP, as a booting system does.

    The announcement is the kernel's own: with arp_notify it makes one whenever the interface's MAC is set.
    """
    plug(layout, namespace, True)
    cables = [cable for cable in layout.cables() if cable.namespace == namespace]
    namespaces.ip_batch(_start_lines(layout, namespace, cables), namespace)
    for cable in cables:
        _wait_until_forwarding(layout, cable.port)
        link = json.loads(namespaces.run(["ip", "-n", namespace, "-j", "link", "show", "dev", cable.device]))[0]
        namespaces.ip_batch([f"link set dev {cable.device} address {link['address']}"], namespace)


def switch_off(layout: Layout, namespace: str) -> None:
    """Bring a machine's interfaces down and pull its cables."""
    plug(layout, namespace, False)
    cables = (cable for cable in layout.cables() if cable.namespace == namespace)
    namespaces.ip_batch((f"link set dev {cable.device} down" for cable in cables), namespace)


def _wait_until_forwarding(layout: Layout, port: str, patience: float = 5.0) -> None:
    """Wait for a switch port that was just plugged in; frames sent before are lost."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        link = json.loads(namespaces.run(["ip", "-n", layout.switch, "-d", "-j", "link", "show", "dev", port]))[0]
        if link["linkinfo"]["info_slave_data"]["state"] == "forwarding":
            return
        time.sleep(0.01)


def _set_sysctls(layout: Layout) -> None:
    hosts = {layout.hosts_namespace(segment.name) for segment in layout.configuration.segments}
    for namespace in layout.namespaces():
        values: dict[str, int | str] = dict(_EVERYWHERE)
        if namespace == layout.router:
            values |= _ROUTER
        if namespace == layout.switch:
            values["ipv6/conf/default/disable_ipv6"] = 1
        if namespace in hosts:
            values |= _STUB_HOSTS
        script = "\n".join(f"echo {value} > /proc/sys/net/{name}" for name, value in values.items())
        namespaces.run(["ip", "netns", "exec", namespace, "sh", "-e", "-s"], f"{script}\nip link set dev lo up\n")


def _switch_lines(layout: Layout, cables: list[Cable]) -> collections.abc.Iterator[str]:
    for segment in layout.configuration.segments:
        yield f"link set dev {layout.bridge(segment.name)} up"
    for cable in cables:
        state = "up" if cable.plugged else "down"
        yield f"link set dev {cable.port} master {layout.bridge(cable.segment)} {state}"


def _machine_lines(layout: Layout, namespace: str, cables: list[Cable]) -> collections.abc.Iterator[str]:
    for cable in cables:
        if cable.address:
            yield f"address add {cable.address} broadcast + dev {cable.device}"
    if all(cable.plugged for cable in cables):
        yield from _start_lines(layout, namespace, cables)


def _start_lines(layout: Layout, namespace: str, cables: list[Cable]) -> collections.abc.Iterator[str]:
    for cable in cables:
        yield f"link set dev {cable.device} up"
        if not cable.address:
            yield f"route add {layout.configuration.segment(cable.segment).subnet} dev {cable.device}"
    gateways = [layout.gateway(cable.segment) for cable in cables]
    if namespace == layout.router:
        for segment in layout.configuration.segments:
            yield from _static_neighbours(layout, segment, cables)
    elif any(gateways):
        number = [bool(gateway) for gateway in gateways].index(True)
        yield f"route add default via {gateways[number]} dev {cables[number].device}"


def _static_neighbours(layout: Layout, segment: Segment, cables: list[Cable]) -> collections.abc.Iterator[str]:
    if segment.static_neighbours:
        device = {cable.segment: cable.device for cable in cables}[segment.name]
        for stub in layout.configuration.stubs:
            if stub.segment == segment.name:
                yield f"neighbour replace {stub.address} lladdr {stub.mac} dev {device} nud permanent"


def _load_rules(layout: Layout) -> None:
    lab = layout.configuration
    for segment in lab.segments:
        namespace = layout.hosts_namespace(segment.name)
        stubs = [stub for stub in lab.stubs if stub.segment == segment.name and not stub.real]
        namespaces.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], stub_rules.own_addresses(stubs))
        if segment.frame_loss:
            set_frame_loss(layout, segment, segment.frame_loss)
    closed = [
        cable.device
        for cable in layout.cables()
        if cable.namespace == layout.router and not lab.segment(cable.segment).directed_broadcast
    ]
    namespaces.run(["ip", "netns", "exec", layout.router, "nft", "-f", "-"], stub_rules.router(closed))
