# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""What a lab consists of: segments, always-on machines, powered-off stub hosts and their faults."""

from __future__ import annotations

import collections
import dataclasses
import ipaddress
import itertools
import json
import re
import typing as t

_LAB_NAME = re.compile(r"[a-z0-9]{1,16}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_TAKEN = ("control", "router", "switch")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class ConfigurationError(ValueError):
    """The configuration can't be built; the text says what is wrong with which value."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """One layer-2 network.

    The router has the first address, the control node the second. `magic_loss` is the share (0 to 1) of magic packets
    that the standby model overlooks, `frame_loss` the percentage of all frames lost on the stub hosts' cable, in both
    directions. `static_neighbours`: the router has a permanent neighbour entry for every stub. `ports`: where awake
    stubs answer; port 22 with an SSH banner, 5985 as WinRM, any other accepts and says nothing.
    """

    name: str
    subnet: str
    routed: bool = True
    directed_broadcast: bool = False
    static_neighbours: bool = False
    magic_loss: float = 0.0
    frame_loss: int = 0
    ports: tuple[int, ...] = (22,)
    variables: dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Machine:
    """An always-on Linux machine with a real sshd: a relay or a jump host.

    It is attached to `segments`, the first one first (eth0). `jump` names the machine through which it is reached.
    `python=False`: no Python is to be found on it. `up=False`: its cable is out and nothing runs on it.
    """

    name: str
    segments: tuple[str, ...]
    jump: str = ""
    python: bool = True
    up: bool = True
    variables: dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Stub:
    """A powered-off machine that a magic packet starts.

    `boot_delay` is in seconds. `real`: once booted it is a namespace with a real sshd, else its address answers ARP,
    ICMP and the segment's ports. `awake`: switched on when the lab starts. Faults: `never_boots`; `impostor` (another
    machine with another MAC and host key answers at its address and it never boots); `inventory_mac` and
    `inventory_secureon` (what the inventory says where that differs from the truth). `variables` go to the inventory.
    """

    name: str
    segment: str
    boot_delay: float = 1.0
    real: bool = False
    awake: bool = False
    secureon: str = ""
    never_boots: bool = False
    impostor: bool = False
    inventory_mac: str = ""
    inventory_secureon: str = ""
    mac: str = ""
    address: str = ""
    variables: dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Configuration:
    """A whole lab. `name` tells labs apart that exist at once; the control node is attached to `control`."""

    name: str
    segments: tuple[Segment, ...]
    machines: tuple[Machine, ...] = ()
    stubs: tuple[Stub, ...] = ()
    control: tuple[str, ...] = ()
    variables: dict[str, t.Any] = dataclasses.field(default_factory=dict)

    def completed(self) -> Configuration:
        """Return the same lab with every MAC and address filled in. Raises ConfigurationError."""
        self._check()
        segments = {segment.name: index for index, segment in enumerate(self.segments)}
        addresses = {segment.name: self._free_addresses(segment) for segment in self.segments}
        stubs = []
        for number, stub in enumerate(self.stubs):
            mac = stub.mac or _stub_mac(segments[stub.segment], number)
            address = stub.address or str(next(addresses[stub.segment], ""))
            if not address:
                raise ConfigurationError(f"segment {stub.segment} has no address left for stub {stub.name}")
            stubs.append(dataclasses.replace(stub, mac=mac, address=address))
        return dataclasses.replace(self, stubs=tuple(stubs), control=self.control or (self.segments[0].name,))

    def address_of(self, machine: str, segment: str) -> ipaddress.IPv4Interface:
        """Return the address of `control`, `router` or a machine on a segment."""
        names = ["router", "control", *(m.name for m in self.machines if segment in m.segments)]
        network = ipaddress.IPv4Network(self.segment(segment).subnet)
        return ipaddress.IPv4Interface((network[1 + names.index(machine)], network.prefixlen))

    def segment(self, name: str) -> Segment:
        return next(segment for segment in self.segments if segment.name == name)

    def machine(self, name: str) -> Machine:
        return next(machine for machine in self.machines if machine.name == name)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Configuration:
        """Read what to_json wrote, or a file by hand with the same keys. Raises ConfigurationError."""
        try:
            data = json.loads(text)
            return cls(
                name=data["name"],
                segments=tuple(_segment_from(item) for item in data["segments"]),
                machines=tuple(
                    Machine(**{**item, "segments": tuple(item["segments"])}) for item in data.get("machines", ())
                ),
                stubs=tuple(Stub(**item) for item in data.get("stubs", ())),
                control=tuple(data.get("control", ())),
                variables=data.get("variables", {}),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"the lab's configuration can't be read: {error!r}") from error

    def _free_addresses(self, segment: Segment) -> t.Iterator[ipaddress.IPv4Address]:
        network = ipaddress.IPv4Network(segment.subnet)
        taken = {stub.address for stub in self.stubs if stub.address}
        first = 10 if network.prefixlen <= 26 else 3 + len(self.machines)
        numbers = range(first, network.num_addresses - 1)
        return (address for address in (network[number] for number in numbers) if str(address) not in taken)

    def _check(self) -> None:
        if not _LAB_NAME.fullmatch(self.name):
            raise ConfigurationError(f"lab name {self.name!r}: only a-z and 0-9, at most 16 characters")
        if not self.segments:
            raise ConfigurationError("a lab needs at least one segment")
        _check_names([segment.name for segment in self.segments])
        _check_names([machine.name for machine in self.machines] + [stub.name for stub in self.stubs])
        known = {segment.name for segment in self.segments}
        machines = itertools.chain.from_iterable(machine.segments for machine in self.machines)
        for name in (*self.control, *(stub.segment for stub in self.stubs), *machines):
            if name not in known:
                raise ConfigurationError(f"there is no segment {name!r}")
        for stub in self.stubs:
            for mac in (stub.mac, stub.inventory_mac):
                if mac and not _MAC.fullmatch(mac):
                    raise ConfigurationError(f"stub {stub.name}: the lab writes MACs as 02:00:00:00:00:01, not {mac!r}")


def _check_names(names: list[str]) -> None:
    for name, times in collections.Counter(names).items():
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise ConfigurationError(f"name {name!r}: only a-z, 0-9 and dashes, and not {', '.join(_TAKEN)}")
        if times > 1:
            raise ConfigurationError(f"the name {name} is given twice")


def many_stubs(count: int, segment: str, *, prefix: str = "pc", **fields: t.Any) -> tuple[Stub, ...]:
    """Return `count` stubs on one segment, named prefix plus number; `fields` are the same for all."""
    width = len(str(count))
    return tuple(Stub(f"{prefix}{number:0{width}}", segment, **fields) for number in range(1, count + 1))


def _segment_from(item: dict[str, t.Any]) -> Segment:
    return Segment(**{**item, "ports": tuple(item.get("ports", (22,)))})


def _stub_mac(segment: int, number: int) -> str:
    digits = bytes((0x02, 0x4C, segment & 0xFF, *(number + 1).to_bytes(3, "big")))
    return digits.hex(":")
