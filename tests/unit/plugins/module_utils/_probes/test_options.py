# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes.options import InvalidProbe, read_probe_options
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

FINGERPRINT = "SHA256:uNiVztksCsDhcc0u9e8BrrJ2bA2wDm4kPvYlS1uQ0dQ"


@pytest.mark.parametrize(
    ("options", "probe"),
    [
        ({"host": "db1", "port": "443"}, Probe("tcp", "db1", 443, 2.0, "relay", "", b"")),
        ({"host": "db1", "type": "SSH"}, Probe("ssh", "db1", 22, 2.0, "relay", "", b"")),
        ({"host": "db1", "type": "winrm", "timeout": "5"}, Probe("winrm", "db1", 5986, 5.0, "relay", "", b"")),
        ({"host": "db1", "type": "icmp", "port": None}, Probe("icmp", "db1", 0, 2.0, "relay", "", b"")),
        (
            {"host": "2001:db8::1", "type": "ssh", "identity": {"host_key": FINGERPRINT, "mac": "0200.5e00.5301"}},
            Probe("ssh", "2001:db8::1", 22, 2.0, "relay", FINGERPRINT, bytes.fromhex("02005e005301")),
        ),
        (
            {"name": "x", "host": "192.0.2.1", "type": "arp", "identity": ""},
            Probe("arp", "192.0.2.1", 0, 2.0, "relay", "", b""),
        ),
    ],
)
def test_options_become_a_probe(options: dict[str, t.Any], probe: Probe) -> None:
    assert read_probe_options(options, 2) == probe


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "host is missing"),
        ({"host": "a b", "port": 1}, 'host is "a b"'),
        ({"host": "db1"}, "port is missing"),
        ({"host": "db1", "port": 70000}, "port is 70000"),
        ({"host": "db1", "port": "ssh"}, "port is ssh"),
        ({"host": "db1", "type": "icmp", "port": 7}, "port is 7, but type icmp has no ports"),
        ({"host": "db1", "type": "ping"}, "type is ping"),
        ({"host": "db1", "type": "ssh", "timeout": 0}, "timeout is 0"),
        ({"host": "db1", "type": "ssh", "identity": "x"}, "identity is neither"),
        ({"host": "db1", "type": "ssh", "identity": {"key": "x"}}, "identity.key is not an option"),
        ({"host": "db1", "type": "ssh", "identity": {"host_key": "MD5:1"}}, "identity.host_key is MD5:1"),
        ({"host": "db1", "type": "ssh", "identity": {"mac": "zz"}}, "identity.mac"),
        ({"host": "db1", "type": "winrm", "identity": {"host_key": FINGERPRINT}}, "only type ssh"),
        ({"hostname": "db1"}, "hostname is not an option"),
    ],
)
def test_an_error_names_option_and_value(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(InvalidProbe) as error:
        read_probe_options(options, 2)
    assert words in str(error.value)


def test_the_timeout_of_the_task_is_checked_too() -> None:
    with pytest.raises(InvalidProbe, match="timeout is 99"):
        read_probe_options({"host": "db1", "type": "ssh"}, 99)
