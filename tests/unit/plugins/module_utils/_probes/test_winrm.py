# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import contextlib
import socket
import ssl
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import winrm
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import AWAKE, REFUSED, SILENT, Outcome
from ansible_collections.lightsout.wake.plugins.module_utils._probes.winrm import SharedContext, TlsLayer, WinrmLook
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    Room,
    closed_port,
    deaf,
    probe,
    saying,
    serving,
)

WINRM = b"HTTP/1.1 401 \r\nServer: Microsoft-HTTPAPI/2.0\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"
NOT_READY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def server_context() -> ssl.SSLContext:
    """TLS without a certificate: the ciphers whose server is anonymous."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH:@SECLEVEL=0")
    return context


def read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(65536)
        if not piece:
            break
        request += piece
    return request


class Server:
    """Says its pieces after a request, then waits for the client to go."""

    def __init__(self, *pieces: bytes, tls: bool = True) -> None:
        self.pieces = pieces
        self.context = server_context() if tls else None
        self.requests: list[bytes] = []

    def handle(self, connection: socket.socket) -> None:
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_side=True)
        with connection:
            self.requests.append(read_request(connection))
            for piece in self.pieces:
                connection.sendall(piece)
            connection.recv(1)


class PlainServer:
    """Answers the beginning of a TLS handshake with `to_tls`, requests with `reply`, and hangs up."""

    def __init__(self, reply: bytes, to_tls: bytes = b"HTTP/1.1 400 Bad Request\r\n\r\n") -> None:
        self.reply = reply
        self.to_tls = to_tls
        self.calls: list[bytes] = []

    def handle(self, connection: socket.socket) -> None:
        data = connection.recv(65536)
        self.calls.append(data)
        connection.sendall(self.reply if data.startswith(b"POST") else self.to_tls)
        connection.shutdown(socket.SHUT_WR)


def look(room: Room, port: int, **fields: t.Any) -> Outcome:
    return room.see(WinrmLook, probe("winrm", port=port, **fields))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[int], int]:
    """Makes a port one of those that speak plain HTTP."""

    def make(port: int) -> int:
        monkeypatch.setattr(winrm, "_PLAIN_PORTS", (port,))
        return port

    return make


def test_the_usual_ports_without_tls() -> None:
    assert winrm._PLAIN_PORTS == (5985, 80)


def test_over_tls(room: Room) -> None:
    server = Server(WINRM)
    with serving(server.handle) as port:
        outcome = look(room, port)
    assert outcome == Outcome(
        AWAKE, f"winrm endpoint https://127.0.0.1:{port}/wsman asks for Negotiate authentication", ""
    )
    (request,) = server.requests
    assert request.startswith(b"POST /wsman HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{port}\r\n".encode() in request
    assert b"Authorization" not in request


def test_the_reply_may_come_in_pieces_over_tls(room: Room) -> None:
    with serving(Server(*(WINRM[start : start + 9] for start in range(0, len(WINRM), 9))).handle) as port:
        assert look(room, port).state == AWAKE


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (NOT_READY, "answers with HTTP status 503: its WinRM service is not ready."),
        (b"220 mail ready\r\n", "answers, but not in HTTP."),
    ],
)
def test_other_replies_over_tls_are_no_reason_to_call_again(room: Room, reply: bytes, sentence: str) -> None:
    server = Server(reply)
    with serving(server.handle) as port:
        outcome = look(room, port)
    assert outcome == Outcome(REFUSED, "", f"127.0.0.1 port {port} {sentence}")
    assert len(server.requests) == 1


@pytest.mark.parametrize("in_order", [True, False])
def test_hanging_up_after_the_handshake_is_no_reason_to_call_again(room: Room, in_order: bool) -> None:
    calls: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        connection = server_context().wrap_socket(connection, server_side=True)
        calls.append(read_request(connection))
        if in_order:
            connection.unwrap()
        connection.close()

    with serving(handle) as port:
        outcome = look(room, port)
    assert outcome == Outcome(
        REFUSED,
        "",
        f"127.0.0.1 port {port} accepts connections but closes them without an HTTP reply: it is not ready.",
    )
    assert len(calls) == 1


def test_over_plain_http(room: Room, plain: t.Callable[[int], int]) -> None:
    server = Server(WINRM, tls=False)
    with serving(server.handle) as port:
        outcome = look(room, plain(port))
    assert outcome == Outcome(
        AWAKE, f"winrm endpoint http://127.0.0.1:{port}/wsman asks for Negotiate authentication", ""
    )
    assert len(server.requests) == 1


def test_plain_http_where_tls_was_expected(room: Room) -> None:
    server = PlainServer(WINRM)
    with serving(server.handle) as port:
        outcome = look(room, port)
    assert outcome.state == AWAKE
    assert outcome.proof.startswith(f"winrm endpoint http://127.0.0.1:{port}/wsman ")
    handshake, request = server.calls
    assert handshake.startswith(b"\x16\3")
    assert request.startswith(b"POST /wsman ")


def test_hanging_up_on_tls_is_a_reason_to_try_without(room: Room) -> None:
    with serving(PlainServer(WINRM, to_tls=b"").handle) as port:
        assert look(room, port).state == AWAKE


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        (PlainServer(b"SSH-2.0-x\r\n", to_tls=b""), "answers, but not in HTTP. TLS failed (connection closed)."),
        (
            PlainServer(b"", to_tls=b""),
            "accepts connections but closes them without an HTTP reply: it is not ready. "
            "TLS failed (connection closed).",
        ),
        (
            PlainServer(b"HTTP/1.1 200 OK\r\nServer:", to_tls=b""),
            "sent an HTTP reply without an end of its headers. TLS failed (connection closed).",
        ),
    ],
    ids=("another service", "nothing", "half a head"),
)
def test_neither_tls_nor_http(room: Room, server: PlainServer, sentence: str) -> None:
    with serving(server.handle) as port:
        outcome = look(room, port)
    assert outcome == Outcome(REFUSED, "", f"127.0.0.1 port {port} {sentence}")
    assert len(server.calls) == 2


def test_why_tls_failed_is_told(room: Room) -> None:
    with serving(PlainServer(b"SSH-2.0-x\r\n", to_tls=b"SSH-2.0-x\r\n").handle) as port:
        outcome = look(room, port)
    assert outcome.state == REFUSED
    assert outcome.error.startswith(f"127.0.0.1 port {port} answers, but not in HTTP. TLS failed (")
    assert "connection closed" not in outcome.error


@pytest.mark.parametrize("half", [b"", b"HTTP/1.1 401 \r\nServer: Micro"])
def test_half_a_reply_is_none_however_long_it_takes(room: Room, plain: t.Callable[[int], int], half: bytes) -> None:
    with saying(half) as port:
        outcome = look(room, plain(port), timeout=0.15)
    assert outcome == Outcome(
        REFUSED, "", f"127.0.0.1 port {port} accepts connections but sent no HTTP reply within 0.15 s."
    )


def test_half_a_body_counts_when_the_other_side_ends(room: Room, plain: t.Callable[[int], int]) -> None:
    head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 500\r\n\r\n<html>"
    with saying(head, hang_up=True) as port:
        outcome = look(room, plain(port))
    assert outcome.error.endswith("answers with HTTP status 503: its WinRM service is not ready.")


def test_a_soap_fault_is_an_answer_of_winrm(room: Room, plain: t.Callable[[int], int]) -> None:
    body = b"<s:Envelope>http://schemas.dmtf.org/wbem/wsman/1/wsman</s:Envelope>"
    head = f"HTTP/1.1 500 \r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with saying(head + body[:20], body[20:]) as port:
        outcome = look(room, plain(port))
    assert outcome.state == AWAKE
    assert outcome.proof.endswith("/wsman answers WS-Management with HTTP status 500")


def test_without_a_connection_there_is_silence_or_refusal(room: Room) -> None:
    with deaf() as silent, closed_port() as closed:
        outcomes = [look(room, port, timeout=0.1) for port in (silent, closed)]
    assert [outcome.state for outcome in outcomes] == [SILENT, REFUSED]


def test_who_answered_once_is_not_silent_when_the_second_connection_hangs(room: Room) -> None:
    one = room.make(WinrmLook, probe("winrm", port=9, timeout=0.5))
    one.connecting, one.failure = True, ""
    assert one.overdue().state == SILENT
    one.failure = "TLS failed (connection closed)"
    assert one.overdue() == Outcome(
        REFUSED, "", "127.0.0.1 port 9 accepts connections but sent no HTTP reply within 0.5 s."
    )


@pytest.mark.parametrize(
    ("host", "name"), [("fe80::1%1", b"Host: [fe80::1]:5985\r\n"), ("192.0.2.17", b"Host: 192.0.2.17:5985\r\n")]
)
def test_the_name_in_the_request_is_the_address_without_its_zone(room: Room, host: str, name: bytes) -> None:
    one = room.make(WinrmLook, probe("winrm", host, 5985))
    one.tls = None
    assert one.connected() is None
    assert name in one.outgoing


class Peer:
    """The server's side of a TLS layer, without a socket."""

    def __init__(self) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = server_context().wrap_bio(self.incoming, self.outgoing, server_side=True)

    def shake_hands(self, layer: TlsLayer, first: bytes) -> None:
        self.incoming.write(first)
        for _turn in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            plain, outgoing, ended = layer.feed(self.outgoing.read())
            assert (plain, ended) == (b"", False)
            self.incoming.write(outgoing)


@pytest.fixture
def layer() -> TlsLayer:
    return TlsLayer(SharedContext().context)


def test_the_request_follows_the_handshake_and_the_reply_comes_back(layer: TlsLayer) -> None:
    peer = Peer()
    first = layer.begin(b"the request")
    assert b"the request" not in first
    assert not layer.established
    peer.shake_hands(layer, first)
    assert layer.established
    assert peer.tls.read(100) == b"the request"
    peer.tls.write(b"the ")
    peer.tls.write(b"reply")
    assert layer.feed(peer.outgoing.read()) == (b"the reply", b"", False)


def test_a_record_may_be_cut_anywhere(layer: TlsLayer) -> None:
    peer = Peer()
    peer.shake_hands(layer, layer.begin(b"x"))
    peer.tls.write(b"x" * 20_000)
    data = peer.outgoing.read()
    plain = b"".join(layer.feed(data[start : start + 999])[0] for start in range(0, len(data), 999))
    assert plain == b"x" * 20_000


def test_the_end_in_order_comes_with_the_last_bytes(layer: TlsLayer) -> None:
    peer = Peer()
    peer.shake_hands(layer, layer.begin(b"x"))
    assert peer.tls.read(10) == b"x"
    peer.tls.write(b"last")
    with contextlib.suppress(ssl.SSLWantReadError):
        peer.tls.unwrap()
    plain, _outgoing, ended = layer.feed(peer.outgoing.read())
    assert (plain, ended) == (b"last", True)


def test_bytes_that_are_no_tls_are_an_error(layer: TlsLayer) -> None:
    layer.begin(b"x")
    with pytest.raises(ssl.SSLError):
        layer.feed(b"SSH-2.0-OpenSSH_9.2p1\r\n")


def test_no_certificate_is_checked_and_old_versions_are_spoken() -> None:
    shared = SharedContext()
    assert (shared.context.check_hostname, shared.context.verify_mode) == (False, ssl.CERT_NONE)
    assert shared.context.minimum_version == ssl.TLSVersion.MINIMUM_SUPPORTED
    shared.close()


def test_one_context_serves_all_looks(room: Room) -> None:
    with closed_port() as port:
        look(room, port)
    context: SharedContext = room.watch.shared(("tls",), SharedContext)
    with closed_port() as port:
        look(room, port)
    assert room.watch.shared(("tls",), SharedContext) is context
