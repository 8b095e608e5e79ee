# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Network namespaces: make, find and remove them, and the processes in them."""

from __future__ import annotations

import collections.abc
import ctypes
import os
import signal
import subprocess
import time

DIRECTORY = "/run/netns"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


class CommandFailed(RuntimeError):
    """A command of the lab failed; the text has the command and what it said."""


def prefix(lab: str) -> str:
    return f"lab-{lab}-"


def environment() -> dict[str, str]:
    """Return this process's environment with the system's directories in PATH, which sudo may have left out."""
    return {**os.environ, "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"}


def run(argv: collections.abc.Sequence[str], stdin: str = "") -> str:
    """Run a command and return what it printed. Raises CommandFailed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        raise CommandFailed(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()[:2000]}")
    return done.stdout


def ip_batch(lines: collections.abc.Iterable[str], namespace: str = "") -> None:
    """Run many `ip` commands in one process. Raises CommandFailed."""
    text = "\n".join(lines)
    if text:
        run(["ip", *(["-n", namespace] if namespace else []), "-batch", "-"], text + "\n")


def add(names: collections.abc.Iterable[str]) -> None:
    for name in names:
        run(["ip", "netns", "add", name])


def existing(lab: str) -> list[str]:
    try:
        names = os.listdir(DIRECTORY)
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name.startswith(prefix(lab)))


def enter(name: str) -> None:
    """Move the calling process to a namespace."""
    with open(os.path.join(DIRECTORY, name), "rb") as namespace:
        if _LIBC.setns(namespace.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), f"cannot enter network namespace {name}")


def die_with_parent() -> None:
    """Have the kernel kill the calling process when its parent dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Make the calling process the parent of its descendants whose own parent ends, in the place of init."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def processes(names: collections.abc.Iterable[str]) -> list[int]:
    """Return the ids of the processes in these namespaces, without the caller's own."""
    inodes = set()
    for name in names:
        try:
            inodes.add(os.stat(os.path.join(DIRECTORY, name)).st_ino)
        except FileNotFoundError:
            continue
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if os.stat(f"/proc/{entry}/ns/net").st_ino in inodes:
                    found.append(int(entry))
            except OSError:
                continue
    return found


def kill_processes(names: collections.abc.Sequence[str], patience: float = 10.0) -> None:
    """Kill everything that runs in these namespaces, also what was detached from its parent."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = [pid for pid in processes(names) if not _is_zombie(pid)]
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def remove(lab: str) -> None:
    """Kill what runs in a lab's namespaces and remove them."""
    names = existing(lab)
    kill_processes(names)
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False, env=environment())


def _is_zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
