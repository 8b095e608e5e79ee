# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""From the options of a task that looks at machines to probes, with sentences for what is wrong with them."""

from __future__ import annotations

import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils import _wake_values as read
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

PROBE_TYPES = ("tcp", "ssh", "winrm", "icmp", "arp")

_DEFAULT_TYPE = "tcp"
_PORTS = {"ssh": 22, "winrm": 5986, "icmp": 0, "arp": 0}
_HERE = "relay"
_TARGET_OPTIONS = ("name", "host", "port", "type", "timeout", "identity")
_IDENTITY_OPTIONS = ("host_key", "mac")
_READERS: dict[str, read.Reader] = {
    "host": read.host,
    "port": read.whole(1, 65535, "a port lies between 1 and 65535"),
    "type": read.one_of(PROBE_TYPES, "a probe's type"),
    "timeout": read.real(0.05, 60, "a timeout lies between 0.05 and 60 seconds"),
    "host_key": read.host_key,
    "mac": read.mac,
}


class InvalidProbe(ValueError):
    """A sentence that names option and value."""


def read_probe_options(options: t.Mapping[str, t.Any], default_timeout: t.Any) -> Probe:
    """The probe that the options of one target ask for. Raises InvalidProbe."""
    _require_known(options, _TARGET_OPTIONS, "")
    kind = _read(options, "type") or _DEFAULT_TYPE
    host = _read(options, "host")
    if host is None:
        raise InvalidProbe("host is missing: a target needs an address or a name to look at")
    identity = _identity_of(options.get("identity"))
    host_key = _read(identity, "host_key", "identity.")
    if host_key and kind != "ssh":
        raise InvalidProbe(f"identity.host_key is given, but type is {kind}: only type ssh can show a host key")
    return Probe(
        type=kind,
        host=host,
        port=_port_of(options, kind),
        timeout=_read(options, "timeout") or _read({"timeout": default_timeout}, "timeout"),
        origin=_HERE,
        host_key=host_key or "",
        mac=_read(identity, "mac", "identity.") or b"",
    )


def _port_of(options: t.Mapping[str, t.Any], kind: str) -> int:
    port = _read(options, "port")
    if port is None and kind == "tcp":
        raise InvalidProbe("port is missing: type tcp has no port of its own")
    if port is not None and kind in ("icmp", "arp"):
        raise InvalidProbe(f"port is {read.shown(options['port'])}, but type {kind} has no ports")
    return _PORTS[kind] if port is None else int(port)


def _identity_of(value: t.Any) -> t.Mapping[str, t.Any]:
    if not read.is_set(value):
        return {}
    try:
        identity = read.mapping(value, ", ".join(_IDENTITY_OPTIONS))
    except read.InvalidValue as error:
        raise InvalidProbe(f"identity {error}") from None
    _require_known(identity, _IDENTITY_OPTIONS, "identity.")
    return identity


def _require_known(options: t.Mapping[str, t.Any], known: tuple[str, ...], where: str) -> None:
    for option in options:
        if option not in known:
            raise InvalidProbe(f"{where}{option} is not an option, these are: {', '.join(known)}")


def _read(options: t.Mapping[str, t.Any], option: str, where: str = "") -> t.Any:
    value = options.get(option)
    if not read.is_set(value):
        return None
    try:
        return _READERS[option](value)
    except read.InvalidValue as error:
        raise InvalidProbe(f"{where}{option} {error}") from None
