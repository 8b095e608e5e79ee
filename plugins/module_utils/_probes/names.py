# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Host names to addresses in a few threads, so that a slow resolver holds up nobody else."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._probes.segments import Address

_THREADS = 16
_MOST_ADDRESSES = 4
_DISCARD_PORT = 9
_AGAIN = (socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM)


class Answer(t.NamedTuple):
    """What the resolver said about a name: addresses in its order, or a sentence why there are none."""

    name: str
    addresses: tuple[Address, ...]
    error: str


class Resolver:
    """Asks the system's resolver anew each time; names in question at the same moment are asked once.

    `fileno` is readable when answers wait. The threads are daemons: a resolver that hangs doesn't keep the process.
    """

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._asked: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._closed = False

    def fileno(self) -> int:
        return self._reader.fileno()

    def ask(self, name: str) -> None:
        if name in self._asked:
            return
        self._asked.add(name)
        self._questions.put(name)
        if len(self._threads) < min(_THREADS, len(self._asked)):
            thread = threading.Thread(target=self._work, name="lightsout.wake resolver", daemon=True)
            self._threads.append(thread)
            thread.start()

    def answers(self) -> list[Answer]:
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(65536)
        ready: list[Answer] = []
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return ready
            self._asked.discard(answer.name)
            ready.append(answer)

    def close(self) -> None:
        """A thread ends once its question is answered; the sending end of the pair closes with the last of them."""
        self._closed = True
        for _thread in self._threads:
            self._questions.put(None)
        self._reader.close()
        if not self._threads:
            self._writer.close()

    def _work(self) -> None:
        while True:
            name = self._questions.get()
            if name is None or self._closed:
                return
            self._answers.put(look_up(name))
            # The pair is full: the reader is awake anyway. It is broken: nobody reads any more.
            with contextlib.suppress(OSError):
                self._writer.send(b"\0")


def look_up(name: str) -> Answer:
    """Ask the system's resolver; blocks as long as it does."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        again = " for now" if error.errno in _AGAIN else ""
        return Answer(name, (), f"The name {name!r} could not be resolved{again}: {error.strerror}.")
    except (OSError, UnicodeError) as error:
        return Answer(name, (), f"The name {name!r} could not be resolved: {error}.")
    addresses: dict[tuple[bytes, int], Address] = {}
    for family, _type, _protocol, _canonical, endpoint in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            text = str(endpoint[0])
            scope = int(endpoint[3]) if len(endpoint) > 3 else 0
            packed = socket.inet_pton(family, text.partition("%")[0])
            addresses.setdefault((packed, scope), Address(family, text, packed, scope))
    routed = [address for address in addresses.values() if len(addresses) == 1 or _has_route(address)]
    return Answer(name, tuple(routed or addresses.values())[:_MOST_ADDRESSES], "")


def _has_route(address: Address) -> bool:
    """Whether this machine knows a way to the address; connecting a datagram socket sends nothing."""
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
            return not sock.connect_ex(address.endpoint(_DISCARD_PORT))
    except OSError:
        return False
