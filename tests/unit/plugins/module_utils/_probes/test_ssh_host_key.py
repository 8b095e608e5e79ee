# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import hashlib
import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    IMPOSTOR,
    REFUSED,
    SILENT,
    UNABLE,
    Outcome,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.ssh_host_key import Memory, SshHostKeyLook
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import curve25519, packets
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.host_key import fingerprint
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    Ear,
    Room,
    closed_port,
    deaf,
    probe,
    saying,
    serving,
)
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._ssh_host_key import rsa_key

BANNER = b"SSH-2.0-test"
RSA = fingerprint(rsa_key.PUBLIC_BLOB)
# Shown to whoever asks for it; without a private half, nobody can sign with it.
ED25519_BLOB = packets.pack_string(b"ssh-ed25519") + packets.pack_string(b"\7" * 32)
ED25519 = fingerprint(ED25519_BLOB)
NOBODYS = "SHA256:" + "A" * 43
PRIVATE = b"\5" * 32


def kexinit(host_keys: tuple[str, ...], exchanges: tuple[str, ...] = ("curve25519-sha256",)) -> bytes:
    return packets.KexInit(b"c" * 16, (exchanges, host_keys, *((("none",),) * 8))).build()


BOTH = kexinit(("ssh-ed25519", "rsa-sha2-512"))


class Server:
    """An SSH server up to its signature. `forge` signs something else; `asked` lists what each client asked for."""

    def __init__(self, opening: bytes = BOTH, forge: bool = False, piece: int = 1 << 20) -> None:
        self.opening = opening
        self.forge = forge
        self.piece = piece
        self.asked: list[tuple[str, ...]] = []
        self.ear = Ear()

    def handle(self, connection: socket.socket) -> None:
        self._say(connection, b"Welcome.\r\n" + BANNER + b"\r\n" + packets.pack_packet(self.opening))
        data = b""
        while b"\r\n" not in data:
            data += connection.recv(65536)
        identification, _newline, data = data.partition(b"\r\n")
        theirs, data = self._packet(connection, data)
        self.asked.append(packets.parse_kexinit(theirs).host_keys)
        first, data = self._packet(connection, data)
        public = packets.Reader(first[1:]).string()
        rsa = "rsa-sha2-512" in self.asked[-1]
        blob = rsa_key.PUBLIC_BLOB if rsa else ED25519_BLOB
        own = curve25519.public_key(PRIVATE)
        secret = int.from_bytes(curve25519.shared_secret(PRIVATE, public), "big")
        parts = (identification, BANNER, theirs, self.opening, blob, public, own)
        signed = hashlib.sha256(b"".join(map(packets.pack_string, parts)) + packets.pack_number(secret)).digest()
        signature = rsa_key.sign(b"another exchange" if self.forge else signed)
        body = b"".join(map(packets.pack_string, (blob, own, signature)))
        self._say(connection, packets.pack_packet(bytes((packets.KEX_ECDH_REPLY,)) + body))
        self.ear.listen(connection)

    def _say(self, connection: socket.socket, data: bytes) -> None:
        for start in range(0, len(data), self.piece):
            connection.sendall(data[start : start + self.piece])
            time.sleep(0.001)

    def _packet(self, connection: socket.socket, data: bytes) -> tuple[bytes, bytes]:
        taken = packets.take_packet(data)
        while taken is None:
            data += connection.recv(65536)
            taken = packets.take_packet(data)
        return taken


def look(room: Room, port: int, wanted: str = RSA, **fields: t.Any) -> Outcome:
    return room.see(SshHostKeyLook, probe("ssh", port=port, host_key=wanted, **fields))


def test_each_key_is_asked_for_on_a_connection_of_its_own_until_one_is_it(room: Room) -> None:
    server = Server()
    with serving(server.handle) as port:
        outcome = look(room, port)
    assert outcome == Outcome(AWAKE, f"ssh host key {RSA} (ssh-rsa) at 127.0.0.1:{port}", "")
    assert server.asked == [("ssh-ed25519",), ("rsa-sha2-512",)]


def test_the_type_of_a_key_that_was_seen_is_remembered_for_the_next_look(room: Room) -> None:
    server = Server()
    with serving(server.handle) as port:
        assert look(room, port).state == AWAKE
        assert look(room, port).state == AWAKE
    assert server.asked == [("ssh-ed25519",), ("rsa-sha2-512",), ("rsa-sha2-512",)]


def test_bytes_may_come_slowly(room: Room) -> None:
    server = Server(kexinit(("rsa-sha2-512",)), piece=37)
    with serving(server.handle) as port:
        assert look(room, port).state == AWAKE


def test_an_impostor_is_told_by_all_its_keys(room: Room) -> None:
    server = Server()
    with serving(server.handle) as port:
        outcome = look(room, port, NOBODYS)
    assert outcome == Outcome(
        IMPOSTOR,
        "",
        f"127.0.0.1 port {port} is another machine: its host keys are {ED25519} (ssh-ed25519), {RSA} (ssh-rsa), "
        f"not {NOBODYS}.",
    )
    assert server.asked == [("ssh-ed25519",), ("rsa-sha2-512",)]


def test_the_right_key_without_its_private_half_is_a_copy(room: Room) -> None:
    with serving(Server(kexinit(("rsa-sha2-512",)), forge=True).handle) as port:
        outcome = look(room, port)
    assert outcome == Outcome(
        IMPOSTOR,
        "",
        f"127.0.0.1 port {port} shows the host key {RSA} but can't sign with it: it only has a copy of the public key.",
    )


def test_a_copy_is_not_remembered_as_seen(room: Room) -> None:
    with serving(Server(kexinit(("rsa-sha2-512",)), forge=True).handle) as port:
        look(room, port)
    memory: Memory = room.watch.shared(("ssh",), Memory)
    assert memory.types == {}


def test_it_takes_leave_in_words_on_every_connection(room: Room) -> None:
    server = Server()
    with serving(server.handle) as port:
        look(room, port)
        server.ear.wait(2)
    for heard in server.ear.heard:
        taken = packets.take_packet(heard)
        assert taken is not None
        assert packets.parse_disconnect(taken[0]) == "looked for the host key only"
    assert server.ear.reset == [False, False]


def said(*payloads: bytes) -> bytes:
    return BANNER + b"\r\n" + b"".join(map(packets.pack_packet, payloads))


@pytest.mark.parametrize(
    ("words", "state", "sentence"),
    [
        (
            said(b"\1\0\0\0\2" + packets.pack_string(b"Too many authentication failures")),
            REFUSED,
            "ends the connection: 'Too many authentication failures'.",
        ),
        (said(b"\x15"), REFUSED, "sent the SSH message 21 where another was due."),
        (said(BOTH, b"\x1f\0\0\0\1x"), REFUSED, "sent an SSH packet that ends too early."),
        (BANNER + b"\r\nnot a packet", REFUSED, "sent bytes that are no SSH packet."),
        (b"SSH-1.5-old\r\n", REFUSED, "sent the banner 'SSH-1.5-old', which is not that of SSH version 2."),
        (
            said(kexinit(("ssh-ed25519",), ("diffie-hellman-group14-sha256",))),
            UNABLE,
            "offers none of the SSH key exchanges curve25519-sha256, curve25519-sha256@libssh.org. "
            "Its identity can't be told by host key.",
        ),
        (
            said(kexinit(("ssh-dss", "ecdsa-sha2-nistp384"))),
            UNABLE,
            "offers no SSH host key of the types ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa. "
            "Its identity can't be told by host key.",
        ),
    ],
    ids=("disconnect", "wrong message", "cut", "junk", "version 1", "no exchange", "no key type"),
)
def test_what_ends_the_exchange_is_told(room: Room, words: bytes, state: str, sentence: str) -> None:
    with saying(words) as port:
        outcome = look(room, port)
    assert outcome == Outcome(state, "", f"127.0.0.1 port {port} {sentence}")


@pytest.mark.parametrize("words", [b"", b"SSH-2.0-ha", said(), said(BOTH), said(BOTH)[:-9]])
def test_hanging_up_half_way(room: Room, words: bytes) -> None:
    with saying(words, hang_up=True) as port:
        outcome = look(room, port)
    assert outcome == Outcome(
        REFUSED,
        "",
        f"127.0.0.1 port {port} accepts connections but closes them before the key exchange: it is not ready.",
    )


@pytest.mark.parametrize("words", [said(), said(BOTH)])
def test_stopping_half_way(room: Room, words: bytes) -> None:
    with saying(words) as port:
        outcome = look(room, port, timeout=0.15)
    assert outcome == Outcome(
        REFUSED, "", f"127.0.0.1 port {port} accepts connections but did not show its host key within 0.15 s."
    )


def test_without_a_connection_there_is_silence_or_refusal(room: Room) -> None:
    with deaf() as silent, closed_port() as closed:
        outcomes = [look(room, port, timeout=0.1) for port in (silent, closed)]
    assert [outcome.state for outcome in outcomes] == [SILENT, REFUSED]


def test_the_second_connection_may_be_refused(room: Room) -> None:
    """A server that goes away between two of its keys."""
    server = Server()
    gone = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _address = listener.accept()
        listener.close()
        gone.set()
        with connection:
            connection.settimeout(30)
            server.handle(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        outcome = look(room, port)
        thread.join(30)
    assert gone.is_set()
    assert outcome == Outcome(
        REFUSED, "", f"127.0.0.1 port {port} refuses the connection: the machine is up, the service is not."
    )


def test_one_key_pair_of_our_side_serves_all_exchanges(room: Room) -> None:
    first = room.make(SshHostKeyLook, probe("ssh", port=1, host_key=RSA))
    memory: Memory = room.watch.shared(("ssh",), Memory)
    first.begin()
    assert first.memory is memory
    assert memory.ephemeral.public == curve25519.public_key(memory.ephemeral.private)
    assert Memory().ephemeral.private != memory.ephemeral.private
    first.close(None)
