# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The only sockets that send packets: UDP over IPv4 and IPv6, and raw Ethernet frames."""

from __future__ import annotations

import errno
import os
import socket
import struct
import typing as t
from collections.abc import Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
from ansible_collections.lightsout.wake.plugins.module_utils._mac import parse_hardware_address
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import ethernet_frame

# A full queue (an unplugged cable, a neighbour that does not resolve) must not hold up the other targets.
_LONGEST_WAIT_FOR_ROOM = struct.pack("@ll", 1, 0)
# The interface went away or came back with another index: the socket bound to it is of no more use.
_STALE = frozenset((errno.ENODEV, errno.ENXIO, errno.ENETDOWN, errno.EBADF))
_WORTH_CONNECTING = 64
_NOT_PERMITTED = (errno.EPERM, errno.EACCES)

_Destination = t.Union[tuple[str, int], tuple[str, int, int, int]]


class _Way(t.NamedTuple):
    """An open socket and its sendto with a destination, or its send with a header for each payload."""

    socket: socket.socket
    transmit: t.Callable[..., int]
    destination: _Destination | None
    header: bytes


class PacketSender:
    """Sends payloads by routes. Sockets stay open until close(), one for each carrier, family, interface and source."""

    def __init__(self) -> None:
        self._sockets: dict[tuple[str, int, str, str], socket.socket] = {}
        self._ways: dict[Route, _Way] = {}

    def send(self, route: Route, payloads: Sequence[bytes]) -> list[int]:
        """Send payloads back to back and return one errno for each, 0 where it left this machine.

        Never raises OSError. A host name that does not resolve is EHOSTUNREACH, a queue that stays full EAGAIN.
        """
        try:
            way = self._ways.get(route) or self._open_way(route)
        except OSError as error:
            return [_errno(error)] * len(payloads)
        if len(payloads) >= _WORTH_CONNECTING and way.destination is not None:
            errors = _send_connected(route, way, way.destination, payloads)
        else:
            errors = _send(way, payloads)
        if any(errors) and not _STALE.isdisjoint(errors):
            self._forget(way.socket)
        return errors

    def check(self, route: Route) -> str:
        """Say in a sentence why this machine can't send by a route, or return an empty text. Sends nothing."""
        try:
            if route.carrier == "ethernet":
                _open_raw(route.interface).close()
                return ""
            family, destination = _resolve(route)
            with _open_udp(family, route.interface, route.source) as probe:
                probe.connect(destination)
        except OSError as error:
            return explain(route, _errno(error))
        return ""

    def close(self) -> None:
        """Close all sockets. The sender can be used again afterwards."""
        for one in self._sockets.values():
            one.close()
        self._sockets.clear()
        self._ways.clear()

    def _open_way(self, route: Route) -> _Way:
        if route.carrier == "ethernet":
            raw = self._cached(("ethernet", socket.AF_PACKET, route.interface, ""))
            own_mac = raw.getsockname()[4]
            way = _Way(raw, raw.send, None, ethernet_frame(own_mac, parse_hardware_address(route.address), b""))
        else:
            family, destination = _resolve(route)
            udp = self._cached(("udp", family, route.interface, route.source))
            way = _Way(udp, udp.sendto, destination, b"")
            if destination[0] != route.address.partition("%")[0]:
                return way  # a host name: looked up again at the next send
        self._ways[route] = way
        return way

    def _cached(self, key: tuple[str, int, str, str]) -> socket.socket:
        found = self._sockets.get(key)
        if found is None:
            carrier, family, interface, source = key
            found = _open_raw(interface) if carrier == "ethernet" else _open_udp(family, interface, source)
            self._sockets[key] = found
        return found

    def _forget(self, stale: socket.socket) -> None:
        stale.close()
        self._sockets = {key: one for key, one in self._sockets.items() if one is not stale}
        self._ways = {route: way for route, way in self._ways.items() if way.socket is not stale}


def explain(route: Route, code: int) -> str:
    """Say in a sentence why a packet did not leave by a route, for the errno that send() returned."""
    where = f"{route.address} by interface {route.interface}" if route.interface else route.address
    name = errno.errorcode.get(code, str(code))
    if code in _NOT_PERMITTED and route.carrier == "ethernet":
        return (
            f"raw Ethernet frames by interface {route.interface} need the capability CAP_NET_RAW, which this process "
            f"does not have: become root there, or use delivery broadcast or directed, which need no privilege ({name})"
        )
    if code in _NOT_PERMITTED:
        return (
            f"the kernel does not permit this process to send to {where}: a firewall rule of this machine rejects it, "
            f"or binding to an interface needs the capability CAP_NET_RAW (Linux before 5.7); delivery directed "
            f"without an interface does without it ({name})"
        )
    if code == errno.ENETUNREACH:
        return f"this machine has no route to {where} ({name})"
    if code in (errno.ENODEV, errno.ENXIO):
        return f"interface {route.interface} does not exist on this machine ({name})"
    if code == errno.ENETDOWN:
        return f"interface {route.interface} is down on this machine ({name})"
    if code == errno.EHOSTUNREACH and route.carrier == "udp":
        return f"{where} can't be reached, or its name does not resolve here ({name})"
    return f"packets to {where} do not leave this machine: {os.strerror(code)} ({name})"


def _send(way: _Way, payloads: Sequence[bytes]) -> list[int]:
    errors = [0] * len(payloads)
    _socket, transmit, destination, header = way
    for position, payload in enumerate(payloads):
        try:
            if destination is None:
                transmit(header + payload)
            else:
                transmit(payload, destination)
        except OSError as error:
            errors[position] = _errno(error)
    return errors


def _send_connected(route: Route, way: _Way, destination: _Destination, payloads: Sequence[bytes]) -> list[int]:
    """Send over a socket that is connected for this batch only, which spares a route look-up for each packet."""
    try:
        with _open_udp(way.socket.family, route.interface, route.source) as connected:
            connected.connect(destination)
            errors = _send(_Way(connected, connected.send, None, b""), payloads)
    except OSError as error:
        return [_errno(error)] * len(payloads)
    # The refusal of an earlier packet, which a connected socket reports in place of sending the next one.
    for position, code in enumerate(errors):
        if code == errno.ECONNREFUSED:
            errors[position] = _send(way, payloads[position : position + 1])[0]
    return errors


def _resolve(route: Route) -> tuple[int, _Destination]:
    address, _percent, scope = route.address.partition("%")
    if ":" in address:
        zone = scope or route.interface
        index = _index_of(zone) if zone and _is_link_scoped(address) else 0
        return socket.AF_INET6, (address, route.port, 0, index)
    try:
        found = socket.getaddrinfo(address, route.port, 0, socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError):
        raise OSError(errno.EHOSTUNREACH, "the name does not resolve") from None
    family, _type, _protocol, _name, destination = found[0]
    return family, t.cast("tuple[str, int]", destination)


def _index_of(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:  # before Python 3.14 without an errno
        raise OSError(errno.ENODEV, f"interface {interface} does not exist") from None


def _is_link_scoped(address: str) -> bool:
    return address.lower().startswith(("fe8", "fe9", "fea", "feb", "ff"))


def _open_udp(family: int, interface: str, source: str) -> socket.socket:
    udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _LONGEST_WAIT_FOR_ROOM)
        if family == socket.AF_INET:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        else:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        if interface:
            _bind_to_interface(udp, interface, source)
    except OSError:
        udp.close()
        raise
    return udp


def _bind_to_interface(udp: socket.socket, interface: str, source: str) -> None:
    """Bind to the device; where the kernel reserves that to CAP_NET_RAW, bind to the source address.

    The kernel picks the interface of 255.255.255.255 by the source, and that of IPv6 multicast by its scope.
    """
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, os.fsencode(interface) + b"\0")
    except PermissionError:
        if udp.family == socket.AF_INET6:
            return
        if not source:
            raise
        udp.bind((source, 0))


def _open_raw(interface: str) -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    try:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _LONGEST_WAIT_FOR_ROOM)
        raw.bind((interface, 0))
    except OSError:
        raw.close()
        raise
    return raw


def _errno(error: OSError) -> int:
    return error.errno if error.errno and error.errno > 0 else errno.EIO
