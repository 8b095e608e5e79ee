# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import TaskFailure
from ansible_collections.lightsout.wake.plugins.module_utils._ansible.wake_relay import start_service
from ansible_collections.lightsout.wake.plugins.module_utils._fleet import relay_service
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import (
    Batch,
    Orders,
    Settings,
    read_journal,
    write_batch,
    write_orders,
)
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe, Target

SECRET = b"\xde\xad\xbe\xef"


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20.0
    while time.monotonic() < end and not condition():
        time.sleep(0.01)
    return condition()


def test_a_real_service_looks_sends_journals_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_service.tempfile, "tempdir", str(tmp_path))
    probe = Probe("tcp", "127.0.0.1", 1, 0.2, "relay", "", b"")
    target = Target(
        "a", ("wol",), (b"\x02\0\0\0\0\x01",), SECRET, "", "unicast", "127.0.0.1", 9, "", 1, ("controller",), probe,
        0.2, 10.0, 100, (), "all", 1.0, 0.0, 0.0,
    )  # fmt: skip
    started = start_service(write_batch(Batch(Settings(), {4: target}, frozenset())))
    directory, pid = Path(started["directory"]), started["pid"]
    assert started["changed"] is False
    assert directory.parent == tmp_path

    def order(orders: Orders) -> None:
        with (directory / "orders").open("a") as stream:
            stream.write(write_orders(orders) + "\n")

    def journal() -> str:
        return (directory / "journal").read_text()

    try:
        assert wait_until(lambda: "asleep" in journal())
        order(Orders([4], [], [], False))
        assert wait_until(lambda: "complete" in journal())
        whole = read_journal(journal().splitlines())
        assert SECRET.hex() not in "".join(path.read_text() for path in directory.iterdir())
        assert SECRET.hex().encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        order(Orders([], [], [], True))
    assert whole.report.asleep == [4]
    assert [(key, verdict.verdict, verdict.sends) for key, verdict in whole.report.verdicts] == [(4, "not_woken", 1)]
    assert wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"))
    assert list(tmp_path.iterdir()) == []


def test_a_batch_that_is_none_is_an_error_and_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_service.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TaskFailure, match="the batch is not what the wake action writes"):
        start_service("{}")
    assert list(tmp_path.iterdir()) == []
