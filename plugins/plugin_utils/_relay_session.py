# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""A run of targets behind one session with a relay, or with this machine where the list of relays falls back to it."""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Callable

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import verdicts
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import MagicPackets
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.relay_service import (
    DIRECTORY_PREFIX,
    JOURNAL,
    ORDERS,
)
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.runner import FleetRunner
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import (
    Batch,
    Journal,
    Orders,
    read_journal,
    write_batch,
    write_orders,
)
from ansible_collections.lightsout.wake.plugins.module_utils._interfaces_linux import read_interfaces
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender
from ansible_collections.lightsout.wake.plugins.module_utils._probes.engine import ProbeEngine
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_link import RelayLink, RelayUnusable

_ALIVE, _DEAD, _GONE = "=alive", "=dead", "=gone"
_SLICE = 0.1  # seconds of one exchange with ourselves
_LONGEST_ORDER = 5000  # keys in one line, so that a command stays well below the 128 KiB of one argument


class Session(t.Protocol):
    """A service that works on a batch. One that ``waits_itself`` in exchange() is called again at once."""

    waits_itself: bool

    def exchange(self, orders: Orders) -> Journal:
        """Hand in orders and return what was journalled since. Raises RelayUnusable; the relay may come back."""

    def close(self) -> None:
        """End it and leave nothing behind."""


class RelaySession:
    """The service on a relay, over its connection. Raises RelayUnusable where it can't be started."""

    waits_itself = False

    def __init__(self, link: RelayLink, batch: Batch) -> None:
        self._link = link
        self._offset = 0
        self._ended = False
        if any(target.secureon for target in batch.targets.values()) and not link.pipes:
            raise RelayUnusable(
                "SecureOn passwords would lie in a file there, because its connection or way of becoming another user "
                "has no pipelining, or ANSIBLE_KEEP_REMOTE_FILES is set"
            )
        started = link.run_module(write_batch(batch))
        self._directory = str(started["directory"])
        self._pid = int(started["pid"])
        if f"/{DIRECTORY_PREFIX}" not in self._directory or self._pid <= 1:
            raise RelayUnusable("its answer is not that of our module")

    def exchange(self, orders: Orders) -> Journal:
        """See Session."""
        *first, last = _in_portions(orders)
        for portion in first:
            self._link.command(self._command(portion, read=False))
        text = self._link.command(self._command(last, read=True)).replace("\r\n", "\n")  # ssh may use a terminal
        lines = [line for line in text.splitlines() if line]
        state = next((line for line in reversed(lines) if line in (_ALIVE, _DEAD, _GONE)), "")
        rows = [line for line in lines if line.startswith("{")]
        if not state:
            raise RelayUnusable("its answer was cut off")
        if rows and not text.rpartition(state)[0].endswith("\n\n"):
            rows.pop()  # written while we read; comes again
        journal = read_journal(rows)
        self._offset += sum(len(row) + 1 for row in rows)
        if state != _ALIVE and not journal.complete:
            self._ended = state == _GONE
            return journal._replace(failed=journal.failed or "its wake process was ended from outside")
        return journal

    def close(self) -> None:
        """See Session."""
        try:
            if not self._ended:
                self._link.command(self._farewell())
        except RelayUnusable:
            pass
        finally:
            self._link.close()

    def _command(self, orders: Orders, read: bool) -> str:
        # Whether it is alive is asked first, so that a journal read after it is whole when it was not.
        # /proc/PID/exe does not resolve for a zombie, which kill -0 would call alive.
        give = f"printf '%s\\n' {shlex.quote(write_orders(orders))} >> {ORDERS}"
        state = f"if [ -e /proc/{self._pid}/exe ]; then s={_ALIVE}; else s={_DEAD}; fi"
        show = f"tail -c +{self._offset + 1} {JOURNAL}; printf '\\n%s\\n' $s" if read else "true"
        return f"cd {shlex.quote(self._directory)} 2>/dev/null || {{ echo {_GONE}; exit 0; }}; {state}; {give}; {show}"

    def _farewell(self) -> str:
        directory = shlex.quote(self._directory)
        end = shlex.quote(write_orders(Orders([], [], [], True)))
        alive = f"[ -e /proc/{self._pid}/exe ]"
        wait = f"i=0; while {alive} && [ -d {directory} ] && [ $i -lt 30 ]; do sleep 0.1; i=$((i+1)); done"
        return f"if {alive}; then printf '%s\\n' {end} >> {directory}/{ORDERS}; {wait}; fi; rm -rf {directory}"


class OwnSession:
    """The same service in this process, for a list of relays that falls back to the control node."""

    waits_itself = True

    def __init__(self, batch: Batch) -> None:
        self._warnings: list[str] = []
        self._not_sent: list[tuple[int, str]] = []
        self._methods = {"wol": MagicPackets(PacketSender(), read_interfaces(), self._warnings.append)}
        self._runner = FleetRunner(self._methods, ProbeEngine(), batch.settings)
        for key, target in batch.targets.items():
            if key not in batch.only_send:
                self._runner.add(key, target)
                continue
            refusal = self._methods["wol"].prepare(key, target)
            if refusal:
                self._not_sent.append((key, refusal))

    def exchange(self, orders: Orders) -> Journal:
        """See Session."""
        self._runner.release(orders.release)
        for key in orders.give_up:
            self._runner.give_up(key, verdicts.BLOCKED, "")
        self._methods["wol"].send(orders.send)
        self._not_sent += [(sent.key, sent.error) for sent in self._methods["wol"].collect() if sent.error]
        report = self._runner.poll(_SLICE)
        not_sent, self._not_sent = self._not_sent, []
        warnings, self._warnings[:] = list(self._warnings), []
        return Journal(report._replace(not_sent=not_sent), warnings, False, "")

    def close(self) -> None:
        """See Session."""
        self._runner.close()


Starter = Callable[[str, Batch], Session]


def _in_portions(orders: Orders) -> list[Orders]:
    """Split orders so that each fits a command line."""
    portions = []
    release, send, give_up = list(orders.release), list(orders.send), list(orders.give_up)
    while release or send or give_up:
        portions.append(Orders(release[:_LONGEST_ORDER], send[:_LONGEST_ORDER], give_up[:_LONGEST_ORDER], False))
        del release[:_LONGEST_ORDER], send[:_LONGEST_ORDER], give_up[:_LONGEST_ORDER]
    return portions or [orders]
