# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""What every kind of probe is to the engine: something that begins, hears, and ends in an outcome."""

from __future__ import annotations

import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import Outcome, silent
from ansible_collections.lightsout.wake.plugins.module_utils._probes.segments import Address, Segment

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe


class Hearer(t.Protocol):
    """Owner of a watched file descriptor."""

    def ready(self, events: int) -> None:
        """The descriptor has events of epoll."""


class Desk(t.Protocol):
    """What the engine does for its probes."""

    def watch(self, fd: int, events: int, hearer: Hearer) -> None:
        """Call `hearer.ready` on these events of epoll; a second call for the descriptor changes them."""

    def unwatch(self, fd: int) -> None:
        """Stop watching; must be called before the descriptor is closed."""

    def finish(self, look: Look, outcome: Outcome) -> None:
        """The probe has ended."""

    def answered(self, look: Look) -> None:
        """Something was heard from the address, the probe goes on."""

    def call_after(self, delay: float, look: Look) -> None:
        """Call `look.tick` in `delay` seconds unless it has ended by then."""

    def shared(self, key: tuple[t.Any, ...], make: t.Callable[[], t.Any]) -> t.Any:
        """One object for all probes of the engine, made when first asked for, closed with the engine."""


class Look:
    """One attempt to see one address. Subclasses do the rest."""

    __slots__ = ("address", "desk", "job", "probe", "segment", "timeout")

    def __init__(self, desk: Desk, probe: Probe, address: Address, segment: Segment | None, timeout: float) -> None:
        self.desk = desk
        self.probe = probe
        self.address = address
        self.segment = segment
        self.timeout = timeout
        self.job: t.Any = None

    @property
    def place(self) -> str:
        """The address as sentences name it."""
        return f"{self.address.text} port {self.probe.port}"

    def begin(self) -> Outcome | None:
        """Send; an outcome if it is known at once."""
        raise NotImplementedError

    def ready(self, events: int) -> None:
        """The probe's own descriptor has events."""

    def tick(self) -> None:
        """The time asked for with `call_after` is over."""

    def overdue(self) -> Outcome:
        """The outcome when the time-out is over."""
        return silent(self.place, self.timeout)

    def close(self, outcome: Outcome | None) -> None:
        """Give up sockets; `outcome` is None when the engine itself closes."""
