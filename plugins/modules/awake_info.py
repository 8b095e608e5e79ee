#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: awake_info
short_description: See which machines are awake
version_added: "0.1.0"
author:
  - The lightsout.wake authors (@lightsout)
description:
  - Looks at one or many machines at once from the host where the task runs, and says of each whether it is awake and
    how that is known. Nobody logs in.
  - Thousands of machines take one task. No more of them are looked at in the same moment than the neighbour table of
    the kernel bears, so that none that is awake is missed.
  - A lack of the host itself, such as of file descriptors, network buffers or routes, is never taken for a machine that
    sleeps. It gives the state V(unknown).
extends_documentation_fragment:
  - lightsout.wake._attributes
  - lightsout.wake._attributes.info
attributes:
  platform:
    platforms: linux
    support: full
options:
  targets:
    description:
      - The machines to look at.
      - A malformed target stops none of the others. The task fails after the others were looked at, and names the
        target, the option and its value.
      - Exactly one of O(targets) and O(host) is needed. The other options of one machine go with O(host).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - What the result calls the machine, O(targets[].host) where it is not given.
        type: str
      host:
        description:
          - An IP address or a host name. Every target needs one.
        type: str
      port:
        description:
          - The TCP port, see O(port).
        type: raw
      type:
        description:
          - How to look, with the values of O(type).
        type: str
        default: tcp
      timeout:
        description:
          - How many seconds to wait for an answer, O(timeout) where it is not given.
        type: raw
      identity:
        description:
          - What shows that the machine is the one that is meant, see O(identity).
        type: raw
  host:
    description:
      - The IP address or host name of the machine to look at. A name is resolved on the host where the task runs.
    type: str
  port:
    description:
      - The TCP port. O(type=tcp) needs one. It is V(22) with O(type=ssh) and V(5986) with O(type=winrm) where it is not
        given.
    type: int
  type:
    description:
      - How to look, V(tcp) where it is not given.
      - V(tcp) connects to a port.
      - V(ssh) waits for the banner of an SSH server, and checks its host key where O(identity) has a fingerprint.
      - V(winrm) asks a WinRM endpoint which authentication it takes, without TLS on the ports 5985 and 80, with TLS on
        all others, and without TLS again where TLS fails. No certificate is checked, since nothing secret is sent.
      - V(icmp) sends an echo request. It needs the capability C(CAP_NET_RAW) or a group within
        C(net.ipv4.ping_group_range).
      - V(arp) asks for the MAC address on the segment of the host. It needs the capability C(CAP_NET_RAW), so mostly
        C(become).
      - V(icmp) and V(arp) are weak. Management engines and network cards answer them for machines that sleep.
    type: str
    choices:
      - tcp
      - ssh
      - winrm
      - icmp
      - arp
  identity:
    description:
      - What shows that the machine that answers is the one that is meant, and not another at an address that is used
        again. Something else that answers gives the state V(unknown).
    type: dict
    suboptions:
      host_key:
        description:
          - The SHA-256 fingerprint of one of its SSH host keys, as C(ssh-keygen -l) prints it, for O(type=ssh).
          - The server proves by a key exchange that it holds the private key. Keys of the types Ed25519, ECDSA with
            NIST P-256, and RSA are known. Each type that does not match takes a connection of its own.
        type: str
      mac:
        description:
          - The MAC address that answers on link. It is seen from a host on the same segment only.
        type: str
  timeout:
    description:
      - How many seconds to wait for an answer, between 0.05 and 60.
    type: float
    default: 2
  retries:
    description:
      - How often to look again, one second later, where nothing was learned for a lack of the host itself, between 0
        and 10.
    type: int
    default: 1
seealso:
  - module: lightsout.wake.wake
  - module: lightsout.wake.magic_packet
  - module: ansible.builtin.wait_for
"""

EXAMPLES = r"""
---
- name: It is known whether one server is awake
  lightsout.wake.awake_info:
    host: 192.0.2.17
    type: ssh
    identity:
      host_key: SHA256:uNiVztksCsDhcc0u9e8BrrJ2bA2wDm4kPvYlS1uQ0dQ
  delegate_to: localhost
  register: look

- name: Several machines are looked at in one task
  lightsout.wake.awake_info:
    targets:
      - name: db1
        host: 192.0.2.17
        type: ssh
        identity:
          host_key: SHA256:uNiVztksCsDhcc0u9e8BrrJ2bA2wDm4kPvYlS1uQ0dQ
      - name: web1
        host: web1.example.com
        port: 443
      - name: files1
        host: files1.example.com
        type: winrm
        port: 5985
        timeout: 5
  delegate_to: localhost
  register: fleet

- name: Those asleep are named
  ansible.builtin.debug:
    msg: "{{ fleet.targets | selectattr('state', 'eq', 'asleep') | map(attribute='name') }}"
"""

RETURN = r"""
targets:
  description: One entry for each machine, in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name from the task, or else the host.
      type: str
      returned: always
      sample: db1
    state:
      description:
        - V(awake) if it was seen, V(asleep) if nothing answered until the time-out, else V(unknown).
        - V(unknown) is also said of a machine that refuses the connection or is not ready, and of an address at which
          another machine answers. RV(targets[].error) tells them apart.
      type: str
      returned: always
      sample: awake
    probe:
      description: How it was looked at, V(null) for a malformed target.
      type: str
      returned: always
      sample: ssh
    proof:
      description: What was seen. It starts with C(weak) for ICMP and ARP. V(null) unless awake.
      type: str
      returned: always
      sample: ssh host key SHA256:uNiVztksCsDhcc0u9e8BrrJ2bA2wDm4kPvYlS1uQ0dQ (ssh-ed25519) at 192.0.2.17:22
    error:
      description: Why it is not known to be awake. V(null) if it is awake.
      type: str
      returned: always
      sample: 192.0.2.18 port 22 did not answer within 2 s.
    elapsed:
      description: How many seconds after the start of the task this was known.
      type: float
      returned: always
      sample: 0.012
summary:
  description: How many machines are in which state.
  returned: always
  type: dict
  contains:
    awake:
      description: Seen awake.
      type: int
      returned: always
      sample: 118
    asleep:
      description: Nothing answered.
      type: int
      returned: always
      sample: 3
    unknown:
      description: Neither is known.
      type: int
      returned: always
      sample: 1
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import TaskFailure, require_linux, run
from ansible_collections.lightsout.wake.plugins.module_utils._probes.options import (
    PROBE_TYPES,
    InvalidProbe,
    read_probe_options,
)
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import AWAKE, SILENT
from ansible_collections.lightsout.wake.plugins.module_utils._probes.survey import Finding, survey
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

_MOST_ERRORS_IN_MESSAGE = 10
_MOST_RETRIES = 10
_STATES = {AWAKE: "awake", SILENT: "asleep"}
_OF_ONE = ("host", "port", "type", "identity")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            # Within targets nothing is required or restricted here, so that one bad target does not stop the others.
            "targets": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str"},
                    "host": {"type": "str"},
                    "port": {"type": "raw"},
                    "type": {"type": "str", "default": "tcp"},
                    "timeout": {"type": "raw"},
                    "identity": {"type": "raw"},
                },
            },
            "host": {"type": "str"},
            "port": {"type": "int"},
            "type": {"type": "str", "choices": list(PROBE_TYPES)},
            "identity": {
                "type": "dict",
                "options": {"host_key": {"type": "str", "no_log": False}, "mac": {"type": "str"}},
            },
            "timeout": {"type": "float", "default": 2},
            "retries": {"type": "int", "default": 1},
        },
        required_one_of=[("targets", "host")],
        mutually_exclusive=[("targets", option) for option in _OF_ONE],
        supports_check_mode=True,
    )
    run(module, lambda: _work(module.params))


def _work(options: dict[str, t.Any]) -> dict[str, t.Any]:
    require_linux()
    if not 0 <= options["retries"] <= _MOST_RETRIES:
        raise TaskFailure(f"retries {options['retries']} is not between 0 and {_MOST_RETRIES}")
    listed = options["targets"]
    if listed is not None and not listed:
        raise TaskFailure("targets is empty: there is nobody to look at")
    written = listed or [{option: options[option] for option in _OF_ONE}]
    asked = [_read(one, options["timeout"]) for one in written]
    probes = [one for one in asked if isinstance(one, Probe)]
    findings = iter(survey(probes, options["retries"]))
    targets, failures = [], []
    for position, (one, read) in enumerate(zip(written, asked)):
        if isinstance(read, Probe):
            targets.append(_report(str(one.get("name") or read.host), read, next(findings)))
        else:
            failures.append((f"targets[{position}]: " if listed else "") + read)
            targets.append(_malformed(one, read))
    states = [target["state"] for target in targets]
    summary = {state: states.count(state) for state in ("awake", "asleep", "unknown")}
    result = {"changed": False, "targets": targets, "summary": summary}
    if failures:
        raise TaskFailure(_message(failures, len(targets)), **result)
    return result


def _read(written: dict[str, t.Any], timeout: float) -> Probe | str:
    try:
        return read_probe_options(written, timeout)
    except InvalidProbe as error:
        return str(error)


def _report(name: str, probe: Probe, finding: Finding) -> dict[str, t.Any]:
    outcome = finding.outcome
    return {
        "name": name,
        "state": _STATES.get(outcome.state, "unknown"),
        "probe": probe.type,
        "proof": outcome.proof or None,
        "error": outcome.error or None,
        "elapsed": round(finding.elapsed, 3),
    }


def _malformed(written: dict[str, t.Any], error: str) -> dict[str, t.Any]:
    name = written.get("name") or written.get("host") or ""
    return {"name": str(name), "state": "unknown", "probe": None, "proof": None, "error": error, "elapsed": 0.0}


def _message(failures: list[str], targets: int) -> str:
    listed = "; ".join(failures[:_MOST_ERRORS_IN_MESSAGE])
    if len(failures) > _MOST_ERRORS_IN_MESSAGE:
        listed += f"; and {len(failures) - _MOST_ERRORS_IN_MESSAGE} more"
    return f"{len(failures)} of {targets} targets could not be looked at: {listed}"


if __name__ == "__main__":
    main()
