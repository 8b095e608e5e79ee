# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Where everything of a lab is: names of namespaces, devices, switch ports and files."""

from __future__ import annotations

import collections.abc
import dataclasses
import ipaddress
import os

from lab import namespaces
from lab.configuration import Configuration, Stub

STATE_ROOT = "/var/lib/lightsout-lab"


@dataclasses.dataclass(frozen=True)
class Cable:
    """A cable from a device in a namespace to a port of a segment's switch."""

    namespace: str
    device: str
    segment: str
    port: str
    address: str = ""
    mac: str = ""
    plugged: bool = True


@dataclasses.dataclass(frozen=True)
class SshMachine:
    """A namespace with a real sshd: a relay, a stub that is real, or an impostor."""

    name: str
    namespace: str
    key: str
    python: bool = True


class Layout:
    """All names of one completed configuration."""

    def __init__(self, configuration: Configuration, state_root: str = STATE_ROOT) -> None:
        self.configuration = configuration
        self.state = os.path.join(state_root, configuration.name)
        self.switch, self.control, self.router = (self.namespace(n) for n in ("switch", "control", "router"))

    def namespace(self, machine: str) -> str:
        return namespaces.prefix(self.configuration.name) + machine

    def hosts_namespace(self, segment: str) -> str:
        return self.namespace(f"stubs.{segment}")

    def bridge(self, segment: str) -> str:
        return f"segment{[s.name for s in self.configuration.segments].index(segment)}"

    def path(self, *parts: str) -> str:
        return os.path.join(self.state, *parts)

    def standby_socket(self, segment: str) -> str:
        return self.path(f"standby-{segment}.sock")

    def impostor(self, stub: Stub) -> str:
        return f"{stub.name}.impostor"

    def ssh_machines(self) -> list[SshMachine]:
        machines = [
            SshMachine(machine.name, self.namespace(machine.name), self.path("keys", machine.name), machine.python)
            for machine in self.configuration.machines
        ]
        for stub in self.configuration.stubs:
            names = ([stub.name] if stub.real else []) + ([self.impostor(stub)] if stub.impostor else [])
            machines += [SshMachine(name, self.namespace(name), self.path("keys", name)) for name in names]
        return machines

    def ssh_machine(self, name: str) -> SshMachine:
        return next(machine for machine in self.ssh_machines() if machine.name == name)

    def keys(self) -> list[str]:
        """Names of all host keys: also that of a stub which never boots, so that the inventory can know it."""
        names = [machine.name for machine in self.ssh_machines()]
        return names + [stub.name for stub in self.configuration.stubs if stub.impostor and not stub.real]

    def namespaces(self) -> list[str]:
        hosts = [self.hosts_namespace(segment.name) for segment in self.configuration.segments]
        return [self.switch, self.control, self.router, *hosts, *(m.namespace for m in self.ssh_machines())]

    def cables(self) -> list[Cable]:
        """Every cable; the port's name is unique in the switch's namespace."""
        cables = [*self._standing_cables(), *self._stub_cables()]
        return [dataclasses.replace(cable, port=f"port{number}") for number, cable in enumerate(cables)]

    def cable(self, namespace: str, device: str = "eth0") -> Cable:
        return next(cable for cable in self.cables() if (cable.namespace, cable.device) == (namespace, device))

    def gateway(self, segment: str) -> str:
        """The router's address on a segment, empty where it has none."""
        if not self.configuration.segment(segment).routed:
            return ""
        return str(self.configuration.address_of("router", segment).ip)

    def _standing_cables(self) -> collections.abc.Iterator[Cable]:
        lab = self.configuration
        for number, segment in enumerate(lab.control):
            address = lab.address_of("control", segment)
            yield Cable(self.control, f"eth{number}", segment, "", str(address))
        routed = [segment.name for segment in lab.segments if segment.routed]
        for number, segment in enumerate(routed):
            yield Cable(self.router, f"eth{number}", segment, "", str(lab.address_of("router", segment)))
        for machine in lab.machines:
            for number, segment in enumerate(machine.segments):
                address = lab.address_of(machine.name, segment)
                namespace = self.namespace(machine.name)
                yield Cable(namespace, f"eth{number}", segment, "", str(address), plugged=machine.up)

    def _stub_cables(self) -> collections.abc.Iterator[Cable]:
        for segment in self.configuration.segments:
            yield Cable(self.hosts_namespace(segment.name), "eth0", segment.name, "")
        for stub in self.configuration.stubs:
            prefix_length = ipaddress.IPv4Network(self.configuration.segment(stub.segment).subnet).prefixlen
            address = f"{stub.address}/{prefix_length}"
            if stub.real:
                yield Cable(self.namespace(stub.name), "eth0", stub.segment, "", address, stub.mac, plugged=False)
            if stub.impostor:
                yield Cable(self.namespace(self.impostor(stub)), "eth0", stub.segment, "", address)
