# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unit tests mirror the plugins, file for file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]


def python_files(directory: Path, pattern: str) -> set[PurePosixPath]:
    """Paths of the Python files below a directory, relative to it."""
    return {
        PurePosixPath(path.relative_to(directory).as_posix())
        for path in directory.rglob(pattern)
        if "__pycache__" not in path.parts
    }


def mirror_of(plugin: PurePosixPath) -> PurePosixPath:
    return plugin.with_name(f"test_{plugin.name}")


def without_test(plugins: set[PurePosixPath], tests: set[PurePosixPath]) -> list[str]:
    """The test files that are missing."""
    return sorted(f"tests/unit/plugins/{mirror_of(plugin)}" for plugin in plugins if mirror_of(plugin) not in tests)


def without_plugin(plugins: set[PurePosixPath], tests: set[PurePosixPath]) -> list[str]:
    """The test files of plugins that are not there."""
    return sorted(f"tests/unit/plugins/{test}" for test in tests - set(map(mirror_of, plugins)))


PLUGINS = python_files(ROOT / "plugins", "*.py")
TESTS = python_files(ROOT / "tests" / "unit" / "plugins", "test_*.py")


def test_every_plugin_file_has_its_test_file() -> None:
    missing = without_test(PLUGINS, TESTS)
    assert not missing, "missing:\n" + "\n".join(missing)


def test_every_test_file_has_its_plugin_file() -> None:
    stray = without_plugin(PLUGINS, TESTS)
    assert not stray, "of no plugin file:\n" + "\n".join(stray)


def test_there_are_files_to_compare() -> None:
    assert PurePosixPath("module_utils/_mac.py") in PLUGINS
    assert PurePosixPath("module_utils/test__mac.py") in TESTS


def test_what_is_missing_or_stray_is_seen() -> None:
    plugins = set(map(PurePosixPath, ("modules/a.py", "modules/b.py", "module_utils/_a.py")))
    tests = set(map(PurePosixPath, ("modules/test_a.py", "module_utils/test_a.py")))
    assert without_test(plugins, tests) == [
        "tests/unit/plugins/module_utils/test__a.py",
        "tests/unit/plugins/modules/test_b.py",
    ]
    assert without_plugin(plugins, tests) == ["tests/unit/plugins/module_utils/test_a.py"]
