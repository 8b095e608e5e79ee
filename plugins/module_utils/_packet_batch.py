# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Many magic packets as one job: each target planned by itself, sent side by side, reported one by one."""

from __future__ import annotations

import errno
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import (
    DEFAULT_PORT,
    DeliveryError,
    Route,
    plan_routes,
)
from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac, format_mac, parse_mac
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import InvalidSecureOn, build, parse_secureon
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender, explain


class Consignment(t.NamedTuple):
    """What is to be sent for one target. With an `error` there are no routes and nothing is sent."""

    mac: str
    delivery: str
    payload: bytes = b""
    routes: tuple[Route, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""

    def __repr__(self) -> str:
        return (
            f"Consignment(mac={self.mac!r}, delivery={self.delivery!r}, routes={self.routes!r}, error={self.error!r})"
        )


class Tally(t.NamedTuple):
    """How many packets of one consignment left by one route, and the last errno of those that did not."""

    route: Route
    left: int
    errno: int


def consign(options: Mapping[str, t.Any], interfaces: Sequence[Interface]) -> Consignment:
    """Make a consignment of one target's options. What is wrong with them is its `error`, nothing is raised."""
    mac_text = _text(options.get("mac"))
    delivery = _text(options.get("delivery")) or "broadcast"
    try:
        mac = _mac(mac_text)
        secureon = _secureon(_text(options.get("secureon")))
        plan = plan_routes(
            delivery=delivery,
            address=_text(options.get("address")),
            subnet=_text(options.get("subnet")),
            port=_port(options.get("port")),
            interface=_text(options.get("interface")),
            interfaces=interfaces,
        )
    except DeliveryError as error:
        return Consignment(mac_text, delivery, error=str(error))
    return Consignment(format_mac(mac), delivery, build(mac, secureon), plan.routes, plan.warnings)


def send_all(
    consignments: Sequence[Consignment],
    sender: PacketSender,
    *,
    count: int,
    interval: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[list[Tally]]:
    """Send each consignment `count` times by each of its routes, in rounds that begin `interval` seconds apart."""
    tallies = [[Tally(route, 0, 0) for route in one.routes] for one in consignments]
    began = clock()
    for number in range(count):
        if number:
            sleep(max(0.0, began + number * interval - clock()))
        for one, of_one in zip(consignments, tallies):
            payloads = (one.payload,)
            for position, tally in enumerate(of_one):
                code = sender.send(tally.route, payloads)[0]
                of_one[position] = tally._replace(errno=code) if code else tally._replace(left=tally.left + 1)
    return tallies


def check_all(
    consignments: Sequence[Consignment], sender: PacketSender, *, count: int
) -> tuple[list[list[Tally]], list[list[str]]]:
    """What send_all() would do, as far as can be known without sending: the tallies, and a sentence for each route."""
    sentences = [[sender.check(route) for route in one.routes] for one in consignments]
    tallies = [
        [Tally(route, 0 if problem else count, 0) for route, problem in zip(one.routes, problems)]
        for one, problems in zip(consignments, sentences)
    ]
    return tallies, sentences


def sentences_of(tallies: Sequence[Sequence[Tally]]) -> list[list[str]]:
    """A sentence for each route by which some packet did not leave, an empty text for the others."""
    return [[explain(tally.route, tally.errno) if tally.errno else "" for tally in of_one] for of_one in tallies]


def report(consignment: Consignment, tallies: Sequence[Tally], sentences: Sequence[str]) -> dict[str, t.Any]:
    """One target's part of the result."""
    error = consignment.error
    if not error and not any(tally.left for tally in tallies):
        error = "; ".join(dict.fromkeys(sentence for sentence in sentences if sentence))
    return {
        "mac": consignment.mac,
        "delivery": consignment.delivery,
        "error": error or None,
        "sent": [
            {
                "carrier": tally.route.carrier,
                "address": tally.route.address,
                "port": tally.route.port or None,
                "interface": tally.route.interface or None,
                "bytes": len(consignment.payload),
                "count": tally.left,
                "errno": errno.errorcode.get(tally.errno, str(tally.errno)) if tally.errno else None,
                "error": sentence or None,
            }
            for tally, sentence in zip(tallies, sentences)
        ],
    }


def _mac(text: str) -> bytes:
    if not text:
        raise DeliveryError("mac is missing")
    try:
        return parse_mac(text)
    except InvalidMac as error:
        raise DeliveryError(f"mac {error}") from None


def _secureon(text: str) -> bytes:
    try:
        return parse_secureon(text) if text else b""
    except InvalidSecureOn as error:
        raise DeliveryError(f"secureon: {error}") from None


def _port(value: t.Any) -> int:
    if value is None or value == "":
        return DEFAULT_PORT
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise DeliveryError(f"port {value!r} is not a number between 1 and 65535")
    return int(text)


def _text(value: t.Any) -> str:
    return "" if value is None else str(value).strip()
