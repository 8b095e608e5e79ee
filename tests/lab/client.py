# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Builds labs, runs commands in them and asks them: the lab's interface for tests, benchmarks and the demo."""

from __future__ import annotations

import collections.abc
import fcntl
import os
import subprocess
import sys
import time
import types
import typing as t

from lab import inventory, keys, namespaces, supervisor, topology
from lab.configuration import Configuration, Stub
from lab.control_socket import ask
from lab.layout import STATE_ROOT, Layout

Environment = collections.abc.Mapping[str, str]


class LabError(RuntimeError):
    """The lab couldn't be built or something in it failed; the text says what."""


class Relay:
    """An always-on machine of a lab."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab, self.name = lab, name
        self.namespace = lab.layout.namespace(name)

    @property
    def host_key(self) -> str:
        """The fingerprint of its host key, "SHA256:..."."""
        return keys.fingerprint(self._lab.layout, self.name)

    def cut(self) -> None:
        """Pull its network cables; what runs on it goes on."""
        topology.plug(self._lab.layout, self.namespace, False)

    def restore(self) -> None:
        """Plug its network cables in again."""
        topology.plug(self._lab.layout, self.namespace, True)

    def power_off(self) -> None:
        """Kill everything on it and pull its cables; its files are lost."""
        self._lab.ask_supervisor(command="power_off", machine=self.name)

    def power_on(self) -> None:
        """Start it anew."""
        self._lab.ask_supervisor(command="power_on", machine=self.name)

    def processes(self) -> dict[int, str]:
        """Return what runs on it: process id and command line, its sshd included."""
        found = {}
        for pid in namespaces.processes([self.namespace]):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as line:
                    found[pid] = line.read().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue
        return {pid: line for pid, line in found.items() if line}

    def run(
        self, argv: collections.abc.Sequence[str], *, check: bool = True, **options: t.Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on it, with its view of network and files."""
        sshd = min(pid for pid, line in self.processes().items() if "sshd" in line)
        options = {"capture_output": True, "text": True, "timeout": 300, "env": namespaces.environment(), **options}
        entered = ["nsenter", "-t", str(sshd), "-n", "-m", "-u", "--wd=/root", *argv]
        return subprocess.run(entered, check=check, **options)

    def files(self) -> list[str]:
        """Return what is below /root, /tmp, /var/tmp and /dev/shm that wasn't there when it started."""
        found = self.run(["find", "/root", "/tmp", "/var/tmp", "/dev/shm", "-mindepth", "1"]).stdout.splitlines()
        return sorted(p for p in found if not p.startswith(("/root/.sshd", "/root/.ssh", "/root/.layers")))


class Standby:
    """The powered-off machines of one segment."""

    def __init__(self, path: str) -> None:
        self._path = path

    def status(self, names: collections.abc.Iterable[str] | None = None) -> dict[str, t.Any]:
        """Return `frames`, `strangers` (MACs of nobody, with counts) and `stubs`: name -> see StubHost.status()."""
        return t.cast("dict[str, t.Any]", self._ask("status", names))

    def power_on(self, names: collections.abc.Iterable[str] | None = None, boot_delay: float | None = None) -> None:
        """Press the power button of these stubs, of all without names; it works whatever their faults."""
        self._ask("power_on", names, **({} if boot_delay is None else {"boot_delay": boot_delay}))

    def power_off(self, names: collections.abc.Iterable[str] | None = None) -> None:
        self._ask("power_off", names)

    def reset(self) -> None:
        """Switch all off and forget everything that was counted."""
        self._ask("reset", None)

    def faults(self, names: collections.abc.Iterable[str] = (), **faults: t.Any) -> None:
        """Change `magic_loss` of the segment, `never_boots` and `boot_delay` of stubs."""
        self._ask("faults", names, **faults)

    def _ask(self, command: str, names: collections.abc.Iterable[str] | None, **more: t.Any) -> t.Any:
        return ask(self._path, {"command": command, "stubs": None if names is None else list(names), **more})


class Lab:
    """A lab. As a context manager it is built on entry and removed on exit, also when this process is killed."""

    def __init__(self, configuration: Configuration, *, state_root: str = STATE_ROOT, detached: bool = False) -> None:
        self.configuration = configuration.completed()
        self.layout = Layout(self.configuration, state_root)
        self.state_root = state_root
        self.inventory = inventory.path(self.layout)
        self._detached = detached
        self._supervisor: subprocess.Popen[bytes] | None = None

    @classmethod
    def attach(cls, name: str, state_root: str = STATE_ROOT) -> Lab:
        """Return the lab of that name that is up. Raises LabError."""
        try:
            with open(os.path.join(state_root, name, "configuration.json"), encoding="utf-8") as configuration:
                return cls(Configuration.from_json(configuration.read()), state_root=state_root)
        except FileNotFoundError:
            raise LabError(f"there is no lab {name}") from None

    def __enter__(self) -> Lab:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> None:
        """Build the lab. Raises LabError."""
        if os.geteuid():
            raise LabError("the lab needs root: it makes network namespaces")
        if self._is_up():
            raise LabError(f"a lab named {self.configuration.name} is already up; take it down first")
        supervisor.remove(self.configuration.name, self.state_root)
        try:
            self._start()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Remove everything of the lab, also what an interrupted run left."""
        if self._supervisor is not None:
            if self._supervisor.stdin:
                self._supervisor.stdin.close()
            self._terminate(self._supervisor.pid) if self._detached else None
            try:
                self._supervisor.wait(60)
            except subprocess.TimeoutExpired:
                self._supervisor.kill()
            self._supervisor = None
        elif self._is_up():
            self._end_supervisor()
        supervisor.remove(self.configuration.name, self.state_root)

    def environment(self) -> dict[str, str]:
        """Return the environment of commands: Ansible and ssh keep their files in the lab's directory."""
        home = self.layout.path("home")
        ansible = {
            "ANSIBLE_HOME": os.path.join(home, ".ansible"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": self.layout.path("cp"),
        }
        return {**namespaces.environment(), "HOME": home, "ANSIBLE_LOCALHOST_WARNING": "false", **ansible}

    def popen(
        self,
        argv: collections.abc.Sequence[str],
        *,
        env: Environment | None = None,
        on: str = "control",
        **options: t.Any,
    ) -> subprocess.Popen[t.Any]:
        """Start a command on the control node (or in the namespace of another machine)."""
        environment = {**self.environment(), **(env or {})}
        return subprocess.Popen(["ip", "netns", "exec", self.layout.namespace(on), *argv], env=environment, **options)

    def control(
        self,
        argv: collections.abc.Sequence[str],
        *,
        env: Environment | None = None,
        on: str = "control",
        check: bool = True,
        **options: t.Any,
    ) -> subprocess.CompletedProcess[t.Any]:
        """Run a command on the control node and return it with its output. Options as of subprocess.run."""
        options = {"capture_output": True, "text": True, "timeout": 300, **options}
        environment = {**self.environment(), **(env or {})}
        entered = ["ip", "netns", "exec", self.layout.namespace(on), *argv]
        return subprocess.run(entered, check=check, env=environment, **options)

    def relay(self, name: str) -> Relay:
        self.configuration.machine(name)
        return Relay(self, name)

    def standby(self, segment: str) -> Standby:
        self.configuration.segment(segment)
        return Standby(self.layout.standby_socket(segment))

    def stub(self, name: str) -> dict[str, t.Any]:
        """Return the status of one stub."""
        status = self.standby(self._stub(name).segment).status([name])
        return t.cast("dict[str, t.Any]", status["stubs"][name])

    def wait_for(self, name: str, state: str, patience: float = 30.0) -> dict[str, t.Any]:
        """Wait until a stub is `off`, `booting` or `on`, return its status. Raises LabError."""
        deadline = time.monotonic() + patience
        while (status := self.stub(name))["state"] != state:
            if time.monotonic() > deadline:
                raise LabError(f"{name} is {status['state']} and not {state} after {patience} s: {status}")
            time.sleep(0.02)
        return status

    def frame_loss(self, segment: str, percent: int) -> None:
        """Lose that percentage of frames on the stub hosts' cable from now on."""
        topology.set_frame_loss(self.layout, self.configuration.segment(segment), percent)

    def ask_supervisor(self, **request: t.Any) -> t.Any:
        return ask(self.layout.path("supervisor.sock"), request)

    def _stub(self, name: str) -> Stub:
        return next(stub for stub in self.configuration.stubs if stub.name == name)

    def _start(self) -> None:
        os.makedirs(self.state_root, mode=0o700, exist_ok=True)
        if os.stat(self.state_root).st_uid:
            raise LabError(f"{self.state_root} does not belong to root")
        os.mkdir(self.layout.state, 0o700)
        with open(self.layout.path("configuration.json"), "w", encoding="utf-8") as configuration:
            configuration.write(self.configuration.to_json())
        argv = [sys.executable, "-m", "lab", "supervise", self.state_root, self.configuration.name]
        path = os.pathsep.join([os.path.dirname(os.path.dirname(__file__)), os.environ.get("PYTHONPATH", "")])
        with open(self.layout.path("supervisor.log"), "wb") as log:
            self._supervisor = subprocess.Popen(
                argv + ["detached"] * self._detached,
                stdin=subprocess.DEVNULL if self._detached else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**namespaces.environment(), "PYTHONPATH": path},
                start_new_session=True,
            )
        assert self._supervisor.stdout
        answer = self._supervisor.stdout.readline().decode().strip()
        self._supervisor.stdout.close()
        if answer != "up":
            raise LabError(f"the lab could not be built: {answer or 'its supervisor died'}")

    def _is_up(self) -> bool:
        try:
            with open(self.layout.path("pid"), "rb") as pid:
                fcntl.flock(pid, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _end_supervisor(self) -> None:
        with open(self.layout.path("pid"), encoding="ascii") as pid:
            self._terminate(int(pid.read()))
        deadline = time.monotonic() + 60
        while self._is_up() and time.monotonic() < deadline:
            time.sleep(0.02)

    @staticmethod
    def _terminate(pid: int) -> None:
        try:
            os.kill(pid, 15)
        except ProcessLookupError:
            return
