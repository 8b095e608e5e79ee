# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import (
    DeliveryError,
    Route,
    RoutePlan,
    plan_routes,
)
from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface


def interface(name: str, *addresses: str, **changes: t.Any) -> Interface:
    values: dict[str, t.Any] = {
        "name": name,
        "index": 2,
        "mac": b"\2\0\0\0\0\1",
        "up": True,
        "broadcast": True,
        "loopback": False,
        "addresses": tuple(ipaddress.ip_interface(address) for address in addresses),
    }
    return Interface(**{**values, **changes})


LOOPBACK = interface("lo", "127.0.0.1/8", "::1/128", loopback=True, broadcast=False, mac=b"")
EAST = interface("east", "192.0.2.10/24", "2001:db8::10/64", "fe80::1/64")
WEST = interface("west", "198.51.100.7/25", "203.0.113.7/24")
TUNNEL = interface("tunnel", "10.9.9.1/32", broadcast=False, mac=b"")
DOWN = interface("down", "10.8.8.1/24", up=False)
BARE = interface("bare")
MACHINE = (LOOPBACK, EAST, WEST, TUNNEL, DOWN)


def plan(interfaces: t.Sequence[Interface] = MACHINE, **options: t.Any) -> RoutePlan:
    values: dict[str, t.Any] = {"delivery": "broadcast", "address": "", "subnet": "", "port": 9, "interface": ""}
    return plan_routes(**{**values, **options}, interfaces=interfaces)


def test_broadcast_without_subnet_leaves_by_every_suitable_interface_and_names_them() -> None:
    routes, warnings = plan()
    assert routes == (
        Route("udp", "255.255.255.255", 9, "east", "192.0.2.10"),
        Route("udp", "255.255.255.255", 9, "west", "198.51.100.7"),
    )
    assert len(warnings) == 1
    assert "east, west" in warnings[0]


def test_one_suitable_interface_needs_no_warning() -> None:
    assert plan((LOOPBACK, EAST)) == ((Route("udp", "255.255.255.255", 9, "east", "192.0.2.10"),), ())


def test_the_subnet_picks_interface_and_source() -> None:
    routes, warnings = plan(subnet="203.0.113.0/24", port=7)
    assert routes == (Route("udp", "255.255.255.255", 7, "west", "203.0.113.7"),)
    assert warnings == ()


def test_an_address_with_host_bits_stands_for_its_subnet() -> None:
    assert plan(subnet="192.0.2.99/24").routes[0].interface == "east"


def test_the_interface_wins_where_it_has_no_address_at_all() -> None:
    routes, warnings = plan((*MACHINE, BARE), subnet="192.0.2.0/24", interface="bare")
    assert routes == (Route("udp", "255.255.255.255", 9, "bare", ""),)
    assert "'bare' has no IPv4 address" in warnings[0]


def test_a_link_local_address_does_not_say_which_segment_it_is() -> None:
    local = interface("local", "169.254.3.3/16")
    assert plan((local,), subnet="192.0.2.0/24", interface="local").warnings


def test_ethernet_uses_no_port_and_the_broadcast_mac() -> None:
    routes, _warnings = plan(delivery="ethernet", subnet="192.0.2.0/24")
    assert routes == (Route("ethernet", "ff:ff:ff:ff:ff:ff", 0, "east", ""),)


def test_ethernet_takes_a_destination_mac_in_any_spelling() -> None:
    assert (
        plan(delivery="ethernet", interface="east", address="0200.5E00.5301").routes[0].address == "02:00:5e:00:53:01"
    )


def test_ethernet_leaves_out_interfaces_without_mac() -> None:
    unaddressed = interface("unaddressed", mac=b"")
    assert [route.interface for route in plan((unaddressed, EAST), delivery="ethernet").routes] == ["east"]


def test_ipv6_goes_to_all_nodes_of_the_link() -> None:
    assert plan(delivery="ipv6", subnet="2001:db8::/64").routes == (Route("udp", "ff02::1", 9, "east", ""),)
    assert plan(delivery="ipv6", subnet="192.0.2.0/24").routes == (Route("udp", "ff02::1", 9, "east", ""),)


def test_directed_goes_to_the_broadcast_address_and_leaves_the_way_to_the_kernel() -> None:
    assert plan(delivery="directed", subnet="10.1.2.0/23") == ((Route("udp", "10.1.3.255", 9, "", ""),), ())


def test_directed_takes_an_address_and_an_interface() -> None:
    routes, _warnings = plan(delivery="directed", address="10.1.2.255", interface="west")
    assert routes == (Route("udp", "10.1.2.255", 9, "west", "198.51.100.7"),)


@pytest.mark.parametrize("address", ["192.0.2.77", "2001:db8::77", "fe80::77%east", "host-7.example.com", "host_7"])
def test_unicast_goes_to_an_address_or_a_name(address: str) -> None:
    assert plan(delivery="unicast", address=address).routes == (Route("udp", address, 9, "", ""),)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"delivery": "carrier pigeon"}, "delivery 'carrier pigeon'"),
        ({"port": 0}, "port 0"),
        ({"port": 65536}, "port 65536"),
        ({"subnet": "192.0.2.0"}, "subnet '192.0.2.0'"),
        ({"subnet": "192.0.2.0/33"}, "subnet '192.0.2.0/33'"),
        ({"subnet": "10.77.0.0/16"}, "subnet 10.77.0.0/16 is on no interface"),
        ({"subnet": "10.77.0.0/16", "delivery": "ethernet"}, "ethernet packets would not reach it"),
        ({"subnet": "10.77.0.0/16", "delivery": "ipv6"}, "ipv6 packets would not reach it"),
        ({"subnet": "10.8.8.0/24"}, "subnet 10.8.8.0/24 is on interface 'down', which is down"),
        ({"subnet": "10.77.0.0/16", "interface": "east"}, "interface 'east' has no address in subnet 10.77.0.0/16"),
        ({"interface": "north"}, "interface 'north' does not exist on this machine (it has east, west, tunnel, down)"),
        ({"interface": "down"}, "interface 'down' is down"),
        ({"interface": "tunnel", "delivery": "ethernet"}, "interface 'tunnel' has no MAC address"),
        ({"address": "192.0.2.255"}, "address '192.0.2.255' does not go with delivery broadcast"),
        ({"delivery": "directed"}, "needs the option subnet or the option address"),
        ({"delivery": "directed", "address": "x"}, "address 'x' is not an IPv4 address"),
        ({"delivery": "directed", "address": "255.255.255.255"}, "use delivery broadcast"),
        ({"delivery": "directed", "address": "224.0.0.1"}, "is not the broadcast address"),
        ({"delivery": "directed", "subnet": "2001:db8::/64"}, "is IPv6"),
        ({"delivery": "directed", "subnet": "192.0.2.0/31"}, "too small"),
        ({"delivery": "unicast"}, "needs the option address"),
        ({"delivery": "unicast", "address": "300.1.2.3"}, "address '300.1.2.3'"),
        ({"delivery": "unicast", "address": "2001:db8::g"}, "address '2001:db8::g'"),
        ({"delivery": "unicast", "address": "two words"}, "address 'two words'"),
        ({"delivery": "unicast", "address": "255.255.255.255"}, "not the address of one machine"),
        ({"delivery": "unicast", "address": "ff02::1"}, "not the address of one machine"),
        ({"delivery": "ethernet", "address": "192.0.2.1"}, "address '192.0.2.1' is not a MAC address"),
        ({"delivery": "ipv6", "address": "2001:db8::1"}, "address '2001:db8::1' is not an IPv6 multicast"),
        ({"delivery": "ipv6", "address": "ff02::1%east"}, "address 'ff02::1%east'"),
    ],
)
def test_what_can_not_work_is_said_with_option_and_value(options: dict[str, t.Any], expected: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        plan(**options)
    assert expected in str(caught.value)


@pytest.mark.parametrize("delivery", ["broadcast", "ethernet", "ipv6"])
def test_a_machine_with_nothing_but_loopback_can_not_reach_a_segment(delivery: str) -> None:
    with pytest.raises(DeliveryError, match="finds no interface"):
        plan((LOOPBACK, TUNNEL, DOWN), delivery=delivery)


def test_a_second_interface_on_the_subnet_stands_in_for_one_that_is_down() -> None:
    spare = interface("spare", "10.8.8.2/24")
    assert [route.interface for route in plan((DOWN, spare), subnet="10.8.8.0/24").routes] == ["spare"]
