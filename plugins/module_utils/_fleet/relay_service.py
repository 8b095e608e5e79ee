# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The relay's side of a wake: a process of its own that journals verdicts and ends itself when nobody asks."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import typing as t
from collections.abc import Callable, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.runner import FleetRunner
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import (
    COMPLETE,
    Batch,
    Orders,
    read_orders,
    write_failure,
    write_report,
)

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import WakeMethod

DIRECTORY_PREFIX = "lightsout-wake-"
JOURNAL = "journal"
ORDERS = "orders"
LONGEST_SILENCE = 60.0  # seconds without orders after which the controller counts as gone (design 5.2)
_SLICE = 0.25  # seconds


def make_directory() -> str:
    """Make the private directory (mode 0700) with an empty journal and empty orders (mode 0600)."""
    directory = tempfile.mkdtemp(prefix=DIRECTORY_PREFIX)
    for name in (JOURNAL, ORDERS):
        os.close(os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return directory


class OrderReader:
    """Reads whole lines that were added to a file, and knows how long nothing was added (seconds)."""

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._offset = 0
        self._heard = clock()

    def read(self) -> list[Orders]:
        """Return the orders since the last call. A line that is not JSON is left out."""
        with open(self._path, "rb") as stream:
            stream.seek(self._offset)
            added = stream.read()
        whole = added[: added.rfind(b"\n") + 1]
        if whole:
            self._offset += len(whole)
            self._heard = self._clock()
        orders = []
        for line in whole.decode("utf-8", "replace").splitlines():
            try:
                orders.append(read_orders(line))
            except (ValueError, AttributeError):
                continue
        return orders

    def silence(self) -> float:
        """Return the seconds since the last order."""
        return self._clock() - self._heard


class RelayService:
    """Runs a batch on the relay until the controller ends it, or has not been heard of for 60 s."""

    def __init__(
        self,
        batch: Batch,
        directory: str,
        runner: FleetRunner,
        methods: t.Mapping[str, WakeMethod],
        orders: OrderReader,
        warnings: list[str],
    ) -> None:
        self._batch = batch
        self._journal = os.path.join(directory, JOURNAL)
        self._runner = runner
        self._methods = methods
        self._orders = orders
        self._warnings = warnings

    def run(self) -> None:
        """Wake and watch. Raises OSError where the journal can't be written."""
        not_sent = self._take_in()
        complete = False
        while True:
            for orders in self._orders.read():
                if orders.end:
                    return
                not_sent += self._obey(orders)
            if self._orders.silence() > LONGEST_SILENCE:
                return
            all_known = not self._runner.unfinished  # before the poll that hands out the last verdicts
            report = self._runner.poll(_SLICE)
            self._write(write_report(report._replace(not_sent=not_sent), self._take_warnings()))
            not_sent = []
            if all_known and not complete:
                complete = True
                self._write([COMPLETE])

    def _take_in(self) -> list[tuple[int, str]]:
        refused = []
        for key, target in self._batch.targets.items():
            if key not in self._batch.only_send:
                self._runner.add(key, target)
                continue
            refusal = self._methods["wol"].prepare(key, target)
            if refusal:
                refused.append((key, refusal))
        return refused

    def _obey(self, orders: Orders) -> list[tuple[int, str]]:
        self._runner.release(orders.release)
        for key in orders.give_up:
            self._runner.give_up(key, "blocked", "")
        if not orders.send:
            return []
        method = self._methods["wol"]
        method.send(orders.send)
        return [(sent.key, sent.error) for sent in method.collect() if sent.error]

    def _take_warnings(self) -> list[str]:
        warnings = list(self._warnings)
        self._warnings.clear()
        return warnings

    def _write(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        with open(self._journal, "a", encoding="utf-8") as stream:
            stream.write("".join(line + "\n" for line in lines))


def detach(directory: str, serve: Callable[[], None]) -> int:
    """Run ``serve`` in a process of its own session and return that process's id at once.

    The directory is removed when it ends, whatever ends it short of SIGKILL. What stops ``serve`` is
    written to the journal as a sentence. All imports must have happened: the module's archive is gone by then.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading, "rb") as stream:
            return int(stream.read() or b"0")
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        _serve(directory, serve, writing)
    finally:
        os._exit(0)


def _let_go() -> None:
    """Close everything that would keep the controller's connection open."""
    os.chdir("/")
    os.closerange(3, 4096)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if null > 2:
        os.close(null)


def _ended(_signal: int, _frame: t.Any) -> t.NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not stop the tidying up
    raise SystemExit


def _serve(directory: str, serve: Callable[[], None], tell: int) -> None:
    """Tell our process id to the descriptor ``tell``, and serve."""
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _ended)
        os.write(tell, str(os.getpid()).encode())
        _let_go()
        serve()
    except SystemExit:
        pass
    except Exception as error:
        _leave_word(directory, f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _leave_word(directory: str, sentence: str) -> None:
    """Write why it ended where the controller reads, and give it time to."""
    try:
        with open(os.path.join(directory, JOURNAL), "a", encoding="utf-8") as stream:
            stream.write(write_failure(sentence) + "\n")
        time.sleep(LONGEST_SILENCE / 4)
    except OSError:
        return
