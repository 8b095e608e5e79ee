# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._probes.neighbour_budget import NeighbourBudget


def address(number: int) -> bytes:
    return number.to_bytes(4, "big")


def start_all(budget: NeighbourBudget, first: int, now: float) -> int:
    """Start as many new addresses as the budget admits; how many that were."""
    number = first
    while budget.admits(address(number), now) and number < first + 10_000:
        budget.start(address(number), now)
        number += 1
    return number - first


def test_no_more_than_the_limit_are_unresolved() -> None:
    budget = NeighbourBudget(400)
    assert start_all(budget, 0, 0.0) == 400
    assert budget.next_admission() == float("inf")
    budget.gave_up()
    assert start_all(budget, 1000, 0.1) == 1


def test_entries_nobody_answered_for_count_on_for_the_three_seconds_the_kernel_keeps_them() -> None:
    budget = NeighbourBudget(400)
    start_all(budget, 0, 0.0)
    for _probe in range(400):
        budget.gave_up()
    assert start_all(budget, 1000, 0.5) == 200
    for _probe in range(200):
        budget.gave_up()
    assert budget.unresolved == 0
    assert start_all(budget, 2000, 3.0) == 0
    assert 3.0 < budget.next_admission() < 3.5
    assert start_all(budget, 2000, budget.next_admission()) == 400


def test_answered_neighbours_let_more_in_until_the_table_is_nearly_full() -> None:
    budget = NeighbourBudget(400)
    found = 0
    for _round in range(10):
        started = start_all(budget, found, 0.0)
        for number in range(found, found + started):
            budget.answered(address(number), 0.0)
        found += started
    assert found == 900
    assert start_all(budget, found, 5.0) == 0
    assert start_all(budget, found, 6.0) == 400


def test_an_address_that_is_in_the_table_needs_no_room() -> None:
    budget = NeighbourBudget(2)
    for number in range(3):
        assert budget.admits(address(number), 0.0)
        budget.start(address(number), 0.0)
        budget.gave_up()
    assert not budget.admits(address(3), 0.0)
    assert budget.admits(address(2), 0.0)


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.floats(0, 2)), max_size=300))
def test_the_kernel_is_never_asked_for_more_than_the_limits(steps: list[tuple[int, bool, float]]) -> None:
    """A model of the kernel's table beside it: entries with their real lives."""
    budget, now = NeighbourBudget(8), 0.0
    table: dict[int, float] = {}
    for number, answers, pause in steps:
        now += pause
        table = {key: end for key, end in table.items() if end > now}
        if not budget.admits(address(number), now):
            continue
        budget.start(address(number), now)
        table[number] = max(table.get(number, 0.0), now + (5.0 if answers else 3.0))
        if answers:
            budget.answered(address(number), now)
        else:
            budget.gave_up()
        assert len(table) <= 18
