# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Fixtures of the tests with real parts that more than one file shares."""

from __future__ import annotations

from wake_fixtures import collection_tree, fleet, wake_lab

__all__ = ["collection_tree", "fleet", "wake_lab"]
