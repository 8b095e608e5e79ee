# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.target_state import (
    IMPOSTOR,
    REFUSED,
    SILENT,
    UNKNOWN,
    Job,
    TargetState,
)


def test_packets_of_a_send_are_100_ms_apart_and_sends_grow_apart_by_half_up_to_30_s():
    state = TargetState(Job(("wol",), packets=2), 0.0)
    gaps = []
    for _send in range(5):
        state.packets_left = 2
        state.take_packet(0.0)
        assert state.next_send == pytest.approx(0.1)
        state.take_packet(0.0)
        gaps.append(state.next_send)
    assert gaps == [10.0, 15.0, 22.5, 30.0, 30.0]


def test_an_interval_that_is_longer_than_30_s_is_kept():
    state = TargetState(Job(("wol",), resend_interval=100.0, packets=1), 0.0)
    for _send in range(3):
        state.packets_left = 1
        state.take_packet(0.0)
        assert state.next_send == 100.0


def test_a_send_counts_once_however_many_packets_of_it_left():
    state = TargetState(Job(("wol",)), 0.0)
    state.packet_left(4.0)
    state.packet_left(4.1)
    assert (state.sends, state.first_sent) == (1, 4.0)
    state.burst_left = False
    state.packet_left(14.0)
    assert (state.sends, state.first_sent) == (2, 4.0)


@pytest.mark.parametrize("sight", [SILENT, REFUSED])
def test_looks_come_less_often_with_time(sight):
    state = TargetState(Job(("wol",)), 0.0)
    assert [state.until_next_look(sight) for _look in range(6)] == [1.0, 1.5, 2.25, 3.375, 5.0, 5.0]


def test_a_stranger_is_asked_slowly_and_who_could_not_tell_soon_again():
    state = TargetState(Job(("wol",)), 0.0)
    assert (state.until_next_look(IMPOSTOR), state.until_next_look(UNKNOWN)) == (5.0, 0.5)
    assert state.until_next_look(SILENT) == 1.0


def test_the_ladder_ends():
    state = TargetState(Job(("amt", "wol")), 0.0)
    assert state.has_another_method()
    state.rung = 1
    assert not state.has_another_method()


def test_a_method_begins_afresh():
    state = TargetState(Job(("amt", "wol")), 0.0)
    state.packets_left, state.expires, state.resend_interval = 1, 600.0, 30.0
    state.begin_method()
    assert (state.packets_left, state.expires, state.resend_interval) == (0, -1.0, 10.0)


def test_why_it_did_not_come_up():
    state = TargetState(Job(("wol",), 30.0), 0.0)
    assert state.why_not("the deadline") == ("the deadline came before it was sent for", "deadline")
    state.packet_left(1.0)
    assert state.why_not() == ("not seen awake within 30 s", "timeout")
    state.last, state.note = "no answer", "no route"
    assert state.why_not("the deadline")[0] == "not seen awake within the deadline: no answer (sending: no route)"
    state.impostor = True
    assert state.why_not() == ("identity: no answer", "identity")
