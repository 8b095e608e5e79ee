# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""The gates: what runs, where, with which tools."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import interpreters

ROOT = Path(__file__).resolve().parents[2]
LINKS = ROOT / ".gates" / "links"
LINKED = LINKS / "ansible_collections" / "lightsout" / "wake"
LINT = ROOT / ".gates" / "lint" / "bin"
RUN = ROOT / ".venv" / "bin"
HERE = Path(__file__).resolve().parent


class Gate(t.NamedTuple):
    """One command that must exit with 0. `shown`: its output is shown even then."""

    name: str
    command: list[str | Path]
    tools: Path = LINT
    directory: Path = ROOT
    variables: t.Mapping[str, str] = {}
    shown: bool = False

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(self.tools), os.environ.get("PATH", os.defpath)))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MAKE"))}
        return {**inherited, "PATH": path, "ANSIBLE_COLLECTIONS_PATH": str(LINKS), "NO_COLOR": "1", **self.variables}


def _mypy() -> Gate:
    packages = [
        part
        for name in ("module_utils", "plugin_utils")
        if any((ROOT / "plugins" / name).rglob("*.py"))
        for part in ("-p", f"ansible_collections.lightsout.wake.plugins.{name}")
    ]
    settings = ["--config-file", ROOT / ".mypy.ini", "--cache-dir", ROOT / ".gates" / "mypy"]
    return Gate("mypy", ["mypy", *settings, *packages], directory=LINKS, variables={"MYPYPATH": str(LINKS)})


# yamllint with embedded YAML, REUSE, unwanted files, white space
_SESSIONS = ("yamllint", "docs-check", "license-check", "extra-checks")
_REFERENCES = ["--validate-collection-refs", "all", "--check-extra-docs-refs", "--disallow-unknown-collection-refs"]

# Gates of one lane run one after the other, lanes side by side.
LINT_LANES: list[list[Gate]] = [
    [
        Gate("ruff", ["ruff", "check", "--no-cache", "."]),
        Gate("ruff format", ["ruff", "format", "--no-cache", "--check", "--diff", "."]),
        _mypy(),
        Gate("antsibull-changelog", ["antsibull-changelog", "lint"]),
        Gate("antsibull-docs", ["antsibull-docs", "lint-collection-docs", "--plugin-docs", *_REFERENCES, "."]),
        Gate("antsibull-nox", ["nox", "--no-venv", "--session", *_SESSIONS]),
        Gate("ansible-lint", ["ansible-lint", "--config-file", ".ansible-lint"], directory=LINKED),
    ],
    [Gate("artefact", ["bash", HERE / "artefact.sh"], tools=ROOT / ".gates" / "importer" / "bin")],
]

_PYTEST = [RUN / "python", "-m", "pytest", "-p", "no:cacheprovider"]
# sudo would drop these from the environment.
_AS_ROOT = [] if os.geteuid() == 0 else ["sudo"]
_FUNCTIONAL = {
    "PATH": os.pathsep.join((str(RUN), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")),
    "PYTHONPATH": f"{LINKS}:{ROOT / 'tests'}",
    "PYTHONDONTWRITEBYTECODE": "1",
    "ANSIBLE_COLLECTIONS_PATH": str(LINKS),
}

# They mostly wait: they run beside the others, and their time limits allow for that.
FUNCTIONAL = Gate(
    "functional",
    [
        *_AS_ROOT,
        "env",
        *(f"{name}={value}" for name, value in _FUNCTIONAL.items()),
        *_PYTEST,
        "--durations=15",
        "tests/functional",
    ],
    shown=True,
)


def test_lanes() -> list[list[Gate]]:
    """ansible-test on each release line of ansible-core that this machine can run, and property tests at length."""
    pythons = interpreters.find_pythons()
    runner = [RUN / "python", HERE / "ansible_test.py"]
    cells: dict[str, list[Gate]] = {}
    for core in interpreters.CORES:
        if interpreters.controller_python(core, pythons):
            cells.setdefault(core.place, []).extend(
                Gate(f"{command} {core.line}", [*runner, core.line, command], tools=RUN)
                for command in ("units", "sanity")
            )
    thorough = {"PYTHONPATH": str(LINKS), "HYPOTHESIS_PROFILE": "thorough"}
    units = [*_PYTEST, "-q", "--import-mode=importlib", "tests/unit"]
    return [*cells.values(), [Gate("units thorough", units, tools=RUN, variables=thorough)]]
