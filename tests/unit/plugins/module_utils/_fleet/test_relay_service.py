# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import os
import signal
import stat
import time
import typing as t
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import relay_service
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import Sent
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.relay_service import (
    DIRECTORY_PREFIX,
    JOURNAL,
    ORDERS,
    OrderReader,
    RelayService,
    detach,
    make_directory,
)
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import (
    Batch,
    Journal,
    Orders,
    Report,
    Settings,
    read_journal,
    write_orders,
)
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target

PROBE = Probe("ssh", "192.0.2.9", 22, 2.0, "relay", "", b"")
END = Orders([], [], [], True)


def target(name: str) -> Target:
    return Target(
        name, ("wol",), (b"\x02\0\0\0\0\x01",), b"", "", "broadcast", "", 9, "", 3, ("controller",), PROBE, 60.0, 10.0,
        100, (), "all", 1.0, 0.0, 0.0,
    )  # fmt: skip


class Desk:
    """The service with a fake runner and method, a real directory and a clock that is moved by hand.

    ``turns`` are called one by one, each before the answer of one poll; the run ends after the last one.
    """

    def __init__(self, directory: Path, targets: int = 2, only_send: Sequence[int] = ()) -> None:
        self.directory = directory
        for name in (JOURNAL, ORDERS):
            (directory / name).touch()
        self.now = 100.0
        self.turns: list[Callable[[], Report | None]] = []
        self.calls: list[tuple[t.Any, ...]] = []
        self.unfinished = 0
        self.refusals: dict[int, str] = {}
        self.errors: dict[int, str] = {}
        self.results: list[Sent] = []
        self.warnings: list[str] = []
        batch = Batch(Settings(), {key: target(f"h{key}") for key in range(targets)}, frozenset(only_send))
        orders = OrderReader(str(directory / ORDERS), lambda: self.now)
        runner = t.cast("t.Any", self)
        self.service = RelayService(batch, str(directory), runner, {"wol": runner}, orders, self.warnings)

    def run(self, *turns: Callable[[], Report | None]) -> Journal:
        self.turns = list(turns)
        self.service.run()
        return self.journal()

    def journal(self) -> Journal:
        return read_journal((self.directory / JOURNAL).read_text().splitlines())

    def order(self, orders: Orders) -> None:
        self.write(write_orders(orders) + "\n")

    def write(self, text: str) -> None:
        with (self.directory / ORDERS).open("a") as stream:
            stream.write(text)

    def end(self) -> None:
        self.order(END)

    # what the service asks of its runner and its method

    def add(self, key: int, _target: Target) -> None:
        self.calls.append(("add", key))
        self.unfinished += 1

    def release(self, keys: Sequence[int]) -> None:
        if keys:
            self.calls.append(("release", *keys))

    def give_up(self, key: int, verdict: str, _reason: str) -> None:
        self.calls.append(("give_up", key, verdict))

    def poll(self, _wait: float) -> Report:
        assert self.turns, "it does not end"
        report = self.turns.pop(0)() or Report([], [], [])
        self.unfinished -= len(report.verdicts)
        return report

    def prepare(self, key: int, _target: Target) -> str:
        self.calls.append(("prepare", key))
        return self.refusals.get(key, "")

    def send(self, keys: Sequence[int]) -> None:
        self.calls.append(("send", *keys))
        self.results += [Sent(key, self.errors.get(key, "")) for key in keys]

    def collect(self) -> list[Sent]:
        results, self.results = self.results, []
        return results


def test_it_ends_on_the_order_to_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.end()
    assert desk.run() == Journal(Report([], [], []), [], False, "")
    assert desk.calls == [("add", 0), ("add", 1)]


def test_what_is_ordered_before_the_end_is_done(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def order() -> None:
        desk.order(Orders([0, 1], [], [], False))
        desk.order(Orders([], [], [1], False))
        desk.end()

    desk.run(order)
    assert desk.calls[2:] == [("release", 0, 1), ("give_up", 1, "blocked")]


def test_a_minute_without_orders_ends_it_and_each_order_counts_as_a_sign_of_life(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def later(seconds: float, sign: str = "") -> Callable[[], None]:
        def turn() -> None:
            desk.now += seconds
            desk.write(sign)

        return turn

    desk.run(later(59.0, "{}\n"), later(59.0, "{}\n"), later(30.0), later(29.0), later(2.0))
    assert desk.turns == []
    assert desk.now == pytest.approx(279.0)


def test_a_line_that_is_not_whole_yet_is_waited_for_and_is_no_sign_of_life(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def half() -> None:
        desk.write('{"release":[0')

    def rest() -> None:
        assert desk.calls[2:] == []
        desk.write("]}\n")

    desk.run(half, rest, desk.end)
    assert desk.calls[2:] == [("release", 0)]


def test_a_line_that_is_no_order_is_left_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write('nonsense\n[]\n{"release": 5}\n\n{"release": [[1]]}\n{"release":[1]}\n\xff\n')
    desk.run(desk.end)
    assert desk.calls[2:] == [("release", 1)]


def test_what_happens_goes_to_the_journal_and_completeness_is_told_once_at_its_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.warnings.append("two interfaces")
    reports = [
        Report([0, 1], [], []),
        Report([], [(0, Verdict("woken"))], []),
        Report([], [(1, Verdict("not_woken"))], []),
    ]
    journal = desk.run(*(lambda report=report: report for report in reports), lambda: None, lambda: None, desk.end)
    assert journal.report.asleep == [0, 1]
    assert [(key, verdict.verdict) for key, verdict in journal.report.verdicts] == [(0, "woken"), (1, "not_woken")]
    assert journal.warnings == ["two interfaces"]
    assert journal.complete
    text = (tmp_path / JOURNAL).read_text()
    assert text.count("complete") == 1
    assert text.rindex("complete") > text.rindex("not_woken")


def test_targets_that_are_watched_elsewhere_are_only_sent_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 3, only_send=[1, 2])
    desk.refusals[2] = "no interface in 192.0.2.0/24"
    desk.errors[1] = "eth0 is down"

    def order() -> None:
        desk.order(Orders([], [1], [], False))

    def end() -> None:
        desk.end()

    journal = desk.run(order, end)
    assert desk.calls == [("add", 0), ("prepare", 1), ("prepare", 2), ("send", 1)]
    assert journal.report.not_sent == [(2, "no interface in 192.0.2.0/24"), (1, "eth0 is down")]


def test_a_journal_that_can_not_be_written_ends_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def lose_the_directory() -> Report:
        for name in (JOURNAL, ORDERS):
            (tmp_path / name).unlink()
        tmp_path.rmdir()
        return Report([0], [], [])

    with pytest.raises(FileNotFoundError):
        desk.run(lose_the_directory)


def test_the_directory_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_service.tempfile, "tempdir", str(tmp_path))
    directory = make_directory()
    assert os.path.basename(directory).startswith(DIRECTORY_PREFIX)
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
    assert {name: stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode) for name in os.listdir(directory)} == {
        JOURNAL: 0o600,
        ORDERS: 0o600,
    }


# A process of its own


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(relay_service.tempfile, "tempdir", str(tmp_path))
    return Path(make_directory())


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def running(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}/exe")


def test_it_detaches_into_a_session_of_its_own_and_leaves_nothing_behind(directory: Path, tmp_path: Path) -> None:
    facts = tmp_path / "facts"

    def serve() -> None:
        mine = [os.getpid(), os.getsid(0), os.getppid()]
        inherited = [name for name in os.listdir("/proc/self/fd") if int(name) > 2 and fd_is_open(int(name))]
        streams = [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
        facts.with_suffix(".part").write_text(json.dumps((mine, inherited, streams, os.getcwd())))
        facts.with_suffix(".part").rename(facts)
        while not (directory / "go").exists():
            time.sleep(0.01)

    pid = detach(str(directory), serve)
    try:
        assert wait_until(facts.exists)
        (own, session, parent), inherited, streams, cwd = json.loads(facts.read_text())
        assert own == pid
        assert session not in (os.getsid(0), own)
        assert parent != os.getpid()
        assert inherited == []
        assert streams == [os.devnull] * 3
        assert cwd == "/"
        assert running(pid)
    finally:
        (directory / "go").touch()
    assert wait_until(lambda: not directory.exists())
    assert wait_until(lambda: not running(pid))


def fd_is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return not os.readlink(f"/proc/self/fd/{number}").startswith("/proc/")


def test_detaching_leaves_no_zombie_to_its_parent(directory: Path) -> None:
    pid = detach(str(directory), lambda: None)
    assert pid > 1
    assert wait_until(lambda: not directory.exists())
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGTERM twice", "SIGHUP first"])
def test_a_signal_ends_it_and_removes_its_directory(directory: Path, name: str) -> None:
    def serve() -> None:
        (directory / "ready").touch()
        time.sleep(60)

    pid = detach(str(directory), serve)
    try:
        assert wait_until((directory / "ready").exists)
        if name == "SIGHUP first":
            os.kill(pid, signal.SIGHUP)
            time.sleep(0.05)
            assert running(pid)
            assert directory.exists()
        os.kill(pid, signal.SIGTERM)
        if name == "SIGTERM twice":
            end_again(pid)
        assert wait_until(lambda: not running(pid))
        assert not directory.exists()
    finally:
        if running(pid):
            os.kill(pid, signal.SIGKILL)


def end_again(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def test_what_stops_it_is_left_as_a_sentence_in_the_journal(directory: Path) -> None:
    def serve() -> None:
        raise PermissionError(1, "no raw sockets")

    pid = detach(str(directory), serve)
    try:
        assert wait_until(lambda: bool((directory / JOURNAL).read_text()))
        assert "no raw sockets" in read_journal((directory / JOURNAL).read_text().splitlines()).failed
    finally:
        end_again(pid)
    assert wait_until(lambda: not directory.exists())


def test_a_whole_service_in_its_process_ends_on_order(directory: Path) -> None:
    class Idle:
        unfinished = 0

        def poll(self, wait: float) -> Report:
            time.sleep(min(wait, 0.02))
            return Report([], [], [])

        def release(self, keys: Sequence[int]) -> None:
            return

    def serve() -> None:
        batch = Batch(Settings(), {}, frozenset())
        reader = OrderReader(str(directory / ORDERS))
        RelayService(batch, str(directory), t.cast("t.Any", Idle()), {}, reader, []).run()

    pid = detach(str(directory), serve)
    assert wait_until(lambda: "complete" in (directory / JOURNAL).read_text())
    with (directory / ORDERS).open("a") as stream:
        stream.write(write_orders(END) + "\n")
    assert wait_until(lambda: not directory.exists())
    assert wait_until(lambda: not running(pid))
