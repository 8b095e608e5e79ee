# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""The process that owns a lab: it builds it, keeps it and removes it, also when its own parent dies.

    python -m lab supervise STATE_ROOT NAME [detached] < lifeline

It reads the completed configuration from STATE_ROOT/NAME/configuration.json and writes "up" or an error to standard
output. The end of standard input ends the lab, unless it is detached.
"""

from __future__ import annotations

import collections.abc
import fcntl
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
import traceback
import types
import typing as t

from lab import inventory, keys, namespaces, ssh_machine, standby, topology
from lab.configuration import Configuration
from lab.control_socket import CommandError, ControlServer, Request
from lab.layout import Layout


class _End(BaseException):
    """The lab is to be taken down."""


class Supervisor:
    """Owns a lab's processes."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._sshds: dict[str, subprocess.Popen[bytes]] = {}
        self._standbys: dict[str, int] = {}
        self._selector = selectors.DefaultSelector()

    def build(self) -> None:
        """Build the whole lab. Raises CommandFailed and OSError."""
        layout = self._layout
        keys.directory(layout)
        os.mkdir(layout.path("log"), 0o700)
        os.mkdir(layout.path("home"), 0o700)
        os.mkdir(layout.path("cp"), 0o700)
        self._hold_lock()
        keys.make(layout)
        ssh_machine.prepare(layout)
        topology.build(layout)
        for segment in layout.configuration.segments:
            self._standbys[segment.name] = standby.start(layout, segment)
        standing = [machine for machine in layout.ssh_machines() if self._stands(machine.name)]
        for machine in standing:
            self._start(machine.name)
        inventory.write(layout)
        for machine in standing:
            ssh_machine.wait_until_listening(layout, machine)
        self._wait_for_standbys()
        ControlServer(self._selector, layout.path("supervisor.sock"), self._command)

    def run(self, lifeline: int | None) -> None:
        """Serve until the lifeline ends or a signal arrives."""
        if lifeline is not None:
            self._selector.register(lifeline, selectors.EVENT_READ, self._lifeline)
        while True:
            for key, _events in self._selector.select(1.0):
                key.data(key.fileobj)
            self._reap()

    def _hold_lock(self) -> None:
        lock = os.open(self._layout.path("pid"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, str(os.getpid()).encode())

    def _lifeline(self, number: int) -> None:
        if not os.read(number, 4096):
            raise _End

    def _stands(self, name: str) -> bool:
        lab = self._layout.configuration
        impostors = {self._layout.impostor(stub) for stub in lab.stubs if stub.impostor}
        return name in impostors or any(machine.name == name and machine.up for machine in lab.machines)

    def _start(self, name: str) -> None:
        self._sshds[name] = ssh_machine.start(self._layout, self._layout.ssh_machine(name))

    def _wait_for_standbys(self) -> None:
        for segment, pid in self._standbys.items():
            deadline = time.monotonic() + 30
            while not os.path.exists(self._layout.standby_socket(segment)):
                if os.waitpid(pid, os.WNOHANG)[0] or time.monotonic() > deadline:
                    with open(self._layout.path("log", f"standby-{segment}"), encoding="utf-8") as log:
                        raise namespaces.CommandFailed(f"the standby model of {segment} ended: {log.read()[-2000:]}")
                time.sleep(0.005)

    def _reap(self) -> None:
        for sshd in self._sshds.values():
            sshd.poll()
        reap_orphans()

    def _command(self, request: Request) -> t.Any:
        commands: dict[str, collections.abc.Callable[[], t.Any]] = {
            "status": lambda: {"pid": os.getpid(), "standbys": self._standbys},
            "power_on": lambda: self._power_on(request["machine"]),
            "power_off": lambda: self._power_off(request["machine"]),
        }
        if request.get("command") not in commands:
            raise CommandError(f"unknown command {request.get('command')!r}")
        return commands[request["command"]]()

    def _power_on(self, name: str) -> bool:
        sshd = self._sshds.get(name)
        if sshd is not None and sshd.poll() is None:
            raise CommandError(f"machine {name} is already on")
        machine = self._layout.ssh_machine(name)
        topology.switch_on(self._layout, machine.namespace)
        self._start(name)
        ssh_machine.wait_until_listening(self._layout, machine)
        return True

    def _power_off(self, name: str) -> bool:
        machine = self._layout.ssh_machine(name)
        topology.switch_off(self._layout, machine.namespace)
        ssh_machine.stop(machine)
        if name in self._sshds:
            self._sshds[name].wait()
        return True


def remove(name: str, state_root: str) -> None:
    """Remove what is left of a lab: processes, namespaces, files."""
    namespaces.remove(name)
    shutil.rmtree(os.path.join(state_root, name), ignore_errors=True)
    try:
        os.rmdir(state_root)
    except OSError:
        return


def reap_orphans(patience: float = 0.0) -> None:
    """Take the exit codes of all ended children; orphans of the lab's machines are children of this process."""
    deadline = time.monotonic() + patience
    try:
        while os.waitpid(-1, os.WNOHANG)[0] or time.monotonic() < deadline:
            time.sleep(0.005 if patience else 0)
    except ChildProcessError:
        return


def main(arguments: list[str]) -> int:
    """Build and keep the lab of `arguments`: STATE_ROOT NAME [detached]."""

    def end(_number: int, _frame: types.FrameType | None) -> None:
        raise _End

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    namespaces.adopt_orphans()
    code = 1
    state_root, name, *detached = arguments
    try:
        with open(os.path.join(state_root, name, "configuration.json"), encoding="utf-8") as configuration:
            layout = Layout(Configuration.from_json(configuration.read()), state_root)
        supervisor = Supervisor(layout)
        supervisor.build()
        _say("up")
        supervisor.run(None if detached else sys.stdin.fileno())
    except _End:
        code = 0
    except Exception as error:
        traceback.print_exc()
        _say(f"{type(error).__name__}: {error}")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        remove(name, state_root)
        reap_orphans(2.0)
    return code


def _say(text: str) -> None:
    try:
        os.write(1, text.replace("\n", " ").encode() + b"\n")
    except OSError:
        return
