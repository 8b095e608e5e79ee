# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import outcomes
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import REFUSED, SILENT, UNKNOWN

PLACE = "192.0.2.17 port 22"
SHORTAGES = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EADDRNOTAVAIL]
NO_ROUTE = [errno.ENETUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT]
FORBIDDEN = [errno.EPERM, errno.EACCES]


@pytest.mark.parametrize("code", [*SHORTAGES, *NO_ROUTE, *FORBIDDEN, errno.EIO])
def test_what_is_wrong_here_is_never_silence(code: int) -> None:
    for outcome in (outcomes.of_own_errno(code, PLACE), outcomes.of_answered_errno(code, PLACE)):
        assert outcome.state == UNKNOWN
        assert PLACE in outcome.error
        assert not outcome.proof


@pytest.mark.parametrize("code", SHORTAGES)
def test_a_shortage_says_to_ask_again(code: int) -> None:
    assert outcomes.of_own_errno(code, PLACE).error.endswith("Ask again.")


def test_no_route_depends_on_who_says_so() -> None:
    assert outcomes.of_own_errno(errno.EHOSTUNREACH, PLACE).state == UNKNOWN
    assert outcomes.of_answered_errno(errno.EHOSTUNREACH, PLACE).state == SILENT
    assert outcomes.of_answered_errno(errno.ETIMEDOUT, PLACE).state == SILENT


@pytest.mark.parametrize("code", [errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE])
def test_a_machine_that_turns_us_away_is_up(code: int) -> None:
    assert outcomes.of_answered_errno(code, PLACE).state == REFUSED


def test_silence_names_place_and_time() -> None:
    assert outcomes.silent(PLACE, 2.0).error == "192.0.2.17 port 22 did not answer within 2 s."
