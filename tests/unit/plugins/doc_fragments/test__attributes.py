# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.lightsout.wake.plugins.doc_fragments._attributes import ModuleDocFragment

ROOT = Path(__file__).resolve().parents[4]
NAME = "lightsout.wake._attributes"
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
PARTS = ("DOCUMENTATION", "INFO", "ACTION")


def part(name: str) -> dict[str, t.Any]:
    """One part of the fragment; a module that extends `NAME.info` gets INFO."""
    read: dict[str, t.Any] = yaml_load(getattr(ModuleDocFragment, name))
    return read


def documentation_of(path: Path) -> dict[str, t.Any]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            read: dict[str, t.Any] = yaml_load(ast.literal_eval(node.value))
            return read
    raise AssertionError(f"{path.name} has no DOCUMENTATION")


def attributes_of(documentation: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """The attributes of a module together with what it takes from the fragment, the module's own words last."""
    names = [
        "DOCUMENTATION" if fragment == NAME else fragment[len(NAME) + 1 :].upper()
        for fragment in documentation["extends_documentation_fragment"]
        if fragment == NAME or fragment.startswith(NAME + ".")
    ]
    merged: dict[str, dict[str, t.Any]] = {}
    for source in [*map(part, names), documentation]:
        for attribute, words in source.get("attributes", {}).items():
            merged.setdefault(attribute, {}).update(words)
    return merged


@pytest.mark.parametrize("name", PARTS)
def test_a_part_adds_attributes_and_no_options(name: str) -> None:
    assert part(name)["options"] == {}
    assert part(name)["attributes"]


def test_there_are_no_other_parts() -> None:
    assert tuple(name for name in vars(ModuleDocFragment) if name.isupper()) == PARTS


@pytest.mark.parametrize("name", ["DOCUMENTATION", "ACTION"])
def test_meanings_are_sentences_and_leave_support_to_the_module(name: str) -> None:
    for attribute, words in part(name)["attributes"].items():
        assert set(words) == {"description"}, attribute
        assert words["description"].endswith("."), attribute


def test_info_modules_support_what_it_says_and_take_the_meanings_from_elsewhere() -> None:
    attributes = part("INFO")["attributes"]
    assert {name: words["support"] for name, words in attributes.items()} == {
        "check_mode": "full",
        "diff_mode": "N/A",
        "idempotent": "full",
    }
    assert set(attributes) <= set(part("DOCUMENTATION")["attributes"])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_attribute_of_a_module_has_meaning_and_support(path: Path) -> None:
    attributes = attributes_of(documentation_of(path))
    assert set(part("DOCUMENTATION")["attributes"]) <= set(attributes)
    for attribute, words in attributes.items():
        assert words.get("description"), attribute
        assert words.get("support") in ("full", "partial", "none", "N/A"), attribute


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_name_parts_that_exist(path: Path) -> None:
    for fragment in documentation_of(path)["extends_documentation_fragment"]:
        if fragment.startswith(NAME + "."):
            assert fragment[len(NAME) + 1 :].upper() in PARTS


def test_an_attribute_without_support_is_seen() -> None:
    documentation = {"extends_documentation_fragment": [NAME], "attributes": {"platform": {"support": "full"}}}
    attributes = attributes_of(documentation)
    assert attributes["platform"]["support"] == "full"
    assert "support" not in attributes["check_mode"]
