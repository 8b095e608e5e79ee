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
from ansible_collections.lightsout.wake.plugins.module_utils._wake_probe import (
    CONNECTION_VARIABLES,
    Probe,
    read_probe,
)
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

_NOTHING: Variables = MappingProxyType({})
_NOT_FOR_WAKING = ("wake_trusted_sources", "wake_board")
_WAKE_ROWS = tuple(name for name in WAKE_VARIABLES if name.startswith("wake_") and name not in _NOT_FOR_WAKING)
_AMT_ROWS = tuple(name for name in WAKE_VARIABLES if name.startswith("amt_"))
_STAND_IN = Interface("", 1, b"\x02\0\0\0\0\1", True, True, False, ())


class InvalidTarget(ValueError):
    """What is wrong with one host's variables; `problems` has a sentence each, and the message has all of them."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


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
    own_methods = _own_methods(variables)
    if own_methods == ():
        return None
    values, wrong = _read(name, variables, _WAKE_ROWS, overrides)
    methods = values.get("wake_methods", own_methods or ())
    if values.get("wake_methods") == ():
        return None
    if "amt" in methods:
        wrong.update(_read(name, variables, _AMT_ROWS, overrides)[1])
    problems = list(wrong.values())
    if "wol" in methods and "wake_mac" not in values and "wake_mac" not in wrong:
        problems.append(f"host {name}: wake_methods has wol, but wake_mac is not set")
    probe = None if "wake_probe" in wrong else read_probe(name, variables, values.get("wake_probe", _NOTHING), problems)
    address = "" if wrong else _destination(name, values, probe, problems)
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
    values, wrong = _read(name, variables, wanted, overrides)
    return values, list(wrong.values())


def _read(
    name: str, variables: Variables, wanted: t.Iterable[str], overrides: Variables
) -> tuple[dict[str, t.Any], dict[str, str]]:
    values: dict[str, t.Any] = {}
    wrong: dict[str, str] = {}
    if overrides:
        variables = {variable: _given(variable, variables, overrides) for variable in wanted}
    for variable in [variable for variable in wanted if variable in variables]:
        given = variables[variable]
        if not read.is_set(given):
            continue
        try:
            values[variable] = WAKE_VARIABLES[variable].parse(read.decrypted(given))
        except read.InvalidValue as error:
            wrong[variable] = f"host {name}: {variable} {error}"
    return values, wrong


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
    override = overrides.get(variable)
    return override if read.is_set(override) else variables.get(variable)


def _own_methods(variables: Variables) -> tuple[str, ...] | None:
    """The methods that the inventory gives the host; None where they can't be read."""
    written = variables.get("wake_methods")
    if read.is_set(written):
        try:
            methods: tuple[str, ...] = WAKE_VARIABLES["wake_methods"].parse(read.decrypted(written))
        except read.InvalidValue:
            return None
        return methods
    amt = ("amt",) if read.is_set(variables.get("amt_host")) else ()
    return (*amt, "wol") if read.is_set(variables.get("wake_mac")) else amt


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
