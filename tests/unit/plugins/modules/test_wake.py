# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.wake_options import wake_argument_spec
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import VERDICTS
from ansible_collections.lightsout.wake.plugins.modules import wake


class Ended(Exception):
    """The module said its last word."""


class FakeModule:
    def __init__(self, batch: str) -> None:
        self.params = {"batch": batch}
        self.spec: dict[str, t.Any] = {}
        self.said: dict[str, t.Any] = {}

    def __call__(self, argument_spec: dict[str, t.Any], supports_check_mode: bool) -> FakeModule:
        self.spec = argument_spec
        assert supports_check_mode
        return self

    def fail_json(self, **said: t.Any) -> t.NoReturn:
        self.said = {"failed": True, **said}
        raise Ended

    def exit_json(self, **said: t.Any) -> t.NoReturn:
        self.said = said
        raise Ended


def run(monkeypatch: pytest.MonkeyPatch, batch: str) -> FakeModule:
    module = FakeModule(batch)
    monkeypatch.setattr(wake, "AnsibleModule", module)
    with pytest.raises(Ended):
        wake.main()
    return module


def test_without_a_batch_it_says_that_it_is_an_action(monkeypatch: pytest.MonkeyPatch) -> None:
    module = run(monkeypatch, "")
    assert module.said["failed"]
    assert "runs as an action" in module.said["msg"]
    assert module.spec == wake_argument_spec()


def test_a_batch_is_handed_to_the_service_and_its_answer_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    def start(batch: str) -> dict[str, t.Any]:
        given.append(batch)
        return {"changed": False, "directory": "/tmp/lightsout-wake-x", "pid": 7}

    monkeypatch.setattr(wake, "start_service", start)
    assert run(monkeypatch, "the batch").said == {"changed": False, "directory": "/tmp/lightsout-wake-x", "pid": 7}
    assert given == ["the batch"]


def test_the_documented_options_are_those_of_the_specification() -> None:
    options = wake.DOCUMENTATION.split("\noptions:\n")[1].split("\nnotes:\n")[0]
    assert sorted(re.findall(r"^  (\w+):$", options, re.MULTILINE)) == sorted(wake_argument_spec())


def test_every_verdict_is_documented() -> None:
    assert all(f"V({word})" in wake.RETURN for word in VERDICTS)
