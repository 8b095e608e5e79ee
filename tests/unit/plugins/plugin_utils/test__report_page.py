# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

import base64
import hashlib
import re

from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_page as page


def test_policy_names_the_hashes_of_style_and_script():
    for kind, text in (("style", page.STYLE), ("script", page.SCRIPT)):
        digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page.POLICY


def test_nothing_else_is_allowed():
    assert page.POLICY.startswith("default-src 'none';")
    assert not re.search(r"unsafe|https?:|\*", page.POLICY)


def test_neither_can_end_its_element():
    assert "</" not in page.STYLE
    assert "</" not in page.SCRIPT
    assert "<!--" not in page.SCRIPT


def test_script_writes_no_markup():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page.SCRIPT)


def test_every_colour_has_a_dark_and_a_printed_form():
    names = [set(re.findall(r"(--[a-z-]+):", part)) for part in re.findall(r":root \{(.*?)\}", page.STYLE, re.DOTALL)]
    light, dark, printed = names
    assert light == dark
    assert {"--page", "--card", "--ink", "--soft", "--line", "--good", "--bad", "--half"} <= printed
