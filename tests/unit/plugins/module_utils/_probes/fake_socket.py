# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A socket whose kernel is the test, and which epoll can watch all the same."""

from __future__ import annotations

import errno
import socket
import types
import typing as t


class FakeSocket:
    """Hands out what `deliver` was given; remembers what was sent. `sending` holds an errno for each sendto to come."""

    def __init__(self, *arguments: int) -> None:
        self.arguments = arguments
        self.options: list[tuple[t.Any, ...]] = []
        self.bound: t.Any = None
        self.sent: list[tuple[bytes, t.Any]] = []
        self.sending: list[int] = []
        self.receiving: list[int] = []
        self.senders: list[t.Any] = []
        self.closed = False
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._near.setblocking(False)

    def deliver(self, data: bytes, sender: t.Any = None) -> None:
        self.senders.append(sender)
        self._far.send(data)

    def fileno(self) -> int:
        return self._near.fileno()

    def setsockopt(self, *arguments: t.Any) -> None:
        self.options.append(arguments)

    def bind(self, address: t.Any) -> None:
        self.bound = address

    def sendto(self, data: bytes, address: t.Any) -> int:
        code = self.sending.pop(0) if self.sending else 0
        if code:
            raise OSError(code, "not sent")
        self.sent.append((data, address))
        return len(data)

    def recv(self, size: int) -> bytes:
        if self.receiving:
            raise OSError(self.receiving.pop(0), "not received")
        return self._near.recv(size)

    def recvfrom(self, size: int) -> tuple[bytes, t.Any]:
        data = self.recv(size)
        return data, self.senders.pop(0)

    def close(self) -> None:
        self.closed = True
        self._near.close()
        self._far.close()


class FakeKernel:
    """Stands for the socket module in one of our files. `refusals` maps a type of socket to an errno."""

    def __init__(self, kind: type[FakeSocket] = FakeSocket) -> None:
        self.kind = kind
        self.sockets: list[FakeSocket] = []
        self.refusals: dict[int, int] = {}
        self.module = types.SimpleNamespace(**{**vars(socket), "socket": self.open})

    def open(self, *arguments: int) -> FakeSocket:
        code = self.refusals.get(arguments[1] & ~socket.SOCK_NONBLOCK, 0)
        if code:
            # As the socket module does, so that EPERM and EACCES are PermissionError.
            raise OSError(code, errno.errorcode[code])
        self.sockets.append(self.kind(*arguments))
        return self.sockets[-1]

    @property
    def socket(self) -> FakeSocket:
        (only,) = self.sockets
        return only

    def close(self) -> None:
        for one in self.sockets:
            if not one.closed:
                one.close()
