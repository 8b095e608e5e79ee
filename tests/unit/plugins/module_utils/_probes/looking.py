# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A room to run looks in one by one, over the real watch, and servers on loopback for them to look at."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t
from collections.abc import Iterator

from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import Outcome
from ansible_collections.lightsout.wake.plugins.module_utils._probes.segments import Address, Segment, parse_literal
from ansible_collections.lightsout.wake.plugins.module_utils._probes.watch import Watch
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

LONGEST_WAIT = 30.0
SEGMENT = Segment(
    interface="east",
    interface_index=7,
    mac=bytes.fromhex("020000000001"),
    source=bytes((192, 0, 2, 1)),
    family=socket.AF_INET,
    network=0xC0000200,
    mask=0xFFFFFF00,
)


def probe(kind: str = "tcp", host: str = "127.0.0.1", port: int = 0, **fields: t.Any) -> Probe:
    defaults = {"timeout": LONGEST_WAIT, "origin": "relay", "host_key": "", "mac": b""}
    return Probe(**{**defaults, "type": kind, "host": host, "port": port, **fields})


def address_of(host: str) -> Address:
    address = parse_literal(host)
    assert address is not None
    return address


class Room:
    """The engine's part towards looks: starts them and remembers what became of them."""

    def __init__(self) -> None:
        self.running: list[Look] = []
        self.ended: dict[Look, Outcome] = {}
        self.answered: list[Look] = []
        self.watch = Watch(self._end, self.answered.append)

    def make(self, kind: type[Look], one: Probe, segment: Segment | None = None) -> t.Any:
        look = kind(self.watch, one, address_of(one.host), segment, one.timeout)
        look.job = object()
        return look

    def begin(self, kind: type[Look], one: Probe, segment: Segment | None = None) -> t.Any:
        """A look that has begun, and may have ended."""
        look = self.make(kind, one, segment)
        self.running.append(look)
        self.watch.begin(look, time.monotonic())
        return look

    def outcome(self, look: Look) -> Outcome:
        """Run until the look has ended."""
        self.run_until(lambda: look in self.ended)
        return self.ended[look]

    def see(self, kind: type[Look], one: Probe, segment: Segment | None = None) -> Outcome:
        return self.outcome(self.begin(kind, one, segment))

    def run_until(self, there: t.Callable[[], bool]) -> None:
        end = time.monotonic() + LONGEST_WAIT
        while not there():
            assert time.monotonic() < end, "nothing has come of it"
            self.watch.run(0.02)

    def run_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.watch.run(0.01)

    def close(self) -> None:
        for look in self.running:
            look.close(None)
        self.watch.close()

    def _end(self, look: Look, outcome: Outcome) -> None:
        assert look not in self.ended
        self.ended[look] = outcome
        self.running.remove(look)


@contextlib.contextmanager
def serving(handle: t.Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """The port of a server that gives each connection to `handle`, one after the other, and keeps it open."""
    connections: list[socket.socket] = []
    with socket.create_server((host, 0), backlog=64) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _address = listener.accept()
                    connections.append(connection)
                    connection.settimeout(LONGEST_WAIT)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    with contextlib.suppress(OSError):
                        handle(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join(LONGEST_WAIT)
            for connection in connections:
                connection.close()


def saying(*pieces: bytes, hang_up: bool = False, pause: float = 0.01) -> contextlib.AbstractContextManager[int]:
    """A server that says its pieces one by one, then keeps still or hangs up."""

    def handle(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)

    return serving(handle)


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port towards which connections neither come about nor are refused: the queue of its listener is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _each in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


class Ear:
    """Hands connections to be listened to until their end; `heard` and `reset` tell how each one ended."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.reset: list[bool] = []

    def listen(self, connection: socket.socket) -> None:
        data, reset = b"", False
        try:
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                data += piece
        except ConnectionResetError:
            reset = True
        self.heard.append(data)
        self.reset.append(reset)

    def wait(self, count: int = 1) -> None:
        end = time.monotonic() + LONGEST_WAIT
        while len(self.reset) < count:
            assert time.monotonic() < end, "the connection did not end"
            time.sleep(0.005)
