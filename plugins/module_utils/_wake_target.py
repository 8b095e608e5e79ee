# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""From a host's inventory variables to a validated target, with sentences for what is wrong with them."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from types import MappingProxyType

from ansible_collections.lightsout.wake.plugins.module_utils import _wake_values as read
from ansible_collections.lightsout.wake.plugins.module_utils._delivery import DeliveryError, plan_routes
from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._mac import format_mac
from ansible_collections.lightsout.wake.plugins.module_utils._wake_variables import (
    WAKE_VARIABLES,
    VariableRow,
    own_variables,
    unknown_variables,
)

__all__ = [
    "CONNECTION_VARIABLES",
    "WAKE_VARIABLES",
    "InvalidTarget",
    "Probe",
    "Target",
    "VariableRow",
    "duplicate_macs",
    "own_variables",
    "read_target",
    "read_variables",
    "unknown_variables",
]

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
_NOT_FOR_WAKING = ("wake_trusted_sources", "wake_board")
_WAKE_ROWS = tuple(name for name in WAKE_VARIABLES if name.startswith("wake_") and name not in _NOT_FOR_WAKING)
_AMT_ROWS = tuple(name for name in WAKE_VARIABLES if name.startswith("amt_"))
_SSH_CONNECTIONS = ("", "ssh", "smart", "paramiko", "paramiko_ssh", "libssh")
_WINRM_CONNECTIONS = ("winrm", "psrp")
_PORTS_OF_TYPES = {"ssh": 22, "winrm": 5986, "icmp": 0, "arp": 0}
_PORTS_OF_CONNECTIONS = {"network_cli": 22, "netconf": 830}
_STAND_IN = Interface("", 1, b"\x02\0\0\0\0\1", True, True, False, ())


class InvalidTarget(ValueError):
    """What is wrong with one host's variables; `problems` has a sentence each, and the message has all of them."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Probe(t.NamedTuple):
    """How a target is seen to be awake. `timeout` is in seconds; an empty host key or MAC is not checked."""

    type: str
    host: str
    port: int
    timeout: float
    origin: str
    host_key: str
    mac: bytes


@dataclasses.dataclass(frozen=True)
class Target:
    """An inventory host that is to be awake. `timeout`, `resend_interval` and `stagger` are in seconds."""

    name: str
    methods: tuple[str, ...]
    macs: tuple[bytes, ...]
    secureon: bytes = dataclasses.field(repr=False)
    subnet: str
    delivery: str
    address: str
    port: int
    interface: str
    count: int
    relays: tuple[str, ...]
    probe: Probe
    timeout: float
    resend_interval: float
    order: int
    after: tuple[str, ...]
    power_domain: str
    weight: float
    max_weight: float
    stagger: float


def read_target(name: str, variables: Variables, overrides: Variables = _NOTHING) -> Target | None:
    """Read one host's templated variables; `overrides` are task options under the names of the variables, and win.

    Returns None for a host that is to be left out: it has no method, or its inventory says ``wake_methods: []``.
    Raises InvalidTarget with all problems of the host.
    """
    try:
        own_methods = _own_methods(variables)
    except read.InvalidValue as error:
        raise InvalidTarget([_sentence(name, "wake_methods", error)]) from None
    if not own_methods:
        return None
    values, problems = read_variables(name, variables, _WAKE_ROWS, overrides)
    methods = values.get("wake_methods") or own_methods
    if "amt" in methods:
        problems += read_variables(name, variables, _AMT_ROWS, overrides)[1]
    if "wol" in methods and "wake_mac" not in values and not _is_set(_given("wake_mac", variables, overrides)):
        problems.append(f"host {name}: wake_methods has wol, but wake_mac is not set")
    probe = _read_probe(name, variables, values.get("wake_probe", _NOTHING), problems)
    address = _destination(name, values, probe, problems)
    if problems or probe is None:
        raise InvalidTarget(problems)
    return _target(name, methods, address, probe, values)


def _target(name: str, methods: tuple[str, ...], address: str, probe: Probe, values: Variables) -> Target:
    value = values.get
    return Target(
        name,
        methods,
        value("wake_mac", ()),
        value("wake_secureon", b""),
        value("wake_subnet", ""),
        value("wake_delivery", "broadcast"),
        address,
        value("wake_port", 9),
        value("wake_interface", ""),
        value("wake_count", 3),
        value("wake_relay") or ("controller",),
        probe,
        value("wake_timeout", 600.0),
        value("wake_resend_interval", 10.0),
        value("wake_order", 100),
        value("wake_after", ()),
        value("wake_power_domain", "all"),
        value("wake_weight", 1.0),
        value("wake_max_weight", 0.0),
        value("wake_stagger", 0.0),
    )


def read_variables(
    name: str, variables: Variables, wanted: t.Iterable[str], overrides: Variables = _NOTHING
) -> tuple[dict[str, t.Any], list[str]]:
    """Read the wanted ones of a host's variables: those that are set, as plain values, and a sentence per problem."""
    values: dict[str, t.Any] = {}
    problems: list[str] = []
    for variable in wanted:
        given = _given(variable, variables, overrides)
        if not _is_set(given):
            continue
        try:
            values[variable] = WAKE_VARIABLES[variable].parse(given)
        except read.InvalidValue as error:
            problems.append(_sentence(name, variable, error))
    return values, problems


def duplicate_macs(targets: t.Iterable[Target]) -> list[str]:
    """A sentence for each MAC address that more than one of the targets has, with the names of all of them."""
    owners: dict[bytes, list[str]] = {}
    for target in targets:
        for mac in target.macs:
            owners.setdefault(mac, []).append(target.name)
    return [
        f"hosts {', '.join(names[:-1])} and {names[-1]} have the same wake_mac {format_mac(mac)}: "
        f"a packet for one of them wakes them all"
        for mac, names in owners.items()
        if len(names) > 1
    ]


def _given(variable: str, variables: Variables, overrides: Variables) -> t.Any:
    if overrides and _is_set(overrides.get(variable)):
        return overrides[variable]
    return variables.get(variable)


def _is_set(given: t.Any) -> bool:
    return given is not None and not (isinstance(given, str) and not given.strip())


def _sentence(name: str, variable: str, error: Exception) -> str:
    return f"host {name}: {variable} {error}"


def _own_methods(variables: Variables) -> tuple[str, ...]:
    written = variables.get("wake_methods")
    if _is_set(written):
        methods: tuple[str, ...] = WAKE_VARIABLES["wake_methods"].parse(written)
        return methods
    amt = ("amt",) if _is_set(variables.get("amt_host")) else ()
    return (*amt, "wol") if _is_set(variables.get("wake_mac")) else amt


def _read_probe(name: str, variables: Variables, written: Variables, problems: list[str]) -> Probe | None:
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
        if _is_set(written):
            return str(_host(written))
        return str(_host(name))
    except read.InvalidValue as error:
        if _is_set(written):
            problems.append(_sentence(name, "ansible_host", error))
        else:
            problems.append(f"host {name}: ansible_host is not set, and the host's name is no address to look at")
    return None


def _port(
    name: str, variables: Variables, written: Variables, kind: str, connection: str, problems: list[str]
) -> int | None:
    if kind in ("icmp", "arp"):
        return 0
    if "port" in written:
        return int(written["port"])
    given = variables.get("ansible_port")
    if _is_set(given) and (kind == _type_of(connection) or kind == "tcp"):
        try:
            return int(_port_value(given))
        except read.InvalidValue as error:
            problems.append(_sentence(name, "ansible_port", error))
            return None
    if kind == "winrm" and "http" in (variables.get("ansible_winrm_scheme"), variables.get("ansible_psrp_protocol")):
        return 5985
    known = _PORTS_OF_TYPES.get(kind) or _PORTS_OF_CONNECTIONS.get(connection)
    if known is None and connection in _SSH_CONNECTIONS:
        known = 22
    if known is None:
        problems.append(
            f"host {name}: wake_probe has no port, and with ansible_connection {read.shown(connection)} no port is "
            f"known: set ansible_port, or a wake_probe such as {{type: ssh}} or {{type: tcp, port: 443}}"
        )
    return known


def _destination(name: str, values: Variables, probe: Probe | None, problems: list[str]) -> str:
    delivery, address = values.get("wake_delivery", "broadcast"), values.get("wake_address", "")
    if (delivery == "broadcast" and not address) or probe is None:
        return str(address)
    if delivery == "unicast" and not address:
        return probe.host
    try:
        return _checked_destination(delivery, address, values.get("wake_subnet", ""))
    except DeliveryError as error:
        problems.append(f"host {name}: wake_{error}")
    return ""


@functools.lru_cache(maxsize=4096)
def _checked_destination(delivery: str, address: str, subnet: str) -> str:
    """The address that goes with the delivery, as far as it is known without the sender's interfaces."""
    on_link = delivery in ("broadcast", "ethernet", "ipv6")
    plan = plan_routes(
        delivery=delivery,
        address=address,
        subnet="" if on_link else subnet,
        port=9,
        interface="",
        interfaces=(_STAND_IN,),
    )
    return address if on_link else plan.routes[0].address


_host = read.remembered(read.host)
_port_value = read.whole(1, 65535, "a port lies between 1 and 65535")
