# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The request that makes a WinRM endpoint show itself without a login, and what the reply says. Pure.

WinRM answers a POST to /wsman without credentials with 401 and the authentication schemes it takes; other methods with
405. Before its service runs, Windows' HTTP.sys answers for it with 404 or 503.
"""

from __future__ import annotations

import typing as t

_MOST_BYTES = 32768
_SCHEMES = ("negotiate", "kerberos", "basic", "credssp", "ntlm", "http://schemas.dmtf.org")
_SOAP = "application/soap+xml"
_WSMAN_BODY = b"schemas.dmtf.org/wbem/wsman"
_NOT_READY = (404, 500, 502, 503, 504)


class NotHttp(ValueError):
    """The other side doesn't speak HTTP; the text goes on after its address."""


class Reply(t.NamedTuple):
    """An HTTP reply; header names are in lower case, `body` is what has come of it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for header, value in self.headers if header == name]


class Judgement(t.NamedTuple):
    """Whether a WinRM service answered; `words` go on after the endpoint's address."""

    awake: bool
    words: str


def request(host: str, port: int) -> bytes:
    """An empty POST to /wsman, as clients send it to ask for the authentication schemes."""
    name = f"[{host}]" if ":" in host else host
    lines = (
        "POST /wsman HTTP/1.1",
        f"Host: {name}:{port}",
        "Content-Type: application/soap+xml;charset=UTF-8",
        "Content-Length: 0",
        "User-Agent: lightsout.wake",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii", "replace")


class ReplyReader:
    """Collects bytes until the head of a reply is whole, and its body as far as it is told apart by length."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes, ended: bool = False) -> Reply | None:
        """The reply, None while more is to come; `ended`: nothing more comes. Raises NotHttp."""
        self._data += data
        if not b"HTTP/".startswith(self._data[:5]):
            raise NotHttp("answers, but not in HTTP.")
        if ended and not self._data:
            raise NotHttp("accepts connections but closes them without an HTTP reply: it is not ready.")
        head, blank, body = self._data.partition(b"\r\n\r\n")
        if not blank:
            if len(self._data) > _MOST_BYTES or ended:
                raise NotHttp("sent an HTTP reply without an end of its headers.")
            return None
        reply = _parse_head(head, body)
        lengths = reply.values("content-length")
        length = int(lengths[0]) if lengths and lengths[0].isdigit() else None
        if length is not None and len(body) < min(length, _MOST_BYTES) and not ended:
            return None
        return reply


def judge(reply: Reply) -> Judgement:
    """What the reply to `request` tells about the service."""
    microsoft = any(server.startswith("Microsoft-HTTPAPI") for server in reply.values("server"))
    schemes = [value.split(" ", 1)[0].strip('"') for value in reply.values("www-authenticate")]
    known = [scheme for scheme in schemes if scheme.lower().startswith(_SCHEMES)]
    if reply.status == 401 and known:
        return Judgement(True, f"asks for {', '.join(dict.fromkeys(known))} authentication")
    if reply.status == 401 and microsoft:
        return Judgement(True, "asks for authentication")
    if reply.status == 405 and (microsoft or any("POST" in value for value in reply.values("allow"))):
        return Judgement(True, "answers with HTTP status 405")
    soap = any(value.lower().startswith(_SOAP) for value in reply.values("content-type"))
    if soap or _WSMAN_BODY in reply.body:
        return Judgement(True, f"answers WS-Management with HTTP status {reply.status}")
    if reply.status in _NOT_READY:
        return Judgement(False, f"answers with HTTP status {reply.status}: its WinRM service is not ready.")
    return Judgement(False, f"answers with HTTP status {reply.status}, but not as WinRM does.")


def _parse_head(head: bytes, body: bytes) -> Reply:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise NotHttp("answers, but not in HTTP.")
    headers = tuple(
        (name.strip().lower(), value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon
    )
    return Reply(int(words[1]), headers, body)
