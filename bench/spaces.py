# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Network namespaces of the bench, all removed at the end with what runs in them."""

from __future__ import annotations

import collections.abc
import contextlib
import json
import os
import subprocess

from lab import namespaces

_PREFIX = "lightsout-bench-"


@contextlib.contextmanager
def spaces(*names: str) -> collections.abc.Iterator[list[str]]:
    """Make network namespaces with a loopback that is up; yields their full names."""
    made = [f"{_PREFIX}{os.getpid()}-{name}" for name in names]
    try:
        namespaces.add(made)
        for space in made:
            namespaces.ip_batch(["link set dev lo up"], space)
        yield made
    finally:
        _remove(made)


@contextlib.contextmanager
def cable(here: str, there: str) -> collections.abc.Iterator[tuple[str, str]]:
    """Make two namespaces joined by a cable; the addresses go to its ends, both named eth0."""
    with spaces("near", "far") as (near, far):
        namespaces.ip_batch([f"link add eth0 netns {near} type veth peer name eth0 netns {far}"])
        for space, address in ((near, here), (far, there)):
            namespaces.ip_batch([f"address add {address} dev eth0", "link set dev eth0 up"], space)
        yield near, far


def inside(space: str, argv: collections.abc.Sequence[str]) -> list[str]:
    """Return the command that runs another one in a namespace, as the same process."""
    return ["ip", "netns", "exec", space, *argv]


def add_addresses(space: str, addresses: collections.abc.Iterable[str]) -> None:
    """Add addresses to eth0 of a namespace."""
    namespaces.ip_batch([f"address add {address} dev eth0" for address in addresses], space)


def received(space: str) -> int:
    """Return how many frames came in at eth0 of a namespace."""
    link = json.loads(namespaces.run(["ip", "-n", space, "-json", "-stats", "link", "show", "dev", "eth0"]))
    return int(link[0]["stats64"]["rx"]["packets"])


def remove_leftovers() -> None:
    """Remove what a killed bench has left."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(namespaces.DIRECTORY):
            if name.startswith(_PREFIX) and not os.path.exists(f"/proc/{name.split('-')[2]}"):
                _remove([name])


def _remove(names: list[str]) -> None:
    namespaces.kill_processes([name for name in names if os.path.exists(f"{namespaces.DIRECTORY}/{name}")])
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
