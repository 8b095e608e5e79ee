# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.lightsout.wake.plugins.module_utils._probes.timers import Timers


def test_what_is_due_comes_out_once_and_in_time() -> None:
    timers: Timers[str] = Timers(lambda thing: False)
    timers.add("late", 5.0, 0.0)
    timers.add("soon", 1.0, 0.0)
    timers.add("soon too", 1.0, 0.5)
    assert timers.next_due() == 1.0
    assert timers.due(0.9) == []
    assert timers.due(1.0) == ["soon"]
    assert timers.next_due() == 1.5
    assert sorted(timers.due(9.0)) == ["late", "soon too"]
    assert timers.due(9.0) == []
    assert timers.next_due() == float("inf")


def test_what_is_over_is_dropped() -> None:
    over = {"first"}
    timers: Timers[str] = Timers(lambda thing: thing in over)
    timers.add("first", 1.0, 0.0)
    timers.add("second", 1.0, 0.0)
    assert timers.due(0.5) == []
    over.add("second")
    assert timers.due(2.0) == []
    assert timers.next_due() == float("inf")
