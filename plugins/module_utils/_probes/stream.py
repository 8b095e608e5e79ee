# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""A TCP connection of a probe: opened without blocking, read and written piece by piece."""

from __future__ import annotations

import errno
import select
import socket
import struct

from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    Outcome,
    of_answered_errno,
    of_own_errno,
)

_STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
_LINGER_ZERO = struct.pack("ii", 1, 0)
_CHUNK = 16384
_FIRST_EPHEMERAL = 1024


class StreamLook(Look):
    """Connects; subclasses go on in `connected`, `received` and `ended`."""

    __slots__ = ("connecting", "outgoing", "sock")

    def begin(self) -> Outcome | None:
        return self.connect()

    def connect(self) -> Outcome | None:
        """Open a connection; a probe may do so again after `drop`."""
        self.sock: socket.socket | None = None
        self.connecting = True
        self.outgoing = b""
        address = self.address
        try:
            sock = socket.socket(address.family, _STREAM)
        except OSError as error:
            return of_own_errno(error.errno or errno.EIO, self.place)
        self.sock = sock
        code = sock.connect_ex(address.endpoint(self.probe.port))
        if code == errno.EINPROGRESS:
            self.desk.watch(sock.fileno(), select.EPOLLOUT, self)
            return None
        if code:
            return of_own_errno(code, self.place)
        outcome = self._established(sock)
        if outcome is None:
            self.desk.watch(sock.fileno(), self.interest(), self)
        return outcome

    def ready(self, events: int) -> None:
        outcome = self._proceed(events)
        if outcome is not None:
            self.desk.finish(self, outcome)

    def _proceed(self, events: int) -> Outcome | None:
        sock = self.sock
        if sock is None:
            return None
        if self.connecting:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                return of_answered_errno(code, self.place)
            outcome = self._established(sock)
        else:
            outcome = self.exchange(sock, events)
        if outcome is None and self.sock is sock:
            self.desk.watch(sock.fileno(), self.interest(), self)
        return outcome

    def _established(self, sock: socket.socket) -> Outcome | None:
        self.connecting = False
        if self.probe.port >= _FIRST_EPHEMERAL and sock.getsockname() == sock.getpeername():
            # On an address of our own the kernel may pick the very port as ours, and connect us to ourselves.
            return of_own_errno(errno.ECONNREFUSED, self.place)
        outcome = self.connected()
        if outcome is None:
            self.desk.answered(self)
        return outcome

    def interest(self) -> int:
        """The events of epoll to wait for next."""
        return select.EPOLLIN | select.EPOLLOUT if self.outgoing else select.EPOLLIN

    def exchange(self, sock: socket.socket, events: int) -> Outcome | None:
        """Write what is due and read what is there."""
        try:
            if self.outgoing:
                self.outgoing = self.outgoing[sock.send(self.outgoing) :]
            data = sock.recv(_CHUNK) if events & ~select.EPOLLOUT else None
        except BlockingIOError:
            return None
        except OSError as error:
            return of_answered_errno(error.errno or errno.EIO, self.place)
        if data is None:
            return None
        return self.received(data) if data else self.ended()

    def connected(self) -> Outcome | None:
        """The connection stands."""
        raise NotImplementedError

    def received(self, data: bytes) -> Outcome | None:
        """Bytes came."""
        return None

    def ended(self) -> Outcome | None:
        """The other side has closed."""
        return of_answered_errno(errno.ECONNRESET, self.place)

    def drop(self, last_words: bytes = b"", *, reset: bool = True) -> None:
        """Close. With `reset` no TIME_WAIT stays behind; otherwise `last_words` are sent and the end is orderly."""
        sock, self.sock = self.sock, None
        if sock is None:
            return
        self.desk.unwatch(sock.fileno())
        try:
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            else:
                if last_words:
                    sock.send(last_words)
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        sock.close()

    def close(self, outcome: Outcome | None) -> None:
        self.drop()
