# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import os
import subprocess
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import wire
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.relay_service import (
    DIRECTORY_PREFIX,
    JOURNAL,
    ORDERS,
)
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Batch, Orders, Report, Settings
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target
from ansible_collections.lightsout.wake.plugins.plugin_utils import _relay_session
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_link import RelayUnusable
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_session import OwnSession, RelaySession

NOTHING = Orders([], [], [], False)
BATCH = Batch(Settings(), {}, frozenset())
PROBE = Probe("tcp", "127.0.0.1", 1, 0.2, "controller", "", b"")


def target(name: str, **changed: t.Any) -> Target:
    values: dict[str, t.Any] = {
        "name": name, "methods": ("wol",), "macs": (b"\x02\0\0\0\0\x01",), "secureon": b"", "subnet": "",
        "delivery": "unicast", "address": "127.0.0.1", "port": 9, "interface": "", "count": 1,
        "relays": ("controller",), "probe": PROBE, "timeout": 0.3, "resend_interval": 10.0, "order": 100, "after": (),
        "power_domain": "all", "weight": 1.0, "max_weight": 0.0, "stagger": 0.0,
    }  # fmt: skip
    return Target(**{**values, **changed})


class Relay:
    """A relay whose shell is the one of this machine, and whose service is this test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / (DIRECTORY_PREFIX + "it's")
        self.directory.mkdir()
        for name in (JOURNAL, ORDERS):
            (self.directory / name).touch()
        self.service = subprocess.Popen(["sleep", "60"])
        self.commands: list[str] = []
        self.cut_at = -1
        self.closed = 0
        self.batch = ""
        self.started: dict[str, t.Any] = {"directory": str(self.directory), "pid": self.service.pid}

    def run_module(self, batch: str) -> dict[str, t.Any]:
        self.batch = batch
        return self.started

    def command(self, text: str) -> str:
        self.commands.append(text)
        if self.cut_at == 0:
            raise RelayUnusable("no route")
        output = subprocess.run(["sh", "-c", text], check=True, capture_output=True, text=True).stdout
        return output if self.cut_at < 0 else output[: self.cut_at]

    def close(self) -> None:
        self.closed += 1

    def journal(self, *lines: str) -> None:
        self.write("".join(line + "\n" for line in lines))

    def write(self, text: str) -> None:
        with (self.directory / JOURNAL).open("a") as stream:
            stream.write(text)

    def orders(self) -> list[Orders]:
        return [wire.read_orders(line) for line in (self.directory / ORDERS).read_text().splitlines()]

    def kill(self) -> None:
        self.service.kill()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    made = Relay(tmp_path)
    yield made
    made.service.kill()
    made.service.wait()


def session_with(relay: Relay) -> RelaySession:
    return RelaySession(t.cast("t.Any", relay), BATCH)


def verdict_line(key: int, word: str = "woken") -> str:
    return wire.write_report(Report([], [(key, Verdict(word))], []))[0]


def keys(journal: wire.Journal) -> list[int]:
    return [key for key, _verdict in journal.report.verdicts]


def test_the_batch_is_handed_to_the_module(relay: Relay) -> None:
    session_with(relay)
    assert wire.read_batch(relay.batch) == BATCH


@pytest.mark.parametrize("changed", [{"directory": "/"}, {"directory": "/home/someone"}, {"pid": 0}, {"pid": 1}])
def test_an_answer_that_is_not_that_of_our_module_is_refused(relay: Relay, changed: dict[str, t.Any]) -> None:
    relay.started.update(changed)
    with pytest.raises(RelayUnusable, match="not that of our module"):
        session_with(relay)
    assert relay.commands == []


def test_orders_go_in_and_the_journal_comes_out_each_line_once(relay: Relay) -> None:
    session = session_with(relay)
    relay.journal(verdict_line(1), '{"asleep": [2, 3]}')
    journal = session.exchange(Orders([2], [3], [4], False))
    assert (keys(journal), journal.report.asleep, journal.failed) == ([1], [2, 3], "")
    assert relay.orders() == [Orders([2], [3], [4], False)]
    relay.journal(verdict_line(5))
    assert keys(session.exchange(NOTHING)) == [5]
    assert keys(session.exchange(NOTHING)) == []
    assert relay.orders()[1:] == [NOTHING, NOTHING]


def test_a_line_that_is_half_written_is_taken_once_it_is_whole(relay: Relay) -> None:
    session = session_with(relay)
    line = verdict_line(2)
    relay.write(verdict_line(1) + "\n" + line[:20])
    assert keys(session.exchange(NOTHING)) == [1]
    relay.write(line[20:])
    assert keys(session.exchange(NOTHING)) == []
    relay.write("\n" + verdict_line(3)[:5])
    assert keys(session.exchange(NOTHING)) == [2]


@pytest.mark.parametrize("kept", range(0, 260, 13))
def test_an_answer_that_is_cut_off_anywhere_loses_nothing_and_repeats_nothing(relay: Relay, kept: int) -> None:
    session = session_with(relay)
    relay.journal(verdict_line(1), verdict_line(2))
    relay.cut_at = kept or 1
    with pytest.raises(RelayUnusable, match="cut off"):
        session.exchange(Orders([7], [], [], False))
    relay.cut_at = -1
    assert keys(session.exchange(NOTHING)) == [1, 2]


def test_line_ends_of_a_terminal_do_no_harm(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_with(relay)
    plain = relay.command
    monkeypatch.setattr(relay, "command", lambda text: plain(text).replace("\n", "\r\n"))
    for key in (1, 2):
        relay.journal(verdict_line(key))
        assert keys(session.exchange(NOTHING)) == [key]


def test_lines_that_a_login_prints_are_passed_over(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_with(relay)
    plain = relay.command
    monkeypatch.setattr(relay, "command", lambda text: "Welcome =alive\n" + plain(text) + "bye\n")
    relay.journal(verdict_line(1))
    assert keys(session.exchange(NOTHING)) == [1]


def test_a_service_that_was_killed_leaves_its_journal_and_is_lost(relay: Relay) -> None:
    session = session_with(relay)
    relay.journal(verdict_line(1))
    relay.kill()
    relay.service.wait()
    journal = session.exchange(NOTHING)
    assert keys(journal) == [1]
    assert journal.failed == "its wake process was ended from outside"


def test_a_service_that_nobody_has_waited_for_yet_counts_as_dead(relay: Relay) -> None:
    session = session_with(relay)
    relay.kill()
    for _turn in range(1000):
        if not os.path.exists(f"/proc/{relay.service.pid}/exe"):
            break
        time.sleep(0.001)
    assert session.exchange(NOTHING).failed


def test_a_service_that_said_why_it_ended_is_quoted(relay: Relay) -> None:
    session = session_with(relay)
    relay.journal(wire.write_failure("OSError: no space"))
    assert session.exchange(NOTHING).failed == "OSError: no space"


def test_a_directory_that_is_gone_ends_it_and_nothing_is_run_there_again(relay: Relay) -> None:
    session = session_with(relay)
    for name in (JOURNAL, ORDERS):
        (relay.directory / name).unlink()
    relay.directory.rmdir()
    assert session.exchange(Orders([1], [], [], False)).failed
    commands = len(relay.commands)
    session.close()
    assert len(relay.commands) == commands
    assert relay.closed == 1


def test_orders_of_many_keys_are_split_so_that_each_fits_a_command_line(relay: Relay) -> None:
    session = session_with(relay)
    wanted = Orders(list(range(10**6, 10**6 + 12000)), list(range(2 * 10**6, 2 * 10**6 + 7000)), [5], False)
    relay.journal(verdict_line(1))
    assert keys(session.exchange(wanted)) == [1]
    assert max(map(len, relay.commands)) < 128 * 1024
    given = relay.orders()
    assert [key for orders in given for key in orders.release] == wanted.release
    assert [key for orders in given for key in orders.send] == wanted.send
    assert [key for orders in given for key in orders.give_up] == [5]
    assert not any(orders.end for orders in given)


def test_closing_asks_it_to_end_and_removes_the_directory(relay: Relay) -> None:
    session = session_with(relay)
    relay.kill()
    relay.service.wait()
    session.close()
    assert not relay.directory.exists()
    assert relay.closed == 1


def test_closing_gives_a_live_service_the_order_to_end(relay: Relay) -> None:
    session = session_with(relay)
    orders = relay.directory.parent / "orders-seen"
    watcher = subprocess.Popen(
        ["sh", "-c", f'while ! grep -q end "{relay.directory}/{ORDERS}"; do sleep 0.02; done; '
         f'cp "{relay.directory}/{ORDERS}" "{orders}"; kill {relay.service.pid}'],
    )  # fmt: skip
    session.close()
    watcher.wait()
    assert wire.read_orders(orders.read_text()).end
    assert not relay.directory.exists()


def test_a_relay_that_is_lost_can_still_be_closed(relay: Relay) -> None:
    session = session_with(relay)
    relay.cut_at = 0
    session.close()
    assert relay.closed == 1


# The control node in the place of a relay


def told(session: OwnSession, orders: Orders, until: int) -> tuple[list[int], dict[int, Verdict], dict[int, str]]:
    asleep: list[int] = []
    verdicts: dict[int, Verdict] = {}
    not_sent: dict[int, str] = {}
    for _turn in range(300):
        report = session.exchange(orders).report
        orders = Orders(list(report.asleep), [], [], False)
        asleep += report.asleep
        verdicts.update(report.verdicts)
        not_sent.update(report.not_sent)
        if len(verdicts) == until:
            break
    return asleep, verdicts, not_sent


def test_the_control_node_looks_sends_and_watches_by_itself() -> None:
    session = OwnSession(Batch(Settings(), {3: target("a")}, frozenset()))
    try:
        asleep, verdicts, _not_sent = told(session, NOTHING, 1)
    finally:
        session.close()
    assert asleep == [3]
    assert (verdicts[3].verdict, verdicts[3].sends) == ("not_woken", 1)
    assert session.waits_itself
    assert not RelaySession.waits_itself


def test_the_control_node_sends_for_those_that_are_watched_elsewhere() -> None:
    session = OwnSession(Batch(Settings(), {3: target("a"), 4: target("b")}, frozenset([4])))
    try:
        _asleep, verdicts, not_sent = told(session, Orders([], [4, 4], [], False), 1)
    finally:
        session.close()
    assert list(verdicts) == [3]
    assert not_sent == {}


def test_the_control_node_says_what_it_could_not_send(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(_relay_session.PacketSender):
        def send(self, route: t.Any, payloads: t.Any) -> list[int]:
            return [errno.ENETUNREACH] * len(payloads)

    monkeypatch.setattr(_relay_session, "PacketSender", Broken)
    batch = Batch(
        Settings(), {4: target("b"), 5: target("c", subnet="203.0.113.0/24", delivery="ethernet")}, frozenset([4, 5])
    )
    session = OwnSession(batch)
    try:
        journal = session.exchange(Orders([], [4], [], False))
    finally:
        session.close()
    assert [key for key, _sentence in journal.report.not_sent] == [5, 4]
    assert all(sentence for _key, sentence in journal.report.not_sent)
    assert journal.report.verdicts == []


def test_giving_up_in_the_control_node() -> None:
    session = OwnSession(Batch(Settings(), {3: target("a", timeout=60.0)}, frozenset()))
    try:
        _asleep, verdicts, _not_sent = told(session, Orders([], [], [3, 99], False), 1)
    finally:
        session.close()
    assert verdicts[3].verdict == "blocked"
