# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The control node's own journal of a run: what is known when a run is interrupted."""

from __future__ import annotations

import json
import os
import tempfile
import time
import typing as t
from collections.abc import Sequence

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import INDETERMINATE, Verdict

_TOLD = ("verdict", "reason", "proof", "sends")


_LONGEST_UNSEEN = 1.0  # seconds a verdict may be held back from the file


class RunJournal:
    """One JSON object a line, the last one of a host counts.

    It begins with ``indeterminate`` for every host, so that whatever ends the run, each has a verdict.
    Raises OSError where the file can't be made; a file that exists is not overwritten.
    """

    def __init__(self, path: str, hosts: Sequence[str]) -> None:
        self.path = path or _own_path()
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), mode=0o700, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._stream = os.fdopen(descriptor, "w", encoding="utf-8")
        unknown = {"verdict": INDETERMINATE, "reason": "the run ended before its outcome was known"}
        self._stream.writelines(json.dumps({"host": host, **unknown}) + "\n" for host in hosts)
        self.flush()

    def write(self, host: str, verdict: Verdict) -> None:
        """Add a host's verdict."""
        told: dict[str, t.Any] = {name: getattr(verdict, name) for name in _TOLD}
        self._stream.write(json.dumps({"host": host, **told}) + "\n")
        if time.monotonic() - self._flushed > _LONGEST_UNSEEN:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the system."""
        self._flushed = time.monotonic()
        self._stream.flush()

    def close(self, remove: bool) -> None:
        """Close it, and remove the file where the run has told all that it holds."""
        self._stream.close()
        if remove:
            os.unlink(self.path)


def _own_path() -> str:
    """A file of this run's own, in the system's temporary directory where there is no home to write to."""
    directory = os.path.join(os.path.expanduser("~"), ".ansible", "lightsout_wake")
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError:
        directory = tempfile.mkdtemp(prefix="lightsout-wake-journal-")
    if not os.access(directory, os.W_OK):
        directory = tempfile.mkdtemp(prefix="lightsout-wake-journal-")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return os.path.join(directory, f"{stamp}-{os.getpid()}.jsonl")
