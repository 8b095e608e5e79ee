# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""An SSH server that says its banner. Nobody logs in."""

from __future__ import annotations

from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    Outcome,
    awake,
    refused,
    silent,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.stream import StreamLook
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.exchange import IDENTIFICATION
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.identification import (
    IdentificationReader,
    NotSsh,
    shown,
)
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.packets import disconnect


class SshBannerLook(StreamLook):
    """Awake once the server has sent a line that begins with SSH-."""

    __slots__ = ("reader",)

    def connected(self) -> Outcome | None:
        self.reader = IdentificationReader()
        return None

    def received(self, data: bytes) -> Outcome | None:
        try:
            banner = self.reader.feed(data)
        except NotSsh as error:
            return refused(f"{self.place} {error}")
        if banner is None:
            return None
        return awake(f"ssh banner {shown(banner)!r} from {self.address.text}:{self.probe.port}")

    def ended(self) -> Outcome | None:
        return refused(f"{self.place} accepts connections but closes them without an SSH banner: it is not ready.")

    def overdue(self) -> Outcome:
        if self.connecting:
            return silent(self.place, self.timeout)
        return refused(f"{self.place} accepts connections but sent no SSH banner within {self.timeout:g} s.")

    def close(self, outcome: Outcome | None) -> None:
        """Take leave in SSH's words: a server that is reset instead logs an error."""
        seen = outcome is not None and outcome.state == AWAKE
        self.drop(IDENTIFICATION + b"\r\n" + disconnect("looked for the banner only") if seen else b"", reset=not seen)
