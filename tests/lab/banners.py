# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""What awake stub hosts say on their TCP ports: one listener a port answers for every awake address."""

from __future__ import annotations

import collections
import contextlib
import selectors
import socket
import time

SSH_BANNER = b"SSH-2.0-OpenSSH_9.2p1 stub\r\n"
_WINRM_REPLY = (
    b"HTTP/1.1 401 \r\nServer: Microsoft-HTTPAPI/2.0\r\nWWW-Authenticate: Negotiate\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)
_SECONDS_OPEN = 5.0


class Banners:
    """Accepts connections, says the port's first words and closes them a few seconds later."""

    def __init__(self, selector: selectors.BaseSelector, ports: tuple[int, ...]) -> None:
        self._selector = selector
        self._open: collections.OrderedDict[socket.socket, tuple[float, str]] = collections.OrderedDict()
        self._listeners = [socket.create_server(("0.0.0.0", port), backlog=4096) for port in ports]
        for listener in self._listeners:
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ, self._accept)

    def close_old(self, now: float) -> None:
        """Close the connections that are open for too long."""
        while self._open:
            connection, (since, _address) = next(iter(self._open.items()))
            if now - since < _SECONDS_OPEN:
                return
            self._close(connection)

    def next_close(self) -> float | None:
        """When the next connection is to be closed (time.monotonic)."""
        return next(iter(self._open.values()))[0] + _SECONDS_OPEN if self._open else None

    def drop(self, address: str) -> None:
        """Forget the connections of a machine that was switched off."""
        for connection, (_since, its_address) in list(self._open.items()):
            if its_address == address:
                self._close(connection)

    def _accept(self, listener: socket.socket) -> None:
        for _turn in range(200):
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            address, port = connection.getsockname()
            self._open[connection] = (time.monotonic(), address)
            self._selector.register(connection, selectors.EVENT_READ, self._read)
            if port == 22:
                with contextlib.suppress(OSError):
                    connection.send(SSH_BANNER)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
            if data and connection.getsockname()[1] == 5985:
                connection.send(_WINRM_REPLY)
                data = b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        del self._open[connection]
        self._selector.unregister(connection)
        connection.close()
