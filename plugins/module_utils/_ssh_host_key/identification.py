# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The first lines of an SSH server (RFC 4253, section 4.2). Pure."""

from __future__ import annotations

_MOST_BYTES = 8192
_MOST_LINES = 1024
_LONGEST_IDENTIFICATION = 255


class NotSsh(ValueError):
    """The other side doesn't speak SSH; the text goes on after its address."""


class IdentificationReader:
    """Finds the line that begins with SSH- among others that a server may send before it.

    `rest` holds the bytes after that line.
    """

    def __init__(self) -> None:
        self._data = b""
        self._taken = 0
        self._lines = 0
        self.rest = b""

    def feed(self, data: bytes) -> bytes | None:
        """The identification without its line end, or None while it hasn't come. Raises NotSsh."""
        self._data += data
        while True:
            line, newline, after = self._data.partition(b"\n")
            if line.startswith(b"SSH-") and (newline or len(line) > _LONGEST_IDENTIFICATION):
                return self._identification(line.rstrip(b"\r"), after)
            if self._taken + len(line) > _MOST_BYTES or self._lines >= _MOST_LINES:
                raise NotSsh(f"answers, but sent no SSH banner within {_MOST_BYTES} bytes and {_MOST_LINES} lines.")
            if not newline:
                return None
            self._taken += len(line) + 1
            self._lines += 1
            self._data = after

    def _identification(self, line: bytes, after: bytes) -> bytes:
        if len(line) > _LONGEST_IDENTIFICATION:
            raise NotSsh(f"sent an SSH banner of more than {_LONGEST_IDENTIFICATION} characters.")
        if not line.startswith((b"SSH-2.0-", b"SSH-1.99-")):
            raise NotSsh(f"sent the banner {shown(line)!r}, which is not that of SSH version 2.")
        self.rest = after
        return line


def shown(line: bytes) -> str:
    """A line of the other side, made safe to show and short."""
    return "".join(character if " " <= character <= "~" else "?" for character in line[:80].decode("latin-1"))
