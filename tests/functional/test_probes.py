# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Probes against real parts: OpenSSH, network namespaces, TLS, and processes without privileges."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes.engine import ProbeEngine
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    IMPOSTOR,
    REFUSED,
    SILENT,
    UNABLE,
    UNKNOWN,
    Outcome,
)
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.exchange import HostKeyExchange
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

CHILD = Path(__file__).with_name("probes_child.py")
LOOKER, SEGMENT = "o-looker", "o-segment"
SEGMENT_PORT = 22600
KEY_TYPES = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}
NOBODYS_FINGERPRINT = "SHA256:" + "A" * 43


def probe(kind: str, host: str = "127.0.0.1", port: int = 0, **fields: t.Any) -> Probe:
    defaults = {"timeout": 5.0, "origin": "controller", "host_key": "", "mac": b""}
    return Probe(**{**defaults, "type": kind, "host": host, "port": port, **fields})


def look(*probes: Probe) -> list[Outcome]:
    engine = ProbeEngine()
    outcomes: dict[int, Outcome] = {}
    for key, one in enumerate(probes):
        engine.start(key, one)
    while engine.pending():
        outcomes.update(engine.collect(1.0))
    engine.close()
    return [outcomes[key] for key in range(len(probes))]


def look_from(namespace: str, probes: t.Sequence[Probe], *options: str) -> list[Outcome]:
    return run_child(["ip", "netns", "exec", namespace], probes, *options)


def run_child(prefix: list[str], probes: t.Sequence[Probe], *options: str) -> list[Outcome]:
    fields = [{**one._asdict(), "mac": one.mac.hex()} for one in probes]
    done = subprocess.run(
        [*prefix, sys.executable, str(CHILD), *options],
        input=json.dumps(fields),
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return [Outcome(**outcome) for outcome in json.loads(done.stdout)]


def look_with_few_descriptors(probes: t.Sequence[Probe]) -> list[Outcome]:
    return run_child(["prlimit", "--nofile=128:128"], probes)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for_port(port: int) -> None:
    for _attempt in range(200):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on port {port}")


class Sshd(t.NamedTuple):
    port: int
    fingerprints: dict[str, str]
    log: Path


@pytest.fixture(scope="module")
def host_keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("keys")
    options = {"nistp384": ("ecdsa", "-b", "384")}
    made = {}
    for name in (*KEY_TYPES, "nistp384"):
        made[name] = directory / name
        kind = options.get(name, (name,))
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", made[name], "-t", *kind], check=True)
    return made


def fingerprint_of(key: Path) -> str:
    shown = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True)
    return shown.stdout.split()[1]


@contextlib.contextmanager
def sshd(directory: Path, keys: dict[str, Path], *lines: str) -> t.Iterator[Sshd]:
    Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    configuration, log = directory / f"sshd_config_{port}", directory / f"log_{port}"
    hostkeys = [f"HostKey {key}" for key in keys.values()]
    configuration.write_text(
        "\n".join(["ListenAddress 127.0.0.1", f"Port {port}", "PidFile none", "UsePAM no", *hostkeys, *lines, ""])
    )
    with log.open("w") as errors:
        server = subprocess.Popen(
            [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", configuration], stderr=errors
        )
    try:
        wait_for_port(port)
        yield Sshd(port, {name: fingerprint_of(key) for name, key in keys.items()}, log)
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def server(host_keys: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Sshd]:
    keys = {name: host_keys[name] for name in KEY_TYPES}
    with sshd(tmp_path_factory.mktemp("sshd"), keys) as running:
        yield running


class TestSsh:
    def test_banner_of_openssh(self, server: Sshd) -> None:
        (outcome,) = look(probe("ssh", port=server.port))
        assert outcome.state == AWAKE
        assert outcome.proof.startswith("ssh banner 'SSH-2.0-OpenSSH")

    def test_banner_probe_leaves_no_error_in_the_log_of_the_server(
        self, host_keys: dict[str, Path], tmp_path: Path
    ) -> None:
        with sshd(tmp_path, {"ed25519": host_keys["ed25519"]}) as own:
            wait_for_port(own.port)
            time.sleep(0.3)
            before = own.log.read_text()
            assert look(probe("ssh", port=own.port))[0].state == AWAKE
            for _attempt in range(100):
                told = own.log.read_text()[len(before) :]
                if "isconnect" in told:
                    break
                time.sleep(0.05)
        assert "Received disconnect" in told
        assert "error" not in told
        assert "reset" not in told

    @pytest.mark.parametrize("name", list(KEY_TYPES))
    def test_each_of_several_host_keys_is_met(self, server: Sshd, name: str) -> None:
        (outcome,) = look(probe("ssh", port=server.port, host_key=server.fingerprints[name]))
        assert outcome.state == AWAKE, outcome
        assert server.fingerprints[name] in outcome.proof
        assert KEY_TYPES[name] in outcome.proof

    @pytest.mark.parametrize("name", list(KEY_TYPES))
    def test_a_server_with_one_host_key(self, host_keys: dict[str, Path], tmp_path: Path, name: str) -> None:
        with sshd(tmp_path, {name: host_keys[name]}) as own:
            right, wrong = look(
                probe("ssh", port=own.port, host_key=own.fingerprints[name]),
                probe("ssh", port=own.port, host_key=NOBODYS_FINGERPRINT),
            )
        assert right.state == AWAKE
        assert wrong.state == IMPOSTOR

    def test_rsa_with_sha2_256(self, host_keys: dict[str, Path], tmp_path: Path) -> None:
        with sshd(tmp_path, {"rsa": host_keys["rsa"]}, "HostKeyAlgorithms rsa-sha2-256") as own:
            (outcome,) = look(probe("ssh", port=own.port, host_key=own.fingerprints["rsa"]))
        assert outcome.state == AWAKE, outcome

    def test_another_host_key_is_an_impostor_and_all_its_keys_are_named(self, server: Sshd) -> None:
        (outcome,) = look(probe("ssh", port=server.port, host_key=NOBODYS_FINGERPRINT))
        assert outcome.state == IMPOSTOR
        assert outcome.proof == ""
        for fingerprint in (*server.fingerprints.values(), NOBODYS_FINGERPRINT):
            assert fingerprint in outcome.error

    @pytest.mark.parametrize("name", list(KEY_TYPES))
    def test_a_replayed_public_key_and_signature_are_an_impostor(
        self, host_keys: dict[str, Path], tmp_path: Path, name: str
    ) -> None:
        with sshd(tmp_path, {name: host_keys[name]}) as own:
            opening, reply = record_exchange(own.port)
            wanted = own.fingerprints[name]
        with replaying(opening, reply) as port:
            (outcome,) = look(probe("ssh", port=port, host_key=wanted))
        assert outcome.state == IMPOSTOR
        assert "copy of the public key" in outcome.error

    def test_no_key_exchange_in_common(self, host_keys: dict[str, Path], tmp_path: Path) -> None:
        with sshd(tmp_path, {"ed25519": host_keys["ed25519"]}, "KexAlgorithms ecdh-sha2-nistp256") as own:
            (outcome,) = look(probe("ssh", port=own.port, host_key=NOBODYS_FINGERPRINT))
        assert outcome.state == UNABLE
        assert "curve25519-sha256" in outcome.error

    def test_no_key_type_in_common(self, host_keys: dict[str, Path], tmp_path: Path) -> None:
        with sshd(tmp_path, {"nistp384": host_keys["nistp384"]}) as own:
            (outcome,) = look(probe("ssh", port=own.port, host_key=own.fingerprints["nistp384"]))
        assert outcome.state == UNABLE
        assert "ssh-ed25519" in outcome.error

    def test_lines_before_the_banner(self) -> None:
        with answering(b"Maintenance at noon.\r\nBe brief.\r\nSSH-2.0-test\r\n") as port:
            (outcome,) = look(probe("ssh", port=port))
        assert outcome == Outcome(AWAKE, f"ssh banner 'SSH-2.0-test' from 127.0.0.1:{port}", "")

    def test_endless_lines_without_a_banner_end_before_the_time_out(self) -> None:
        with answering(b"x" * 100_000) as port:
            (outcome,) = look(probe("ssh", port=port, timeout=30.0))
        assert outcome.state == REFUSED
        assert "no SSH banner" in outcome.error

    @pytest.mark.parametrize("host_key", ["", NOBODYS_FINGERPRINT])
    def test_a_server_that_says_nothing_is_up_but_not_ready(self, host_key: str) -> None:
        with answering(b"") as port:
            (outcome,) = look(probe("ssh", port=port, timeout=0.3, host_key=host_key))
        assert outcome.state == REFUSED
        assert "0.3 s" in outcome.error

    @pytest.mark.parametrize("host_key", ["", NOBODYS_FINGERPRINT])
    def test_a_server_that_hangs_up_is_up_but_not_ready(self, host_key: str) -> None:
        with answering(None) as port:
            (outcome,) = look(probe("ssh", port=port, host_key=host_key))
        assert outcome.state == REFUSED


def record_exchange(port: int) -> tuple[bytes, bytes]:
    """What a server says before and after the client's part."""
    exchange = HostKeyExchange("", (), os.urandom)
    said: list[list[bytes]] = [[], []]
    turn = 0
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(exchange.begin())
        while exchange.host_key is None:
            data = connection.recv(65536)
            assert data, "the server hung up"
            said[turn].append(data)
            answer = exchange.feed(data)
            if answer:
                turn = 1
                connection.sendall(answer)
    assert exchange.host_key.genuine
    return b"".join(said[0]), b"".join(said[1])


def serve(handle: t.Callable[[socket.socket], None]) -> contextlib.AbstractContextManager[int]:
    """A server in a thread that gives each connection to `handle`."""

    @contextlib.contextmanager
    def running() -> t.Iterator[int]:
        listener = socket.create_server(("0.0.0.0", 0), backlog=512)
        connections: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _address = listener.accept()
                    connections.append(connection)
                    with contextlib.suppress(OSError):
                        handle(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for connection in connections:
                connection.close()
            thread.join(10)

    return running()


def answering(words: bytes | None) -> contextlib.AbstractContextManager[int]:
    """A server that says something at once and then keeps still, or with None hangs up."""

    def handle(connection: socket.socket) -> None:
        if words is None:
            connection.close()
        else:
            connection.sendall(words)

    return serve(handle)


def replaying(opening: bytes, reply: bytes) -> contextlib.AbstractContextManager[int]:
    """A server that repeats what another has said, once the client has had its turn."""

    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(opening)
        heard = b""
        while b"curve25519-sha256" not in heard:
            heard += connection.recv(65536)
        connection.sendall(reply)

    return serve(handle)


WINRM_401 = (
    b"HTTP/1.1 401 \r\nServer: Microsoft-HTTPAPI/2.0\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: Kerberos\r\n"
    b"Date: Mon, 02 Mar 2026 06:12:44 GMT\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


def winrm_reply(request: bytes) -> bytes:
    """What a WinRM service says; stricter than the real one where a request is malformed."""
    head, _blank, body = request.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines[1:])}
    method, path, version = lines[0].split(" ")
    if version != "HTTP/1.1" or not headers.get("host") or "content-length" not in headers:
        return b"HTTP/1.1 400 Bad Request\r\nServer: Microsoft-HTTPAPI/2.0\r\nContent-Length: 0\r\n\r\n"
    if path != "/wsman":
        return b"HTTP/1.1 404 Not Found\r\nServer: Microsoft-HTTPAPI/2.0\r\nContent-Length: 0\r\n\r\n"
    if method != "POST" or len(body) != int(headers["content-length"]):
        return b"HTTP/1.1 405 \r\nAllow: POST\r\nServer: Microsoft-HTTPAPI/2.0\r\nContent-Length: 0\r\n\r\n"
    if not headers.get("content-type", "").startswith("application/soap+xml"):
        return b"HTTP/1.1 415 \r\nServer: Microsoft-HTTPAPI/2.0\r\nContent-Length: 0\r\n\r\n"
    return WINRM_401


def http_server(
    reply: t.Callable[[bytes], bytes], context: ssl.SSLContext | None = None
) -> contextlib.AbstractContextManager[int]:
    def handle(connection: socket.socket) -> None:
        connection.settimeout(10)
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        request = b""
        while b"\r\n\r\n" not in request:
            data = connection.recv(65536)
            if not data or not request.startswith((b"", b"POST")):
                return
            request += data
            if not request[:1].isalpha():
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                connection.close()
                return
        connection.sendall(reply(request))
        if context is not None:
            connection.close()

    return serve(handle)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """As Windows makes it for WinRM: a certificate that nobody has signed."""
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=win1",
            "-keyout",
            directory / "key",
            "-out",
            directory / "certificate",
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate", directory / "key")
    return context


class TestWinrm:
    def test_over_tls(self, tls: ssl.SSLContext) -> None:
        with http_server(winrm_reply, tls) as port:
            (outcome,) = look(probe("winrm", port=port))
        assert outcome.state == AWAKE, outcome
        assert outcome.proof == (
            f"winrm endpoint https://127.0.0.1:{port}/wsman asks for Negotiate, Kerberos authentication"
        )

    def test_over_old_tls(self, tls: ssl.SSLContext) -> None:
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            with http_server(winrm_reply, tls) as port:
                (outcome,) = look(probe("winrm", port=port))
        finally:
            tls.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
        assert outcome.state == AWAKE, outcome

    def test_plain_http_on_another_port_is_found_after_tls_failed(self) -> None:
        with http_server(winrm_reply) as port:
            (outcome,) = look(probe("winrm", port=port))
        assert outcome.state == AWAKE, outcome
        assert f"http://127.0.0.1:{port}/wsman" in outcome.proof

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "not ready"),
            (b"HTTP/1.1 404 Not Found\r\nServer: Microsoft-HTTPAPI/2.0\r\nContent-Length: 0\r\n\r\n", "not ready"),
            (b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nhi", "not as WinRM"),
            (
                b'HTTP/1.1 401 \r\nWWW-Authenticate: Digest realm="Digest:A1"\r\nContent-Length: 0\r\n\r\n',
                "not as WinRM",
            ),
        ],
    )
    def test_other_replies_are_not_awake(self, tls: ssl.SSLContext, reply: bytes, words: str) -> None:
        with http_server(lambda request: reply, tls) as port:
            (outcome,) = look(probe("winrm", port=port))
        assert outcome.state == REFUSED
        assert words in outcome.error

    def test_an_ssh_server_is_no_winrm_endpoint(self, server: Sshd) -> None:
        (outcome,) = look(probe("winrm", port=server.port))
        assert outcome.state == REFUSED

    def test_a_server_that_says_nothing(self) -> None:
        with answering(b"") as port:
            (outcome,) = look(probe("winrm", port=port, timeout=0.3))
        assert outcome.state == REFUSED
        assert "no HTTP reply" in outcome.error


class TestTcp:
    def test_states_of_ports_and_names(self, server: Sshd) -> None:
        open_port, closed, name, unknown_name = look(
            probe("tcp", port=server.port),
            probe("tcp", port=free_port()),
            probe("tcp", "localhost", server.port),
            probe("tcp", "nothing.invalid", 22),
        )
        assert open_port == Outcome(AWAKE, f"tcp connection to 127.0.0.1:{server.port}", "")
        assert closed.state == REFUSED
        assert name.state == AWAKE
        assert unknown_name.state == UNKNOWN
        assert "nothing.invalid" in unknown_name.error

    def test_ten_thousand_at_once(self) -> None:
        with socket.create_server(("0.0.0.0", 0), backlog=4096) as listener:
            port = listener.getsockname()[1]
            stopped = threading.Event()

            def accept() -> None:
                listener.settimeout(0.2)
                while not stopped.is_set():
                    with contextlib.suppress(OSError):
                        listener.accept()[0].close()

            thread = threading.Thread(target=accept)
            thread.start()
            hosts = [f"127.{number // 62500 + 1}.{number // 250 % 250}.{number % 250 + 1}" for number in range(10_000)]
            try:
                outcomes = look(*(probe("tcp", host, port, timeout=20.0) for host in hosts))
            finally:
                stopped.set()
                thread.join()
        assert collections.Counter(outcome.state for outcome in outcomes) == {AWAKE: 10_000}
        assert [outcome.proof for outcome in outcomes] == [f"tcp connection to {host}:{port}" for host in hosts]

    def test_few_descriptors_make_it_slower_and_not_wrong(self) -> None:
        with answering(b"") as port:
            outcomes = look_with_few_descriptors([probe("tcp", f"127.0.1.{last}", port) for last in range(1, 251)])
        assert collections.Counter(outcome.state for outcome in outcomes) == {AWAKE: 250}


def ip(*words: str, batch: str = "") -> None:
    subprocess.run(["ip", *words], input=batch, text=True, check=True, capture_output=True)


AWAKE_ON_SEGMENT = {f"10.77.{number * 29 // 250}.{number * 29 % 250 + 2}" for number in range(100)}
ALL_ON_SEGMENT = [f"10.77.{number // 250}.{number % 250 + 2}" for number in range(3000)]
SEGMENT_MAC = bytes.fromhex("02005e005301")
OTHER_MAC = bytes.fromhex("02005e0053ff")
ACCEPT_ALL = """
import socket, sys
listener = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
while True:
    listener.accept()[0].close()
"""


@pytest.fixture(scope="module")
def segment() -> t.Iterator[None]:
    """Two namespaces on one wire: a looker, and a machine with a hundred addresses among 2,900 that nobody has."""
    remove_namespaces()
    server: subprocess.Popen[bytes] | None = None
    try:
        for namespace in (LOOKER, SEGMENT):
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        ip("-n", LOOKER, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", SEGMENT)
        ip("-n", SEGMENT, "link", "set", "wire", "address", "02:00:5e:00:53:01")
        ip("-n", LOOKER, "address", "add", "10.77.15.253/20", "dev", "wire")
        ip("-n", LOOKER, "address", "add", "fd77::1/64", "dev", "wire", "nodad")
        ip("-n", SEGMENT, "address", "add", "fd77::2/64", "dev", "wire", "nodad")
        addresses = sorted(AWAKE_ON_SEGMENT)
        ip("-n", SEGMENT, "-batch", "-", batch="".join(f"address add {one}/20 dev wire\n" for one in addresses))
        for namespace in (LOOKER, SEGMENT):
            ip("-n", namespace, "link", "set", "wire", "up")
        ip("-n", SEGMENT, "address", "add", "10.78.0.1/32", "dev", "lo")
        ip("-n", LOOKER, "route", "add", "10.78.0.0/16", "via", addresses[0])
        server = subprocess.Popen(["ip", "netns", "exec", SEGMENT, sys.executable, "-c", ACCEPT_ALL, str(SEGMENT_PORT)])
        yield
    finally:
        if server is not None:
            server.kill()
            server.wait()
        remove_namespaces()


def remove_namespaces() -> None:
    for namespace in (LOOKER, SEGMENT):
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


@pytest.fixture
def awake_address(segment: None) -> str:
    """An address on the segment whose machine is known to answer by now."""
    address = sorted(AWAKE_ON_SEGMENT)[0]
    for _attempt in range(100):
        (outcome,) = look_from(LOOKER, [probe("tcp", address, SEGMENT_PORT, timeout=1.0)])
        if outcome.state == AWAKE:
            return address
    raise AssertionError(outcome)


class TestOnLink:
    @pytest.mark.parametrize(("kind", "timeout"), [("tcp", 2.0), ("tcp", 0.5), ("icmp", 1.5), ("arp", 1.5)])
    def test_all_hundred_awake_are_found_among_sleepers(self, awake_address: str, kind: str, timeout: float) -> None:
        port = SEGMENT_PORT if kind == "tcp" else 0
        outcomes = look_from(LOOKER, [probe(kind, host, port, timeout=timeout) for host in ALL_ON_SEGMENT])
        awake = {host for host, outcome in zip(ALL_ON_SEGMENT, outcomes, strict=True) if outcome.state == AWAKE}
        assert awake == AWAKE_ON_SEGMENT
        assert collections.Counter(outcome.state for outcome in outcomes) == {AWAKE: 100, SILENT: 2900}

    @pytest.mark.parametrize(("kind", "port"), [("tcp", SEGMENT_PORT), ("icmp", 0), ("arp", 0)])
    def test_mac_as_identity(self, awake_address: str, kind: str, port: int) -> None:
        right, wrong = look_from(
            LOOKER, [probe(kind, awake_address, port, mac=mac) for mac in (SEGMENT_MAC, OTHER_MAC)]
        )
        assert right.state == AWAKE, right
        assert "02:00:5e:00:53:01" in right.proof
        assert right.proof.startswith("weak: ") == (kind != "tcp")
        assert wrong.state == IMPOSTOR, wrong
        assert "02:00:5e:00:53:01" in wrong.error
        assert "02:00:5e:00:53:ff" in wrong.error

    def test_ipv6(self, awake_address: str) -> None:
        outcomes = look_from(
            LOOKER,
            [
                probe("tcp", "fd77::2", SEGMENT_PORT, mac=SEGMENT_MAC),
                probe("icmp", "fd77::2", mac=SEGMENT_MAC),
                probe("icmp", "fd77::2", mac=OTHER_MAC),
                probe("icmp", "fd77::3", timeout=0.5),
                probe("arp", "fd77::2"),
            ],
        )
        assert [outcome.state for outcome in outcomes] == [AWAKE, AWAKE, IMPOSTOR, SILENT, UNABLE]
        assert "IPv4 only" in outcomes[4].error

    def test_behind_a_router_neither_arp_nor_mac_are_possible(self, awake_address: str) -> None:
        seen, mac, arp = look_from(
            LOOKER,
            [
                probe("tcp", "10.78.0.1", SEGMENT_PORT),
                probe("tcp", "10.78.0.1", SEGMENT_PORT, mac=SEGMENT_MAC),
                probe("arp", "10.78.0.1"),
            ],
        )
        assert seen.state == AWAKE
        assert (mac.state, arp.state) == (UNABLE, UNABLE)
        assert "relay" in mac.error
        assert "relay" in arp.error

    def test_no_route_is_not_silence(self, awake_address: str) -> None:
        outcomes = look_from(
            LOOKER, [probe(kind, "198.51.100.1", 22 if kind == "tcp" else 0) for kind in ("tcp", "icmp")]
        )
        for outcome in outcomes:
            assert outcome.state == UNKNOWN
            assert "no route" in outcome.error
            assert "198.51.100.1" in outcome.error

    def test_a_packet_filter_of_this_machine_is_not_silence(self, awake_address: str) -> None:
        rules = "table inet o { chain out { type filter hook output priority 0; icmp type echo-request reject; }; }"
        subprocess.run(["ip", "netns", "exec", LOOKER, "nft", rules], check=True)
        try:
            (outcome,) = look_from(LOOKER, [probe("icmp", awake_address)])
        finally:
            subprocess.run(["ip", "netns", "exec", LOOKER, "nft", "delete table inet o"], check=True)
        assert outcome.state == UNKNOWN
        assert "packet filter" in outcome.error

    def test_without_privileges(self, awake_address: str) -> None:
        close = ["ip", "netns", "exec", LOOKER, "sysctl", "-qw", "net.ipv4.ping_group_range=1 0"]
        subprocess.run(close, check=True)
        icmp, icmp6, arp, tcp = look_from(
            LOOKER,
            [
                probe("icmp", awake_address),
                probe("icmp", "fd77::2"),
                probe("arp", awake_address),
                probe("tcp", awake_address, SEGMENT_PORT, mac=SEGMENT_MAC),
            ],
            "--as-nobody",
        )
        for outcome in (icmp, icmp6):
            assert outcome.state == UNABLE
            assert "CAP_NET_RAW" in outcome.error
            assert "net.ipv4.ping_group_range" in outcome.error
            assert "tcp or ssh" in outcome.error
        assert arp.state == UNABLE
        assert "CAP_NET_RAW" in arp.error
        assert tcp.state == AWAKE

    def test_ping_sockets_need_no_privileges(self, awake_address: str) -> None:
        opened = ["ip", "netns", "exec", LOOKER, "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"]
        subprocess.run(opened, check=True)
        outcomes = look_from(LOOKER, [probe("icmp", awake_address), probe("icmp", "fd77::2")], "--as-nobody")
        assert [outcome.state for outcome in outcomes] == [AWAKE, AWAKE]


def run_module(arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """Run awake_info as Ansible does on its host: arguments on standard input, the result on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "ansible_collections.lightsout.wake.plugins.modules.awake_info"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return t.cast("dict[str, t.Any]", json.loads(done.stdout))


class TestAwakeInfo:
    def test_one_machine(self, server: Sshd) -> None:
        result = run_module({"host": "127.0.0.1", "port": server.port, "type": "ssh"})
        (target,) = result["targets"]
        assert result["changed"] is False
        assert result["summary"] == {"awake": 1, "asleep": 0, "unknown": 0}
        assert {key: target[key] for key in ("name", "state", "probe", "error")} == {
            "name": "127.0.0.1",
            "state": "awake",
            "probe": "ssh",
            "error": None,
        }
        assert target["proof"].startswith("ssh banner")
        assert 0 < target["elapsed"] < 30

    def test_identity_and_readiness_are_unknown_and_say_why(self, server: Sshd) -> None:
        ssh = {"host": "127.0.0.1", "type": "ssh", "port": server.port}
        result = run_module(
            {
                "targets": [
                    {**ssh, "name": "right", "identity": {"host_key": server.fingerprints["rsa"]}},
                    {**ssh, "name": "wrong", "identity": {"host_key": NOBODYS_FINGERPRINT}},
                    {"name": "closed", "host": "127.0.0.1", "port": free_port()},
                ],
                "retries": 0,
            }
        )
        states = {target["name"]: target["state"] for target in result["targets"]}
        errors = {target["name"]: target["error"] for target in result["targets"]}
        assert states == {"right": "awake", "wrong": "unknown", "closed": "unknown"}
        assert "another machine" in errors["wrong"]
        assert "refuses" in errors["closed"]

    def test_a_malformed_target_stops_nobody_and_fails_the_task(self, server: Sshd) -> None:
        result = run_module(
            {
                "targets": [
                    {"host": "127.0.0.1", "port": 70000, "name": "bad"},
                    {"host": "127.0.0.1", "port": str(server.port), "name": "good"},
                ]
            }
        )
        assert result["failed"] is True
        assert "targets[0]: port is 70000" in result["msg"]
        assert [target["state"] for target in result["targets"]] == ["unknown", "awake"]
        assert result["summary"] == {"awake": 1, "asleep": 0, "unknown": 1}

    def test_check_mode_looks_all_the_same(self, server: Sshd) -> None:
        result = run_module({"host": "127.0.0.1", "port": server.port, "_ansible_check_mode": True})
        assert result["summary"]["awake"] == 1
