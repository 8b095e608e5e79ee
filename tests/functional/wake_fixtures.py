# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""One lab for all tests of the wake action, and how they run ansible-playbook in it."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import shutil
import sys
import time
import typing as t

import pytest
from lab import Configuration, Lab, Machine, Segment, Stub, many_stubs, namespaces
from lab.client import Relay

ROOT = pathlib.Path(__file__).parents[2]
PLAYBOOK = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
PATIENCE = 20.0  # seconds in which everything of a run must be gone
SECUREON = "3a:1f:c4:7d:90:e2"

CONFIGURATION = Configuration(
    f"f{os.getpid()}",
    segments=(
        Segment("office", "10.77.1.0/24"),
        Segment("plant", "10.77.2.0/24", directed_broadcast=True, variables={"wake_delivery": "directed"}),
        Segment("branch", "10.77.3.0/24", variables={"wake_relay": "alpha"}),
        Segment("hidden", "10.77.4.0/24", routed=False, variables={"wake_relay": "inner"}),
    ),
    machines=(
        Machine("alpha", ("branch",)),
        Machine("beta", ("branch",)),
        Machine("gamma", ("branch",)),
        Machine("delta", ("branch",)),
        Machine("bare", ("branch",), python=False),
        Machine("down", ("branch",), up=False),
        Machine("jump", ("branch", "hidden")),
        Machine("inner", ("hidden",), jump="jump"),
    ),
    stubs=(
        *many_stubs(6, "office", prefix="office", boot_delay=0.5),
        Stub("real", "office", boot_delay=0.5, real=True),
        Stub("late", "office", boot_delay=4.0),
        Stub("never", "office", never_boots=True),
        Stub("moved", "office", inventory_mac="02:00:00:00:99:99"),
        Stub("taken", "office", impostor=True),
        Stub("locked", "office", boot_delay=0.5, secureon=SECUREON),
        Stub("mislocked", "office", boot_delay=0.5, secureon=SECUREON, inventory_secureon="3a:1f:c4:7d:90:e3"),
        *many_stubs(3, "plant", prefix="plant", boot_delay=0.5),
        *many_stubs(8, "branch", prefix="branch", boot_delay=0.5),
        *many_stubs(8, "branch", prefix="dead", never_boots=True),
        Stub("vault", "branch", boot_delay=0.5, secureon=SECUREON),
        Stub("gate", "branch", boot_delay=0.5, real=True),
        *many_stubs(2, "hidden", prefix="hidden", boot_delay=0.5),
    ),
    variables={"wake_resend_interval": 1, "wake_timeout": 20},
)


@dataclasses.dataclass
class Run:
    """What a run of ansible-playbook left behind: its exit code, its output, and the result of the task."""

    code: int
    output: str
    result: dict[str, t.Any]
    seconds: float

    @property
    def verdicts(self) -> dict[str, str]:
        return {row["host"]: row["verdict"] for row in self.result["targets"]}

    def row(self, host: str) -> dict[str, t.Any]:
        return next(row for row in self.result["targets"] if row["host"] == host)

    def recap(self, field: str) -> int:
        """The sum of a field of the play recap, such as changed."""
        assert "PLAY RECAP" in self.output, self.output
        return sum(int(number) for number in re.findall(rf"\b{field}=(\d+)", self.output))


class Fleet:
    """The lab as the tests of the action use it."""

    def __init__(self, lab: Lab, folder: pathlib.Path, collections: pathlib.Path) -> None:
        self.lab, self.folder = lab, folder
        self.temporary = pathlib.Path(lab.layout.path("t"))
        self.temporary.mkdir(exist_ok=True)
        self.home = pathlib.Path(lab.layout.path("home"))
        self.journals = self.home / ".ansible" / "lightsout_wake"
        self.report = folder / "result.json"
        self._collections = collections

    def environment(self) -> dict[str, str]:
        return {
            "ANSIBLE_COLLECTIONS_PATH": str(self._collections),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_FORCE_COLOR": "false",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.temporary),
        }

    def play(self, hosts: str = "targets", options: dict[str, t.Any] | None = None, **more: t.Any) -> dict[str, t.Any]:
        """A play with the wake task; `more` are further keywords of the play, those of `task` go to the task."""
        task = {
            "name": "Wake",
            "lightsout.wake.wake": {"report_json": str(self.report), **(options or {})},
            "delegate_to": "localhost",
            "register": "fleet",
            **more.pop("task", {}),
        }
        return {"hosts": hosts, "gather_facts": False, "tasks": [task, *more.pop("then", [])], **more}

    def arguments(
        self, plays: list[dict[str, t.Any]], variables: dict[str, dict[str, t.Any]] | None = None, *arguments: str
    ) -> list[str]:
        """Write the playbook, and an inventory with `variables` (host or group -> variables); return the command."""
        playbook = self.folder / "play.yml"
        playbook.write_text(json.dumps(plays))
        groups = {name: values for name, values in (variables or {}).items() if name in ("all", "targets", "relays")}
        hosts = {name: values for name, values in (variables or {}).items() if name not in groups}
        tree: dict[str, t.Any] = {"all": {"hosts": hosts, "children": {}}}
        for name, values in groups.items():
            tree.update({"all": {**tree["all"], "vars": values}} if name == "all" else {name: {"vars": values}})
        overlay = self.folder / "overlay.yml"
        overlay.write_text(json.dumps(tree))
        return [PLAYBOOK, "-i", self.lab.inventory, "-i", str(overlay), *arguments, str(playbook)]

    def run(
        self,
        plays: dict[str, t.Any] | list[dict[str, t.Any]],
        variables: dict[str, dict[str, t.Any]] | None = None,
        *arguments: str,
        env: dict[str, str] | None = None,
        timeout: float = 150.0,
    ) -> Run:
        self.report.unlink(missing_ok=True)
        command = self.arguments(plays if isinstance(plays, list) else [plays], variables, *arguments)
        started = time.monotonic()
        environment = {**self.environment(), **(env or {})}
        done = self.lab.control(command, env=environment, check=False, timeout=timeout)
        return self.collected(done.returncode, done.stdout + done.stderr, time.monotonic() - started)

    def start(
        self,
        plays: dict[str, t.Any] | list[dict[str, t.Any]],
        variables: dict[str, dict[str, t.Any]] | None = None,
        *arguments: str,
    ) -> Running:
        """Start a run in a process group of its own, to disturb it."""
        self.report.unlink(missing_ok=True)
        command = self.arguments(plays if isinstance(plays, list) else [plays], variables, *arguments)
        return Running(self, command)

    def collected(self, code: int, output: str, seconds: float) -> Run:
        result = json.loads(self.report.read_text()) if self.report.exists() else {}
        return Run(code, output, result, seconds)

    def packets(self) -> int:
        """How many magic packets have reached the powered-off machines, for them or for nobody."""
        found = [self.lab.standby(segment.name).status() for segment in CONFIGURATION.segments]
        own = sum(stub["packets"] for status in found for stub in status["stubs"].values())
        return own + sum(number for status in found for number in status["strangers"].values())

    def reset(self) -> None:
        for segment in CONFIGURATION.segments:
            self.lab.standby(segment.name).reset()
            self.lab.standby(segment.name).faults(magic_loss=0.0)

    def left_on(self, relay: str) -> list[str]:
        """Our processes and files on a relay."""
        machine = Relay(self.lab, relay)
        processes = [f"{pid} {line}" for pid, line in machine.processes().items() if not _is_sshd(line)]
        return processes + machine.files()

    def processes_here(self) -> list[str]:
        """What runs on the control node."""
        return [_command_line(pid) for pid in namespaces.processes([self.lab.layout.control])]

    def kill_everything_here(self) -> None:
        """End all processes of the control node, as a power cut does."""
        namespaces.kill_processes([self.lab.layout.control])

    def files_here(self) -> list[pathlib.Path]:
        """Temporary files, sockets and journals of runs on the control node."""
        places = (self.home / ".ansible" / "tmp", self.journals)
        found = [path for place in places if place.exists() for path in place.iterdir()]
        return found + list(self.temporary.iterdir())

    def forget_files_here(self) -> None:
        """Remove what a run that was killed could not remove."""
        for path in self.files_here():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def wait_until_tidy(self, relays: t.Sequence[str], patience: float = PATIENCE) -> None:
        """Wait until nothing of a run is left on relays and control node."""
        deadline = time.monotonic() + patience
        while True:
            left = {relay: self.left_on(relay) for relay in relays}
            left["the control node"] = [*self.processes_here(), *map(str, self.files_here())]
            if not any(left.values()):
                return
            assert time.monotonic() < deadline, left
            time.sleep(0.2)


class Running:
    """An ansible-playbook that runs, with its output in a file."""

    def __init__(self, fleet: Fleet, command: list[str]) -> None:
        self._fleet = fleet
        self._output = fleet.folder / "output"
        self._started = time.monotonic()
        with open(self._output, "wb") as output:
            self.process = fleet.lab.popen(
                command, env=fleet.environment(), stdout=output, stderr=output, start_new_session=True
            )

    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def wait(self, timeout: float = 120.0) -> Run:
        code = self.process.wait(timeout)
        return self._fleet.collected(code, self.output(), time.monotonic() - self._started)

    def kill(self) -> None:
        """End what is still running of it, for the end of a test that failed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait()


def wait_until(what: t.Callable[[], t.Any], patience: float = 40.0, tell: t.Callable[[], t.Any] = lambda: "") -> t.Any:
    """Wait until `what` is true, return it."""
    deadline = time.monotonic() + patience
    while not (answer := what()):
        assert time.monotonic() < deadline, tell()
        time.sleep(0.05)
    return answer


def _is_sshd(line: str) -> bool:
    return line.startswith(("/usr/sbin/sshd", "sshd"))


def _command_line(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@pytest.fixture(scope="session")
def wake_lab() -> t.Iterator[Lab]:
    with Lab(CONFIGURATION) as lab:
        yield lab


@pytest.fixture(scope="session")
def collection_tree(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A tree in which Ansible finds this checkout."""
    tree = tmp_path_factory.mktemp("collections")
    (tree / "ansible_collections" / "lightsout").mkdir(parents=True)
    (tree / "ansible_collections" / "lightsout" / "wake").symlink_to(ROOT)
    return tree


@pytest.fixture
def fleet(wake_lab: Lab, collection_tree: pathlib.Path, tmp_path: pathlib.Path) -> t.Iterator[Fleet]:
    """The lab with everybody asleep; afterwards nothing of the test may be left on any machine."""
    fleet = Fleet(wake_lab, tmp_path, collection_tree)
    fleet.reset()
    yield fleet
    try:
        fleet.wait_until_tidy([machine.name for machine in CONFIGURATION.machines if machine.up])
    finally:
        fleet.kill_everything_here()
        fleet.forget_files_here()
