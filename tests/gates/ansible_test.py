# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Runs ansible-test on one release line of ansible-core: ansible_test.py CORE sanity|units [ARGUMENTS].

Everything it makes lies in one place below .gates: ansible-core's virtual environment, a home directory (ansible-test
keeps virtual environments there), and a copy of the collection (more virtual environments in its tests/output).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import interpreters
import source_tree

ROOT = Path(__file__).resolve().parents[2]
# ansible-test would download pip from a server of its developers; Python brings its own.
PIP_RELEASES = ("24_2", "25_2")
PIP_FROM_PYTHON = "import ensurepip\n\nensurepip.bootstrap(default_pip=True)\n"


def ansible_core(core: interpreters.Core, place: Path, python: str) -> Path:
    """Path of ansible-test of that release, installed if it isn't."""
    environment = place / core.line
    program = environment / "bin" / "ansible-test"
    marker = environment / "version"
    if not marker.exists() or marker.read_text() != core.version:
        subprocess.run([python, "-m", "venv", "--clear", environment], check=True)
        pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet", f"ansible-core=={core.version}"]
        subprocess.run(pip, check=True)
        marker.write_text(core.version)
    return program


def prepare_home(place: Path) -> Path:
    """A home of its own for ansible-test, with the user's settings of pip."""
    home = place / "home"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for release in PIP_RELEASES:
        (cache / f"get_pip_{release}.py").write_text(PIP_FROM_PYTHON)
    for name in (".config", ".pip", ".cache"):
        link = home / name
        if (Path.home() / name).exists() and not link.is_symlink():
            link.symlink_to(Path.home() / name)
    return home


def main(line: str, command: str, arguments: list[str]) -> int:
    core = next(core for core in interpreters.CORES if core.line == line)
    pythons = interpreters.find_pythons()
    place = ROOT / ".gates" / core.place
    program = ansible_core(core, place, interpreters.controller_python(core, pythons))
    home = prepare_home(place)
    copy = place / "ansible_collections" / "lightsout" / "wake"
    source_tree.mirror(ROOT, copy)
    first = [str(Path(python).parent) for python in pythons.values()]
    environment = {**os.environ, "HOME": str(home), "PATH": os.pathsep.join(first + interpreters.search_path())}
    for name in ("PYTHONPATH", "ANSIBLE_COLLECTIONS_PATH", "VIRTUAL_ENV"):
        environment.pop(name, None)
    print(f"ansible-test {command}, ansible-core {core.version}, Python {' '.join(pythons)}", flush=True)
    options = [command, "--venv", "--color", "no", *arguments]
    return subprocess.run([program, *options], cwd=copy, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
