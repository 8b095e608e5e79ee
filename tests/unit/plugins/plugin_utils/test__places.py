# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import threading
import time
import typing as t
from collections.abc import Callable, Iterator, Sequence

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Batch, Journal, Orders, Report, Settings
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target
from ansible_collections.lightsout.wake.plugins.plugin_utils import _places
from ansible_collections.lightsout.wake.plugins.plugin_utils._places import OwnPlace, RelayPlace, share_polls
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_link import RelayUnusable

PROBE = Probe("tcp", "127.0.0.1", 1, 0.2, "relay", "", b"")
QUIET = Journal(Report([], [], []), [], False, "")


def target(name: str) -> Target:
    return Target(
        name, ("wol",), (b"\x02\0\0\0\0\x01",), b"", "", "broadcast", "", 9, "", 3, ("relay",), PROBE, 60.0, 10.0, 100,
        (), "all", 1.0, 0.0, 0.0,
    )  # fmt: skip


class FakeSession:
    """Says what it is told to, exchange by exchange, and keeps the orders. It is asked again at once."""

    waits_itself = True

    def __init__(self, *answers: Journal | Exception) -> None:
        self.answers = list(answers)
        self.orders: list[Orders] = []
        self.closed = threading.Event()
        self.gate = threading.Semaphore(0)
        self.before: Callable[[], None] = lambda: None

    def exchange(self, orders: Orders) -> Journal:
        self.orders.append(orders)
        self.before()
        if not self.answers:
            time.sleep(0.005)
            return QUIET
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed.set()

    def ordered(self, kind: str) -> list[int]:
        return [key for orders in self.orders for key in getattr(orders, kind)]


class Network:
    """Relays that can be logged in to, or not."""

    def __init__(self, **sessions: FakeSession | Exception) -> None:
        self.sessions = sessions
        self.tried: list[str] = []
        self.batches: list[Batch] = []
        self.warnings: list[str] = []
        self.settings = Settings(7.0, False, 50.0)
        self.now = 0.0

    def start(self, relay: str, batch: Batch) -> t.Any:
        self.tried.append(relay)
        self.batches.append(batch)
        session = self.sessions[relay]
        if isinstance(session, Exception):
            raise session
        return session

    def place(self, relays: Sequence[str], keys: Sequence[int], only_send: Sequence[int] = ()) -> RelayPlace:
        return RelayPlace(
            relays,
            {key: target(f"h{key}") for key in keys},
            frozenset(only_send),
            self.start,
            lambda: self.settings,
            lambda: self.now,
            self.warnings.append,
        )


@pytest.fixture
def open_places() -> Iterator[list[RelayPlace]]:
    places: list[RelayPlace] = []
    yield places
    for place in places:
        place.close()


def heard(place: RelayPlace, keys: int) -> dict[int, Verdict]:
    """Poll until there are verdicts of that many keys."""
    verdicts: dict[int, Verdict] = {}
    end = time.monotonic() + 20.0
    while len(verdicts) < keys:
        assert time.monotonic() < end, "no verdicts"
        for key, verdict in place.poll(0.0).verdicts:
            assert key not in verdicts
            verdicts[key] = verdict
        time.sleep(0.002)
    return verdicts


def journal(*rows: tuple[int, Verdict], asleep: Sequence[int] = (), **more: t.Any) -> Journal:
    return QUIET._replace(report=Report(list(asleep), list(rows), []), **more)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_the_first_relay_of_the_list_that_can_be_reached_works(open_places: list[RelayPlace]) -> None:
    session = FakeSession(journal((1, Verdict("woken"))))
    network = Network(one=RelayUnusable("no route"), two=session, three=RelayUnusable("never asked"))
    place = network.place(("one", "two", "three"), [1])
    open_places.append(place)
    place.begin([1], ())
    assert heard(place, 1)[1].verdict == "woken"
    assert network.tried == ["one", "two"]
    assert place.used == "two"
    assert network.warnings == ["relay one can't be used: no route; two takes its place"]
    assert session.closed.wait(20.0)


def test_relays_that_are_known_to_be_down_are_not_tried(open_places: list[RelayPlace]) -> None:
    network = Network(two=FakeSession(journal((1, Verdict("woken")))))
    place = network.place(("one", "two"), [1])
    open_places.append(place)
    place.begin([1], ["one"])
    heard(place, 1)
    assert network.tried == ["two"]


def test_without_a_relay_that_can_be_reached_nobody_could_send_or_look() -> None:
    network = Network(one=RelayUnusable("no route"), two=RelayUnusable("no Python"))
    place = network.place(("one", "two"), [1, 2])
    place.begin([1, 2], ())
    verdicts = heard(place, 2)
    assert verdicts[1] == Verdict(
        "relay_unreachable",
        "relay one can't be used: no route; relay two can't be used: no Python",
        "relay_unreachable",
    )
    assert verdicts[2] == verdicts[1]


def test_an_unreachable_relay_is_what_would_fail_in_a_preflight() -> None:
    network = Network(one=RelayUnusable("no route"))
    network.settings = Settings(preflight=True)
    place = network.place(("one",), [1])
    place.begin([1], ())
    assert heard(place, 1)[1].verdict == "would_fail"


def test_the_batch_has_the_targets_that_are_left_and_the_time_that_is_left(open_places: list[RelayPlace]) -> None:
    network = Network(one=FakeSession(journal((1, Verdict("woken")))))
    place = network.place(("one",), [1, 2, 3], only_send=[3])
    open_places.append(place)
    place.begin([1], ())
    heard(place, 1)
    (batch,) = network.batches
    assert sorted(batch.targets) == [1, 3]
    assert batch.only_send == {3}
    assert batch.settings == Settings(7.0, False, 50.0)


def test_a_place_without_targets_logs_in_nowhere() -> None:
    network = Network()
    place = network.place(("one",), [1])
    place.begin([], ())
    assert place.poll(0.0) == Report([], [], [])
    place.close()
    assert network.tried == []


def test_orders_reach_the_relay_and_none_is_lost(open_places: list[RelayPlace]) -> None:
    session = FakeSession()
    network = Network(one=session)
    place = network.place(("one",), range(200), only_send=[199])
    open_places.append(place)
    place.begin(range(199), ())
    for key in range(150):
        place.release([key])
    place.give_up([150, 151])
    place.send([199])
    wait_for(lambda: len(session.ordered("release")) == 150 and bool(session.ordered("send")))
    assert session.ordered("release") == list(range(150))
    assert session.ordered("give_up") == [150, 151]
    assert session.ordered("send") == [199]


def test_orders_given_before_the_login_was_over_are_kept(open_places: list[RelayPlace]) -> None:
    session = FakeSession()
    network = Network(one=session)
    place = network.place(("one",), [1])
    open_places.append(place)
    place.release([1])
    place.begin([1], ())
    wait_for(lambda: session.ordered("release") == [1])


def test_times_of_the_relay_become_times_of_the_run() -> None:
    told = Verdict("woken", sends=1, first_sent=2.0, awake_at=30.0, elapsed=28.0)
    never = Verdict("not_woken")
    network = Network(one=FakeSession(journal((1, told), (2, never), asleep=[1])))
    network.now = 100.0
    place = network.place(("one",), [1, 2])
    place.begin([1, 2], ())
    verdicts = heard(place, 2)
    assert (verdicts[1].first_sent, verdicts[1].awake_at, verdicts[1].elapsed) == (102.0, 130.0, 28.0)
    assert verdicts[2] == never


def test_warnings_and_packets_that_did_not_leave_are_told(open_places: list[RelayPlace]) -> None:
    report = Report([], [(1, Verdict("woken"))], [(2, "eth0 is down")])
    network = Network(one=FakeSession(Journal(report, ["two interfaces"], False, "")))
    place = network.place(("one",), [1, 2], only_send=[2])
    open_places.append(place)
    place.begin([1], ())
    heard(place, 1)
    assert network.warnings == ["relay one: two interfaces", "relay one, host h2: eth0 is down"]


def test_a_relay_that_is_lost_leaves_its_verdicts_and_indeterminate_for_those_sent_for() -> None:
    session = FakeSession(journal((1, Verdict("woken")), asleep=[2, 3]))
    network = Network(one=session)
    place = network.place(("one",), [1, 2, 3])
    place.begin([1, 2, 3], ())
    place.release([2])
    wait_for(lambda: session.ordered("release") == [2])
    session.answers.append(QUIET._replace(failed="it was killed"))
    verdicts = heard(place, 3)
    assert verdicts[1].verdict == "woken"
    assert verdicts[2] == Verdict("indeterminate", "sent for, and then relay one was lost: it was killed", "relay_lost")
    assert verdicts[3] == Verdict("relay_unreachable", "not sent for: relay one was lost: it was killed", "relay_lost")
    assert session.closed.wait(20.0)


def test_a_lost_relay_says_nothing_of_those_it_sent_for_and_the_control_node_watches() -> None:
    session = FakeSession()
    network = Network(one=session)
    place = network.place(("one",), [1, 2, 3], only_send=[2, 3])
    place.begin([1], ())
    place.send([2])
    wait_for(lambda: session.ordered("send") == [2])
    session.answers.append(QUIET._replace(failed="it was killed"))
    verdicts = heard(place, 2)
    assert {key: verdict.verdict for key, verdict in verdicts.items()} == {
        1: "relay_unreachable",
        3: "relay_unreachable",
    }
    assert session.closed.wait(20.0)
    assert place.poll(0.0).verdicts == []


def test_a_journal_that_is_complete_without_all_hosts_is_a_loss() -> None:
    network = Network(one=FakeSession(journal((1, Verdict("woken")), complete=True)))
    place = network.place(("one",), [1, 2])
    place.begin([1, 2], ())
    assert heard(place, 2)[2].error_class == "relay_lost"


def test_a_silence_is_borne_and_its_orders_are_given_again(open_places: list[RelayPlace]) -> None:
    session = FakeSession(RelayUnusable("silent"), RelayUnusable("silent"), journal((1, Verdict("woken"))))
    network = Network(one=session)
    place = network.place(("one",), [1])
    open_places.append(place)
    place.release([1])
    place.begin([1], ())
    assert heard(place, 1)[1].verdict == "woken"
    assert [orders.release for orders in session.orders[:3]] == [[1], [1], [1]]


def test_a_silence_that_lasts_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    session = FakeSession(*(RelayUnusable("no route") for _turn in range(10)))

    def pass_time() -> None:
        clock[0] += 15.0

    session.before = pass_time
    fake_time = t.cast("t.Any", type("Clock", (), {"monotonic": staticmethod(lambda: clock[0])}))
    monkeypatch.setattr(_places, "time", fake_time)
    place = Network(one=session).place(("one",), [1])
    place.release([1])
    place.begin([1], ())
    verdict = heard(place, 1)[1]
    assert verdict.reason == "sent for, and then relay one was lost: no route"
    assert len(session.orders) == 3


def test_what_nobody_thought_of_ends_the_place_and_not_the_run() -> None:
    session = FakeSession(KeyError("surprise"))
    place = Network(one=session).place(("one",), [1])
    place.begin([1], ())
    assert "KeyError" in heard(place, 1)[1].reason
    assert session.closed.wait(20.0)
    place = Network(one=ZeroDivisionError("odd")).place(("one",), [1])
    place.begin([1], ())
    assert heard(place, 1)[1].reason == "not sent for: relay one: ZeroDivisionError: odd"


def test_closing_ends_the_session_in_mid_work() -> None:
    session = FakeSession()
    place = Network(one=session).place(("one",), [1])
    place.begin([1], ())
    wait_for(lambda: bool(session.orders))
    place.close()
    assert session.closed.is_set()
    assert place.poll(0.0).verdicts == []


def test_a_session_that_hangs_is_not_waited_for_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_places, "_CLOSING", 0.1)
    hang = threading.Event()
    session = FakeSession()
    session.before = lambda: hang.wait(20.0) and None
    place = Network(one=session).place(("one",), [1])
    place.begin([1], ())
    wait_for(lambda: bool(session.orders))
    begun = time.monotonic()
    place.close()
    assert time.monotonic() - begun < 10.0
    hang.set()
    assert session.closed.wait(20.0)


def test_a_relay_is_asked_once_a_second_and_many_relays_less_often() -> None:
    few = [Network().place(("one",), []) for _each in range(2)]
    share_polls(few)
    assert {place.poll_interval for place in few} == {1.0}
    many = [Network().place(("one",), []) for _each in range(2000)]
    share_polls(many)
    assert {place.poll_interval for place in many} == {_places.LONGEST_POLL_INTERVAL}
    assert _places.LONGEST_POLL_INTERVAL < _places.LOST_AFTER / 2
    share_polls([])


def test_an_order_does_not_wait_for_the_next_poll(open_places: list[RelayPlace]) -> None:
    session = FakeSession()
    session.waits_itself = False
    place = Network(one=session).place(("one",), [1])
    place.poll_interval = 30.0
    open_places.append(place)
    place.begin([1], ())
    wait_for(lambda: bool(session.orders))
    place.release([1])
    wait_for(lambda: session.ordered("release") == [1])


class FakeRunner:
    def __init__(self) -> None:
        self.calls: list[tuple[t.Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Report]:
        def call(*values: t.Any) -> Report:
            self.calls.append((name, *values))
            return Report([1], [], [])

        return call


def test_the_own_place_hands_everything_to_its_runner() -> None:
    runner = FakeRunner()
    one = target("a")
    place = OwnPlace(t.cast("t.Any", runner), {1: one, 2: one})
    place.begin([1], ["ignored"])
    place.release([1])
    place.give_up([1, 2])
    assert place.poll(0.3) == Report([1], [], [])
    place.close()
    assert runner.calls == [
        ("add", 1, one), ("release", [1]), ("give_up", 1, "blocked", ""), ("give_up", 2, "blocked", ""), ("poll", 0.3),
        ("close",),
    ]  # fmt: skip
