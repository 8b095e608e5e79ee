# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a module's main() with arguments as a target gets them, and catches how it ends."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils import basic


class Ended(Exception):
    """exit_json or fail_json was called."""


class Result(t.NamedTuple):
    """How a module ended, what it returned, and its warnings."""

    failed: bool
    values: dict[str, t.Any]
    warnings: list[str]

    @property
    def message(self) -> str:
        """What it failed with."""
        assert self.failed, self.values
        return str(self.values["msg"])


def run_module(
    monkeypatch: pytest.MonkeyPatch, main: t.Callable[[], None], check_mode: bool = False, **options: t.Any
) -> Result:
    endings: list[tuple[bool, dict[str, t.Any]]] = []
    warnings: list[str] = []

    def exit_json(module: basic.AnsibleModule, **values: t.Any) -> None:
        endings.append((False, values))
        raise Ended

    def fail_json(module: basic.AnsibleModule, msg: str, **values: t.Any) -> None:
        endings.append((True, {"msg": msg, **values}))
        raise Ended

    def warn(module: basic.AnsibleModule, warning: str, **_more: t.Any) -> None:
        warnings.append(warning)

    arguments = {**options, "_ansible_check_mode": check_mode}
    with monkeypatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        # ansible-core 2.19 and newer read how the arguments are encoded.
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        patch.setattr(basic.AnsibleModule, "exit_json", exit_json)
        patch.setattr(basic.AnsibleModule, "fail_json", fail_json)
        patch.setattr(basic.AnsibleModule, "warn", warn)
        with pytest.raises(Ended):
            main()
    ((failed, values),) = endings
    return Result(failed, values, warnings)
