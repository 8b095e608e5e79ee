# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The only socket that listens for magic packets: AF_PACKET, so any port, any carrier, below the firewall."""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
import time
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._captured_frame import (
    CapturedPacket,
    decode_ethernet,
    decode_payload,
)

_ETH_P_ALL = 0x0003
_PACKET_OUTGOING, _PACKET_LOOPBACK = 4, 5
_ARPHRD_ETHER, _ARPHRD_LOOPBACK = 1, 772
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 1, 6, 8
_PACKET_MR_PROMISC = 1
_SO_ATTACH_FILTER = 26
_TP_STATUS_VLAN_VALID = 1 << 4
_VLAN_ID = 0x0FFF

_AUXILIARY_DATA = struct.Struct("@IIIHHHH")
_MEMBERSHIP = struct.Struct("@iHH8s")
_STATISTICS = struct.Struct("@II")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_AUXILIARY_DATA.size)
_LONGEST_FRAME = 1 << 16
_RECEIVE_QUEUE_BYTES = 4 << 20

# Classic BPF (linux/filter.h): keep frames of at least 14 + 102 bytes, since a shorter one has no room for a packet.
_SHORTEST_FRAME = 14 + 102
_FILTER = b"".join(
    struct.pack("@HBBI", code, jump_true, jump_false, value)
    for code, jump_true, jump_false, value in (
        (0x80, 0, 0, 0),  # load the frame's length
        (0x35, 0, 1, _SHORTEST_FRAME),  # at least?
        (0x06, 0, 0, 0xFFFFFFFF),  # keep it all
        (0x06, 0, 0, 0),  # drop it
    )
)


class CannotListen(Exception):
    """This machine can't listen. The message is a sentence that says why and what to do."""


class Capture(t.NamedTuple):
    """A magic packet, the interface that saw it, whether this machine itself sent it, and when (seconds since 1970)."""

    packet: CapturedPacket
    interface: str
    outgoing: bool
    time: float


class PacketListener:
    """Listens from the moment it is made, on one interface or, with an empty name, on all. Raises CannotListen."""

    def __init__(self, interface: str = "", promiscuous: bool = False) -> None:
        self._interface = interface
        try:
            self._socket = _open(interface, promiscuous)
        except OSError as error:
            raise CannotListen(_sentence(interface, error)) from None

    def receive(self, wait: float) -> Capture | None:
        """The next magic packet, or None after `wait` seconds."""
        until = time.monotonic() + wait
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                frame, ancillary, _flags, sender = self._socket.recvmsg(_LONGEST_FRAME, _ANCILLARY_BYTES)
            except socket.timeout:
                return None
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
                continue  # the interface went down and may come back before the time is over
            capture = _capture(frame, ancillary, sender)
            if capture is not None:
                return capture

    def dropped(self) -> int:
        """How many frames the kernel threw away because they came faster than they were read, since the last call."""
        _seen, dropped = _STATISTICS.unpack(self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))
        return int(dropped)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def _capture(frame: bytes, ancillary: list[tuple[int, int, bytes]], sender: t.Any) -> Capture | None:
    interface, protocol, direction, hardware = sender[:4]
    if direction == _PACKET_LOOPBACK:  # a copy, for local listeners, of what also shows up as outgoing
        return None
    if hardware in (_ARPHRD_ETHER, _ARPHRD_LOOPBACK):
        packet = decode_ethernet(frame)
    else:
        packet = decode_payload(protocol, frame)
    if packet is None:
        return None
    vlan = _vlan(ancillary)
    if vlan is not None:
        packet = packet._replace(vlan=vlan)
    return Capture(packet, interface, direction == _PACKET_OUTGOING, time.time())


def _vlan(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """The VLAN that the kernel or the network card took out of the frame."""
    for level, kind, data in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(data) >= _AUXILIARY_DATA.size:
            status, _length, _captured, _link, _network, tag, _protocol = _AUXILIARY_DATA.unpack_from(data)
            if status & _TP_STATUS_VLAN_VALID:
                return int(tag) & _VLAN_ID
    return None


def _open(interface: str, promiscuous: bool) -> socket.socket:
    # With protocol 0 nothing is received until bind() names the interface, so no frame of another one slips in.
    protocol = 0 if interface else socket.htons(_ETH_P_ALL)
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_QUEUE_BYTES)
        listener.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        _attach_filter(listener)
        if interface:
            _bind(listener, interface, promiscuous)
    except OSError:
        listener.close()
        raise
    return listener


def _bind(listener: socket.socket, interface: str, promiscuous: bool) -> None:
    listener.bind((interface, _ETH_P_ALL))
    problem = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if problem:  # an interface that is down is reported here and not by bind()
        raise OSError(problem, os.strerror(problem))
    if promiscuous:
        request = _MEMBERSHIP.pack(socket.if_nametoindex(interface), _PACKET_MR_PROMISC, 0, b"")
        listener.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)


def _attach_filter(listener: socket.socket) -> None:
    program = array.array("B", _FILTER)
    address, _length = program.buffer_info()
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HL", len(_FILTER) // 8, address))


def _sentence(interface: str, error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    if error.errno in (errno.EPERM, errno.EACCES):
        return (
            "listening for magic packets needs the capability CAP_NET_RAW, which this process does not have: "
            f"run the task with become ({name})"
        )
    if error.errno in (errno.ENODEV, errno.ENXIO):
        return f"interface {interface!r} does not exist on this machine ({name})"
    if error.errno == errno.ENETDOWN:
        return f"interface {interface!r} is down on this machine ({name})"
    return f"this machine can't listen for magic packets: {error.strerror or error} ({name})"
