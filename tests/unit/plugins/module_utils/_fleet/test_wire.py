# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import wire
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import VERDICTS, Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import (
    Batch,
    Journal,
    Orders,
    Report,
    Settings,
)
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target

KEYS = st.integers(0, 10**7)
TEXTS = st.text(max_size=40)
TIMES = st.floats(-1, 1e9, allow_nan=False)
VERDICT_RECORDS = st.builds(
    Verdict, st.sampled_from(VERDICTS), TEXTS, TEXTS, TEXTS, TEXTS, st.integers(0, 999), TIMES, TIMES, TIMES
)
REPORTS = st.builds(
    Report,
    st.lists(KEYS, max_size=5),
    st.lists(st.tuples(KEYS, VERDICT_RECORDS), max_size=5),
    st.lists(st.tuples(KEYS, TEXTS), max_size=3),
)
TARGETS = st.builds(
    Target,
    name=TEXTS,
    methods=st.lists(st.sampled_from(["wol", "amt"]), max_size=2).map(tuple),
    macs=st.lists(st.binary(min_size=6, max_size=6), max_size=2).map(tuple),
    secureon=st.sampled_from([b"", b"\x01\x02\x03\x04", b"\xff" * 6]),
    subnet=st.sampled_from(["", "192.0.2.0/24"]),
    delivery=st.sampled_from(["broadcast", "unicast"]),
    address=TEXTS,
    port=st.integers(1, 65535),
    interface=TEXTS,
    count=st.integers(1, 100),
    relays=st.just(("controller",)),
    probe=st.builds(
        Probe, st.just("ssh"), TEXTS, st.integers(0, 65535), TIMES, st.just("relay"), TEXTS, st.binary(max_size=6)
    ),
    timeout=TIMES,
    resend_interval=TIMES,
    order=st.just(100),
    after=st.just(()),
    power_domain=st.just("all"),
    weight=st.just(1.0),
    max_weight=st.just(0.0),
    stagger=st.just(0.0),
)


@given(
    st.builds(Settings, TIMES, st.booleans(), TIMES),
    st.dictionaries(KEYS, TARGETS, max_size=4),
    st.frozensets(KEYS, max_size=4),
)
def test_a_batch_comes_back_as_it_was(
    settings: Settings, targets: dict[int, Target], only_send: frozenset[int]
) -> None:
    batch = Batch(settings, targets, only_send)
    assert wire.read_batch(wire.write_batch(batch)) == batch


def test_what_the_controller_alone_decides_does_not_travel() -> None:
    probe = Probe("ssh", "192.0.2.1", 22, 2.0, "relay", "", b"")
    target = Target(
        "a", ("wol",), (b"\x02\0\0\0\0\1",), b"", "", "broadcast", "", 9, "", 3, ("relay1",), probe, 600.0, 10.0,
        7, ("b",), "hall", 3.0, 9.0, 2.0,
    )  # fmt: skip
    text = wire.write_batch(Batch(Settings(), {1: target}, frozenset()))
    assert "relay1" not in text
    assert "hall" not in text
    assert wire.read_batch(text).targets[1].relays == ("controller",)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "5", "{}", '{"settings": [], "only_send": [], "targets": []}',
        '{"settings": [1,2,3,4], "only_send": [], "targets": {}}', '{"settings": [], "only_send": [[]], "targets": {}}',
        '{"settings": [], "only_send": [], "targets": {"x": {}}}',
        '{"settings": [], "only_send": [], "targets": {"1": {}}}',
    ],
)  # fmt: skip
def test_another_text_is_no_batch_and_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="the batch is not what the wake action writes"):
        wire.read_batch(text)


def test_a_broken_batch_does_not_show_its_secrets() -> None:
    with pytest.raises(ValueError, match="batch") as caught:
        wire.read_batch('{"settings": [], "only_send": [], "targets": {"1": {"secureon": "deadbeef"}}}')
    assert "deadbeef" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@given(st.builds(Orders, st.lists(KEYS), st.lists(KEYS), st.lists(KEYS), st.booleans()))
def test_orders_come_back_as_they_were_from_one_line(orders: Orders) -> None:
    line = wire.write_orders(orders)
    assert line.splitlines() == [line]
    assert wire.read_orders(line) == orders


def test_orders_that_say_nothing_are_still_a_line() -> None:
    assert wire.write_orders(Orders([], [], [], False)) == "{}"


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "7", "null", '"release"', '{"release": 5}', '{"send": [[1]]}', '{"give_up": ["x"]}',
             '{"release": [null]}', '{"release": [1'],
)  # fmt: skip
def test_another_line_is_no_orders(line: str) -> None:
    with pytest.raises(ValueError, match="the line holds no orders"):
        wire.read_orders(line)


@given(REPORTS, st.lists(TEXTS, max_size=3))
def test_a_report_comes_back_as_it_was_from_its_journal_lines(report: Report, warnings: list[str]) -> None:
    lines = wire.write_report(report, warnings)
    assert [line for whole in lines for line in whole.splitlines()] == lines
    assert all(line.isascii() for line in lines)
    assert wire.read_journal(lines) == Journal(report, warnings, False, "")


@given(st.lists(REPORTS, max_size=4))
def test_journals_add_up(reports: list[Report]) -> None:
    lines = [line for report in reports for line in wire.write_report(report)]
    whole = wire.read_journal(lines).report
    assert whole.verdicts == [row for report in reports for row in report.verdicts]
    assert whole.asleep == [key for report in reports for key in report.asleep]
    assert whole.not_sent == [row for report in reports for row in report.not_sent]


def test_an_empty_report_writes_nothing() -> None:
    assert wire.write_report(Report([], [], [])) == []
    assert wire.read_journal([]) == Journal(Report([], [], []), [], False, "")


def test_the_last_words_of_a_journal() -> None:
    assert wire.read_journal([wire.COMPLETE]).complete
    assert wire.read_journal([wire.write_failure("no room"), wire.write_failure("later")]).failed == "no room"


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "7", "null", '{"verdict": {}}', '{"key": 1, "verdict": {"colour": 1}}', '{"asleep": 5}',
     '{"key": "x", "verdict": {"verdict": "woken"}}', '{"not_sent": [1]}', '{"not_sent": [[1]]}'],
)  # fmt: skip
def test_another_line_is_none_of_a_journal(line: str) -> None:
    with pytest.raises(ValueError, match="the line is none of a journal"):
        wire.read_journal([line])


@given(REPORTS, st.data())
def test_a_line_that_was_cut_off_is_never_taken_for_a_whole_one(report: Report, data: st.DataObject) -> None:
    for line in wire.write_report(report):
        cut = line[: data.draw(st.integers(0, len(line) - 1))]
        with pytest.raises(ValueError, match="the line is none of a journal"):
            wire.read_journal([cut])
        with pytest.raises(json.JSONDecodeError):
            json.loads(cut)
