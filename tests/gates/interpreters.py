# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Which Pythons this machine has, and which cells of (ansible-core, Python) can therefore run."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")


class Core(t.NamedTuple):
    """A release line of ansible-core: the version that is installed, and the Pythons its controller side runs on.

    Lines that share a place (a folder below .gates) share virtual environments, and run one after the other.
    """

    line: str
    version: str
    controllers: tuple[str, ...]
    place: str


CORES = (
    Core("2.18", "2.18.19", ("3.11", "3.12", "3.13"), "2.18-2.19"),
    Core("2.19", "2.19.14", ("3.11", "3.12", "3.13"), "2.18-2.19"),
    Core("2.20", "2.20.10", ("3.12", "3.13"), "2.20-2.21"),
    Core("2.21", "2.21.5", ("3.12", "3.13"), "2.20-2.21"),
)
# Continuous integration fails where one of these has no cell left.
REQUIRED_IN_CI = ("2.18", "2.19", "2.21")


def search_path() -> list[str]:
    """Directories that may hold a Python: PATH without pyenv's shims (an inactive one exits with 127), pyenv, uv."""
    home = Path.home()
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    places = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if "/shims" not in entry]
    places += [str(place) for root in (pyenv / "versions", uv) for place in sorted(root.glob("*/bin"), reverse=True)]
    return list(dict.fromkeys(places))


def find_pythons() -> dict[str, str]:
    """Path of an interpreter that can make virtual environments, for each of PYTHONS that is on this machine."""
    found = {}
    for version in PYTHONS:
        for place in search_path():
            python = shutil.which(f"python{version}", path=place)
            if python and (real := _real_interpreter(python, version)):
                found[version] = real
                break
    return found


def _real_interpreter(python: str, version: str) -> str:
    question = "import ensurepip, os, sys, venv; print(os.path.realpath(sys.executable), *sys.version_info[:2])"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False).stdout.split()
    return answer[0] if answer[1:] == version.split(".") else ""


def controller_python(core: Core, pythons: t.Mapping[str, str]) -> str:
    """The interpreter for ansible-core itself, or an empty string."""
    return next((pythons[version] for version in core.controllers if version in pythons), "")


def describe_cells(pythons: t.Mapping[str, str]) -> list[str]:
    """One line per release line of ansible-core: the Pythons it is tested with and those that are missing."""
    lines = []
    missing = [version for version in PYTHONS if version not in pythons]
    for core in CORES:
        if not controller_python(core, pythons):
            lines.append(f"ansible-core {core.line}: MISSING, none of Python {', '.join(core.controllers)} is here")
            continue
        text = f"ansible-core {core.line}: Python {' '.join(version for version in PYTHONS if version in pythons)}"
        lines.append(text + (f"; MISSING: {' '.join(missing)}" if missing else ""))
    return lines


def cores_without_cell(pythons: t.Mapping[str, str]) -> list[str]:
    """The release lines that continuous integration needs and this machine can't run."""
    return [core.line for core in CORES if core.line in REQUIRED_IN_CI and not controller_python(core, pythons)]
