# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Places of the conductor: this process, and relays that are worked in threads of their own."""

from __future__ import annotations

import threading
import time
import typing as t
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import verdicts
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.runner import FleetRunner
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Batch, Orders, Report, Settings
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_link import RelayUnusable
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_session import Session, Starter

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Target

CONTROLLER = "controller"
LOST_AFTER = 40.0  # seconds without an answer; the relay's side ends itself after 60
POLL_INTERVAL = 1.0  # seconds, with few relays
POLLS_PER_SECOND = 10  # over all relays: a poll costs the control node about 12 ms of processor time
LONGEST_POLL_INTERVAL = 10.0  # seconds
_CLOSING = 20.0  # seconds


class OwnPlace:
    """Targets that the control node itself sends for and watches."""

    def __init__(self, runner: FleetRunner, targets: Mapping[int, Target]) -> None:
        self._runner = runner
        self._targets = targets

    def begin(self, keys: Sequence[int], skip: Iterable[str]) -> None:
        """See Place."""
        for key in keys:
            self._runner.add(key, self._targets[key])

    def release(self, keys: Sequence[int]) -> None:
        """See Place."""
        self._runner.release(keys)

    def give_up(self, keys: Sequence[int]) -> None:
        """See Place."""
        for key in keys:
            self._runner.give_up(key, verdicts.BLOCKED, "")

    def poll(self, wait: float) -> Report:
        """See Place."""
        return self._runner.poll(wait)

    def close(self) -> None:
        """See Place."""
        self._runner.close()


class RelayPlace:
    """Targets behind a list of relays; the first relay that can be reached works on them all.

    ``only_send``: keys that are watched from the control node. ``now``: seconds since the run began.
    """

    def __init__(
        self,
        relays: Sequence[str],
        targets: Mapping[int, Target],
        only_send: frozenset[int],
        start: Starter,
        settings: Callable[[], Settings],
        now: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self.relays = tuple(relays)
        self.used = ""
        self.poll_interval = POLL_INTERVAL
        self._targets = targets
        self._only_send = only_send
        self._start = start
        self._settings = settings
        self._now = now
        self._warn = warn
        self._lock = threading.Lock()
        self._wake_up = threading.Event()
        self._orders = Orders([], [], [], False)
        self._reports: deque[Report] = deque()
        self._open: set[int] = set()
        self._released: set[int] = set()
        self._ending = False
        self._closed_by = 0.0
        self._thread: threading.Thread | None = None

    def begin(self, keys: Sequence[int], skip: Iterable[str]) -> None:
        """See Place."""
        self._open = set(keys) | self._only_send if keys or self._only_send else set()
        if not self._open:
            return
        relays = [relay for relay in self.relays if relay not in set(skip)]
        # A new thread has a context of its own: ansible-core 2.19 and newer break when threads share one.
        self._thread = threading.Thread(target=self._work, args=(relays,), daemon=True)
        self._thread.start()

    def release(self, keys: Sequence[int]) -> None:
        """See Place."""
        self._released.update(keys)
        self._order(release=list(keys))

    def send(self, keys: Sequence[int]) -> None:
        """Have one packet sent for each of these, which are watched from elsewhere."""
        self._released.update(keys)
        self._order(send=list(keys))

    def give_up(self, keys: Sequence[int]) -> None:
        """See Place."""
        self._order(give_up=list(keys))

    def poll(self, wait: float) -> Report:
        """See Place. Never waits."""
        merged = Report([], [], [])
        while self._reports:
            report = self._reports.popleft()
            merged.asleep.extend(report.asleep)
            merged.verdicts.extend(report.verdicts)
        return merged

    def end(self) -> None:
        """Ask the thread to end the session, without waiting for it. A relay that hangs gets 20 s from now."""
        if not self._ending:
            self._ending = True
            self._closed_by = time.monotonic() + _CLOSING
        self._wake_up.set()

    def close(self) -> None:
        """See Place."""
        self.end()
        if self._thread is not None:
            self._thread.join(max(0.0, self._closed_by - time.monotonic()))

    def _order(self, release: Sequence[int] = (), send: Sequence[int] = (), give_up: Sequence[int] = ()) -> None:
        with self._lock:
            self._orders.release.extend(release)
            self._orders.send.extend(send)
            self._orders.give_up.extend(give_up)
        self._wake_up.set()

    def _take_orders(self) -> Orders:
        with self._lock:
            orders, self._orders = self._orders, Orders([], [], [], False)
        return orders

    def _work(self, relays: Sequence[str]) -> None:
        """What the thread does, from the first login to the farewell."""
        try:
            session, began = self._reach(relays)
            if session is not None:
                try:
                    self._talk(session, began)
                finally:
                    session.close()
        except Exception as error:
            self._lose(f"relay {self.used or self.relays[0]}: {type(error).__name__}: {error}")

    def _reach(self, relays: Sequence[str]) -> tuple[Session | None, float]:
        refusals = []
        for relay in relays:
            targets = {key: self._targets[key] for key in self._open}
            batch = Batch(self._settings(), targets, self._only_send)
            try:
                session = self._start(relay, batch)
            except RelayUnusable as refusal:
                refusals.append(f"relay {relay} can't be used: {refusal}")
                continue
            self.used = relay
            for sentence in refusals:
                self._warn(f"{sentence}; {relay} takes its place")
            return session, self._now()
        self._conclude("; ".join(refusals) or "none of its relays is awake")
        return None, 0.0

    def _talk(self, session: Session, began: float) -> None:
        heard = time.monotonic()
        self._wake_up.set()
        while self._open and not self._ending:
            self._wake_up.wait(0.0 if session.waits_itself else self.poll_interval)
            self._wake_up.clear()
            orders = self._take_orders()
            try:
                journal = session.exchange(orders)
            except RelayUnusable as silence:
                self._order(orders.release, orders.send, orders.give_up)  # taking one twice does no harm
                if time.monotonic() - heard > LOST_AFTER:
                    self._lose(f"relay {self.used} was lost: {silence}")
                    return
                self._wake_up.clear()
                continue
            heard = time.monotonic()
            for warning in journal.warnings:
                self._warn(f"relay {self.used}: {warning}")
            self._take_in(journal.report, began)
            failed = journal.failed
            if journal.complete and self._open - self._only_send:
                failed = failed or "its journal is complete, but some hosts are missing in it"
            if failed:
                self._lose(f"relay {self.used} was lost: {failed}")
                return

    def _take_in(self, report: Report, began: float) -> None:
        concluded = [(key, _shifted(verdict, began)) for key, verdict in report.verdicts]
        self._open.difference_update(key for key, _verdict in concluded)
        for key, error in report.not_sent:
            self._warn(f"relay {self.used}, host {self._targets[key].name}: {error}")
        self._reports.append(Report(report.asleep, concluded, []))

    def _lose(self, reason: str) -> None:
        """The session is over: what was sent for is indeterminate, for the rest nobody could send."""
        sent_for = {key for key in self._open if key in self._released}
        lost = Verdict(verdicts.INDETERMINATE, f"sent for, and then {reason}", "relay_lost")
        unsent = Verdict(self._unreachable(), f"not sent for: {reason}", "relay_lost")
        still_watched = self._only_send & sent_for  # from the control node, which tells what became of them
        ended = [(key, lost if key in sent_for else unsent) for key in self._open - still_watched]
        self._reports.append(Report([], ended, []))
        self._open.clear()

    def _conclude(self, reason: str) -> None:
        record = Verdict(self._unreachable(), reason, "relay_unreachable")
        self._reports.append(Report([], [(key, record) for key in self._open], []))
        self._open.clear()

    def _unreachable(self) -> str:
        return verdicts.WOULD_FAIL if self._settings().preflight else verdicts.RELAY_UNREACHABLE


def share_polls(places: Sequence[RelayPlace]) -> None:
    """Let each of many relays be asked less often. Orders go out at once all the same."""
    interval = min(LONGEST_POLL_INTERVAL, max(POLL_INTERVAL, len(places) / POLLS_PER_SECOND))
    for place in places:
        place.poll_interval = interval


def _shifted(verdict: Verdict, began: float) -> Verdict:
    """Turn a relay's times into seconds since the run began."""
    return verdict._replace(
        first_sent=verdict.first_sent + began if verdict.first_sent >= 0 else -1.0,
        awake_at=verdict.awake_at + began if verdict.awake_at >= 0 else -1.0,
    )
