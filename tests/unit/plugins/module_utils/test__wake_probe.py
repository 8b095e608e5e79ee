# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

from ansible_collections.lightsout.wake.plugins.module_utils._wake_probe import CONNECTION_VARIABLES, Probe, read_probe


def test_probe_of_a_host_that_is_only_looked_at():
    problems = []
    variables = {"ansible_host": "192.0.2.1", "ansible_port": "2222"}
    assert read_probe("nas1", variables, {}, problems) == Probe("ssh", "192.0.2.1", 2222, 2.0, "relay", "", b"")
    assert problems == []


def test_what_is_written_wins():
    problems = []
    written = {"type": "tcp", "host": "nas", "port": 445, "timeout": 0.5, "from": "controller"}
    probe = read_probe("nas1", {"ansible_host": "192.0.2.1", "ansible_port": 22}, written, problems)
    assert probe == Probe("tcp", "nas", 445, 0.5, "controller", "", b"")


def test_all_problems_are_told_at_once():
    problems = []
    variables = {"ansible_connection": "local", "ansible_host": "a b", "ansible_port": 0}
    assert read_probe("nas1", variables, {}, problems) is None
    assert problems == [
        'host nas1: ansible_host is "a b", but it must be an IP address or a host name',
        "host nas1: ansible_port is 0, but a port lies between 1 and 65535",
    ]


def test_only_the_named_connection_variables_are_read():
    seen = set()

    class Watched(dict):
        def get(self, key, default=None):
            seen.add(key)
            return super().get(key, default)

    for connection in ("ssh", "winrm", "local"):
        read_probe("nas1", Watched(ansible_connection=connection), {}, [])
    assert seen == set(CONNECTION_VARIABLES)
