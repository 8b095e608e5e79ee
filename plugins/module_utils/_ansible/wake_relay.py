# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Starts the wake service on a relay."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import TaskFailure
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.methods import MagicPackets
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.relay_service import (
    ORDERS,
    OrderReader,
    RelayService,
    detach,
    make_directory,
)
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.runner import FleetRunner
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import read_batch
from ansible_collections.lightsout.wake.plugins.module_utils._interfaces_linux import read_interfaces
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender
from ansible_collections.lightsout.wake.plugins.module_utils._probes.engine import ProbeEngine


def start_service(batch_text: str) -> dict[str, t.Any]:
    """Start the detached service for a batch; returns its directory and process id. Raises TaskFailure, OSError."""
    try:
        batch = read_batch(batch_text)
    except ValueError as error:
        raise TaskFailure(str(error)) from None
    directory = make_directory()

    def serve() -> None:
        warnings: list[str] = []
        methods = {"wol": MagicPackets(PacketSender(), read_interfaces(), warnings.append)}
        runner = FleetRunner(methods, ProbeEngine(), batch.settings)
        try:
            orders = OrderReader(os.path.join(directory, ORDERS))
            RelayService(batch, directory, runner, methods, orders, warnings).run()
        finally:
            runner.close()

    return {"changed": False, "directory": directory, "pid": detach(directory, serve)}
