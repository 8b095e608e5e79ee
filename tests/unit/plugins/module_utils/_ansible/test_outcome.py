# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ansible import outcome
from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import TaskFailure, require_linux, run
from ansible_collections.lightsout.wake.plugins.module_utils._delivery import DeliveryError
from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import InvalidSecureOn
from ansible_collections.lightsout.wake.plugins.module_utils._packet_listener import CannotListen


class Ended(Exception):
    """A module ended."""


class Module:
    """Remembers how it was ended."""

    def __init__(self) -> None:
        self.ending: tuple[str, dict[str, t.Any]] = ("", {})

    def exit_json(self, **result: t.Any) -> None:
        self.ending = ("exit", result)
        raise Ended

    def fail_json(self, **result: t.Any) -> None:
        self.ending = ("fail", result)
        raise Ended


def ending_of(work: t.Callable[[], dict[str, t.Any]]) -> tuple[str, dict[str, t.Any]]:
    module = Module()
    with pytest.raises(Ended):
        run(module, work)
    return module.ending


def raising(error: Exception) -> t.Callable[[], dict[str, t.Any]]:
    def work() -> dict[str, t.Any]:
        raise error

    return work


def test_a_result_ends_well() -> None:
    assert ending_of(lambda: {"changed": True, "packets": 3}) == ("exit", {"changed": True, "packets": 3})


@pytest.mark.parametrize("kind", [DeliveryError, InvalidMac, InvalidSecureOn, CannotListen, TaskFailure])
def test_an_error_with_a_sentence_becomes_the_message(kind: type[Exception]) -> None:
    assert ending_of(raising(kind("port 0 is not good"))) == ("fail", {"msg": "port 0 is not good"})


def test_a_failure_keeps_what_was_done() -> None:
    assert ending_of(raising(TaskFailure("one is left", changed=True))) == (
        "fail",
        {"msg": "one is left", "changed": True},
    )


def test_the_system_says_what_it_refused() -> None:
    kind, result = ending_of(raising(PermissionError(1, "Operation not permitted")))
    assert kind == "fail"
    assert "Operation not permitted" in result["msg"]


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Module(), raising(ZeroDivisionError()))


def test_other_systems_than_linux_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_linux()
    monkeypatch.setattr(outcome.sys, "platform", "darwin")
    with pytest.raises(TaskFailure, match="darwin"):
        require_linux()
