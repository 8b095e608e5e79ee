# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import socket
import threading
import time
import typing as t
from collections import Counter
from collections.abc import Iterator

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import engine as engine_module
from ansible_collections.lightsout.wake.plugins.module_utils._probes import names
from ansible_collections.lightsout.wake.plugins.module_utils._probes.engine import ProbeEngine
from ansible_collections.lightsout.wake.plugins.module_utils._probes.kinds import look_for
from ansible_collections.lightsout.wake.plugins.module_utils._probes.look import Look
from ansible_collections.lightsout.wake.plugins.module_utils._probes.names import Answer
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    REFUSED,
    SILENT,
    UNABLE,
    UNKNOWN,
    Outcome,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.segments import Segments, parse_literal
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe


def probe(kind: str = "tcp", host: str = "127.0.0.1", port: int = 9, **fields: t.Any) -> Probe:
    defaults = {"timeout": 20.0, "origin": "relay", "host_key": "", "mac": b""}
    return Probe(**{**defaults, "type": kind, "host": host, "port": port, **fields})


def look(engine: ProbeEngine, *probes: Probe) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    for key, one in enumerate(probes):
        engine.start(key, one)
    assert engine.pending() == len(probes)
    while engine.pending():
        outcomes.update(engine.collect(20.0))
    return [outcomes[key] for key in range(len(probes))]


@pytest.fixture
def engine() -> Iterator[ProbeEngine]:
    made = ProbeEngine(max_in_flight=50)
    yield made
    made.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Its backlog takes connections that nobody accepts."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(512)
        yield sock


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_open_and_closed_ports(engine: ProbeEngine, listener: socket.socket) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        awake, refused = look(engine, probe(port=port_of(listener)), probe(port=port_of(closed)))
    assert awake == Outcome(AWAKE, f"tcp connection to 127.0.0.1:{port_of(listener)}", "")
    assert refused.state == REFUSED


def test_a_connection_to_itself_is_none(engine: ProbeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port of the ephemeral range that nobody listens on, taken by the kernel for our own end as well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = port_of(free)
    plain = socket.socket

    def bound(*arguments: t.Any) -> socket.socket:
        sock = plain(*arguments)
        if arguments[0] == socket.AF_INET:
            sock.bind(("127.0.0.1", port))
        return sock

    monkeypatch.setattr(socket, "socket", bound)
    (outcome,) = look(engine, probe(port=port))
    assert outcome.state == REFUSED


def test_sleepers_on_link_leave_places_for_others(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    monkeypatch.setattr(engine_module, "_read_segments", OnlyDocumentation)
    monkeypatch.setattr(engine_module, "look_for", deaf_on_link)
    engine = ProbeEngine(max_in_flight=8)
    for key in range(20):
        engine.start(key, probe(host=f"192.0.2.{key + 1}"))
    engine.start(99, probe(port=port_of(listener)))
    assert [(key, outcome.state) for key, outcome in engine.collect(20.0)] == [(99, AWAKE)]
    engine.close()


def test_many_more_than_may_be_in_flight(engine: ProbeEngine, listener: socket.socket) -> None:
    outcomes = look(engine, *[probe(port=port_of(listener))] * 300)
    assert Counter(outcome.state for outcome in outcomes) == {AWAKE: 300}


def test_collect_waits_no_longer_than_asked_and_then_has_nothing(engine: ProbeEngine, listener: socket.socket) -> None:
    assert engine.collect(0.0) == []
    engine.start(1, probe("ssh", port=port_of(listener)))
    began = time.monotonic()
    assert engine.collect(0.05) == []
    assert time.monotonic() - began < 15
    assert engine.pending() == 1


def test_a_server_without_words_is_up_but_not_ready(engine: ProbeEngine, listener: socket.socket) -> None:
    (outcome,) = look(engine, probe("ssh", port=port_of(listener), timeout=0.1))
    assert outcome.state == REFUSED
    assert "0.1 s" in outcome.error


def test_the_banner_may_come_in_pieces(engine: ProbeEngine, listener: socket.socket) -> None:
    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            for piece in (b"Welcome\r\nSS", b"H-2.0-x", b"\r\n"):
                connection.sendall(piece)
                time.sleep(0.02)
            connection.recv(100)

    thread = threading.Thread(target=serve)
    thread.start()
    (outcome,) = look(engine, probe("ssh", port=port_of(listener)))
    thread.join()
    assert outcome.state == AWAKE
    assert "'SSH-2.0-x'" in outcome.proof


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_shortage_of_this_machine_is_unknown(engine: ProbeEngine, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def no_socket(*arguments: t.Any) -> socket.socket:
        raise OSError(code, "none left")

    monkeypatch.setattr(socket, "socket", no_socket)
    (outcome,) = look(engine, probe())
    assert outcome.state == UNKNOWN
    assert outcome.error.endswith("Ask again.")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (probe("telnet"), "'telnet'"),
        (probe("tcp", host_key="SHA256:x"), "type ssh"),
        (probe("arp"), "no segment"),
    ],
)
def test_probes_that_can_not_be_run(engine: ProbeEngine, one: Probe, words: str) -> None:
    (outcome,) = look(engine, one)
    assert outcome.state == UNABLE
    assert words in outcome.error


def test_a_mac_behind_no_segment_can_not_be_checked(engine: ProbeEngine, listener: socket.socket) -> None:
    (outcome,) = look(engine, probe(port=port_of(listener), mac=bytes.fromhex("02005e005301")))
    assert outcome.state == UNABLE
    assert "host_key" in outcome.error


def resolve(monkeypatch: pytest.MonkeyPatch, **known: tuple[str, ...]) -> None:
    def look_up(name: str) -> Answer:
        addresses = tuple(address for address in map(parse_literal, known.get(name, ())) if address is not None)
        return Answer(name, addresses, "" if addresses else f"The name {name!r} could not be resolved.")

    monkeypatch.setattr(names, "look_up", look_up)


def test_names(engine: ProbeEngine, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, db1=("127.0.0.1",))
    known, again, unknown = look(
        engine,
        probe(host="db1", port=port_of(listener)),
        probe(host="db1", port=port_of(listener)),
        probe(host="db2", port=port_of(listener)),
    )
    assert (known.state, again.state) == (AWAKE, AWAKE)
    assert unknown == Outcome(UNKNOWN, "", "The name 'db2' could not be resolved.")


def test_the_next_address_of_a_name_is_tried(
    engine: ProbeEngine, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, db1=("127.0.0.2", "127.0.0.1"), db2=("127.0.0.3", "127.0.0.2"))
    seen, refused = look(engine, *(probe(host=name, port=port_of(listener)) for name in ("db1", "db2")))
    assert seen == Outcome(AWAKE, f"tcp connection to 127.0.0.1:{port_of(listener)}", "")
    assert refused.state == REFUSED


def test_a_resolver_that_hangs_holds_up_nobody(
    engine: ProbeEngine, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def hang(name: str) -> Answer:
        go_on.wait(30)
        return Answer(name, (), "late")

    monkeypatch.setattr(names, "look_up", hang)
    monkeypatch.setattr(engine_module, "_NAME_TIMEOUT", 0.1)
    engine.start(1, probe(host="db1", timeout=0.1))
    engine.start(2, probe(port=port_of(listener)))
    assert [(key, outcome.state) for key, outcome in engine.collect(20.0)] == [(2, AWAKE)]
    ((key, outcome),) = engine.collect(20.0)
    go_on.set()
    assert (key, outcome.state) == (1, UNKNOWN)
    assert "not resolved in time" in outcome.error


class Deaf(Look):
    """Never hears anything."""

    def begin(self) -> None:
        return


def deaf_on_link(desk: t.Any, one: Probe, address: t.Any, segment: t.Any, timeout: float) -> Look:
    if segment is None:
        return look_for(desk, one, address, segment, timeout)
    return Deaf(desk, one, address, segment, timeout)


class OnlyDocumentation(Segments):
    """Takes 192.0.2.0/24 for a segment of this machine."""

    def __init__(self) -> None:
        super().__init__(())

    def find(self, address: t.Any) -> t.Any:
        return "segment" if address.text.startswith("192.0.2.") else None


class Everything(Segments):
    """Takes every address for one on a segment of this machine."""

    def find(self, address: t.Any) -> t.Any:
        return "segment"


def test_no_more_unresolved_neighbours_than_allowed(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    monkeypatch.setattr(engine_module, "_read_segments", lambda: Everything(()))
    engine = ProbeEngine(max_unresolved=5)
    most = 0
    started = engine._watch.begin

    def begin(look: t.Any, now: float) -> None:
        nonlocal most
        started(look, now)
        most = max(most, engine._budget.unresolved)

    monkeypatch.setattr(engine._watch, "begin", begin)
    outcomes = look(engine, *[probe(port=port_of(listener), timeout=0.2)] * 40)
    engine.close()
    assert Counter(outcome.state for outcome in outcomes) == {AWAKE: 40}
    assert most <= 5
    assert engine._budget.unresolved == 0


def test_silence_is_doubted_while_the_neighbour_table_was_full(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    class Full:
        def look(self, now: float) -> None:
            return

        def since(self, began: float, now: float) -> bool:
            return True

        def close(self) -> None:
            return

    monkeypatch.setattr(engine_module, "_read_segments", lambda: Everything(()))
    monkeypatch.setattr(engine_module, "look_for", Deaf)
    engine = ProbeEngine()
    assert [outcome.state for outcome in look(engine, probe(host="192.0.2.1", timeout=0.05))] == [SILENT]
    monkeypatch.setattr(engine_module, "Overflow", Full)
    engine.close()
    engine = ProbeEngine()
    (outcome,) = look(engine, probe(host="192.0.2.1", timeout=0.05))
    engine.close()
    assert outcome.state == UNKNOWN
    assert "gc_thresh3" in outcome.error


def test_descriptors_bound_what_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (300, 4096)}

    def set_limit(which: int, limit: tuple[int, int]) -> None:
        limits["now"] = limit

    monkeypatch.setattr(engine_module.resource, "getrlimit", lambda which: limits["now"])
    monkeypatch.setattr(engine_module.resource, "setrlimit", set_limit)
    monkeypatch.setattr(engine_module.os, "listdir", lambda path: ["0"] * 36)
    assert engine_module._allowed_in_flight(2000) == 2000
    assert limits["now"] == (2100, 4096)
    limits["now"] = (300, 1000)
    assert engine_module._allowed_in_flight(2000) == 900
    assert limits["now"] == (1000, 1000)
    limits["now"] = (64, 64)
    assert engine_module._allowed_in_flight(2000) == 1
    infinite = engine_module.resource.RLIM_INFINITY
    limits["now"] = (1024, infinite)
    assert engine_module._allowed_in_flight(2000) == 2000
    assert limits["now"] == (2100, infinite)
