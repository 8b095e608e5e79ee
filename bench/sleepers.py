# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Thousands of sleeping machines in one process, each a loopback address that a magic packet brings up.

    python sleepers.py COUNT BOOT_DELAY     (in a network namespace of its own)

Asleep, a machine's port 22 refuses. BOOT_DELAY seconds after its magic packet came (UDP port 7 or 9, at any address) a
socket listens there and says an SSH banner. A line on standard input is a command, "status" or "sleep" (all machines
go to sleep again); a line of JSON answers it. The end of standard input ends the process.
"""

from __future__ import annotations

import collections
import contextlib
import ipaddress
import json
import os
import resource
import select
import socket
import subprocess
import sys
import time
import typing as t

import figures
import spaces

BANNER = b"SSH-2.0-sleeper\r\n"
_PORT = 22
_SO_RCVBUFFORCE = 33
_FIRST = int(ipaddress.IPv4Address("127.1.0.1"))


def address(number: int) -> str:
    """Return the address of a machine; none ends in .0 or .255."""
    return str(ipaddress.IPv4Address(_FIRST + number // 250 * 256 + number % 250))


def mac(number: int) -> str:
    return bytes((0x02, 0x4C, *number.to_bytes(4, "big"))).hex(":")


class Sleepers:
    """The sleepers' process, as seen by the bench."""

    def __init__(self, space: str, count: int, boot_delay: float) -> None:
        argv = spaces.inside(space, figures.own_program("sleepers.py", str(count), str(boot_delay)))
        self._process = subprocess.Popen(
            argv,
            env=figures.own_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interruption ends it by the end of its standard input
        )
        self.status()

    def status(self) -> dict[str, int]:
        """Return how many machines are `awake`, and how many `packets` and `looks` came since they went to sleep."""
        return self._ask("status")

    def sleep(self) -> None:
        self._ask("sleep")

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _ask(self, command: str) -> dict[str, int]:
        if not self._process.stdin or not self._process.stdout:
            raise figures.BenchError("the sleepers have no pipes")
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise figures.BenchError("the sleepers' process has ended")
        return t.cast("dict[str, int]", json.loads(answer))


class _Machines:
    """All sockets of the sleepers."""

    def __init__(self, count: int, boot_delay: float) -> None:
        self._boot_delay = boot_delay
        self._numbers = {bytes.fromhex(mac(number).replace(":", "")): number for number in range(count)}
        self._epoll = select.epoll()
        self._listening: dict[int, socket.socket] = {}
        self._connections: dict[int, socket.socket] = {}
        self._up: set[int] = set()
        self._boots: collections.deque[tuple[float, int]] = collections.deque()
        self._packets = 0
        self._looks = 0
        self._nics = {nic.fileno(): nic for nic in map(_nic, (7, 9))}
        for fd in (0, *self._nics):
            self._epoll.register(fd, select.EPOLLIN)

    def run(self) -> None:
        """Serve until standard input ends."""
        while True:
            pause = max(0.0, self._boots[0][0] - time.monotonic()) if self._boots else -1
            for fd, _events in self._epoll.poll(pause):
                if fd in self._nics:
                    self._receive(self._nics[fd])
                elif fd in self._listening:
                    self._accept(self._listening[fd])
                elif fd in self._connections:
                    self._read(fd)
                elif fd == 0 and not self._obey():
                    return
            while self._boots and self._boots[0][0] <= time.monotonic():
                self._boot(self._boots.popleft()[1])

    def _obey(self) -> bool:
        commands = os.read(0, 4096).decode().split()
        for command in commands:
            if command == "sleep":
                self._sleep()
            answer = {"awake": len(self._listening), "packets": self._packets, "looks": self._looks}
            os.write(1, json.dumps(answer).encode() + b"\n")
        return bool(commands)

    def _sleep(self) -> None:
        for sock in (*self._listening.values(), *self._connections.values()):
            sock.close()
        self._listening.clear()
        self._connections.clear()
        self._boots.clear()
        self._up.clear()
        self._packets = self._looks = 0

    def _receive(self, nic: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            for _turn in range(1000):
                self._magic(nic.recv(2048))

    def _magic(self, data: bytes) -> None:
        start = data.find(b"\xff" * 6)
        wanted = data[start + 6 : start + 12]
        number = self._numbers.get(wanted)
        if start < 0 or number is None or data[start + 6 : start + 102] != wanted * 16:
            return
        self._packets += 1
        if number not in self._up:
            self._up.add(number)
            self._boots.append((time.monotonic() + self._boot_delay, number))

    def _boot(self, number: int) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address(number), _PORT))
        sock.listen(4)
        self._listening[sock.fileno()] = sock
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _peer = listening.accept()
            connection.setblocking(False)
            self._looks += 1
            self._connections[connection.fileno()] = connection
            self._epoll.register(connection.fileno(), select.EPOLLIN)
            connection.send(BANNER)

    def _read(self, fd: int) -> None:
        try:
            if self._connections[fd].recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._connections.pop(fd).close()


def _nic(port: int) -> socket.socket:
    nic = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    nic.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
    nic.bind(("", port))
    return nic


def main(count: int, boot_delay: float) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _Machines(count, boot_delay).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
