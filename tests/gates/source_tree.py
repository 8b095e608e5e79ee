# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Copies what git tracks (and would track) to another place.

ansible-test works only below .../ansible_collections/NAMESPACE/NAME, and not through a symbolic link.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def tracked_files(root: Path) -> list[str]:
    """Paths of all files that are there and not ignored by git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted({name for name in names if name and (root / name).is_file()})


def mirror(root: Path, copy: Path) -> None:
    """Make `copy` hold the tracked files of `root` and no other, apart from what ansible-test keeps in tests/output."""
    wanted = set(tracked_files(root))
    kept = {copy / ".git", copy / "tests" / "output"}
    for path in [path for path in copy.rglob("*") if path.is_file() and not kept & set(path.parents)]:
        if str(path.relative_to(copy)) not in wanted:
            path.unlink()
    for name in wanted:
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    directories = [path for path in copy.rglob("*") if path.is_dir() and not kept & {path, *path.parents}]
    for path in sorted(directories, reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    if not (copy / ".git").exists():  # else ansible-test finds the repository around the copy, which ignores it
        subprocess.run(["git", "init", "--quiet", copy], check=True)
