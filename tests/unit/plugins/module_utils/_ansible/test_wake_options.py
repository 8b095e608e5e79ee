# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.wake_options import OVERRIDES, wake_argument_spec
from ansible_collections.lightsout.wake.plugins.module_utils._wake_variables import METHODS, WAKE_VARIABLES


def test_each_override_is_an_option_without_a_default_and_a_known_variable() -> None:
    spec = wake_argument_spec()
    for option, variable in OVERRIDES.items():
        assert "default" not in spec[option]
        assert variable in WAKE_VARIABLES
        assert variable == "wake_" + option


def test_nothing_secret_can_be_overridden_and_only_the_batch_is_censored() -> None:
    assert not any(WAKE_VARIABLES[variable].secret for variable in OVERRIDES.values())
    assert [name for name, option in wake_argument_spec().items() if option.get("no_log")] == ["batch"]


def test_choices_are_those_of_the_variables() -> None:
    assert wake_argument_spec()["methods"]["choices"] == list(METHODS)


def test_each_call_gives_a_spec_of_its_own() -> None:
    wake_argument_spec()["targets"]["type"] = "raw"
    assert wake_argument_spec()["targets"]["type"] == "list"
