# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import contextlib
import time
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import survey as survey_module
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    REFUSED,
    SILENT,
    UNABLE,
    UNKNOWN,
    Outcome,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.survey import survey
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    closed_port,
    probe,
    saying,
)


class Engine:
    """Ends probes last come, first served, one with each collect, and takes a tenth of a second for each.

    `script` holds the states in which a host's probes end; the last one stays.
    """

    script: t.ClassVar[dict[str, list[str]]] = {}
    asked: t.ClassVar[list[str]] = []
    closed: t.ClassVar[int] = 0
    now: t.ClassVar[float] = 0.0
    broken: t.ClassVar[bool] = False

    def __init__(self) -> None:
        self._queue: list[tuple[int, Probe]] = []

    def start(self, key: int, one: Probe) -> None:
        self._queue.append((key, one))
        self.asked.append(one.host)

    def pending(self) -> int:
        return len(self._queue)

    def collect(self, wait: float) -> list[tuple[int, Outcome]]:
        if self.broken:
            raise ZeroDivisionError
        type(self).now += 0.1
        key, one = self._queue.pop()
        states = self.script[one.host]
        return [(key, Outcome(states.pop(0) if len(states) > 1 else states[0], "", one.host))]

    def close(self) -> None:
        type(self).closed += 1


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> type[Engine]:
    class Fresh(Engine):
        script: t.ClassVar[dict[str, list[str]]] = {}
        asked: t.ClassVar[list[str]] = []

    def sleep(seconds: float) -> None:
        Fresh.now += seconds

    monkeypatch.setattr(survey_module, "ProbeEngine", Fresh)
    monkeypatch.setattr(survey_module.time, "monotonic", lambda: Fresh.now)
    monkeypatch.setattr(survey_module.time, "sleep", sleep)
    return Fresh


def test_findings_are_in_the_order_of_the_probes_however_they_end(engine: type[Engine]) -> None:
    engine.script.update(a=[AWAKE], b=[SILENT], c=[REFUSED])
    findings = survey([probe(host=host) for host in "abc"], 0)
    assert [(one.outcome.error, one.outcome.state) for one in findings] == [("a", AWAKE), ("b", SILENT), ("c", REFUSED)]
    assert [round(one.elapsed, 3) for one in findings] == [0.3, 0.2, 0.1]


def test_the_same_host_may_be_asked_by_two_probes(engine: type[Engine]) -> None:
    engine.script.update(a=[SILENT, AWAKE])
    assert [one.outcome.state for one in survey([probe(host="a")] * 2, 0)] == [AWAKE, SILENT]


def test_only_what_is_unknown_is_asked_again_after_a_second(engine: type[Engine]) -> None:
    engine.script.update(a=[UNKNOWN, UNKNOWN, AWAKE], b=[SILENT, AWAKE], c=[UNABLE, AWAKE], d=[UNKNOWN, SILENT])
    findings = survey([probe(host=host) for host in "abcd"], 5)
    assert [one.outcome.state for one in findings] == [AWAKE, SILENT, UNABLE, SILENT]
    assert engine.asked == ["a", "b", "c", "d", "a", "d", "a"]
    assert [round(one.elapsed, 3) for one in findings] == [2.7, 0.3, 0.2, 1.5]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_no_more_retries_than_asked_for(engine: type[Engine], retries: int) -> None:
    engine.script.update(a=[UNKNOWN])
    (finding,) = survey([probe(host="a")], retries)
    assert finding.outcome.state == UNKNOWN
    assert len(engine.asked) == retries + 1
    assert engine.closed == 1


def test_nobody_to_ask(engine: type[Engine]) -> None:
    assert survey([], 3) == []
    assert engine.now == 0.0
    assert engine.closed == 1


def test_the_sockets_are_closed_when_it_breaks(engine: type[Engine]) -> None:
    engine.broken = True
    with pytest.raises(ZeroDivisionError):
        survey([probe(host="a")], 0)
    assert engine.closed == 1


def test_over_real_sockets() -> None:
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        ssh, closed = stack.enter_context(saying(b"SSH-2.0-x\r\n")), stack.enter_context(closed_port())
        findings = survey([probe("ssh", port=ssh), probe(port=closed)], 3)
    assert [one.outcome.state for one in findings] == [AWAKE, REFUSED]
    for finding in findings:
        assert 0 < finding.elapsed <= time.monotonic() - began
