# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.timers import SLOT, Pace, SlotTimers


def drain(timers: SlotTimers, now: float) -> list[tuple[int, int]]:
    fired: list[tuple[int, int]] = []
    due = timers.due(now)
    while due:
        fired += due
        due = timers.due(now)
    return fired


@given(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50))
def test_each_timer_fires_once_never_early_and_at_most_a_slot_late(moments: list[float]) -> None:
    timers = SlotTimers()
    for key, moment in enumerate(moments):
        timers.set(moment, key, 7)
    fired: dict[int, float] = {}
    while True:
        moment = timers.next()
        if moment is None:
            break
        for key, kind in drain(timers, moment):
            assert kind == 7
            assert key not in fired
            fired[key] = moment
    assert sorted(fired) == list(range(len(moments)))
    for key, moment in enumerate(moments):
        assert moment - 1e-6 <= fired[key] <= moment + SLOT + 1e-6


def test_nothing_is_due_before_its_slot_and_nothing_without_timers() -> None:
    timers = SlotTimers()
    assert timers.next() is None
    assert timers.due(1e9) == []
    timers.set(1.0, 1, 0)
    assert timers.due(1.0) == []
    assert timers.due(1.0 + SLOT) == [(1, 0)]
    assert timers.next() is None


def test_slots_come_out_in_order_of_time() -> None:
    timers = SlotTimers()
    for key in (3, 1, 2):
        timers.set(float(key), key, 0)
    assert drain(timers, 100.0) == [(1, 0), (2, 0), (3, 0)]


def test_a_slot_can_be_set_again_while_it_fires() -> None:
    timers = SlotTimers()
    timers.set(1.0, 1, 0)
    assert timers.due(2.0) == [(1, 0)]
    timers.set(1.0, 2, 0)
    assert timers.due(2.0) == [(2, 0)]


@given(
    st.sampled_from([0.5, 1.0, 7.0, 100.0, 1000.0, 33333.0]),
    st.lists(st.tuples(st.floats(0, 0.3), st.integers(0, 200)), min_size=1, max_size=80),
)
def test_no_second_sees_more_packets_than_the_rate_and_one_burst(rate: float, demands: list[tuple[float, int]]) -> None:
    pace = Pace(rate)
    now, sent = 1000.0, []
    for pause, wanted in demands:
        now += pause
        allowed = pace.take(now, wanted)
        assert 0 <= allowed <= wanted
        sent.append((now, allowed))
    for begin, _allowed in sent:
        within = sum(allowed for moment, allowed in sent if begin <= moment < begin + 1.0)
        assert within <= rate + max(1.0, rate * SLOT) + 1e-3


@pytest.mark.parametrize("rate", [0.5, 3.0, 1000.0])
def test_next_is_the_moment_at_which_a_packet_may_leave(rate: float) -> None:
    pace = Pace(rate)
    now = 5.0
    while pace.take(now, 1):
        pass
    moment = pace.next(now)
    assert now < moment <= now + 1.0 / rate + 1e-6
    assert pace.take(now + (moment - now) * 0.9, 1) == 0
    assert pace.take(moment + 1e-6, 1) == 1


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_without_a_rate_that_means_something_there_is_no_limit(rate: float) -> None:
    pace = Pace(rate)
    assert pace.take(1.0, 10**6) == 10**6
    assert pace.take(2.0, 10**6) == 10**6
    assert pace.next(3.0) == 3.0


def test_a_long_silence_saves_up_no_more_than_one_burst() -> None:
    pace = Pace(1000.0)
    assert pace.take(0.0, 1000) == 50
    assert pace.take(3600.0, 1000) == 50


def test_packets_leave_in_bursts_of_one_slot():
    pace = Pace(1000.0)
    now, taken = 0.0, []
    while sum(taken) < 500:
        taken.append(pace.take(now, 500 - sum(taken)))
        now += 0.001
    assert set(taken) == {0, 50}
    assert now == pytest.approx(0.45, abs=0.01)


def test_the_last_packets_do_not_wait_for_a_whole_burst():
    pace = Pace(1000.0)
    assert pace.take(0.0, 50) == 50
    assert pace.take(0.002, 3) == 0
    assert pace.take(0.004, 3) == 3
