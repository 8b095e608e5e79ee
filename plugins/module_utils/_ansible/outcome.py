# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""How a module ends: with its result, or with the sentence of the error that stopped it."""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Callable

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import DeliveryError
from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import InvalidSecureOn
from ansible_collections.lightsout.wake.plugins.module_utils._packet_listener import CannotListen

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class TaskFailure(Exception):
    """Ends the task as failed: a sentence for the user and what the task returns besides."""

    def __init__(self, sentence: str, **result: t.Any) -> None:
        super().__init__(sentence)
        self.result = result


def run(module: AnsibleModule, work: Callable[[], dict[str, t.Any]]) -> t.NoReturn:
    """Do a module's work and end it. Errors with a sentence become msg; an OSError says what the system refused."""
    try:
        result = work()
    except TaskFailure as failure:
        module.fail_json(msg=str(failure), **failure.result)
    except (InvalidMac, InvalidSecureOn, DeliveryError, CannotListen) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the system refused what this task needs: {error.strerror or error}")
    module.exit_json(**result)


def require_linux() -> None:
    """Raise TaskFailure on anything but Linux."""
    if not sys.platform.startswith("linux"):
        raise TaskFailure(f"this module works on Linux, not on {sys.platform}: delegate the task to a Linux machine")
