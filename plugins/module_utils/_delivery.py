# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""From a delivery to the ways a packet leaves this machine: carrier, destination, interface, source."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface, address_in, first_ipv4
from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac, format_mac, parse_hardware_address

DELIVERIES = ("broadcast", "directed", "unicast", "ethernet", "ipv6")
DEFAULT_PORT = 9

_LIMITED_BROADCAST = "255.255.255.255"
_ALL_NODES = "ff02::1"
_ETHERNET_BROADCAST = "ff:ff:ff:ff:ff:ff"
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?", re.ASCII)

_Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class DeliveryError(ValueError):
    """No way out for a packet. The message is a sentence that begins with the option's name, then its value."""


class Route(t.NamedTuple):
    """One way out of this machine: an empty `interface` leaves it to the kernel, `source` is an IPv4 address."""

    carrier: str
    address: str
    port: int
    interface: str
    source: str


class RoutePlan(t.NamedTuple):
    """The ways to send one target's packets, and what its owner should know about them."""

    routes: tuple[Route, ...]
    warnings: tuple[str, ...]


def plan_routes(
    *, delivery: str, address: str, subnet: str, port: int, interface: str, interfaces: Sequence[Interface]
) -> RoutePlan:
    """Work out how packets of one target leave a machine that has these interfaces.

    Empty strings stand for options that were not given. Raises DeliveryError.
    """
    if delivery not in DELIVERIES:
        raise DeliveryError(f"delivery {delivery!r} is none of {', '.join(DELIVERIES)}")
    if not 1 <= port <= 65535:
        raise DeliveryError(f"port {port} is not between 1 and 65535")
    network = parse_subnet(subnet) if subnet else None
    named = _named(interface, interfaces) if interface else None
    if delivery in ("directed", "unicast"):
        destination = _directed(address, network) if delivery == "directed" else _unicast(address)
        source = _source(named, network) if named else ""
        return RoutePlan((Route("udp", destination, port, interface, source),), ())
    destination = _on_link_destination(delivery, address)
    if named:
        chosen, warnings = [named], _named_warnings(named, delivery, network)
    else:
        chosen, warnings = _suitable(delivery, network, interfaces)
    carrier = "ethernet" if delivery == "ethernet" else "udp"
    if carrier == "ethernet":
        _require_macs(chosen)
        port = 0
    routes = tuple(
        Route(carrier, destination, port, one.name, _source(one, network) if delivery == "broadcast" else "")
        for one in chosen
    )
    return RoutePlan(routes, warnings)


def parse_subnet(text: str) -> _Network:
    """Read a subnet in CIDR notation; an address with host bits stands for its subnet. Raises DeliveryError."""
    try:
        if "/" not in text:
            raise ValueError
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise DeliveryError(f"subnet {text!r} is not a network such as 192.0.2.0/24") from None


def _named(name: str, interfaces: Sequence[Interface]) -> Interface:
    for one in interfaces:
        if one.name == name:
            if not one.up:
                raise DeliveryError(f"interface {name!r} is down on this machine")
            return one
    known = ", ".join(one.name for one in interfaces if not one.loopback) or "none but loopback"
    raise DeliveryError(f"interface {name!r} does not exist on this machine (it has {known})")


def _named_warnings(named: Interface, delivery: str, network: _Network | None) -> tuple[str, ...]:
    if network is None or address_in(named, network):
        return ()
    if any(own.version == network.version and not own.ip.is_link_local for own in named.addresses):
        raise DeliveryError(
            f"interface {named.name!r} has no address in subnet {network}, so {delivery} packets would reach "
            f"another segment: send them from a machine on that subnet, or use delivery directed"
        )
    return (f"interface {named.name!r} has no IPv{network.version} address: whether it is on {network} is not known",)


def _suitable(
    delivery: str, network: _Network | None, interfaces: Sequence[Interface]
) -> tuple[list[Interface], tuple[str, ...]]:
    if network is not None:
        on_subnet = [one for one in interfaces if address_in(one, network)]
        if not on_subnet:
            raise DeliveryError(
                f"subnet {network} is on no interface of this machine, so {delivery} packets would not reach it: "
                f"send them from a machine on that subnet, or use delivery directed"
            )
        up = [one for one in on_subnet if one.up]
        if not up:
            raise DeliveryError(f"subnet {network} is on interface {on_subnet[0].name!r}, which is down")
        return up, ()
    suitable = [one for one in interfaces if one.up and one.broadcast and not one.loopback]
    if delivery == "ethernet":
        suitable = [one for one in suitable if len(one.mac) == 6]
    if not suitable:
        raise DeliveryError(
            f"delivery {delivery!r} finds no interface on this machine that is up, can broadcast and is not loopback"
        )
    if len(suitable) == 1:
        return suitable, ()
    names = ", ".join(one.name for one in suitable)
    return suitable, (f"neither subnet nor interface is known: the packets leave by {names}",)


def _require_macs(chosen: Sequence[Interface]) -> None:
    for one in chosen:
        if len(one.mac) != 6:
            raise DeliveryError(f"interface {one.name!r} has no MAC address, so it can't send with delivery ethernet")


def _source(interface: Interface, network: _Network | None) -> str:
    inside = address_in(interface, network) if network else None
    if inside is not None and inside.version == 4:
        return str(inside.ip)
    return first_ipv4(interface)


def _directed(address: str, network: _Network | None) -> str:
    if address:
        try:
            parsed = ipaddress.IPv4Address(address.strip())
        except ValueError:
            raise DeliveryError(f"address {address!r} is not an IPv4 address, which delivery directed needs") from None
        if str(parsed) == _LIMITED_BROADCAST:
            raise DeliveryError(f"address {address!r} never leaves its segment: use delivery broadcast")
        if parsed.is_multicast or parsed.is_unspecified:
            raise DeliveryError(f"address {address!r} is not the broadcast address of a subnet")
        return str(parsed)
    if network is None:
        raise DeliveryError("delivery 'directed' needs the option subnet or the option address")
    if network.version != 4:
        raise DeliveryError(f"subnet {network} is IPv6, which has no broadcast: use delivery ipv6 from its segment")
    if network.prefixlen > 30:
        raise DeliveryError(f"subnet {network} is too small to have a broadcast address")
    return str(network.broadcast_address)


def _unicast(address: str) -> str:
    stripped = address.strip()
    if not stripped:
        raise DeliveryError("delivery 'unicast' needs the option address")
    try:
        parsed = ipaddress.ip_address(stripped)
    except ValueError:
        looks_numeric = re.fullmatch(r"[0-9.]+", stripped)
        if ":" in stripped or looks_numeric or not _HOST_NAME.fullmatch(stripped):
            raise DeliveryError(f"address {address!r} is neither an IP address nor a host name") from None
        return stripped
    if parsed.is_multicast or parsed.is_unspecified or str(parsed) == _LIMITED_BROADCAST:
        raise DeliveryError(f"address {address!r} is not the address of one machine, which delivery unicast needs")
    return str(parsed)


def _on_link_destination(delivery: str, address: str) -> str:
    stripped = address.strip()
    if delivery == "ethernet":
        return _ethernet_destination(stripped) if stripped else _ETHERNET_BROADCAST
    expected = _ALL_NODES if delivery == "ipv6" else _LIMITED_BROADCAST
    if stripped in ("", expected):
        return expected
    if delivery == "ipv6":
        return _multicast(stripped)
    raise DeliveryError(
        f"address {address!r} does not go with delivery broadcast, which always sends to {_LIMITED_BROADCAST}: "
        f"use delivery directed or unicast"
    )


def _multicast(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        parsed = None
    if parsed is None or not parsed.is_multicast or "%" in address:
        raise DeliveryError(
            f"address {address!r} is not an IPv6 multicast address, which delivery ipv6 needs (the scope goes into "
            f"the option interface; one machine is reached with delivery unicast)"
        )
    return str(parsed)


def _ethernet_destination(address: str) -> str:
    try:
        return format_mac(parse_hardware_address(address))
    except InvalidMac as error:
        raise DeliveryError(f"address {error}, which delivery ethernet needs") from None
