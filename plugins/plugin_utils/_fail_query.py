# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Whether a result fails the task: a JMESPath expression of the user's."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import VERDICTS, Verdict
from ansible_collections.lightsout.wake.plugins.plugin_utils._wake_result import Outcome, build_result


class BadQuery(ValueError):
    """The expression can't be used; the sentence names it."""


class FailQuery:
    """A compiled ``fail_query``; empty text never fails anything, and needs no jmespath. Raises BadQuery."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._compiled: t.Any = None
        if not text:
            return
        try:
            import jmespath
            import jmespath.exceptions
        except ImportError:
            raise BadQuery(
                "fail_query needs the Python package jmespath on the control node: pip install jmespath"
            ) from None
        try:
            self._compiled = jmespath.compile(text)
        except jmespath.exceptions.JMESPathError as error:
            raise BadQuery(f"fail_query {text!r} is not a JMESPath expression: {_first_line(error)}") from None
        self.fails(_sample())

    def fails(self, result: Mapping[str, t.Any]) -> bool:
        """Say whether this result fails the task. Raises BadQuery where the answer is neither yes nor no."""
        if self._compiled is None:
            return False
        try:
            answer = self._compiled.search(dict(result))
        except Exception as error:  # jmespath has its own errors, and lets those of Python through
            raise BadQuery(f"fail_query {self._text!r} can't be evaluated: {_first_line(error)}") from None
        if isinstance(answer, list):
            return bool(answer)
        if answer is None or isinstance(answer, bool):
            return bool(answer)
        raise BadQuery(
            f"fail_query {self._text!r} gives {answer!r}, but true or false, null or a list says whether the task fails"
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _sample() -> dict[str, t.Any]:
    """A result with a host of each verdict: what can't be asked of it can't be asked of a real one."""
    verdicts = [Verdict(word, "reason", "class", "wol", "proof", 1, 1.0, 1.0) for word in VERDICTS]
    outcomes = [Outcome(f"host{key}", ["group"], "controller", 1, verdict) for key, verdict in enumerate(verdicts)]
    return build_result(outcomes, started=0.0, finished=1.0, left_out=0, check_mode=False)
