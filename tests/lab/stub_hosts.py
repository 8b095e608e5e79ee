# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Powered-off stub hosts as a state machine without sockets and without a clock: (time, frame) -> who boots."""

from __future__ import annotations

import collections
import dataclasses
import heapq
import random
import typing as t

from lab import magic
from lab.configuration import Stub

OFF, BOOTING, ON = "off", "booting", "on"
_MOST_STRANGERS = 1000


@dataclasses.dataclass
class StubHost:
    """What the lab knows of one stub. Times are seconds since the epoch."""

    stub: Stub
    mac: bytes
    secureon: bytes
    never_boots: bool
    boot_delay: float
    state: str = OFF
    packets: int = 0
    powered_on_at: float = 0.0
    booted_at: float = 0.0
    woken_by: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    last_packet: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    ignored: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    power_ons: int = 0

    def status(self) -> dict[str, t.Any]:
        return {
            "name": self.stub.name,
            "mac": self.stub.mac,
            "address": self.stub.address,
            "state": self.state,
            "packets": self.packets,
            "power_ons": self.power_ons,
            "powered_on_at": self.powered_on_at,
            "booted_at": self.booted_at,
            "woken_by": self.woken_by,
            "last_packet": self.last_packet,
            "ignored": dict(self.ignored),
        }


class StubHosts:
    """All stubs of one segment. `powered_on` and `powered_off` must be obeyed by the one who owns the sockets."""

    def __init__(self, stubs: t.Iterable[Stub], *, magic_loss: float = 0.0, seed: int = 1) -> None:
        self.magic_loss = magic_loss
        self.frames = 0
        self.strangers: collections.Counter[str] = collections.Counter()
        self._random = random.Random(seed)
        self._boots: list[tuple[float, int, StubHost]] = []
        self._order = 0
        self.by_mac: dict[bytes, StubHost] = {}
        self.by_name: dict[str, StubHost] = {}
        for stub in stubs:
            host = StubHost(
                stub=stub,
                mac=bytes.fromhex(stub.mac.replace(":", "")),
                secureon=bytes.fromhex(stub.secureon.replace(":", "").replace("-", "")),
                never_boots=stub.never_boots or stub.impostor,
                boot_delay=stub.boot_delay,
            )
            self.by_mac[host.mac] = host
            self.by_name[stub.name] = host

    def frame(self, frame: bytes, now: float) -> None:
        """Take in a frame; a stub that it wakes is due `boot_delay` seconds later."""
        self.frames += 1
        for mac, end in magic.patterns(frame):
            host = self.by_mac.get(mac)
            if host is None:
                if len(self.strangers) < _MOST_STRANGERS:
                    self.strangers[mac.hex(":")] += 1
                continue
            if not magic.accepted(frame, mac):
                continue
            host.packets += 1
            host.last_packet = {**magic.describe(frame), "at": now}
            why_not = self._why_not(host, frame, end)
            if why_not:
                host.ignored[why_not] += 1
            else:
                self.power_on(host.stub.name, now, host.last_packet)

    def power_on(self, name: str, now: float, woken_by: dict[str, t.Any]) -> None:
        host = self.by_name[name]
        host.state, host.powered_on_at, host.woken_by = BOOTING, now, woken_by
        host.power_ons += 1
        self._order += 1
        heapq.heappush(self._boots, (now + host.boot_delay, self._order, host))

    def power_off(self, name: str) -> None:
        self.by_name[name].state = OFF
        self._boots = [boot for boot in self._boots if boot[2].stub.name != name]
        heapq.heapify(self._boots)

    def reset(self) -> None:
        """Switch all off and forget what was seen."""
        self._boots.clear()
        self.frames = 0
        self.strangers.clear()
        for host in self.by_name.values():
            host.state, host.packets, host.power_ons = OFF, 0, 0
            host.powered_on_at = host.booted_at = 0.0
            host.woken_by, host.last_packet = {}, {}
            host.ignored.clear()

    def next_boot(self) -> float | None:
        """When the next stub has finished booting."""
        return self._boots[0][0] if self._boots else None

    def booted(self, now: float) -> list[StubHost]:
        """Return the stubs that have finished booting by now."""
        up = []
        while self._boots and self._boots[0][0] <= now:
            host = heapq.heappop(self._boots)[2]
            host.state, host.booted_at = ON, now
            up.append(host)
        return up

    def _why_not(self, host: StubHost, frame: bytes, end: int) -> str:
        if self.magic_loss and self._random.random() < self.magic_loss:
            return "lost"
        if host.secureon and frame[end : end + len(host.secureon)] != host.secureon:
            return "secureon"
        if host.state != OFF:
            return host.state
        return "never_boots" if host.never_boots else ""
