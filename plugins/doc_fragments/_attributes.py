# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""What the attributes in the modules' documentation mean."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed, or would change in check mode, when in diff mode.
  idempotent:
    description: A second run with the same arguments, outside check mode, reports no change.
  platform:
    description: Target operating systems and families that can be operated against.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module does not change anything.
  diff_mode:
    support: N/A
    details:
      - This module does not change anything.
  idempotent:
    support: full
    details:
      - This module does not change anything.
"""

    ACTION = r"""
options: {}
attributes:
  action:
    description: Has an action plugin of the same name, so that parts of it run on the control node.
  async:
    description: Supports being used with the C(async) keyword.
  become:
    description: Can be used with the C(become) keyword.
  bypass_host_loop:
    description: Runs once for all hosts of the play and not once for each of them.
  delegation:
    description: Can be used with the C(delegate_to) keyword.
"""
