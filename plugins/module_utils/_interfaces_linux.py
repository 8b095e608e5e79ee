# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""This machine's network interfaces and all their addresses, asked of the kernel through rtnetlink.

Formats after linux/if_link.h and linux/if_addr.h.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import typing as t
from collections.abc import Iterable, Iterator

from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._netlink_messages import (
    ERROR,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    attributes,
    message,
    messages,
)

_NETLINK_ROUTE = 0
_RTM_NEWLINK, _RTM_GETLINK, _RTM_NEWADDR, _RTM_GETADDR = 16, 18, 20, 22

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_OPERSTATE = 1, 3, 16
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFF_UP, _IFF_BROADCAST, _IFF_LOOPBACK = 0x1, 0x2, 0x8
_OPERATIONAL_STATES_WITHOUT_LINK = (1, 2, 3)  # IF_OPER_NOTPRESENT, IF_OPER_DOWN, IF_OPER_LOWERLAYERDOWN

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_RECEIVE_BYTES = 1 << 18

_Address = t.Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]


def read_interfaces() -> tuple[Interface, ...]:
    """All interfaces in the kernel's order, with all IPv4 and IPv6 addresses. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE) as netlink:
        netlink.bind((0, 0))
        links = list(_dump(netlink, _RTM_GETLINK, _RTM_NEWLINK))
        addresses = list(_dump(netlink, _RTM_GETADDR, _RTM_NEWADDR))
    return interfaces_from(links, addresses)


def interfaces_from(links: Iterable[bytes], addresses: Iterable[bytes]) -> tuple[Interface, ...]:
    """Make interfaces of the bodies of RTM_NEWLINK and RTM_NEWADDR messages."""
    of_index: dict[int, list[_Address]] = {}
    for body in addresses:
        index, address = _parse_address(body)
        if address is not None:
            of_index.setdefault(index, []).append(address)
    return tuple(_parse_link(body, of_index) for body in links)


def _dump(netlink: socket.socket, request: int, wanted: int) -> Iterator[bytes]:
    netlink.send(message(request, NLM_F_REQUEST | NLM_F_DUMP, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)))
    while True:
        for kind, body in messages(netlink.recv(_RECEIVE_BYTES)):
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                code = -ERROR.unpack_from(body)[0]
                raise OSError(code, os.strerror(code))
            if kind == wanted:
                yield body


def _parse_link(body: bytes, addresses: dict[int, list[_Address]]) -> Interface:
    _family, _type, index, flags, _change = _LINK.unpack_from(body)
    found = attributes(body[_LINK.size :])
    state = found.get(_IFLA_OPERSTATE, b"\0")[0]
    loopback = bool(flags & _IFF_LOOPBACK)
    return Interface(
        name=found.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "surrogateescape"),
        index=index,
        mac=b"" if loopback else found.get(_IFLA_ADDRESS, b""),
        up=bool(flags & _IFF_UP) and state not in _OPERATIONAL_STATES_WITHOUT_LINK,
        broadcast=bool(flags & _IFF_BROADCAST),
        loopback=loopback,
        addresses=tuple(addresses.get(index, ())),
    )


def _parse_address(body: bytes) -> tuple[int, _Address | None]:
    family, prefix_length, _flags, _scope, index = _ADDRESS.unpack_from(body)
    found = attributes(body[_ADDRESS.size :])
    # On point-to-point links IFA_ADDRESS is the other end; IFA_LOCAL, where there is one, is always ours.
    packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
    if packed is None:
        return index, None
    if family == socket.AF_INET:
        return index, ipaddress.IPv4Interface((packed, prefix_length))
    if family == socket.AF_INET6:
        return index, ipaddress.IPv6Interface((packed, prefix_length))
    return index, None
