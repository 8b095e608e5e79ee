# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""ARP probes over one packet socket per interface; they leave the kernel's neighbour table alone."""

from __future__ import annotations

import errno
import select
import socket

from ansible_collections.lightsout.wake.plugins.module_utils._mac import format_mac
from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import arp
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Desk, Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.neighbours import compare_mac
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    WEAK,
    Outcome,
    awake,
    of_own_errno,
    unable,
)

_RESEND = 0.7
_READS_AT_ONCE = 512
_PACKET_BYTES = 256
_RECEIVE_BUFFER = 1 << 22
_EVERYBODY = b"\xff" * 6
_MISSING_PRIVILEGE = (
    "An ARP probe needs CAP_NET_RAW on the machine that probes, and this process does not have it: run it as root "
    "(become: true), or use a tcp or ssh probe."
)


class ArpLook(Look):
    """Awake when somebody answers for the address, and with identity.mac the right one."""

    __slots__ = ("channel",)

    @property
    def place(self) -> str:
        return self.address.text

    def begin(self) -> Outcome | None:
        self.channel: ArpChannel | None = None
        if self.address.family != socket.AF_INET:
            return unable(f"{self.place} is an IPv6 address: ARP is for IPv4 only, use icmp, tcp or ssh.")
        segment = self.segment
        if segment is None:
            return unable(
                f"{self.place} is on no segment of this machine, and ARP does not reach further: probe from a relay "
                "on its segment, or use tcp or ssh."
            )
        try:
            self.channel = self.desk.shared(
                ("arp", segment.interface), lambda: ArpChannel(self.desk, segment.interface)
            )
        except PermissionError:
            return unable(_MISSING_PRIVILEGE)
        except OSError as error:
            return of_own_errno(error.errno or errno.EIO, self.place)
        return self._send()

    def tick(self) -> None:
        outcome = self._send()
        if outcome is not None:
            self.desk.finish(self, outcome)

    def heard(self, mac: bytes) -> None:
        """Somebody answered."""
        proof = f"{WEAK}ARP reply for {self.place}"
        seen = awake(f"{proof}, MAC {format_mac(mac)}")
        self.desk.finish(self, compare_mac(self, mac, proof) if self.probe.mac else seen)

    def close(self, outcome: Outcome | None) -> None:
        if self.channel is not None:
            self.channel.leave(self)

    def _send(self) -> Outcome | None:
        if self.channel is None or self.segment is None:
            return None
        code = self.channel.ask(self, arp.build_request(self.segment.mac, self.segment.source, self.address.packed))
        if code:
            return of_own_errno(code, self.place)
        self.desk.call_after(_RESEND, self)
        return None


class ArpChannel:
    """One interface's packet socket and who waits for which address on it. Raises OSError where it can't be opened."""

    def __init__(self, desk: Desk, interface: str) -> None:
        self._desk = desk
        self._interface = interface
        self._waiting: dict[bytes, list[ArpLook]] = {}
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        self._sock = socket.socket(socket.AF_PACKET, kind, socket.htons(arp.ETHERTYPE_ARP))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        try:
            self._sock.bind((interface, arp.ETHERTYPE_ARP))
        except OSError:
            self._sock.close()
            raise
        desk.watch(self._sock.fileno(), select.EPOLLIN, self)

    def ask(self, look: ArpLook, request: bytes) -> int:
        """Send; returns an errno, 0 when it left."""
        looks = self._waiting.setdefault(look.address.packed, [])
        if look not in looks:
            looks.append(look)
        try:
            self._sock.sendto(request, (self._interface, arp.ETHERTYPE_ARP, 0, 0, _EVERYBODY))
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def leave(self, look: ArpLook) -> None:
        looks = self._waiting.get(look.address.packed, [])
        if look in looks:
            looks.remove(look)
        if not looks:
            self._waiting.pop(look.address.packed, None)

    def ready(self, events: int) -> None:
        for _read in range(_READS_AT_ONCE):
            try:
                data = self._sock.recv(_PACKET_BYTES)
            except OSError:
                return
            reply = arp.parse_reply(data)
            if reply is not None:
                for look in tuple(self._waiting.get(reply.address, ())):
                    look.heard(reply.mac)

    def close(self) -> None:
        self._desk.unwatch(self._sock.fileno())
        self._sock.close()
