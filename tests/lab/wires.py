# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Sockets on a segment's stub hosts interface: frames in, ARP answers, and the kernel's list of awake addresses."""

from __future__ import annotations

import collections.abc
import ctypes
import errno
import os
import socket
import struct

from lab import magic

_ETH_P_ALL, _ETH_P_ARP = 3, 0x0806
_SO_RCVBUFFORCE, _SO_ATTACH_FILTER = 33, 26
_SOL_PACKET, _PACKET_IGNORE_OUTGOING = 263, 23
_BUFFER = 64 << 20
_BROADCAST = b"\xff" * 6
_ARP_HEADER = struct.pack("!HHHBB", _ETH_P_ARP, 1, 0x0800, 6, 4)


class FrameSocket:
    """Receives the frames of one interface that are long enough for a magic packet."""

    def __init__(self, device: str) -> None:
        self.socket = _packet_socket(device, _ETH_P_ALL)
        longer_than = struct.pack("HBBI", 0x80, 0, 0, 0) + struct.pack("HBBI", 0x35, 0, 1, magic.SHORTEST_FRAME)
        program = longer_than + struct.pack("HBBI", 0x06, 0, 0, 0x40000) + struct.pack("HBBI", 0x06, 0, 0, 0)
        self._program = ctypes.create_string_buffer(program)
        filter_ = struct.pack("HL", len(program) // 8, ctypes.addressof(self._program))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)

    def frames(self) -> collections.abc.Iterator[bytes]:
        """Yield what has arrived, at most 500 frames at once so that nothing else starves."""
        for _turn in range(500):
            try:
                yield self.socket.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.ENETDOWN, errno.ENOBUFS):
                    raise
                return


class ArpSocket:
    """Answers ARP requests for the addresses in `awake`, each with its own MAC."""

    def __init__(self, device: str) -> None:
        self.socket = _packet_socket(device, _ETH_P_ARP)
        self.awake: dict[bytes, bytes] = {}

    def answer(self) -> None:
        for _turn in range(500):
            try:
                frame = self.socket.recv(2048)
            except (BlockingIOError, InterruptedError):
                return
            if len(frame) >= 42 and frame[20:22] == b"\0\x01":
                mac = self.awake.get(frame[38:42])
                if mac is not None:
                    self._send(frame[22:28], mac, b"\0\x02", mac + frame[38:42] + frame[22:32])

    def announce(self, address: bytes, mac: bytes) -> None:
        """Send a gratuitous ARP, as a booting machine does."""
        self._send(_BROADCAST, mac, b"\0\x01", mac + address + bytes(6) + address)

    def _send(self, destination: bytes, source: bytes, operation: bytes, body: bytes) -> None:
        try:
            self.socket.send(destination + source + _ARP_HEADER + operation + body)
        except OSError as error:
            if error.errno not in (errno.ENOBUFS, errno.ENETDOWN, errno.EAGAIN):
                raise


class LocalAddresses:
    """Makes the kernel of this network namespace answer for an address, or stop to (rtnetlink, local routes)."""

    _NEW, _DELETE = 24, 25
    _REQUEST, _ACK, _CREATE, _REPLACE = 0x1, 0x4, 0x400, 0x100
    _TABLE_LOCAL, _PROTOCOL_STATIC, _SCOPE_HOST, _TYPE_LOCAL, _LOOPBACK = 255, 4, 254, 2, 1

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))

    def add(self, address: bytes) -> None:
        self._ask(self._NEW, self._REQUEST | self._ACK | self._CREATE | self._REPLACE, address)

    def remove(self, address: bytes) -> None:
        self._ask(self._DELETE, self._REQUEST | self._ACK, address)

    def _ask(self, kind: int, flags: int, address: bytes) -> None:
        route = struct.pack(
            "=8BI",
            *(socket.AF_INET, 32, 0, 0, self._TABLE_LOCAL, self._PROTOCOL_STATIC, self._SCOPE_HOST, self._TYPE_LOCAL),
            0,
        )
        attributes = struct.pack("=HH4s", 8, 1, address) + struct.pack("=HHI", 8, 4, self._LOOPBACK)
        body = route + attributes
        self._socket.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        number = -struct.unpack_from("=i", self._socket.recv(4096), 16)[0]
        if number not in (0, errno.ESRCH):
            raise OSError(number, os.strerror(number))


def _packet_socket(device: str, protocol: int) -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    packets.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    packets.setblocking(False)
    packets.bind((device, protocol))
    return packets
