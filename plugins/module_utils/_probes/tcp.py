# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The plainest probe: somebody accepts a TCP connection."""

from __future__ import annotations

from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import Outcome, awake
from ansible_collections.lightsout.wake.plugins.module_utils._probes.stream import StreamLook


class TcpLook(StreamLook):
    """Awake as soon as the connection stands; it is reset at once."""

    __slots__ = ()

    def connected(self) -> Outcome | None:
        return awake(f"tcp connection to {self.address.text}:{self.probe.port}")
