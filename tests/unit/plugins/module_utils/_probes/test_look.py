# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import SILENT, Outcome
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    SEGMENT,
    Room,
    address_of,
    probe,
)


def look_at(room: Room, host: str, timeout: float = 3.0) -> Look:
    return Look(room.watch, probe(host=host, port=22, timeout=30.0), address_of(host), SEGMENT, timeout)


@pytest.mark.parametrize(
    ("host", "place"), [("192.0.2.17", "192.0.2.17 port 22"), ("2001:db8::11", "2001:db8::11 port 22")]
)
def test_the_place_names_address_and_port(room: Room, host: str, place: str) -> None:
    assert look_at(room, host).place == place


def test_when_time_is_over_it_tells_its_own_part_of_the_time_out(room: Room) -> None:
    """A name with several addresses gives each of them a part of the probe's time."""
    outcome = look_at(room, "192.0.2.17", timeout=0.75).overdue()
    assert outcome == Outcome(SILENT, "", "192.0.2.17 port 22 did not answer within 0.75 s.")


def test_it_belongs_to_no_job_until_it_is_given_one(room: Room) -> None:
    look = look_at(room, "192.0.2.17")
    assert look.job is None
    assert look.segment is SEGMENT


def test_how_to_begin_is_for_subclasses_and_events_are_no_matter(room: Room) -> None:
    look = look_at(room, "192.0.2.17")
    with pytest.raises(NotImplementedError):
        look.begin()
    look.ready(1)
    look.tick()
    look.close(None)
    assert room.ended == {}
