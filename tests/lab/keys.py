# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""SSH keys of a lab: made with ssh-keygen, known hosts, a client configuration, fingerprints."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess

from lab.layout import Layout
from lab.namespaces import CommandFailed

_CLIENT = """\
Host *
    User root
    IdentityFile {state}/keys/client
    IdentitiesOnly yes
    UserKnownHostsFile {state}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 5
    ServerAliveInterval 3
    ServerAliveCountMax 2
"""


def make(layout: Layout) -> None:
    """Make all key pairs, known_hosts and ssh_config. Raises CommandFailed."""
    making = []
    for name in ("client", *layout.keys()):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab {name}", "-f", layout.path("keys", name)]
        making.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL))
    codes = [process.wait() for process in making]
    if any(codes):
        raise CommandFailed("ssh-keygen failed")
    with open(layout.path("known_hosts"), "w", encoding="ascii") as known_hosts:
        for name, addresses in _addresses(layout).items():
            known_hosts.write(f"{','.join([name, *addresses])} {public(layout, name)}\n")
    with open(layout.path("ssh_config"), "w", encoding="ascii") as config:
        for machine in layout.configuration.machines:
            address = layout.configuration.address_of(machine.name, machine.segments[0]).ip
            config.write(f"Host {machine.name}\n    HostName {address}\n")
            if machine.jump:
                config.write(f"    ProxyJump {machine.jump}\n")
        config.write(_CLIENT.format(state=layout.state))


def public(layout: Layout, name: str) -> str:
    """Return a public key as "type base64"."""
    with open(layout.path("keys", f"{name}.pub"), encoding="ascii") as key:
        return " ".join(key.read().split()[:2])


def fingerprint(layout: Layout, name: str) -> str:
    """Return a host key's fingerprint as OpenSSH writes it, "SHA256:..."."""
    blob = base64.b64decode(public(layout, name).split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def directory(layout: Layout) -> None:
    os.mkdir(layout.path("keys"), 0o700)


def _addresses(layout: Layout) -> dict[str, list[str]]:
    lab = layout.configuration
    found = {m.name: [str(lab.address_of(m.name, segment).ip) for segment in m.segments] for m in lab.machines}
    keys = set(layout.keys())
    return found | {stub.name: [stub.address] for stub in lab.stubs if stub.name in keys}
