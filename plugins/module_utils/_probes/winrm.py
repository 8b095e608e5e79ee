# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""A WinRM endpoint that answers in HTTP. Nobody logs in and no certificate is checked: nothing secret is sent.

Plain HTTP on ports 5985 and 80, TLS on all others; where TLS fails, plain HTTP is tried on a second connection.
"""

from __future__ import annotations

import ssl

from ansible_collections.lightsout.wake.plugins.module_utils._probe_codec import winrm_reply
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import Outcome, awake, refused, silent
from ansible_collections.lightsout.wake.plugins.module_utils._probes.stream import StreamLook

_PLAIN_PORTS = (5985, 80)
_CHUNK = 65536


class WinrmLook(StreamLook):
    """Awake when the reply is one that only a WinRM service gives."""

    __slots__ = ("failure", "reader", "tls")

    def begin(self) -> Outcome | None:
        self.failure = ""
        self.tls: TlsLayer | None = None
        if self.probe.port not in _PLAIN_PORTS:
            self.tls = TlsLayer(self.desk.shared(("tls",), SharedContext).context)
        return self.connect()

    def connected(self) -> Outcome | None:
        self.reader = winrm_reply.ReplyReader()
        request = winrm_reply.request(self.address.text.partition("%")[0], self.probe.port)
        self.outgoing = request if self.tls is None else self.tls.begin(request)
        return None

    def received(self, data: bytes) -> Outcome | None:
        if self.tls is None:
            return self._read(data)
        try:
            plain, outgoing, ended = self.tls.feed(data)
        except ssl.SSLError as error:
            return self._without_tls(f"TLS failed ({error.reason or 'handshake'})")
        self.outgoing += outgoing
        return self._read(plain, ended) if plain or ended else None

    def ended(self) -> Outcome | None:
        if self.tls is not None and not self.tls.established:
            return self._without_tls("TLS failed (connection closed)")
        return self._read(b"", True)

    def overdue(self) -> Outcome:
        if self.connecting and not self.failure:
            return silent(self.place, self.timeout)
        return refused(f"{self.place} accepts connections but sent no HTTP reply within {self.timeout:g} s.")

    def _read(self, data: bytes, ended: bool = False) -> Outcome | None:
        try:
            reply = self.reader.feed(data, ended)
        except winrm_reply.NotHttp as error:
            also = f" {self.failure}." if self.failure else ""
            return refused(f"{self.place} {error}{also}")
        if reply is None:
            return None
        judgement = winrm_reply.judge(reply)
        if not judgement.awake:
            return refused(f"{self.place} {judgement.words}")
        scheme = "http" if self.tls is None else "https"
        return awake(f"winrm endpoint {scheme}://{self.address.text}:{self.probe.port}/wsman {judgement.words}")

    def _without_tls(self, failure: str) -> Outcome | None:
        self.failure = failure
        self.tls = None
        self.drop()
        return self.connect()


class SharedContext:
    """A TLS context that takes any certificate, and old Windows' protocol versions; one for all probes."""

    def __init__(self) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        self.context.set_ciphers("ALL:@SECLEVEL=0")

    def close(self) -> None:
        """Nothing is held."""


class TlsLayer:
    """TLS between bytes from a socket and bytes of a request and a reply, without the socket."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self._request = b""
        self.established = False

    def begin(self, request: bytes) -> bytes:
        """The first bytes to send; the request follows when the handshake is done."""
        self._request = request
        self._shake_hands()
        return self._outgoing.read()

    def feed(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """Plain bytes received, bytes to send, and whether the other side has ended. Raises ssl.SSLError."""
        self._incoming.write(data)
        if not self.established:
            self._shake_hands()
        plain, ended = b"", False
        while self.established and not ended:
            try:
                piece = self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                piece = b""
            plain += piece
            ended = not piece
        return plain, self._outgoing.read(), ended

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.established = True
        self._tls.write(self._request)
