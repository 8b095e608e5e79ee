# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import threading

import pytest

from ansible_collections.lightsout.wake.plugins.plugin_utils._interruption import Interrupted, interruptions_raised


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_an_exception_and_the_handlers_come_back(number):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted, match="the run was interrupted"), interruptions_raised():
        os.kill(os.getpid(), number)
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def interrupted_while_tidying_up(tidied):
    with interruptions_raised():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            tidied.append(True)


def test_a_second_signal_does_not_cut_off_the_tidying_up():
    tidied = []
    with pytest.raises(Interrupted):
        interrupted_while_tidying_up(tidied)
    assert tidied == [True]


def test_an_interruption_is_not_caught_as_an_ordinary_error():
    assert not issubclass(Interrupted, Exception)


def test_a_thread_leaves_signals_alone():
    seen = []

    def look():
        with interruptions_raised():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
