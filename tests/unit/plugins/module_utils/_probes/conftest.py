# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import Room


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()
