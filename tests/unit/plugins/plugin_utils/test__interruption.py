# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import signal
import threading
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.lightsout.wake.plugins.plugin_utils._interruption import Interrupted, interruptions_raised

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def handlers() -> list[t.Any]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_an_exception_in_the_block_and_not_after_it(number: int) -> None:
    before = handlers()
    with pytest.raises(Interrupted), interruptions_raised():
        os.kill(os.getpid(), number)
    assert handlers() == before
    os.kill(os.getpid(), number)


def interrupted_while_ending(ended: list[bool]) -> None:
    with interruptions_raised():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            ended.append(True)


def test_what_ends_the_run_is_not_interrupted_again() -> None:
    ended: list[bool] = []
    with pytest.raises(Interrupted):
        interrupted_while_ending(ended)
    assert ended == [True]


def test_it_is_no_ordinary_exception() -> None:
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert not issubclass(Interrupted, Exception)


def test_a_run_in_another_thread_leaves_signals_alone() -> None:
    seen: list[list[t.Any]] = []

    def run() -> None:
        with interruptions_raised():
            seen.append(handlers())

    before = handlers()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
