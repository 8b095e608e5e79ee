# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""SSH's key exchange from the client's side up to the server's signature, without sockets (RFC 4253; 5656; 8731).

The server signs a hash over both sides' random cookies, so a valid signature shows that it holds the private host key
now. Nobody logs in; the connection ends before anything would be encrypted. Pure but for the randomness it is given.
"""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterable

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import curve25519, packets
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.host_key import (
    KEY_TYPES,
    fingerprint,
    key_type,
    signature_algorithm,
    verify,
)
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.identification import IdentificationReader

IDENTIFICATION = b"SSH-2.0-lightsout_wake"
LAST_WORDS = "looked for the host key only"

_EXCHANGES = ("curve25519-sha256", "curve25519-sha256@libssh.org")
_SKIPPED = (packets.IGNORE, packets.DEBUG, packets.UNIMPLEMENTED, packets.EXT_INFO)


class NoCommonAlgorithm(ValueError):
    """The server offers no key exchange or host key that is known here; the text goes on after its address."""


class Disconnected(ValueError):
    """The server ended the exchange in words; the text goes on after its address."""


class Ephemeral(t.NamedTuple):
    """Our side's key pair of X25519. Exchanges may share one: nothing is encrypted with what they agree on, and what
    makes a signature fresh is the cookie of each exchange."""

    private: bytes
    public: bytes


def new_ephemeral(random: t.Callable[[int], bytes]) -> Ephemeral:
    private = random(curve25519.LENGTH)
    return Ephemeral(private, curve25519.public_key(private))


class HostKey(t.NamedTuple):
    """The key that the server showed. `genuine`: it also signed; None where it isn't the wanted one."""

    type: str
    fingerprint: str
    genuine: bool | None
    untried: tuple[str, ...]


class HostKeyExchange:
    """One connection's exchange: send `begin()`, then what `feed` returns, until `host_key` is there.

    `wanted` is a fingerprint; an empty one takes any key. `tried` names key types not to ask for again, `likely` the
    one to ask for first. The server is asked for exactly one type, so that a server with several keys shows each of
    them, one connection apiece.
    """

    def __init__(
        self,
        wanted: str,
        tried: Iterable[str],
        random: t.Callable[[int], bytes],
        ephemeral: Ephemeral | None = None,
        likely: str = "",
    ) -> None:
        self._wanted = wanted
        self._tried = frozenset(tried)
        self._random = random
        self._private, self._public = ephemeral or new_ephemeral(random)
        self._likely = likely
        self._reader = IdentificationReader()
        self._server_identification: bytes | None = None
        self._data = b""
        self._client_kexinit = b""
        self._server_kexinit = b""
        self._type = ""
        self._untried: tuple[str, ...] = ()
        self.host_key: HostKey | None = None

    @property
    def banner(self) -> bytes:
        """The server's identification, empty while it hasn't come."""
        return self._server_identification or b""

    def begin(self) -> bytes:
        """The first bytes to send."""
        return IDENTIFICATION + b"\r\n"

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the server, return those to send. Raises NotSsh, BadPacket, NoCommonAlgorithm, Disconnected."""
        if self._server_identification is None:
            self._server_identification = self._reader.feed(data)
            data = self._reader.rest
        self._data += data
        reply = b""
        while self._server_identification is not None and self.host_key is None:
            taken = packets.take_packet(self._data)
            if taken is None:
                break
            payload, self._data = taken
            reply += self._packet(payload)
        return reply

    def _packet(self, payload: bytes) -> bytes:
        kind = payload[0]
        if kind in _SKIPPED:
            return b""
        if kind == packets.DISCONNECT:
            raise Disconnected(f"ends the connection: {packets.parse_disconnect(payload)!r}.")
        if kind == packets.KEXINIT and not self._server_kexinit:
            self._server_kexinit = payload
            return self._answer(packets.parse_kexinit(payload))
        if kind == packets.KEX_ECDH_REPLY and self._client_kexinit:
            self._judge(payload)
            return b""
        raise packets.BadPacket(f"sent the SSH message {kind} where another was due.")

    def _answer(self, server: packets.KexInit) -> bytes:
        exchanges = tuple(name for name in _EXCHANGES if name in server.exchanges)
        if not exchanges:
            raise NoCommonAlgorithm(f"offers none of the SSH key exchanges {', '.join(_EXCHANGES)}.")
        offered = {key: tuple(name for name in names if name in server.host_keys) for key, names in KEY_TYPES.items()}
        types = [key for key, names in offered.items() if names]
        if not types:
            raise NoCommonAlgorithm(f"offers no SSH host key of the types {', '.join(KEY_TYPES)}.")
        untried = [key for key in types if key not in self._tried] or types
        untried.sort(key=lambda key: key != self._likely)
        self._type, self._untried = untried[0], tuple(untried[1:])
        # The lists for ciphers, MACs and compression are the server's own: nothing is ever encrypted.
        lists = (exchanges, offered[self._type], *server.lists[2:])
        self._client_kexinit = packets.KexInit(self._random(16), lists).build()
        first = bytes((packets.KEX_ECDH_INIT,)) + packets.pack_string(self._public)
        return packets.pack_packet(self._client_kexinit) + packets.pack_packet(first)

    def _judge(self, payload: bytes) -> None:
        reader = packets.Reader(payload[1:])
        blob, server_public, signature = reader.string(), reader.string(), reader.string()
        shown, kind = fingerprint(blob), key_type(blob)
        genuine: bool | None = None
        if not self._wanted or shown == self._wanted:
            genuine = (
                kind == self._type
                and signature_algorithm(signature) in KEY_TYPES[kind]
                and verify(blob, self._exchange_hash(blob, server_public), signature)
            )
        self.host_key = HostKey(kind, shown, genuine, self._untried)

    def _exchange_hash(self, blob: bytes, server_public: bytes) -> bytes:
        if len(server_public) != curve25519.LENGTH:
            raise packets.BadPacket("sent a public value for X25519 that has not 32 bytes.")
        secret = int.from_bytes(curve25519.shared_secret(self._private, server_public), "big")
        if not secret:
            raise packets.BadPacket("sent a public value for X25519 of low order.")
        texts = (
            IDENTIFICATION,
            self.banner,
            self._client_kexinit,
            self._server_kexinit,
            blob,
            self._public,
            server_public,
        )
        return hashlib.sha256(b"".join(map(packets.pack_string, texts)) + packets.pack_number(secret)).digest()
