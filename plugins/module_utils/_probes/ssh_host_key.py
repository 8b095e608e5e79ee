# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""An SSH server that proves by a key exchange that it holds the wanted host key. Nobody logs in."""

from __future__ import annotations

import os

from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    Outcome,
    awake,
    impostor,
    refused,
    silent,
    unable,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.stream import StreamLook
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.exchange import (
    LAST_WORDS,
    Disconnected,
    Ephemeral,
    HostKey,
    HostKeyExchange,
    NoCommonAlgorithm,
    new_ephemeral,
)
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.identification import NotSsh
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.packets import BadPacket, disconnect


class SshHostKeyLook(StreamLook):
    """Asks for one key type after the other, each on a connection of its own, until one has the fingerprint."""

    __slots__ = ("exchange_state", "memory", "shown")

    def begin(self) -> Outcome | None:
        self.shown: dict[str, str] = {}
        self.memory: Memory = self.desk.shared(("ssh",), Memory)
        return self.connect()

    def connected(self) -> Outcome | None:
        wanted, memory = self.probe.host_key, self.memory
        likely = memory.types.get(wanted, "")
        self.exchange_state = HostKeyExchange(wanted, self.shown, os.urandom, memory.ephemeral, likely)
        self.outgoing = self.exchange_state.begin()
        return None

    def received(self, data: bytes) -> Outcome | None:
        try:
            self.outgoing += self.exchange_state.feed(data)
        except (NotSsh, BadPacket, Disconnected) as error:
            return refused(f"{self.place} {error}")
        except NoCommonAlgorithm as error:
            return unable(f"{self.place} {error} Its identity can't be told by host key.")
        key = self.exchange_state.host_key
        return None if key is None else self._judge(key)

    def ended(self) -> Outcome | None:
        return refused(f"{self.place} accepts connections but closes them before the key exchange: it is not ready.")

    def overdue(self) -> Outcome:
        if self.connecting:
            return silent(self.place, self.timeout)
        return refused(f"{self.place} accepts connections but did not show its host key within {self.timeout:g} s.")

    def close(self, outcome: Outcome | None) -> None:
        self._leave()

    def _judge(self, key: HostKey) -> Outcome | None:
        if key.genuine:
            self.memory.types[key.fingerprint] = key.type
            return awake(f"ssh host key {key.fingerprint} ({key.type}) at {self.address.text}:{self.probe.port}")
        if key.genuine is False:
            return impostor(
                f"{self.place} shows the host key {key.fingerprint} but can't sign with it: it only has a copy "
                "of the public key."
            )
        self.shown[key.type] = key.fingerprint
        if key.untried:
            self._leave()
            return self.connect()
        keys = ", ".join(f"{shown} ({kind})" for kind, shown in self.shown.items())
        return impostor(f"{self.place} is another machine: its host keys are {keys}, not {self.probe.host_key}.")

    def _leave(self) -> None:
        self.drop(b"" if self.connecting else disconnect(LAST_WORDS), reset=self.connecting)


class Memory:
    """What an engine's exchanges share: the key pair of our side, and which type a fingerprint turned out to be of."""

    def __init__(self) -> None:
        self.ephemeral: Ephemeral = new_ephemeral(os.urandom)
        self.types: dict[str, str] = {}

    def close(self) -> None:
        """Nothing is held."""
