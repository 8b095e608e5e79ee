# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes.arp import ArpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.icmp import IcmpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.kinds import look_for
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import UNABLE, Outcome
from ansible_collections.lightsout.wake.plugins.module_utils._probes.ssh_banner import SshBannerLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.ssh_host_key import SshHostKeyLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.tcp import TcpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.winrm import WinrmLook
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    SEGMENT,
    Room,
    address_of,
    probe,
)

FINGERPRINT = "SHA256:" + "A" * 43
ADDRESS = address_of("192.0.2.17")


@pytest.mark.parametrize(
    ("kind", "host_key", "expected"),
    [
        ("tcp", "", TcpLook),
        ("ssh", "", SshBannerLook),
        ("ssh", FINGERPRINT, SshHostKeyLook),
        ("winrm", "", WinrmLook),
        ("icmp", "", IcmpLook),
        ("arp", "", ArpLook),
    ],
)
def test_each_type_has_its_look(room: Room, kind: str, host_key: str, expected: type[Look]) -> None:
    one = probe(kind, "192.0.2.17", 22, host_key=host_key)
    look = look_for(room.watch, one, ADDRESS, SEGMENT, 1.5)
    assert look.__class__ is expected
    assert (look.probe, look.address, look.segment, look.timeout) == (one, ADDRESS, SEGMENT, 1.5)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"kind": "telnet"}, "The probe type 'telnet' is none of arp, icmp, ssh, tcp, winrm."),
        (
            {"kind": "telnet", "host_key": FINGERPRINT},
            "The probe type 'telnet' is none of arp, icmp, ssh, tcp, winrm.",
        ),
        (
            {"kind": "winrm", "host_key": FINGERPRINT},
            "identity.host_key needs the probe type ssh, this one is winrm.",
        ),
        ({"kind": "arp", "host_key": FINGERPRINT}, "identity.host_key needs the probe type ssh, this one is arp."),
    ],
)
def test_what_nobody_can_run_says_so_and_asks_nobody(room: Room, fields: dict[str, t.Any], sentence: str) -> None:
    look = look_for(room.watch, probe(host="192.0.2.17", **fields), ADDRESS, SEGMENT, 1.5)
    assert look.begin() == Outcome(UNABLE, "", sentence)
