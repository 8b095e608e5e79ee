# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""A SecureOn password is nowhere to be found: in no output, result, process list or file of a run, on either end."""

from __future__ import annotations

import base64
import io
import os
import pathlib
import threading
import typing as t
import zipfile
import zlib

from lab import namespaces
from wake_fixtures import SECUREON, Fleet

# What all passwords of these tests begin with; a part that leaks counts as a leak.
SECRET = bytes.fromhex(SECUREON.replace(":", ""))[:5]
LARGEST = 4 << 20


def traces() -> dict[bytes, str]:
    """Every form of the secret that is looked for, with its name."""
    separated = {"colons": SECRET.hex(":"), "dashes": SECRET.hex("-"), "dots": "3a1f.c47d.90", "bare": SECRET.hex()}
    texts = {name: text.encode() for name, text in separated.items()}
    texts |= {f"{name} in capitals": text.upper() for name, text in texts.items()}
    texts["numbers"] = ", ".join(str(byte) for byte in SECRET).encode()
    texts["bytes of Python"] = repr(SECRET)[2:-1].encode()
    texts["bytes"] = SECRET
    found = {text: name for name, text in texts.items()}
    for name, text in texts.items():
        for before in range(3):  # where it lies in a longer text that was encoded
            code = base64.b64encode(b"\0" * before + text)
            found[code[-(-8 * before // 6) : 8 * (before + len(text)) // 6]] = f"base64 of {name}"
    return found


def leaks(data: bytes) -> list[str]:
    """The forms in which the secret is in these bytes; what is packed is looked at unpacked."""
    whole = b"\n".join([data, *unpacked(data)])
    return [name for trace, name in TRACES.items() if trace in whole]


def unpacked(data: bytes) -> list[bytes]:
    if not data.startswith(b"PK"):
        return []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [archive.read(name) for name in archive.namelist()]
    except (zipfile.BadZipFile, zlib.error):
        return []  # still being written; it is read again in the next round


TRACES = traces()


class Sampler(threading.Thread):
    """Reads process lists, environments and files of control node and relay again and again."""

    def __init__(self, fleet: Fleet, relays: t.Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._spaces = [fleet.lab.layout.control, *(fleet.lab.layout.namespace(relay) for relay in relays)]
        roots = [f"/proc/{min(fleet.lab.relay(relay).processes())}/root" for relay in relays]
        places = ("root", "tmp", "var/tmp", "dev/shm", "run")
        self._folders = [f"{root}/{place}" for root in roots for place in places]
        self._folders += [str(fleet.temporary), str(fleet.home), str(fleet.lab.layout.path("cp")), "/dev/shm"]
        self.lines: set[str] = set()
        self.files: set[str] = set()
        self.found: set[str] = set()
        self.rounds = 0

    def run(self) -> None:
        while not self._over.wait(0.01):
            self._look_at_processes()
            for folder in self._folders:
                self._look_at_files(folder)
            self.rounds += 1

    def __enter__(self) -> Sampler:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self.join()

    def _look_at_processes(self) -> None:
        for pid in namespaces.processes(self._spaces):
            for name in ("cmdline", "environ"):
                data = _read(f"/proc/{pid}/{name}")
                self.lines.add(data.replace(b"\0", b" ").decode(errors="replace"))
                self.found.update(f"{leak} in {name} of {pid}" for leak in leaks(data))

    def _look_at_files(self, folder: str) -> None:
        for place, _folders, files in os.walk(folder):
            for name in files:
                path = os.path.join(place, name)
                self.files.add(path)
                self.found.update(f"{leak} in {path}" for leak in leaks(_read(path)))


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        return os.read(descriptor, LARGEST)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def test_search_finds_what_it_looks_for() -> None:
    text = f'{{"secureon": "{SECUREON}"}}'.encode()
    for shift in range(3):
        assert "base64 of colons" in leaks(base64.b64encode(b"x" * shift + text))
        assert "base64 of bytes" in leaks(base64.b64encode(b"x" * shift + SECRET + b"\xe2"))
    assert leaks(text) == ["colons"]
    assert leaks(SECUREON.upper().replace(":", "").encode()) == ["bare in capitals"]


def test_secureon_passwords_are_nowhere(fleet: Fleet) -> None:
    variables: dict[str, dict[str, t.Any]] = {
        "dead1": {"wake_secureon": SECUREON, "wake_timeout": 6},
        "never": {"wake_secureon": SECUREON, "wake_timeout": 6},
        "dead2": {"wake_secureon": SECUREON[:-2] + "zz"},
        "dead3": {"wake_secureon": SECUREON, "wake_relay": "bare"},
        "dead4": {"wake_secureon": SECUREON, "wake_interface": "nothere0", "wake_timeout": 6},
    }
    hosts = ["vault", "locked", *variables]
    log, page = fleet.folder / "ansible.log", fleet.folder / "page.html"
    options = {"report_html": str(page), "table": True, "detail": "full"}
    play = fleet.play(":".join(hosts), options, then=[{"ansible.builtin.debug": {"var": "fleet"}}])
    with Sampler(fleet, ["alpha", "bare"]) as sampler:
        run = fleet.run(play, variables, "-vvvv", "--diff", env={"ANSIBLE_LOG_PATH": str(log)})
    assert run.code == 0, run.output
    assert run.verdicts == {
        "vault": "woken",
        "locked": "woken",
        "dead1": "not_woken",
        "never": "not_woken",
        "dead2": "invalid",
        "dead3": "relay_unreachable",
        "dead4": "invalid",
    }
    assert "wake_secureon" in run.row("dead2")["reason"]

    # The sampler has seen the run: our process and files on the relay, journal and ssh here, and all of it often.
    assert sampler.rounds > 20
    names = {pathlib.Path(path).name for path in sampler.files}
    assert names >= {"journal", "orders"}
    assert any(name.endswith(".jsonl") for name in names), names
    assert any("ansible-playbook" in line for line in sampler.lines)
    assert any(line.startswith("ssh ") or " -o " in line for line in sampler.lines)
    assert sampler.found == set()
    assert [name for name in names if "AnsiballZ" in name] == [], "the module travels over a pipe, never as a file"

    for name, text in (("output", run.output), ("result", fleet.report.read_text()), ("page", page.read_text())):
        assert leaks(text.encode()) == [], name
    assert log.stat().st_size > 10000
    assert leaks(log.read_bytes()) == []


def test_a_relay_that_keeps_files_gets_no_password(fleet: Fleet) -> None:
    run = fleet.run(fleet.play("vault,office1,hidden1"), env={"ANSIBLE_KEEP_REMOTE_FILES": "1"})
    assert run.verdicts == {"vault": "relay_unreachable", "office1": "woken", "hidden1": "woken"}
    assert "SecureOn passwords would lie in a file there" in run.row("vault")["reason"]
    assert fleet.left_on("alpha") == []
    assert any("AnsiballZ" in path for path in fleet.left_on("inner")), "the setting has no effect any more"
    fleet.lab.relay("inner").run(["rm", "-rf", "/root/.ansible"])
