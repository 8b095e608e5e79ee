# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Puts community.general.wakeonlan, which the benchmarks compare with, below .gates/bench; quick where it is there.

The PyPI package ansible carries the collection; only what one module needs is taken out of its wheel.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import zipfile

from figures import COMMUNITY

_PACKAGE = "ansible==12.3.0"
_COLLECTION = "ansible_collections/community/general"
_FILES = ("FILES.json", "meta/runtime.yml", "plugins/modules/wakeonlan.py", "MANIFEST.json")


def main() -> None:
    if (COMMUNITY / _COLLECTION / "MANIFEST.json").exists():
        return
    print(f"setup: community.general.wakeonlan of {_PACKAGE}", file=sys.stderr)
    COMMUNITY.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([*pip, "--dest", directory, _PACKAGE], check=True)
        with zipfile.ZipFile(next(pathlib.Path(directory).glob("ansible-*.whl"))) as wheel:
            wheel.extractall(COMMUNITY, [f"{_COLLECTION}/{name}" for name in _FILES])


if __name__ == "__main__":
    main()
