# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""A Unix socket that takes one JSON object a line and answers with one."""

from __future__ import annotations

import collections.abc
import json
import os
import selectors
import socket
import typing as t

Request = dict[str, t.Any]


class CommandError(ValueError):
    """A command was refused; the text says why."""


class ControlServer:
    """Serves a Unix socket on somebody else's selector; `handle` gets a request and returns the result."""

    def __init__(
        self, selector: selectors.BaseSelector, path: str, handle: collections.abc.Callable[[Request], t.Any]
    ) -> None:
        self._selector, self._handle = selector, handle
        self._buffers: dict[socket.socket, bytes] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(f"{path}.new")
        os.chmod(f"{path}.new", 0o600)
        self._listener.listen(64)
        os.rename(f"{path}.new", path)
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, listener: socket.socket) -> None:
        connection, _peer = listener.accept()
        self._buffers[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(1 << 20)
        except OSError:
            data = b""
        self._buffers[connection] += data
        while b"\n" in self._buffers[connection]:
            line, self._buffers[connection] = self._buffers[connection].split(b"\n", 1)
            reply = self._reply(line)
            try:
                connection.sendall(reply)
            except OSError:
                data = b""
        if not data:
            self._selector.unregister(connection)
            del self._buffers[connection]
            connection.close()

    def _reply(self, line: bytes) -> bytes:
        try:
            answer = {"result": self._handle(json.loads(line))}
        except (CommandError, KeyError, TypeError, ValueError, OSError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        return json.dumps(answer).encode() + b"\n"


def ask(path: str, request: Request, timeout: float = 60.0) -> t.Any:
    """Send one request and return the result. Raises CommandError and OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer = json.loads(lines.readline() or b'{"error": "the lab closed the connection"}')
    if "error" in answer:
        raise CommandError(answer["error"])
    return answer["result"]
