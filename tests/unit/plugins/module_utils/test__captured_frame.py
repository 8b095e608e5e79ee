# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._captured_frame import (
    CapturedPacket,
    decode_ethernet,
    decode_payload,
)
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import build

MAC = bytes.fromhex("02005e005301")
SOURCE, BROADCAST = bytes.fromhex("02005e0053fe"), b"\xff" * 6
PACKET = build(MAC)
stations = st.binary(min_size=6, max_size=6).filter(lambda mac: not mac[0] & 1 and any(mac))


def ethernet(payload: bytes, ethertype: int, tags: bytes = b"") -> bytes:
    return BROADCAST + SOURCE + tags + ethertype.to_bytes(2, "big") + payload


def udp(payload: bytes, port: int = 9) -> bytes:
    return struct.pack("!HHHH", 40000, port, len(payload) + 8, 0) + payload


def ipv4(payload: bytes, protocol: int = 17, fragment: int = 0, options: bytes = b"") -> bytes:
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45 + len(options) // 4,
        0,
        20 + len(options) + len(payload),
        1,
        fragment,
        64,
        protocol,
        0,
        ipaddress.IPv4Address("192.0.2.10").packed,
        ipaddress.IPv4Address("192.0.2.255").packed,
    )
    return header + options + payload


def ipv6(payload: bytes, protocol: int = 17) -> bytes:
    source, destination = ipaddress.IPv6Address("fe80::10").packed, ipaddress.IPv6Address("ff02::1").packed
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 1) + source + destination + payload


@given(stations, st.sampled_from([b"", b"\1\2\3\4", b"\1\2\3\4\5\6"]), st.integers(0, 65535), st.binary(max_size=30))
def test_udp_over_ipv4(mac: bytes, secureon: bytes, port: int, trailer: bytes) -> None:
    payload = build(mac, secureon)
    assert decode_ethernet(ethernet(ipv4(udp(payload, port)), 0x0800) + trailer) == CapturedPacket(
        mac=mac,
        secureon_length=len(secureon),
        carrier="udp",
        length=len(payload),
        source_mac=SOURCE,
        destination_mac=BROADCAST,
        ip_version=4,
        source_ip="192.0.2.10",
        destination_ip="192.0.2.255",
        port=port,
    )


def test_udp_over_ipv6() -> None:
    packet = decode_ethernet(ethernet(ipv6(udp(PACKET, 7)), 0x86DD))
    assert packet == CapturedPacket(MAC, 0, "udp", 102, SOURCE, BROADCAST, None, 6, "fe80::10", "ff02::1", 7)


def test_ipv6_extension_headers_are_passed_over() -> None:
    hop_by_hop = bytes([60, 0]) + b"\0" * 6
    destination_options = bytes([17, 1]) + b"\0" * 14
    packet = decode_payload(0x86DD, ipv6(hop_by_hop + destination_options + udp(PACKET), protocol=0))
    assert packet is not None
    assert (packet.carrier, packet.port, packet.ip_version) == ("udp", 9, 6)


def test_a_raw_frame() -> None:
    assert decode_ethernet(ethernet(PACKET + b"\1\2\3\4", 0x0842)) == CapturedPacket(
        MAC, 4, "ethernet", 106, SOURCE, BROADCAST
    )


@pytest.mark.parametrize(
    ("tags", "vlan"),
    [("81000014", 20), ("8100e014", 20), ("88a8000a81000014", 20), ("9100000a", 10)],
)
def test_vlan_tags_are_passed_over(tags: str, vlan: int) -> None:
    for frame, carrier in (
        (ethernet(ipv4(udp(PACKET)), 0x0800, bytes.fromhex(tags)), "udp"),
        (ethernet(PACKET, 0x0842, bytes.fromhex(tags)), "ethernet"),
    ):
        packet = decode_ethernet(frame)
        assert packet is not None
        assert (packet.carrier, packet.vlan, packet.source_mac) == (carrier, vlan, SOURCE)


def test_the_position_within_a_datagram_does_not_matter() -> None:
    packet = decode_ethernet(ethernet(ipv4(udp(b"prefix" + PACKET + b"suffix suffix"), options=b"\1\1\1\1"), 0x0800))
    assert packet is not None
    assert (packet.carrier, packet.length, packet.secureon_length, packet.port) == ("udp", 121, 0, 9)


def test_other_carriers_within_ip_keep_their_addresses() -> None:
    packet = decode_ethernet(ethernet(ipv4(b"\0" * 20 + PACKET, protocol=6), 0x0800))
    assert packet is not None
    assert (packet.carrier, packet.length, packet.port) == ("other", 102, None)
    assert (packet.ip_version, packet.source_ip) == (4, "192.0.2.10")


def test_a_later_fragment_has_no_port() -> None:
    packet = decode_ethernet(ethernet(ipv4(udp(PACKET), fragment=185), 0x0800))
    assert packet is not None
    assert (packet.carrier, packet.port, packet.destination_ip) == ("other", None, "192.0.2.255")


def test_a_first_fragment_has_a_port() -> None:
    more_fragments = 0x2000
    packet = decode_ethernet(ethernet(ipv4(udp(PACKET), fragment=more_fragments), 0x0800))
    assert packet is not None
    assert (packet.carrier, packet.port) == ("udp", 9)


def test_a_later_fragment_of_ipv6_has_no_port() -> None:
    fragment = struct.pack("!BBHI", 17, 0, 100 << 3, 1)
    packet = decode_payload(0x86DD, ipv6(fragment + PACKET, protocol=44))
    assert packet is not None
    assert (packet.carrier, packet.port, packet.ip_version) == ("other", None, 6)


@pytest.mark.parametrize("ethertype", [0x0800, 0x86DD, 0x0806, 0x88B5])
def test_any_ethertype_may_carry_a_packet(ethertype: int) -> None:
    packet = decode_ethernet(ethernet(b"any" + PACKET, ethertype))
    assert packet is not None
    assert (packet.carrier, packet.length, packet.ip_version) == ("other", 102, None)


def test_a_packet_in_the_trailer_of_a_datagram_is_seen_as_the_card_sees_it() -> None:
    packet = decode_ethernet(ethernet(ipv4(udp(b"hello")), 0x0800) + PACKET)
    assert packet is not None
    assert packet.carrier == "other"


def test_a_packet_that_begins_in_the_header_is_seen_as_the_card_sees_it() -> None:
    packet = decode_ethernet(BROADCAST + MAC * 16)
    assert packet is not None
    assert (packet.mac, packet.carrier) == (MAC, "other")


@given(st.binary(max_size=200))
def test_noise_is_no_packet_and_no_error(data: bytes) -> None:
    assert decode_ethernet(data) is None


@given(st.binary(min_size=1, max_size=40), st.sampled_from([0x0800, 0x86DD, 0x8100, 0x0842]))
def test_broken_headers_around_a_packet_are_no_error(noise: bytes, ethertype: int) -> None:
    packet = decode_ethernet(ethernet(noise + PACKET, ethertype))
    assert packet is not None
    assert packet.mac == MAC


def test_a_link_without_header_has_no_hardware_addresses() -> None:
    packet = decode_payload(0x0800, ipv4(udp(PACKET)))
    assert packet is not None
    assert (packet.source_mac, packet.destination_mac, packet.port) == (b"", b"", 9)
