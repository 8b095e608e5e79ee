# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""How a target is seen to be awake, read from its probe variable and its connection variables."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from ansible_collections.lightsout.wake.plugins.module_utils import _wake_values as read

Variables = t.Mapping[str, t.Any]

CONNECTION_VARIABLES = (
    "ansible_connection",
    "ansible_host",
    "ansible_port",
    "ansible_psrp_protocol",
    "ansible_winrm_scheme",
)
PROBE_TIMEOUT = 2.0

_NOTHING: Variables = MappingProxyType({})
_SSH_CONNECTIONS = ("", "ssh", "smart", "paramiko", "paramiko_ssh", "libssh")
_WINRM_CONNECTIONS = ("winrm", "psrp")
_WITHOUT_PORT = ("icmp", "arp")
_PORTS_OF_CONNECTIONS = {"network_cli": 22, "netconf": 830}
_port_value = read.whole(1, 65535, "a port lies between 1 and 65535")


class Probe(t.NamedTuple):
    """How a target is seen to be awake. `timeout` is in seconds; an empty host key or MAC is not checked."""

    type: str
    host: str
    port: int
    timeout: float
    origin: str
    host_key: str
    mac: bytes


def read_probe(name: str, variables: Variables, written: Variables, problems: list[str]) -> Probe | None:
    """The probe from the value of ``wake_probe`` as its reader gives it, and from connection variables.

    Appends a sentence per problem to `problems`, and returns None where there is no probe to be had.
    """
    connection = str(variables.get("ansible_connection") or "").rpartition(".")[2].strip().lower()
    kind = written.get("type") or _type_of(connection)
    host = written.get("host") or _own_address(name, variables, problems)
    port = _port(name, variables, written, kind, connection, problems)
    if host is None or port is None:
        return None
    identity = written.get("identity", _NOTHING)
    if identity.get("host_key") and kind != "ssh":
        problems.append(f"host {name}: wake_probe has identity.host_key, which needs type ssh")
    return Probe(
        kind,
        host,
        port,
        written.get("timeout", PROBE_TIMEOUT),
        written.get("from", "relay"),
        identity.get("host_key", ""),
        identity.get("mac", b""),
    )


def _type_of(connection: str) -> str:
    if connection in _SSH_CONNECTIONS:
        return "ssh"
    return "winrm" if connection in _WINRM_CONNECTIONS else "tcp"


def _own_address(name: str, variables: Variables, problems: list[str]) -> str | None:
    written = variables.get("ansible_host")
    try:
        if read.is_set(written):
            return read.host(written)
        return read.host(name)
    except read.InvalidValue as error:
        if read.is_set(written):
            problems.append(f"host {name}: ansible_host {error}")
        else:
            problems.append(f"host {name}: ansible_host is not set, and the host's name is no address to look at")
    return None


def _port(
    name: str, variables: Variables, written: Variables, kind: str, connection: str, problems: list[str]
) -> int | None:
    if kind in _WITHOUT_PORT:
        return 0
    if "port" in written:
        return int(written["port"])
    given = variables.get("ansible_port")
    if read.is_set(given) and {kind, _type_of(connection)} != {"ssh", "winrm"}:
        try:
            return int(_port_value(given))
        except read.InvalidValue as error:
            problems.append(f"host {name}: ansible_port {error}")
            return None
    known = _known_port(_type_of(connection) if kind == "tcp" else kind, connection, variables)
    if known is None:
        problems.append(
            f"host {name}: wake_probe has no port, and ansible_connection {read.shown(connection)} tells none: "
            f"set ansible_port, or a wake_probe such as {{type: ssh}} or {{type: tcp, port: 443}}"
        )
    return known


def _known_port(kind: str, connection: str, variables: Variables) -> int | None:
    if kind == "winrm":
        plain = "http" in (variables.get("ansible_winrm_scheme"), variables.get("ansible_psrp_protocol"))
        return 5985 if plain else 5986
    return 22 if kind == "ssh" else _PORTS_OF_CONNECTIONS.get(connection)
