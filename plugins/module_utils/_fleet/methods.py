# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The ladder of wake methods: one small port, and magic packets as its first rung."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import DeliveryError, RoutePlan, plan_routes
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import build
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender, explain

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
    from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Target

NOT_AVAILABLE = {"amt": "method amt is not part of this version of lightsout.wake: add wol to wake_methods"}


class Sent(t.NamedTuple):
    """What became of one packet or command; ``final``: this method can never send for the target from here."""

    key: int
    error: str = ""
    final: bool = False


class WakeMethod(t.Protocol):
    """One way to wake targets."""

    def prepare(self, key: int, target: Target) -> str:
        """Take a target in before anything is sent. Return a sentence where nothing could ever be sent for it."""

    def send(self, keys: Sequence[int]) -> None:
        """Send once for each of these targets; what came of it is handed out by collect()."""

    def collect(self) -> list[Sent]:
        """Return what became of sends since the last call, without waiting."""

    def close(self) -> None:
        """Let go of sockets."""


class MagicPackets:
    """Method ``wol``: magic packets by every route of a target, to each of its MAC addresses."""

    def __init__(self, sender: PacketSender, interfaces: Sequence[Interface], warn: Callable[[str], None]) -> None:
        self._sender = sender
        self._interfaces = interfaces
        self._warn = warn
        self._plans: dict[tuple[t.Any, ...], RoutePlan | str] = {}
        self._refusals: dict[Route, str] = {}
        self._packets: dict[int, tuple[tuple[Route, ...], list[bytes]]] = {}
        self._results: list[Sent] = []

    def prepare(self, key: int, target: Target) -> str:
        """Plan the routes of a target and see that they can be sent by. See WakeMethod."""
        wanted = (target.delivery, target.address, target.subnet, target.port, target.interface)
        plan = self._plans.get(wanted)
        if plan is None:
            plan = self._plans[wanted] = self._plan(target)
        if isinstance(plan, str):
            return plan
        usable = tuple(route for route in plan.routes if not self._refusal(route))
        if not usable:
            return "; ".join(self._refusal(route) for route in plan.routes)
        self._packets[key] = usable, [build(mac, target.secureon) for mac in target.macs]
        return ""

    def send(self, keys: Sequence[int]) -> None:
        """Send one packet for each target, route by route. See WakeMethod."""
        by_route: dict[Route, tuple[list[int], list[bytes]]] = {}
        for key in keys:
            routes, payloads = self._packets.get(key, ((), []))
            for route in routes:
                owners, packets = by_route.setdefault(route, ([], []))
                for payload in payloads:
                    owners.append(key)
                    packets.append(payload)
        errors = {key: "" if key in self._packets else "there is no route for it" for key in keys}
        left: set[int] = set()
        for route, (owners, packets) in by_route.items():
            for owner, code in zip(owners, self._sender.send(route, packets)):
                if code:
                    errors[owner] = explain(route, code)
                else:
                    left.add(owner)
        self._results.extend(Sent(key) if key in left else Sent(key, error) for key, error in errors.items())

    def collect(self) -> list[Sent]:
        """See WakeMethod."""
        results, self._results = self._results, []
        return results

    def close(self) -> None:
        """See WakeMethod."""
        self._sender.close()

    def _plan(self, target: Target) -> RoutePlan | str:
        try:
            plan = plan_routes(
                delivery=target.delivery,
                address=target.address,
                subnet=target.subnet,
                port=target.port,
                interface=target.interface,
                interfaces=self._interfaces,
            )
        except DeliveryError as error:
            return f"wake_{error}"
        for warning in plan.warnings:
            self._warn(warning)
        return plan

    def _refusal(self, route: Route) -> str:
        refusal = self._refusals.get(route)
        if refusal is None:
            refusal = self._refusals[route] = self._sender.check(route)
        return refusal
