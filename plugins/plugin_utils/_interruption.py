# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Ctrl-C as an exception, so that relays are left tidy and the journal is written to its end."""

from __future__ import annotations

import contextlib
import signal
import threading
import typing as t
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to end, or nobody is left to hear of it."""


@contextlib.contextmanager
def interruptions_raised() -> Iterator[None]:
    """Raise Interrupted in the block for SIGINT and SIGTERM; signals that follow the first one have no effect.

    Workers of ansible-core 2.19 and newer would kill themselves and their children at once. The process of
    ansible-playbook waits for its workers, so that there is time to end what was begun.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: t.Any) -> t.NoReturn:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Interrupted("the run was interrupted")

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
