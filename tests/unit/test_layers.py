# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The layers of the collection, enforced by reading every import statement."""

from __future__ import annotations

import ast
import sys
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
OURS = "ansible_collections.lightsout.wake."
OUR_MODULE_UTILS = OURS + "plugins.module_utils."


class Layer(t.NamedTuple):
    """Modules below plugins/module_utils (a package stands for all in it). They import from layers above their own."""

    pure: bool
    members: tuple[str, ...]


LAYERS = (
    Layer(True, ("_mac", "_magic_packet", "_captured_frame", "_netlink_messages")),
    Layer(True, ("_interface", "_delivery")),
    Layer(True, ("_wake_values", "_wake_variables", "_wake_probe", "_wake_target")),
    Layer(True, ("_fleet.verdicts", "_fleet.waves", "_fleet.timers", "_fleet.target_state", "_fleet.loop")),
    Layer(True, ("_fleet.wire", "_fleet.conductor")),
    Layer(True, ("_ssh_host_key", "_probe_codec")),
    Layer(False, ("_interfaces_linux",)),
    Layer(False, ("_packet_senders",)),
    Layer(False, ("_packet_batch",)),
    Layer(False, ("_packet_listener",)),
    Layer(False, ("_probes",)),
    Layer(False, ("_fleet",)),
    Layer(False, ("_ansible",)),
)
# What a pure layer may not import: sockets, the machine, and every clock and source of chance.
IMPURE = frozenset(
    (
        "ctypes",
        "datetime",
        "fcntl",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "resource",
        "secrets",
        "select",
        "selectors",
        "signal",
        "socket",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
    )
)
# The one place that needs chance: the ephemeral key of a key exchange.
IMPURE_ALLOWED = {"_ssh_host_key": frozenset(("secrets",))}


class Imported(t.NamedTuple):
    line: int
    name: str


def python_files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*.py") if "__pycache__" not in path.parts)


def imports_in(source: str) -> list[Imported]:
    """Every name that is imported anywhere in the source; of `from a import b` the name is `a.b`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [Imported(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found += [Imported(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def member_of(name: str) -> tuple[int, str]:
    """Layer number and member of a dotted name below module_utils; the longest member that fits counts."""
    fitting = [
        (len(member), number, member)
        for number, layer in enumerate(LAYERS)
        for member in layer.members
        if name == member or name.startswith(member + ".")
    ]
    if not fitting:
        raise LookupError(f"{name} is in no layer: give it a place in LAYERS")
    return max(fitting)[1:]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(MODULE_UTILS).with_suffix("").parts)


def module_named(name: str) -> str:
    """The module of `module.attribute` or `package.module`: the longest start of the name that is a file."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if (MODULE_UTILS.joinpath(*parts[:end])).with_suffix(".py").is_file():
            return ".".join(parts[:end])
    return name


def complaints_about_layers(name: str, source: str) -> list[str]:
    own_layer, own_member = member_of(name)
    complaints = []
    for line, imported in imports_in(source):
        if imported.startswith(OUR_MODULE_UTILS):
            layer = member_of(module_named(imported[len(OUR_MODULE_UTILS) :]))[0]
            if layer > own_layer:
                complaints.append(f"{name}:{line} imports {imported} from a layer below its own")
        top = imported.split(".")[0]
        if LAYERS[own_layer].pure and top in IMPURE - IMPURE_ALLOWED.get(own_member, frozenset()):
            complaints.append(f"{name}:{line} imports {top}, but its layer is pure")
    return complaints


def complaints_about_origin(name: str, source: str) -> list[str]:
    """module_utils use the standard library and each other; the glue alone may use ansible-core's module_utils."""
    complaints = []
    for line, imported in imports_in(source):
        glue = name.startswith("_ansible.") and imported.startswith("ansible.module_utils.")
        if imported.split(".")[0] not in sys.stdlib_module_names and not (
            imported.startswith(OUR_MODULE_UTILS) or glue
        ):
            complaints.append(f"{name}:{line} imports {imported}, which no relay needs to have")
    return complaints


def complaints_about_foreign(path: Path, source: str, forbidden: t.Sequence[str]) -> list[str]:
    return [
        f"{path.name}:{line} imports {imported}"
        for line, imported in imports_in(source)
        if any(imported == name or imported.startswith(name + ".") for name in forbidden)
    ]


def cycle_among(edges: t.Mapping[str, t.Collection[str]]) -> list[str]:
    """The names of one cycle, or an empty list."""
    done: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for target in sorted(edges.get(name, ())):
                if found := follow(target, (*path, name)):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := follow(name, ()))), [])


@pytest.mark.parametrize("path", python_files(MODULE_UTILS), ids=dotted)
def test_imports_only_from_layers_above(path: Path) -> None:
    assert complaints_about_layers(dotted(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", python_files(MODULE_UTILS), ids=dotted)
def test_module_utils_need_nothing_but_python(path: Path) -> None:
    assert complaints_about_origin(dotted(path), path.read_text(encoding="utf-8")) == []


def test_no_modules_import_each_other() -> None:
    edges = {
        dotted(path): {
            module_named(imported.name[len(OUR_MODULE_UTILS) :])
            for imported in imports_in(path.read_text(encoding="utf-8"))
            if imported.name.startswith(OUR_MODULE_UTILS)
        }
        for path in python_files(MODULE_UTILS)
    }
    assert cycle_among(edges) == []


@pytest.mark.parametrize("path", python_files(PLUGINS), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_plugins_know_no_tests(path: Path) -> None:
    forbidden = ["tests", "lab", "bench", OURS + "tests", OURS + "bench"]
    assert complaints_about_foreign(path, path.read_text(encoding="utf-8"), forbidden) == []


@pytest.mark.parametrize(
    "path", python_files(PLUGINS / "modules"), ids=lambda path: str(path.relative_to(PLUGINS / "modules"))
)
def test_modules_use_no_controller_code(path: Path) -> None:
    forbidden = [OURS + "plugins.plugin_utils", OURS + "plugins.action", "ansible.plugins", "ansible.parsing"]
    assert complaints_about_foreign(path, path.read_text(encoding="utf-8"), forbidden) == []


@pytest.mark.parametrize("path", python_files(ROOT / "tests" / "lab"), ids=lambda path: path.name)
def test_lab_shares_no_code_with_plugins(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert complaints_about_foreign(path, source, ["ansible_collections", "plugins", "ansible"]) == []


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("_mac", "import socket", "_mac:1 imports socket, but its layer is pure"),
        ("_fleet.loop", "def f():\n    from time import monotonic", "_fleet.loop:2 imports time"),
        (
            "_delivery",
            f"from {OUR_MODULE_UTILS}_probes.engine import ProbeEngine",
            "_probes.engine.ProbeEngine from a layer below its own",
        ),
        ("_fleet.loop", f"from {OUR_MODULE_UTILS}_fleet import runner", "_fleet.runner from a layer below its own"),
    ],
)
def test_wrong_layer_is_seen(name: str, source: str, complaint: str) -> None:
    complaints = complaints_about_layers(name, source)
    assert len(complaints) == 1
    assert complaint in complaints[0]


@pytest.mark.parametrize(
    ("name", "source", "seen"),
    [
        ("_probes.engine", "import requests", True),
        ("_probes.engine", "from . import look", True),
        ("_probes.engine", "from ansible.module_utils.basic import AnsibleModule", True),
        ("_ansible.outcome", "from ansible.module_utils.basic import AnsibleModule", False),
        ("_probes.engine", "import os.path", False),
    ],
)
def test_foreign_code_is_seen(name: str, source: str, seen: bool) -> None:
    assert bool(complaints_about_origin(name, source)) is seen


def test_module_without_layer_is_seen() -> None:
    with pytest.raises(LookupError, match="_helpers is in no layer"):
        member_of("_helpers")


def test_cycle_is_seen() -> None:
    assert cycle_among({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle_among({"a": {"b", "c"}, "b": {"c"}}) == []
