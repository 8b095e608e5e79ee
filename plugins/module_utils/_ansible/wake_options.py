# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The options of lightsout.wake.wake, for the action and for the module on a relay."""

from __future__ import annotations

import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import DELIVERIES

# Task options that take the place of a host's variable.
OVERRIDES = {
    "methods": "wake_methods",
    "relay": "wake_relay",
    "delivery": "wake_delivery",
    "port": "wake_port",
    "count": "wake_count",
    "timeout": "wake_timeout",
    "resend_interval": "wake_resend_interval",
}


def wake_argument_spec() -> dict[str, dict[str, t.Any]]:
    """Return the argument spec. `batch` holds secrets, as one text, so that nothing else of a result is censored."""
    return {
        "targets": {"type": "list", "elements": "str"},
        "methods": {"type": "list", "elements": "str", "choices": ["amt", "wol"]},
        "relay": {"type": "list", "elements": "str"},
        "delivery": {"type": "str", "choices": list(DELIVERIES)},
        "port": {"type": "int"},
        "count": {"type": "int"},
        "timeout": {"type": "float"},
        "resend_interval": {"type": "float"},
        "deadline": {"type": "float"},
        "packets_per_second": {"type": "float", "default": 1000},
        "fail_query": {"type": "str"},
        "detail": {"type": "str", "choices": ["auto", "full"], "default": "auto"},
        "table": {"type": "bool", "default": False},
        "report_html": {"type": "path"},
        "report_json": {"type": "path"},
        "journal": {"type": "path"},
        "batch": {"type": "str", "no_log": True},
    }
