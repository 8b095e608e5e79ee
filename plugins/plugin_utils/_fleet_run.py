# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""A whole run of lightsout.wake.wake on the control node: from hosts to verdicts."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import verdicts
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.conductor import Behind, Conductor, Place, Progress
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import MagicPackets, Sent
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.runner import FleetRunner
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.waves import Member
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Settings
from ansible_collections.lightsout.wake.plugins.module_utils._interfaces_linux import read_interfaces
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender
from ansible_collections.lightsout.wake.plugins.module_utils._probes.engine import ProbeEngine
from ansible_collections.lightsout.wake.plugins.plugin_utils._places import (
    CONTROLLER,
    OwnPlace,
    RelayPlace,
    share_polls,
)

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Target
    from ansible_collections.lightsout.wake.plugins.plugin_utils._fleet_inventory import Host
    from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_session import Starter

_SLICE = 0.25  # seconds of one step
_OUTSIDE_DOMAIN = "\0outside"  # no inventory value can be equal to it


class Hooks(t.NamedTuple):
    """Where a run tells what happens: warnings, progress every few seconds, and each verdict."""

    warn: Callable[[str], None]
    progress: Callable[[Progress], None]
    verdict: Callable[[Host, Verdict], None]


class SplitMagicPackets:
    """Method ``wol`` of the control node: its own packets, and orders to the relay for targets it only watches."""

    def __init__(self, own: MagicPackets, places: Mapping[int, RelayPlace]) -> None:
        self._own = own
        self._places = places
        self._ordered: list[Sent] = []

    def prepare(self, key: int, target: Target) -> str:
        """See WakeMethod."""
        return "" if key in self._places else self._own.prepare(key, target)

    def send(self, keys: Sequence[int]) -> None:
        """See WakeMethod. An order counts as sent; a packet that could not leave is warned of by the relay."""
        self._own.send([key for key in keys if key not in self._places])
        for key in keys:
            if key in self._places:
                self._places[key].send([key])
                self._ordered.append(Sent(key))

    def collect(self) -> list[Sent]:
        """See WakeMethod."""
        ordered, self._ordered = self._ordered, []
        return ordered + self._own.collect()

    def close(self) -> None:
        """See WakeMethod."""
        self._own.close()


class FleetRun:
    """One run. Raises DependencyCycle before anything is sent."""

    def __init__(
        self, hosts: Sequence[Host], settings: Settings, start: Starter, hooks: Hooks, progress_interval: float = 5.0
    ) -> None:
        self.hosts = hosts
        self._settings = settings
        self._hooks = hooks
        self._progress_interval = progress_interval
        self._started = time.monotonic()
        self._key = {host.name: key for key, host in enumerate(hosts)}
        self._targets = {key: host.target for key, host in enumerate(hosts) if host.target is not None}
        self._relay_places: dict[tuple[str, ...], RelayPlace] = {}
        self._watched_here: dict[int, RelayPlace] = {}
        self.conductor = Conductor(
            [self._member(key, host) for key, host in enumerate(hosts)],
            self._places(start),
            clock=time.monotonic,
            preflight=settings.preflight,
            deadline=settings.remaining,
            on_verdict=lambda key, verdict: hooks.verdict(hosts[key], verdict),
        )

    def run(self) -> None:
        """Run to the last verdict; an interruption leaves ``indeterminate`` for those that have none."""
        conductor = self.conductor
        try:
            for key, host in enumerate(self.hosts):
                if host.target is None:
                    word = verdicts.WOULD_FAIL if self._settings.preflight else verdicts.INVALID
                    conductor.conclude(key, Verdict(word, host.problem, verdicts.INVALID_VARIABLES))
            said = time.monotonic()
            while not conductor.finished:
                conductor.step(_SLICE)
                if time.monotonic() - said >= self._progress_interval:
                    said = time.monotonic()
                    self._hooks.progress(conductor.progress())
        finally:
            conductor.interrupt("the run was interrupted")
            for place in self._relay_places.values():
                place.end()
            conductor.close()

    def relay_of(self, key: int) -> str:
        """The relay that worked on a target, else the one that it names."""
        place = self._relay_places.get(self.hosts[key].relays)
        return (place.used if place else "") or self.hosts[key].relays[0]

    def _member(self, key: int, host: Host) -> Member:
        target = host.target
        if target is None:
            return Member(key, host.name, power_domain=_OUTSIDE_DOMAIN)
        needed = {self._key[name] for name in host.after}
        relay = self._key.get(host.relays[0]) if len(host.relays) == 1 else None
        if relay is not None and relay in self._targets:
            needed.add(relay)
        if host.outside:
            return Member(key, host.name, after=tuple(sorted(needed)), power_domain=_OUTSIDE_DOMAIN)
        stagger = 0.0 if self._settings.preflight else target.stagger
        return Member(
            key, host.name, target.order, tuple(sorted(needed)), target.power_domain,
            target.weight, target.max_weight, stagger,
        )  # fmt: skip

    def _places(self, start: Starter) -> list[Behind]:
        by_relays: dict[tuple[str, ...], list[int]] = {}
        for key in self._targets:
            by_relays.setdefault(self._relays(key), []).append(key)
        own_keys = by_relays.pop((CONTROLLER,), [])
        relayed = []
        for relays, keys in by_relays.items():
            watched_here = [key for key in keys if self._is_watched_here(key)]
            own_keys += watched_here
            place = RelayPlace(
                relays,
                {key: self._targets[key] for key in keys},
                frozenset(watched_here),
                start,
                self._remaining_settings,
                self._now,
                self._hooks.warn,
            )
            self._relay_places[relays] = place
            self._watched_here.update(dict.fromkeys(watched_here, place))
            in_run = {relay: self._key[relay] for relay in relays if relay in self._key}
            behind_it = tuple(key for key in keys if key not in self._watched_here)
            relayed.append(Behind(place, behind_it, in_run, len(in_run) < len(relays)))
        share_polls(list(self._relay_places.values()))
        return [Behind(self._own_place(own_keys), tuple(own_keys), {}), *relayed]

    def _own_place(self, keys: Sequence[int]) -> Place:
        wol = SplitMagicPackets(
            MagicPackets(PacketSender(), read_interfaces() if keys else (), self._hooks.warn), self._watched_here
        )
        runner = FleetRunner({"wol": wol}, ProbeEngine(), self._settings)
        return OwnPlace(runner, {key: self._targets[key] for key in keys})

    def _relays(self, key: int) -> tuple[str, ...]:
        """The list of relays up to the control node, which is always reached."""
        relays = self.hosts[key].relays
        return (CONTROLLER,) if relays[0] == CONTROLLER else relays

    def _is_watched_here(self, key: int) -> bool:
        return self._targets[key].probe.origin == CONTROLLER

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _remaining_settings(self) -> Settings:
        remaining = self._settings.remaining
        return self._settings._replace(remaining=max(0.0, remaining - self._now()) if remaining >= 0 else -1.0)
