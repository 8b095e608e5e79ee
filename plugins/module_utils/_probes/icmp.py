# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""ICMP echo probes over one socket per IP version: a ping socket, or a raw one where that is not allowed."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct

from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import icmp_echo
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Desk, Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    WEAK,
    Outcome,
    awake,
    of_own_errno,
    unable,
)

_RESEND = 0.7
_READS_AT_ONCE = 512
_DATAGRAM_BYTES = 2048
_BUFFER = 1 << 22
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SEQUENCES = 1 << 16
_TOKEN_LENGTH = 16
_ICMP6_FILTER = 1
_ONLY_ECHO_REPLIES = struct.pack("=8I", *(0xFFFFFFFF & ~(1 << 1) if word == 4 else 0xFFFFFFFF for word in range(8)))
_PROTOCOLS = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_MISSING_PRIVILEGE = (
    "An ICMP probe needs CAP_NET_RAW, or a group within net.ipv4.ping_group_range, on the machine that probes, and "
    "this process has neither: run it as root (become: true), or use a tcp or ssh probe."
)


class IcmpLook(Look):
    """Awake when an echo reply comes."""

    __slots__ = ("channel", "sequence")

    @property
    def place(self) -> str:
        return self.address.text

    def begin(self) -> Outcome | None:
        self.channel: EchoChannel | None = None
        version = 6 if self.address.family == socket.AF_INET6 else 4
        try:
            self.channel = self.desk.shared(("icmp", version), lambda: EchoChannel(self.desk, version))
        except PermissionError:
            return unable(_MISSING_PRIVILEGE)
        except OSError as error:
            return of_own_errno(error.errno or errno.EIO, self.place)
        self.sequence = self.channel.join(self)
        code = self._send()
        return of_own_errno(code, self.place) if code else None

    def tick(self) -> None:
        # The first request has left: a full buffer only means that this repetition does not.
        self._send()

    def heard(self) -> None:
        """The reply came."""
        self.desk.finish(self, awake(f"{WEAK}ICMP echo reply from {self.place}"))

    def close(self, outcome: Outcome | None) -> None:
        if self.channel is not None:
            self.channel.leave(self)

    def _send(self) -> int:
        if self.channel is None:
            return 0
        self.desk.call_after(_RESEND, self)
        return self.channel.ask(self)


class EchoChannel:
    """The socket of one IP version and who waits for which sequence number. Raises OSError where it can't be opened."""

    def __init__(self, desk: Desk, version: int) -> None:
        self._desk = desk
        self._version = version
        self._token = os.urandom(_TOKEN_LENGTH)
        self._identifier = int.from_bytes(os.urandom(2), "big")
        self._waiting: dict[int, IcmpLook] = {}
        self._next = 0
        self._sock, self._raw = _open(version)
        _enlarge_buffers(self._sock)
        desk.watch(self._sock.fileno(), select.EPOLLIN, self)

    def join(self, look: IcmpLook) -> int:
        """A sequence number that nobody else waits for."""
        while self._next in self._waiting:
            self._next = (self._next + 1) % _SEQUENCES
        sequence = self._next
        self._next = (sequence + 1) % _SEQUENCES
        self._waiting[sequence] = look
        return sequence

    def leave(self, look: IcmpLook) -> None:
        self._waiting.pop(look.sequence, None)

    def ask(self, look: IcmpLook) -> int:
        """Send; returns an errno, 0 when it left."""
        request = icmp_echo.build_request(self._version, self._identifier, look.sequence, self._token)
        try:
            self._sock.sendto(request, look.address.endpoint(0))
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def ready(self, events: int) -> None:
        for _read in range(_READS_AT_ONCE):
            try:
                data, sender = self._sock.recvfrom(_DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue
            self._heard(data, str(sender[0]).partition("%")[0])

    def close(self) -> None:
        self._desk.unwatch(self._sock.fileno())
        self._sock.close()

    def _heard(self, data: bytes, sender: str) -> None:
        reply = icmp_echo.parse_reply(self._version, data, with_ip_header=self._raw and self._version == 4)
        if reply is None or reply.payload != self._token or (self._raw and reply.identifier != self._identifier):
            return
        look = self._waiting.get(reply.sequence)
        if look is not None and socket.inet_pton(look.address.family, sender) == look.address.packed:
            look.heard()


def _open(version: int) -> tuple[socket.socket, bool]:
    """A ping socket, else a raw one, and whether it is raw. Raises PermissionError if neither is allowed."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    try:
        return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _PROTOCOLS[version]), False
    except OSError:
        sock = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _PROTOCOLS[version])
    if version == 6:
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _ONLY_ECHO_REPLIES)
    return sock, True


def _enlarge_buffers(sock: socket.socket) -> None:
    """Requests to neighbours that the kernel still resolves wait in the send buffer that all probes share."""
    for forced, limited in ((_SO_SNDBUFFORCE, socket.SO_SNDBUF), (_SO_RCVBUFFORCE, socket.SO_RCVBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, _BUFFER)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, limited, _BUFFER)
