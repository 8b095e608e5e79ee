# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.lightsout.wake.plugins.module_utils._fleet import verdicts
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict


def test_the_words_are_those_of_the_design_and_none_comes_twice() -> None:
    assert set(verdicts.VERDICTS) == {
        "already_awake", "woken", "powered_on", "not_woken", "blocked", "relay_unreachable", "invalid",
        "indeterminate", "would_wake", "would_fail",
    }  # fmt: skip
    assert len(verdicts.VERDICTS) == 10


def test_only_hosts_that_were_seen_are_awake() -> None:
    assert sorted(verdicts.AWAKE_VERDICTS) == ["already_awake", "woken"]
    assert sorted(verdicts.GOOD_VERDICTS) == ["already_awake", "woken", "would_wake"]


def test_a_verdict_without_more_says_that_nothing_was_sent() -> None:
    assert Verdict("blocked") == ("blocked", "", "", "", "", 0, -1.0, -1.0, 0.0)
