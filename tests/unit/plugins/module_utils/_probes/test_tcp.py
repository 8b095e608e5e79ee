# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import socket

from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import AWAKE, REFUSED, SILENT, Outcome
from ansible_collections.lightsout.wake.plugins.module_utils._probes.tcp import TcpLook
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    Ear,
    Room,
    closed_port,
    deaf,
    probe,
    serving,
)


def test_a_connection_is_the_proof_and_names_address_and_port(room: Room) -> None:
    ear = Ear()
    with serving(ear.listen, "127.0.0.5") as port:
        outcome = room.see(TcpLook, probe(host="127.0.0.5", port=port))
        ear.wait()
    assert outcome == Outcome(AWAKE, f"tcp connection to 127.0.0.5:{port}", "")
    assert ear.heard == [b""]


def test_nobody_needs_to_accept_or_say_anything(room: Room) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert room.see(TcpLook, probe(port=listener.getsockname()[1])).state == AWAKE


def test_it_is_enough_that_somebody_listens_on_that_very_address(room: Room) -> None:
    with serving(Ear().listen, "127.0.0.5") as port:
        assert room.see(TcpLook, probe(host="127.0.0.6", port=port)).state == REFUSED


def test_the_ends_without_a_connection(room: Room) -> None:
    with deaf() as silent, closed_port() as closed:
        assert room.see(TcpLook, probe(port=silent, timeout=0.1)).state == SILENT
        assert room.see(TcpLook, probe(port=closed)).state == REFUSED
