# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""One process a segment that is all its powered-off machines: it watches for magic packets and boots them."""

from __future__ import annotations

import ipaddress
import os
import selectors
import signal
import subprocess
import time
import traceback
import typing as t

from lab import namespaces, ssh_machine, topology
from lab.banners import Banners
from lab.configuration import Segment
from lab.control_socket import CommandError, ControlServer, Request
from lab.layout import Layout
from lab.stub_hosts import OFF, ON, StubHost, StubHosts
from lab.wires import ArpSocket, FrameSocket, LocalAddresses

_DEVICE = "eth0"


class Standby:
    """Owns the sockets of one segment's stub hosts and obeys the state machine."""

    def __init__(self, layout: Layout, segment: Segment) -> None:
        self._layout, self._segment = layout, segment
        stubs = [stub for stub in layout.configuration.stubs if stub.segment == segment.name]
        self._hosts = StubHosts(stubs, magic_loss=segment.magic_loss)
        self._selector = selectors.DefaultSelector()
        self._frames = FrameSocket(_DEVICE)
        self._arp = ArpSocket(_DEVICE)
        self._addresses = LocalAddresses()
        self._banners = Banners(self._selector, segment.ports)
        self._sshds: dict[str, subprocess.Popen[bytes]] = {}
        self._selector.register(self._frames.socket, selectors.EVENT_READ, self._take_frames)
        self._selector.register(self._arp.socket, selectors.EVENT_READ, lambda _socket: self._arp.answer())
        ControlServer(self._selector, layout.standby_socket(segment.name), self._command)
        for stub in stubs:
            if stub.awake:
                self._switch_on(stub.name, 0.0)
        self._boot()

    def run(self) -> t.NoReturn:
        while True:
            for key, _events in self._selector.select(self._patience()):
                if key.fileobj in self._selector.get_map():
                    key.data(key.fileobj)
            self._boot()
            self._banners.close_old(time.monotonic())

    def _patience(self) -> float | None:
        waits = []
        next_boot, next_close = self._hosts.next_boot(), self._banners.next_close()
        if next_boot is not None:
            waits.append(next_boot - time.time())
        if next_close is not None:
            waits.append(next_close - time.monotonic())
        return max(0.0, min(waits)) if waits else None

    def _take_frames(self, _socket: object) -> None:
        now = time.time()
        for frame in self._frames.frames():
            self._hosts.frame(frame, now)

    def _boot(self) -> None:
        for host in self._hosts.booted(time.time()):
            if host.stub.real:
                self._start_machine(host)
            else:
                address = ipaddress.IPv4Address(host.stub.address).packed
                self._addresses.add(address)
                self._arp.awake[address] = host.mac
                self._arp.announce(address, host.mac)

    def _start_machine(self, host: StubHost) -> None:
        machine = self._layout.ssh_machine(host.stub.name)
        topology.switch_on(self._layout, machine.namespace)
        self._sshds[host.stub.name] = ssh_machine.start(self._layout, machine)
        ssh_machine.wait_until_listening(self._layout, machine)

    def _switch_on(self, name: str, boot_delay: float | None) -> None:
        host = self._host(name)
        if host.state == OFF:
            kept, host.boot_delay = host.boot_delay, host.boot_delay if boot_delay is None else boot_delay
            self._hosts.power_on(name, time.time(), {"by": "hand"})
            host.boot_delay = kept

    def _switch_off(self, name: str) -> None:
        host = self._host(name)
        if host.state == ON and host.stub.real:
            machine = self._layout.ssh_machine(name)
            topology.switch_off(self._layout, machine.namespace)
            ssh_machine.stop(machine)
            self._sshds.pop(name).wait()
        elif host.state == ON:
            address = ipaddress.IPv4Address(host.stub.address).packed
            self._arp.awake.pop(address, None)
            self._addresses.remove(address)
            self._banners.drop(host.stub.address)
        self._hosts.power_off(name)

    def _host(self, name: str) -> StubHost:
        try:
            return self._hosts.by_name[name]
        except KeyError:
            raise CommandError(f"segment {self._segment.name} has no stub {name!r}") from None

    def _command(self, request: Request) -> t.Any:
        names = request.get("stubs")
        names = list(self._hosts.by_name) if names is None else names
        command = request.get("command")
        if command == "status":
            return self._status(names)
        if command == "power_on":
            for name in names:
                self._switch_on(name, request.get("boot_delay"))
        elif command == "power_off":
            for name in names:
                self._switch_off(name)
        elif command == "reset":
            for name in self._hosts.by_name:
                self._switch_off(name)
            self._hosts.reset()
        elif command == "faults":
            self._set_faults(request)
        else:
            raise CommandError(f"unknown command {command!r}")
        return True

    def _status(self, names: list[str]) -> dict[str, t.Any]:
        return {
            "segment": self._segment.name,
            "frames": self._hosts.frames,
            "strangers": dict(self._hosts.strangers),
            "stubs": {name: self._host(name).status() for name in names},
        }

    def _set_faults(self, request: Request) -> None:
        if "magic_loss" in request:
            self._hosts.magic_loss = float(request["magic_loss"])
        for name in request.get("stubs") or []:
            host = self._host(name)
            if "never_boots" in request:
                host.never_boots = bool(request["never_boots"])
            if "boot_delay" in request:
                host.boot_delay = float(request["boot_delay"])


def start(layout: Layout, segment: Segment) -> int:
    """Start the standby process of a segment and return its id; it dies with the calling process."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _become_standby(layout, segment)
    finally:
        os._exit(1)


def _become_standby(layout: Layout, segment: Segment) -> None:
    namespaces.die_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    log = os.open(layout.path("log", f"standby-{segment.name}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, wanted in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, wanted)
    os.closerange(3, 4096)
    try:
        namespaces.enter(layout.hosts_namespace(segment.name))
        Standby(layout, segment).run()
    except Exception:
        traceback.print_exc()
