# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Which probe type is run by which class."""

from __future__ import annotations

import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._probes.arp import ArpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.icmp import IcmpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Desk, Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import Outcome, unable
from ansible_collections.lightsout.wake.plugins.module_utils._probes.segments import Address, Segment
from ansible_collections.lightsout.wake.plugins.module_utils._probes.ssh_banner import SshBannerLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.ssh_host_key import SshHostKeyLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.tcp import TcpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.winrm import WinrmLook

if t.TYPE_CHECKING:
    from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

_KINDS: dict[str, type[Look]] = {
    "tcp": TcpLook,
    "ssh": SshBannerLook,
    "winrm": WinrmLook,
    "icmp": IcmpLook,
    "arp": ArpLook,
}


class _NoLook(Look):
    """Stands for a probe that nobody can run."""

    __slots__ = ()

    def begin(self) -> Outcome | None:
        if self.probe.host_key and self.probe.type in _KINDS:
            return unable(f"identity.host_key needs the probe type ssh, this one is {self.probe.type}.")
        return unable(f"The probe type {self.probe.type!r} is none of {', '.join(sorted(_KINDS))}.")


def look_for(desk: Desk, probe: Probe, address: Address, segment: Segment | None, timeout: float) -> Look:
    """Make the look that runs `probe` towards `address`."""
    kind = _KINDS.get(probe.type, _NoLook)
    if probe.host_key:
        kind = SshHostKeyLook if probe.type == "ssh" else _NoLook
    return kind(desk, probe, address, segment, timeout)
