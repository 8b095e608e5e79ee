# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import winrm_reply
from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec.winrm_reply import NotHttp, Reply, ReplyReader

WINDOWS = (
    b"HTTP/1.1 401 \r\nServer: Microsoft-HTTPAPI/2.0\r\nWWW-Authenticate: Negotiate\r\n"
    b'WWW-Authenticate: Basic realm="WSMAN"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
)


def reply(status: int, *headers: tuple[str, str], body: bytes = b"") -> Reply:
    return Reply(status, headers, body)


@given(st.integers(min_value=1, max_value=80))
def test_the_reply_of_windows_however_the_bytes_come(size: int) -> None:
    reader, found = ReplyReader(), None
    for start in range(0, len(WINDOWS), size):
        assert found is None
        found = reader.feed(WINDOWS[start : start + size])
    assert found is not None
    assert found.status == 401
    assert found.values("www-authenticate") == ["Negotiate", 'Basic realm="WSMAN"']
    judgement = winrm_reply.judge(found)
    assert judgement.awake
    assert judgement.words == "asks for Negotiate, Basic authentication"


def test_the_body_is_waited_for_as_long_as_it_is_told() -> None:
    reader = ReplyReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab") is None
    found = reader.feed(b"cd")
    assert found is not None
    assert found.body == b"abcd"


def test_the_end_of_the_connection_ends_a_body() -> None:
    reader = ReplyReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nab") is None
    found = reader.feed(b"", True)
    assert found is not None
    assert found.body == b"ab"


@pytest.mark.parametrize(
    ("data", "ended"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", False),
        (b"HTTP", True),
        (b"", True),
        (b"HTTP/1.1 200 OK\r\nServer: x", True),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10000, False),
        (b"HTTP/1.1 OK\r\n\r\n", False),
        (b"HTTP/1.1\r\n\r\n", False),
    ],
)
def test_what_is_no_http_reply(data: bytes, ended: bool) -> None:
    with pytest.raises(NotHttp):
        ReplyReader().feed(data, ended)


def test_nothing_at_all_is_told_apart_from_half_a_reply() -> None:
    with pytest.raises(NotHttp, match="closes them without an HTTP reply"):
        ReplyReader().feed(b"", True)


@pytest.mark.parametrize(
    "found",
    [
        reply(401, ("www-authenticate", "Negotiate")),
        reply(401, ("www-authenticate", "Kerberos"), ("server", "Microsoft-HTTPAPI/2.0")),
        reply(401, ("www-authenticate", 'Basic realm="WSMAN"')),
        reply(401, ("www-authenticate", "CredSSP")),
        reply(401, ("server", "Microsoft-HTTPAPI/2.0")),
        reply(405, ("allow", "POST")),
        reply(405, ("server", "Microsoft-HTTPAPI/2.0")),
        reply(500, ("content-type", "application/soap+xml;charset=UTF-8")),
        reply(200, body=b'<a xmlns="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/>'),
    ],
)
def test_replies_that_only_winrm_gives(found: Reply) -> None:
    assert winrm_reply.judge(found).awake


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (reply(401, ("www-authenticate", 'Digest realm="Digest:A4070000"')), "not as WinRM"),
        (reply(401), "not as WinRM"),
        (reply(405), "not as WinRM"),
        (reply(405, ("allow", "GET, HEAD")), "not as WinRM"),
        (reply(200, ("content-type", "text/html")), "not as WinRM"),
        (reply(404, ("server", "Microsoft-HTTPAPI/2.0")), "not ready"),
        (reply(503), "not ready"),
    ],
)
def test_replies_of_others(found: Reply, words: str) -> None:
    judgement = winrm_reply.judge(found)
    assert not judgement.awake
    assert str(found.status) in judgement.words
    assert words in judgement.words


def test_the_request() -> None:
    lines = winrm_reply.request("2001:db8::1", 5986).decode("ascii").split("\r\n")
    assert lines[:2] == ["POST /wsman HTTP/1.1", "Host: [2001:db8::1]:5986"]
    assert "Content-Length: 0" in lines
    assert lines[-2:] == ["", ""]
