# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Who may be sent for now: order barriers, dependencies and the inrush budget. Pure; the time is handed in."""

from __future__ import annotations

import collections
import typing as t


class Member(t.NamedTuple):
    """One target as the schedule sees it.

    ``after`` holds keys of other members that must be awake first. ``weight`` is its share of the
    inrush budget, ``max_weight`` the budget of its power domain (0: no limit) and ``stagger`` the
    seconds between two sends in the domain.
    """

    key: int
    name: str
    order: int = 100
    after: tuple[int, ...] = ()
    power_domain: str = "all"
    weight: float = 1.0
    max_weight: float = 0.0
    stagger: float = 0.0


_ROUNDING = 1e-9  # of sums of weights such as 0.1 and 0.2


class DependencyCycle(ValueError):
    """The order and the dependencies contradict each other; the sentence names the whole circle."""


class _Domain:
    """The state of one power domain."""

    __slots__ = ("orders", "open", "queues", "active", "active_weight", "not_before", "position")

    def __init__(self) -> None:
        self.orders: list[int] = []
        self.open: dict[int, int] = collections.Counter()
        self.queues: dict[int, collections.deque[int]] = collections.defaultdict(collections.deque)
        self.active = 0
        self.active_weight = 0.0
        self.not_before = float("-inf")
        self.position = 0


class WaveSchedule:
    """Tells which targets may be sent for.

    A target is a candidate once it was reported asleep (``asleep``); it is released when every lower
    order of its power domain has its verdicts, everything it waits for is awake, and the budget and
    stagger of the domain allow it. One that waits for a target that did not come up is blocked.

    Raises:
        DependencyCycle: order and ``after`` can't be satisfied together.
    """

    def __init__(self, members: t.Sequence[Member]) -> None:
        self._members = {member.key: member for member in members}
        self._dependants: dict[int, list[int]] = collections.defaultdict(list)
        self._waiting_for: dict[int, int] = {}
        self._asleep: set[int] = set()
        self._released: set[int] = set()
        self._finished: set[int] = set()
        self._queued: set[int] = set()
        self._blocked: list[tuple[int, int]] = []
        self._domains: dict[str, _Domain] = collections.defaultdict(_Domain)
        for member in members:
            self._waiting_for[member.key] = len(set(member.after))
            for needed in set(member.after):
                self._dependants[needed].append(member.key)
            domain = self._domains[member.power_domain]
            domain.open[member.order] += 1
        for domain in self._domains.values():
            domain.orders = sorted(domain.open)
        self._dirty = set(self._domains)
        self.waves = _number_waves(self._members)

    def asleep(self, key: int) -> None:
        """The target was looked at and is not awake: it wants to be sent for."""
        self._asleep.add(key)
        self._enqueue(key)

    def finished(self, key: int, awake: bool) -> None:
        """The target has its verdict. Those that wait for it become candidates, or are blocked."""
        if key in self._finished:
            return
        self._finished.add(key)
        member = self._members[key]
        domain = self._domains[member.power_domain]
        domain.open[member.order] -= 1
        if key in self._released:
            domain.active -= 1
            domain.active_weight = domain.active_weight - member.weight if domain.active else 0.0
        self._dirty.add(member.power_domain)
        for dependant in self._dependants.get(key, ()):
            if dependant in self._finished:
                continue
            if awake:
                self._waiting_for[dependant] -= 1
                self._enqueue(dependant)
            else:
                self._blocked.append((dependant, key))

    def take_blocked(self) -> list[tuple[int, int]]:
        """Pairs (target, what it waits for in vain) that came up since the last call."""
        blocked, self._blocked = self._blocked, []
        return blocked

    def ready(self, now: float) -> list[int]:
        """Keys that may be sent for now; each key is returned once. ``now`` in seconds of any clock."""
        released: list[int] = []
        for name in sorted(self._dirty):
            domain = self._domains[name]
            self._open_orders(domain)
            if not self._release_from(domain, now, released):
                self._dirty.discard(name)
        return released

    def next_due(self) -> float | None:
        """The next moment at which ``ready`` may have more without another event, or None."""
        moments = [
            domain.not_before
            for domain in map(self._domains.__getitem__, self._dirty)
            if domain.position < len(domain.orders) and self._has_candidate(domain)
        ]
        return min(moments) if moments else None

    def _enqueue(self, key: int) -> None:
        if key in self._queued or key not in self._asleep or self._waiting_for[key] or key in self._finished:
            return
        member = self._members[key]
        self._queued.add(key)
        self._domains[member.power_domain].queues[member.order].append(key)
        self._dirty.add(member.power_domain)

    def _open_orders(self, domain: _Domain) -> None:
        while domain.position < len(domain.orders) and not domain.open[domain.orders[domain.position]]:
            domain.position += 1

    def _has_candidate(self, domain: _Domain) -> bool:
        return bool(domain.queues.get(domain.orders[domain.position]))

    def _release_from(self, domain: _Domain, now: float, released: list[int]) -> bool:
        """Releases what the domain allows; True when only the stagger holds it back."""
        if domain.position >= len(domain.orders):
            return False
        queue = domain.queues[domain.orders[domain.position]]
        while queue:
            if now < domain.not_before:
                return True
            member = self._members[queue[0]]
            if member.key in self._finished:
                queue.popleft()
                continue
            whole = domain.active_weight + member.weight
            if member.max_weight and domain.active_weight > _ROUNDING and whole > member.max_weight + _ROUNDING:
                return False
            queue.popleft()
            self._released.add(member.key)
            domain.active += 1
            domain.active_weight += member.weight
            domain.not_before = now + member.stagger
            released.append(member.key)
        return False


def _number_waves(members: t.Mapping[int, Member]) -> dict[int, int]:
    """The wave of each member: 1 for those that wait for nobody, else one more than what they wait for.

    A barrier between two orders of a power domain is a node of its own, so that the work stays
    linear in members and dependencies.
    """
    needs, gives = _graph(members)
    depth: dict[t.Any, int] = {}
    ready = [node for node, count in needs.items() if not count]
    for node in ready:
        depth[node] = 0
    done = 0
    while ready:
        node = ready.pop()
        done += 1
        step = 0 if isinstance(node, tuple) else 1
        for following in gives.get(node, ()):
            depth[following] = max(depth.get(following, 0), depth[node] + step)
            needs[following] -= 1
            if not needs[following]:
                ready.append(following)
    if done < len(needs):
        raise DependencyCycle(_cycle_sentence(members, {node for node, count in needs.items() if count}, gives))
    return {key: depth[key] + 1 for key in members}


def _graph(members: t.Mapping[int, Member]) -> tuple[dict[t.Any, int], dict[t.Any, list[t.Any]]]:
    """Nodes with the number of things they wait for, and who waits for each node."""
    needs: dict[t.Any, int] = dict.fromkeys(members, 0)
    gives: dict[t.Any, list[t.Any]] = collections.defaultdict(list)
    by_domain: dict[str, dict[int, list[int]]] = collections.defaultdict(lambda: collections.defaultdict(list))

    def edge(first: t.Any, then: t.Any) -> None:
        gives[first].append(then)
        needs[then] = needs.get(then, 0) + 1

    for member in members.values():
        by_domain[member.power_domain][member.order].append(member.key)
        for needed in set(member.after):
            edge(needed, member.key)
    for domain, by_order in by_domain.items():
        ordered = sorted(by_order)
        for lower, higher in zip(ordered, ordered[1:]):
            barrier = (domain, higher)
            if lower != ordered[0]:
                edge((domain, lower), barrier)
            for key in by_order[lower]:
                edge(key, barrier)
            for key in by_order[higher]:
                edge(barrier, key)
    return needs, gives


def _cycle_sentence(
    members: t.Mapping[int, Member], stuck: set[t.Any], gives: t.Mapping[t.Any, t.Sequence[t.Any]]
) -> str:
    """Follows one circle among the stuck nodes and writes it down."""
    before: dict[t.Any, t.Any] = {}
    for node in stuck:
        for following in gives.get(node, ()):
            if following in stuck:
                before.setdefault(following, node)
    node = next(node for node in stuck if node in before)
    path: list[t.Any] = []
    seen: set[t.Any] = set()
    while node not in seen:
        seen.add(node)
        path.append(node)
        node = before[node]
    circle = path[path.index(node) :] + [node]

    def label(node: t.Any) -> str:
        if isinstance(node, tuple):
            return f"everything ordered before {node[1]} in power domain {node[0]}"
        return members[node].name

    return "wake_after and wake_order form a circle: " + " waits for ".join(label(node) for node in circle)
