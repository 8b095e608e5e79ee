# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""Writes a lab's inventory: readable YAML for people, JSON behind a script for thousands of hosts."""

from __future__ import annotations

import collections.abc
import json
import os
import re
import shutil
import typing as t

from lab import keys
from lab.configuration import Machine, Segment, Stub
from lab.layout import Layout

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_RESERVED = {"yes", "no", "on", "off", "true", "false", "null", "none", "y", "n"}
_LARGE = 500
Variables = dict[str, t.Any]


def write(layout: Layout) -> str:
    """Write inventory.yml, and from 500 hosts on a script instead. Return the path for -i."""
    if len(layout.configuration.stubs) < _LARGE:
        path = layout.path("inventory.yml")
        with open(path, "w", encoding="utf-8") as inventory:
            inventory.write("---\n" + "".join(_yaml(_tree(layout), 0)))
        return path
    with open(layout.path("inventory.json"), "w", encoding="utf-8") as inventory:
        json.dump(_script_output(layout), inventory)
    path = layout.path("inventory.sh")
    with open(path, "w", encoding="utf-8") as script:
        script.write('#!/bin/sh\nexec cat "$(dirname "$0")/inventory.json"\n')
    os.chmod(path, 0o700)
    return path


def path(layout: Layout) -> str:
    """Return the path that write() returned."""
    return layout.path("inventory.yml" if len(layout.configuration.stubs) < _LARGE else "inventory.sh")


def _tree(layout: Layout) -> Variables:
    groups: Variables = {}
    for segment in layout.configuration.segments:
        hosts = {s.name: _stub_variables(layout, s) for s in layout.configuration.stubs if s.segment == segment.name}
        if hosts:
            groups[_group(segment)] = {"vars": _segment_variables(segment), "hosts": hosts}
    children: Variables = {"targets": {"children": groups}}
    if layout.configuration.machines:
        relays = {m.name: _machine_variables(layout, m) for m in layout.configuration.machines}
        children["relays"] = {"vars": {"wake_methods": []}, "hosts": relays}
    return {"all": {"vars": _common_variables(layout), "children": children}}


def _script_output(layout: Layout) -> Variables:
    everything = _tree(layout)["all"]
    output: Variables = {"_meta": {"hostvars": {}}, "all": {"vars": everything["vars"], "children": []}}
    groups = dict(everything["children"])
    output["targets"] = {"children": list(groups["targets"]["children"])}
    output["all"]["children"] = list(groups)
    groups |= groups.pop("targets")["children"]
    for name, group in groups.items():
        output[name] = {"hosts": list(group["hosts"]), "vars": group["vars"]}
        output["_meta"]["hostvars"] |= group["hosts"]
    return output


def _common_variables(layout: Layout) -> Variables:
    return {
        "ansible_user": "root",
        "ansible_port": 22,
        "ansible_ssh_private_key_file": layout.path("keys", "client"),
        "ansible_ssh_common_args": f"-F {layout.path('ssh_config')}",
        "ansible_control_path_dir": layout.path("cp"),
        "ansible_python_interpreter": shutil.which("python3", path="/usr/bin:/usr/local/bin") or "/usr/bin/python3",
        **layout.configuration.variables,
    }


def _group(segment: Segment) -> str:
    return "segment_" + segment.name.replace("-", "_")


def _segment_variables(segment: Segment) -> Variables:
    return {"wake_subnet": segment.subnet, **segment.variables}


def _stub_variables(layout: Layout, stub: Stub) -> Variables:
    variables: Variables = {"ansible_host": stub.address, "wake_mac": stub.inventory_mac or stub.mac}
    secureon = stub.inventory_secureon or stub.secureon
    if secureon:
        variables["wake_secureon"] = secureon
    if stub.real or stub.impostor:
        variables["wake_probe"] = {"type": "ssh", "identity": {"host_key": keys.fingerprint(layout, stub.name)}}
    return {**variables, **stub.variables}


def _machine_variables(layout: Layout, machine: Machine) -> Variables:
    address = layout.configuration.address_of(machine.name, machine.segments[0]).ip
    variables: Variables = {"ansible_host": str(address)}
    if machine.jump:
        arguments = f"-F {layout.path('ssh_config')} -o ProxyJump={machine.jump}"
        variables["ansible_ssh_common_args"] = arguments
    return {**variables, **machine.variables}


def _yaml(value: Variables, depth: int) -> collections.abc.Iterator[str]:
    indent = "  " * depth
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield f"{indent}{key}:\n"
            yield from _yaml(item, depth + 1)
        else:
            yield f"{indent}{key}: {_scalar(item)}\n"


def _scalar(value: t.Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value)
