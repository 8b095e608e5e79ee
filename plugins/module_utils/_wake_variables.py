# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""The table of inventory variables: name, default, reader, secret or not, meaning.

The reference page docs/docsite/rst/guide_inventory.rst shows the same table, and a unit test compares the two.
"""

from __future__ import annotations

import difflib
import functools
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils import _wake_values as read
from ansible_collections.lightsout.wake.plugins.module_utils._delivery import DELIVERIES

METHODS = ("amt", "wol")
PROBE_TYPES = ("tcp", "ssh", "winrm", "icmp", "arp")
ORIGINS = ("relay", "controller")
TLS_MODES = ("verify", "pin", "legacy", "none")
MOST_RELAYS = 3
DAY = 86400

# What the playbook wake takes and leaves behind, beside the variables of hosts.
_PLAYBOOK_NAMES = frozenset(
    (
        "wake_hosts",
        "wake_targets",
        "wake_deadline",
        "wake_fail_query",
        "wake_report_html",
        "wake_report_json",
        "wake_table",
        "wake_result",
        "wake_woken",
        "wake_failed",
    )
)
_ROLE_PREFIXES = ("wake_target_", "wake_firewall_", "wake_gateway_", "wake_audit_", "amt_target_")
_OUR_PREFIXES = ("wake_", "amt_")
_PROBE_KEYS = ("type", "host", "port", "timeout", "from", "identity")
_IDENTITY_KEYS = ("host_key", "mac")


class VariableRow(t.NamedTuple):
    """One variable. `default` is the value where nothing is set, or a text where it depends on other variables."""

    default: t.Any
    parse: read.Reader
    secret: bool
    meaning: str


_port = read.whole(1, 65535, "a port lies between 1 and 65535")


def _time(low: float, high: float) -> read.Reader:
    return read.real(low, high, f"it must be a number of seconds from {low:g} to {high:g}")


def _check_keys(given: t.Mapping[str, t.Any], known: t.Sequence[str], where: str) -> None:
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"perhaps {near[0]} is meant" if near else f"it has {', '.join(known)}"
            raise read.InvalidValue(f"has the unknown key {read.shown(key)}{where}: {hint}")


def _read_keys(given: t.Mapping[str, t.Any], readers: t.Mapping[str, read.Reader], where: str) -> dict[str, t.Any]:
    found = {}
    for key, value in given.items():
        if value is None or value == "":
            continue
        try:
            found[key] = readers[key](value)
        except read.InvalidValue as error:
            raise read.InvalidValue(f"has the key {where}{key}, which {error}") from None
    return found


_IDENTITY_READERS: dict[str, read.Reader] = {"host_key": read.host_key, "mac": read.mac}


def _identity(value: object) -> dict[str, t.Any]:
    given = read.mapping(value, "host_key, mac")
    _check_keys(given, _IDENTITY_KEYS, " in identity")
    return _read_keys(given, _IDENTITY_READERS, "identity.")


_PROBE_READERS: dict[str, read.Reader] = {
    "type": read.one_of(PROBE_TYPES, "a probe's type"),
    "host": read.remembered(read.host),
    "port": _port,
    "timeout": _time(0.05, 60),
    "from": read.one_of(ORIGINS, "the place a probe runs from"),
}


def _probe(value: object) -> dict[str, t.Any]:
    if isinstance(value, str) and value.strip().lower() in PROBE_TYPES:
        return {"type": value.strip().lower()}
    given = read.mapping(value, ", ".join(_PROBE_KEYS))
    _check_keys(given, _PROBE_KEYS, "")
    found = _read_keys({key: item for key, item in given.items() if key != "identity"}, _PROBE_READERS, "")
    if given.get("identity"):
        found["identity"] = _identity(given["identity"])
        if "host_key" in found["identity"] and found.get("type", "ssh") != "ssh":
            raise read.InvalidValue(f"is of type {found['type']}, but identity.host_key needs type ssh")
    return found


def _relays(value: object) -> t.Mapping[str, t.Any]:
    given = read.mapping(value, "relay name -> connection variables")
    for name, connection in given.items():
        if not isinstance(connection, t.Mapping):
            raise read.InvalidValue(f"must have a dictionary of connection variables for relay {read.shown(name)}")
    return given


def _board(value: object) -> t.Any:
    return value if isinstance(value, t.Mapping) else read.line(value)


_names = read.remembered(read.word)
_relay_list = read.list_of(_names, at_most=MOST_RELAYS, what="relays")

WAKE_VARIABLES: dict[str, VariableRow] = {
    "wake_methods": VariableRow(
        "``amt`` if ``amt_host`` is set, then ``wol`` if ``wake_mac`` is set",
        read.list_of(read.one_of(METHODS, "a method"), what="methods"),
        False,
        "Order of methods. ``[]`` leaves the host out: switches, virtual machines, hosts that must stay off.",
    ),
    "wake_mac": VariableRow(
        None,
        read.list_of(read.mac, at_least=1, what="a MAC address"),
        False,
        "One MAC address or a list, in any usual spelling and in quotes. The permanent MAC, also for bond members.",
    ),
    "wake_secureon": VariableRow(
        None, read.secureon, True, "SecureOn password of 4 or 6 bytes, in hexadecimal digits and in quotes."
    ),
    "wake_subnet": VariableRow(
        None,
        read.remembered(read.subnet),
        False,
        "The target's subnet with its prefix length. It picks the interface and the directed broadcast address, and "
        "shows that a sender is not on the segment.",
    ),
    "wake_delivery": VariableRow(
        "broadcast",
        read.one_of(DELIVERIES, "a delivery"),
        False,
        "How a magic packet gets to the NIC: ``broadcast``, ``directed``, ``unicast``, ``ethernet`` or ``ipv6``.",
    ),
    "wake_address": VariableRow(
        "from ``wake_subnet`` for ``directed``, the target's own address for ``unicast``",
        read.remembered(read.destination),
        False,
        "Where packets go to.",
    ),
    "wake_port": VariableRow(9, _port, False, "UDP port. The NIC ignores it, so any port that gets through will do."),
    "wake_interface": VariableRow(
        None, read.remembered(read.interface), False, "Interface on the relay that packets leave by."
    ),
    "wake_count": VariableRow(
        3,
        read.whole(1, 100, "a send has 1 to 100 packets"),
        False,
        "Packets of one send, 100 ms apart.",
    ),
    "wake_relay": VariableRow(
        "controller",
        _relay_list,
        False,
        "An inventory host, a group, a key of ``wake_relays``, or a list of up to three, tried in order until one can "
        "be reached. ``controller`` is the control node.",
    ),
    "wake_relays": VariableRow(
        {},
        _relays,
        True,
        "Relay name to its connection variables, for inventories in which relays are not hosts or are sliced away. "
        "It wins over the inventory.",
    ),
    "wake_probe": VariableRow(
        "``winrm`` where the connection is winrm or psrp, ``ssh`` where it is ssh, else ``tcp``",
        _probe,
        False,
        "How the target is seen to be awake: a dictionary of ``type``, ``host``, ``port``, ``timeout``, ``from`` and "
        "``identity``, or a type alone.",
    ),
    "wake_timeout": VariableRow(600, _time(0.1, DAY), False, "Seconds one method may take, from its first send on."),
    "wake_resend_interval": VariableRow(
        10, _time(0.1, 3600), False, "Seconds until packets are sent again. It grows by half each time, to 30 s."
    ),
    "wake_order": VariableRow(
        100,
        read.whole(-1000000, 1000000, "an order is a whole number from -1000000 to 1000000"),
        False,
        "Lower first: a barrier between orders within one ``wake_power_domain``.",
    ),
    "wake_after": VariableRow(
        [],
        read.list_of(_names, what="names"),
        False,
        "Hosts or groups that must be awake before this host is sent for. Outside the run they are probed, never "
        "woken.",
    ),
    "wake_power_domain": VariableRow(
        "all",
        read.remembered(read.line),
        False,
        "Site, room or feed. Order, weight and stagger count within it, so one slow site holds up no other.",
    ),
    "wake_weight": VariableRow(
        1, read.real(0, 1e9, "a weight is a number from 0 on"), False, "The host's share of the inrush budget."
    ),
    "wake_max_weight": VariableRow(
        0,
        read.real(0, 1e9, "the most weight is a number from 0 (no limit) on"),
        False,
        "The most weight that is sent for and not yet awake in a power domain. 0 means no limit.",
    ),
    "wake_stagger": VariableRow(0, _time(0, 3600), False, "Seconds between two sends in a power domain."),
    "wake_trusted_sources": VariableRow(
        None,
        read.list_of(read.source, what="sources"),
        False,
        "Addresses or networks that may send magic packets. Unset: the firewall role fails and says so. ``[]``: "
        "nobody.",
    ),
    "wake_board": VariableRow(None, _board, False, "Vendor and model, written by the playbook ``harvest``."),
    "amt_host": VariableRow(None, read.remembered(read.host), False, "Address or name of the AMT endpoint."),
    "amt_port": VariableRow("16993, or 16992 with ``amt_tls: none``", _port, False, "TCP port of the AMT endpoint."),
    "amt_user": VariableRow("admin", read.remembered(read.line), False, "AMT user."),
    "amt_password": VariableRow(None, read.secret, True, "Password of the AMT user."),
    "amt_relay": VariableRow(
        "the value of ``wake_relay``",
        _relay_list,
        False,
        "From where AMT is spoken to. It takes the same values as ``wake_relay``.",
    ),
    "amt_tls": VariableRow(
        "verify",
        read.one_of(TLS_MODES, "a TLS mode"),
        False,
        "``verify`` (by CA), ``pin`` (by fingerprint), ``legacy`` (AMT 11 and older) or ``none`` (plain, port 16992).",
    ),
    "amt_ca_path": VariableRow(None, read.line, False, "File with the CA certificates that ``verify`` trusts."),
    "amt_fingerprint": VariableRow(
        None, read.certificate, False, "SHA-256 fingerprint of the endpoint's certificate, for ``pin``."
    ),
    "amt_client_cert": VariableRow(None, read.line, False, "Client certificate file for mutual TLS."),
    "amt_client_key": VariableRow(None, read.line, False, "Key file of the client certificate."),
}
_OWN_VARIABLES = frozenset(WAKE_VARIABLES)


def own_variables() -> frozenset[str]:
    """Every ``wake_*`` and ``amt_*`` name that the collection reads."""
    return _OWN_VARIABLES


def unknown_variables(variables: t.Iterable[str]) -> list[str]:
    """The ``wake_*`` and ``amt_*`` names among the variables that nothing reads, with the nearest known name.

    Names that belong to playbooks and roles of the collection are not among them.
    """
    return [_with_nearest(str(name)) for name in sorted(filter(_is_unknown, variables))]


def _is_unknown(name: str) -> bool:
    return (
        name.startswith(_OUR_PREFIXES)
        and name not in _OWN_VARIABLES
        and name not in _PLAYBOOK_NAMES
        and not name.startswith(_ROLE_PREFIXES)
    )


@functools.lru_cache(maxsize=1024)
def _with_nearest(name: str) -> str:
    near = difflib.get_close_matches(name, _OWN_VARIABLES, n=1, cutoff=0.75)
    return f"{name} (perhaps {near[0]} is meant)" if near else name
