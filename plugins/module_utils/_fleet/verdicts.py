# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The words for what became of a target, and the record that carries them."""

from __future__ import annotations

import typing as t

ALREADY_AWAKE = "already_awake"
WOKEN = "woken"
POWERED_ON = "powered_on"
NOT_WOKEN = "not_woken"
BLOCKED = "blocked"
RELAY_UNREACHABLE = "relay_unreachable"
INVALID = "invalid"
INDETERMINATE = "indeterminate"
WOULD_WAKE = "would_wake"
WOULD_FAIL = "would_fail"

VERDICTS = (
    ALREADY_AWAKE,
    WOKEN,
    POWERED_ON,
    NOT_WOKEN,
    BLOCKED,
    RELAY_UNREACHABLE,
    INVALID,
    INDETERMINATE,
    WOULD_WAKE,
    WOULD_FAIL,
)

# The error class of a target whose inventory variables are wrong.
INVALID_VARIABLES = "invalid_variables"

AWAKE_VERDICTS = frozenset((ALREADY_AWAKE, WOKEN))
GOOD_VERDICTS = frozenset((ALREADY_AWAKE, WOKEN, WOULD_WAKE))


class Verdict(t.NamedTuple):
    """What became of one target.

    ``first_sent``, ``awake_at`` and ``elapsed`` are seconds; the first two count from the start of the
    run that saw them (a relay's clock need not agree with ours), -1.0 where it never happened.
    ``elapsed`` runs from the first packet (or from the first look, where none was sent) to the verdict.
    """

    verdict: str
    reason: str = ""
    error_class: str = ""
    method: str = ""
    proof: str = ""
    sends: int = 0
    first_sent: float = -1.0
    awake_at: float = -1.0
    elapsed: float = 0.0
