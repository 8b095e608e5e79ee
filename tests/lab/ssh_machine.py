# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""A real sshd in a network namespace, with files of its own where a session leaves any."""

from __future__ import annotations

import os
import subprocess
import time

from lab import namespaces
from lab.layout import Layout, SshMachine

_CONFIG = """\
Port 22
HostKey /root/.sshd/host_key
PidFile none
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
MaxSessions 200
LogLevel VERBOSE
Subsystem sftp internal-sftp
"""
_START = """\
hostname "$LAB_NAME"
mount -t tmpfs -o mode=0700 tmpfs /root
mkdir -m 0700 /root/.sshd /root/.ssh
cp "$LAB_KEY" /root/.sshd/host_key
cp "$LAB_STATE/keys/client.pub" /root/.ssh/authorized_keys
cp "$LAB_STATE/sshd_config" /root/.sshd/config
cp "$LAB_STATE/shadow" /root/.sshd/shadow
chmod 0600 /root/.sshd/* /root/.ssh/*
mount --bind /root/.sshd/shadow /etc/shadow
if [ -n "$LAB_WITHOUT_PYTHON" ]; then
    mkdir -m 0755 /root/.layers
    for place in /usr/bin /usr/local/bin; do
        layer="/root/.layers/$(echo "$place" | tr / -)"
        mkdir -p "$layer/upper" "$layer/work"
        mount -t overlay overlay -o "lowerdir=$place,upperdir=$layer/upper,workdir=$layer/work" "$place"
        rm -f "$place"/python*
    done
fi
for place in /tmp /var/tmp /var/log /run /dev/shm; do
    mount -t tmpfs -o mode=1777 tmpfs "$place"
done
chmod 0755 /run /var/log
mount -t tmpfs -o mode=0700 tmpfs "$LAB_STATE/.."
mkdir -m 0755 /run/sshd
cd /root
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    "$LAB_SSHD" -D -e -f /root/.sshd/config
"""


def prepare(layout: Layout) -> None:
    """Write what all machines share."""
    with open(layout.path("sshd_config"), "w", encoding="ascii") as config:
        config.write(_CONFIG)
    lines = []
    with open("/etc/passwd", encoding="utf-8") as users:
        for line in users:
            lines.append(f"{line.split(':')[0]}:*:19000:0:99999:7:::\n")
    with open(layout.path("shadow"), "w", encoding="utf-8", opener=_private) as shadow:
        shadow.writelines(lines)


def start(layout: Layout, machine: SshMachine) -> subprocess.Popen[bytes]:
    """Start the machine's sshd; it listens a moment later. It dies with the calling process."""
    environment = {
        "PATH": namespaces.environment()["PATH"],
        "LAB_NAME": machine.name,
        "LAB_KEY": machine.key,
        "LAB_STATE": layout.state,
        "LAB_SSHD": "/usr/sbin/sshd",
        "LAB_WITHOUT_PYTHON": "" if machine.python else "yes",
    }
    with open(log_path(layout, machine.name), "wb") as log:
        return subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "KILL",
                "ip",
                "netns",
                "exec",
                machine.namespace,
                "unshare",
                "--uts",
                "sh",
                "-e",
                "-u",
                "-c",
                _START,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


def wait_until_listening(layout: Layout, machine: SshMachine, patience: float = 30.0) -> None:
    """Wait until the machine's log shows that sshd listens. Raises CommandFailed."""
    deadline = time.monotonic() + patience
    while True:
        with open(log_path(layout, machine.name), encoding="utf-8", errors="replace") as log:
            text = log.read()
        if "listening on 0.0.0.0" in text:
            return
        if time.monotonic() > deadline:
            raise namespaces.CommandFailed(f"sshd of {machine.name} did not start: {text[-2000:]}")
        time.sleep(0.01)


def stop(machine: SshMachine) -> None:
    """Kill everything that runs on the machine, as a power cut does."""
    namespaces.kill_processes([machine.namespace])


def log_path(layout: Layout, name: str) -> str:
    return layout.path("log", f"{name}.sshd")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
