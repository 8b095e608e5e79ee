#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: magic_packet
short_description: Send magic packets (Wake-on-LAN)
version_added: "0.1.0"
author:
  - The lightsout.wake authors (@lightsout)
description:
  - Sends Wake-on-LAN packets to one or many machines from the host where the task runs.
  - A machine receives them on its own layer-2 segment only. Run the task on a machine of that segment with
    C(delegate_to), or use O(delivery=directed) where the router of the target lets directed broadcasts pass.
  - It does not know whether anything woke up. To wake machines and see them awake, use M(lightsout.wake.wake).
extends_documentation_fragment:
  - lightsout.wake._attributes
attributes:
  check_mode:
    support: full
    details:
      - Nothing is sent. The sockets are opened and the routes looked up, so that missing privileges, interfaces and
        routes are found, and the result says what would be sent.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - A packet that was sent is a change each time. Nothing answers it, so there is no state to compare with.
        M(lightsout.wake.wake) looks first and leaves alone who is awake.
  platform:
    platforms: linux
    support: full
options:
  targets:
    description:
      - The machines to send to.
      - A malformed target stops none of the others. The task fails after the others were sent for, and names the
        target, the option and its value. The same goes for a target whose packets could not leave.
      - Exactly one of O(targets) and O(mac) is needed. The other options of one machine go with O(mac).
    type: list
    elements: dict
    suboptions:
      mac:
        description:
          - The MAC address of the machine, see O(mac). Every target needs one.
        type: str
      secureon:
        description:
          - The SecureOn password of the machine, see O(secureon).
        type: str
      delivery:
        description:
          - How the packet reaches the machine, with the values of O(delivery).
        type: str
        default: broadcast
      address:
        description:
          - The destination, see O(address).
        type: str
      subnet:
        description:
          - The subnet of the machine, see O(subnet).
        type: str
      port:
        description:
          - The UDP port, a number from 1 to 65535, see O(port).
        type: raw
        default: 9
      interface:
        description:
          - The interface to send from, see O(interface).
        type: str
  mac:
    description:
      - The MAC address of the machine to wake, with colons, dashes, Cisco dots or without separators.
      - Put it in quotes, since YAML reads some addresses as numbers.
    type: str
  secureon:
    description:
      - The SecureOn password of the machine, 4 or 6 bytes in hexadecimal with colons, dashes or nothing between.
      - It travels in clear text in every packet, so it protects against accidents and not against attackers.
      - Put it in quotes, since YAML reads some passwords as numbers.
    type: str
  delivery:
    description:
      - How the packet reaches the machine, V(broadcast) where it is not given.
      - V(broadcast) sends to 255.255.255.255 out of O(interface), or else out of every interface that has an address in
        O(subnet), or else, where that is not given either, out of every interface that is up, can broadcast and is not
        loopback. It needs no default route.
      - V(directed) sends to the broadcast address of O(subnet) or to O(address), along the routing table. Besides
        V(unicast) it is the only one that crosses routers, those that permit it.
      - V(unicast) sends to O(address), an IP address or a host name. A machine that sleeps does not answer ARP, so this
        needs a static neighbour entry at the last router or a network card that answers for the sleeper.
      - V(ethernet) sends a raw frame of EtherType 0x0842 out of the same interfaces as V(broadcast). It needs the
        capability C(CAP_NET_RAW), so mostly C(become).
      - V(ipv6) sends to C(ff02::1) out of the same interfaces as V(broadcast).
    type: str
    choices:
      - broadcast
      - directed
      - unicast
      - ethernet
      - ipv6
  address:
    description:
      - The destination.
      - With O(delivery=directed) the broadcast address of a subnet; it defaults to that of O(subnet).
      - With O(delivery=unicast) an IP address or host name, which it needs.
      - With O(delivery=ethernet) a destination MAC address; it defaults to V(ff:ff:ff:ff:ff:ff).
      - With O(delivery=ipv6) a multicast address; it defaults to V(ff02::1).
    type: str
  subnet:
    description:
      - The subnet of the machine in CIDR notation, such as V(192.0.2.0/24).
      - It picks interface and broadcast address, and lets deliveries that stay on the segment fail with a clear
        sentence where the host that sends is not on it.
    type: str
  port:
    description:
      - The UDP port, V(9) where it is not given. No network card looks at it; it matters to firewalls only.
      - Not used with O(delivery=ethernet).
    type: int
  interface:
    description:
      - The name of the interface to send from.
    type: str
  count:
    description:
      - How many packets to send for each target by each way, between 1 and 1000.
    type: int
    default: 3
  interval:
    description:
      - Seconds between the packets of a target, between 0 and 60.
    type: float
    default: 0.1
seealso:
  - module: lightsout.wake.magic_packet_info
  - module: lightsout.wake.awake_info
  - module: lightsout.wake.wake
"""

EXAMPLES = r"""
---
- name: A machine on the segment of the control node is sent for
  lightsout.wake.magic_packet:
    mac: "02:00:5e:00:53:01"
  delegate_to: localhost

- name: A machine on a routed segment is sent for, through a router that permits directed broadcast
  lightsout.wake.magic_packet:
    mac: 0200.5e00.5301
    delivery: directed
    subnet: 198.51.100.0/24
  delegate_to: localhost

- name: Two machines are sent for from a relay on their segment
  lightsout.wake.magic_packet:
    targets:
      - mac: "02:00:5e:00:53:01"
        subnet: 198.51.100.0/24
      - mac: "02-00-5E-00-53-02"
        secureon: "{{ vault_secureon }}"
        interface: eth1
        delivery: ethernet
  delegate_to: relay.example.com
  become: true
"""

RETURN = r"""
targets:
  description: What was sent, or in check mode would be sent, for each target in the order of the task.
  returned: always
  type: list
  elements: dict
  contains:
    mac:
      description: The MAC address with colons and in lower case; as it was written where it is malformed.
      type: str
      returned: always
      sample: "02:00:5e:00:53:01"
    delivery:
      description: How the packets were to reach the machine.
      type: str
      returned: always
      sample: broadcast
    error:
      description: Why nothing was sent for this target, V(null) if something was.
      type: str
      returned: always
      sample: "mac '02:00:5e:00:53' is not a MAC address such as 02:00:5e:00:53:01"
    sent:
      description: One entry for each way the packets took.
      type: list
      elements: dict
      returned: always
      contains:
        carrier:
          description: V(udp) or V(ethernet).
          type: str
          returned: always
          sample: udp
        address:
          description: The destination.
          type: str
          returned: always
          sample: 255.255.255.255
        port:
          description: The UDP port, V(null) for V(ethernet).
          type: int
          returned: always
          sample: 9
        interface:
          description: The interface that was asked for, V(null) where the routing table decides.
          type: str
          returned: always
          sample: eth0
        bytes:
          description: The length of the magic packet, V(102), or V(106) or V(108) with a SecureOn password.
          type: int
          returned: always
          sample: 102
        count:
          description: How many packets left this way. In check mode, how many would leave.
          type: int
          returned: always
          sample: 3
        errno:
          description: The name of the system's last error, V(null) if there was none.
          type: str
          returned: always
          sample: ENETUNREACH
        error:
          description: The same as a sentence.
          type: str
          returned: always
          sample: this machine has no route to 198.51.100.255 (ENETUNREACH)
packets:
  description: How many packets left in all. In check mode, how many would leave.
  returned: always
  type: int
  sample: 3
"""

import math
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import TaskFailure, require_linux, run
from ansible_collections.lightsout.wake.plugins.module_utils._delivery import DELIVERIES
from ansible_collections.lightsout.wake.plugins.module_utils._interfaces_linux import read_interfaces
from ansible_collections.lightsout.wake.plugins.module_utils._packet_batch import (
    check_all,
    consign,
    report,
    send_all,
    sentences_of,
)
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender

_MOST_ERRORS_IN_MESSAGE = 10
_MOST_PACKETS = 1000
_LONGEST_INTERVAL = 60.0

_TARGET_OPTIONS: dict[str, dict[str, t.Any]] = {
    "mac": {"type": "str"},
    "secureon": {"type": "str", "no_log": True},
    "delivery": {"type": "str", "default": "broadcast"},
    "address": {"type": "str"},
    "subnet": {"type": "str"},
    "port": {"type": "raw", "default": 9},
    "interface": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_TARGET_OPTIONS,
            "delivery": {"type": "str", "choices": list(DELIVERIES)},
            "port": {"type": "int"},
            # Within targets nothing is required or restricted here, so that one bad target does not stop the others.
            "targets": {"type": "list", "elements": "dict", "options": _TARGET_OPTIONS},
            "count": {"type": "int", "default": 3},
            "interval": {"type": "float", "default": 0.1},
        },
        required_one_of=[("targets", "mac")],
        mutually_exclusive=[("targets", option) for option in _TARGET_OPTIONS],
        supports_check_mode=True,
    )
    run(module, lambda: _work(module))


def _work(module: AnsibleModule) -> dict[str, t.Any]:
    require_linux()
    count, interval = module.params["count"], module.params["interval"]
    _require_range("count", count, 1, _MOST_PACKETS)
    _require_range("interval", interval, 0, _LONGEST_INTERVAL)
    options = module.params["targets"]
    if options is not None and not options:
        raise TaskFailure("targets is empty: there is nobody to send for")
    interfaces = read_interfaces()
    consignments = [consign(one, interfaces) for one in options or [module.params]]
    sender = PacketSender()
    try:
        if module.check_mode:
            tallies, sentences = check_all(consignments, sender, count=count)
        else:
            tallies = send_all(
                consignments, sender, count=count, interval=interval, clock=time.monotonic, sleep=time.sleep
            )
            sentences = sentences_of(tallies)
    finally:
        sender.close()
    reports = [report(*one) for one in zip(consignments, tallies, sentences)]
    for warning in dict.fromkeys(warning for one in consignments for warning in one.warnings):
        module.warn(warning)
    packets = sum(way["count"] for one in reports for way in one["sent"])
    result = {"changed": packets > 0, "packets": packets, "targets": reports}
    failures = [
        (f"targets[{position}]: " if options else "") + one["error"]
        for position, one in enumerate(reports)
        if one["error"]
    ]
    if failures:
        raise TaskFailure(_message(failures, len(reports), packets), **result)
    for one in reports:
        for way in one["sent"]:
            if way["error"]:
                module.warn(f"{one['mac']}: {way['error']}")
    return result


def _require_range(option: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise TaskFailure(f"{option} {value} is not between {least} and {most:g}")


def _message(failures: list[str], targets: int, packets: int) -> str:
    listed = "; ".join(failures[:_MOST_ERRORS_IN_MESSAGE])
    if len(failures) > _MOST_ERRORS_IN_MESSAGE:
        listed += f"; and {len(failures) - _MOST_ERRORS_IN_MESSAGE} more"
    if not packets:
        return f"no packet left this machine: {listed}"
    return f"nothing was sent for {len(failures)} of {targets} targets: {listed}"


if __name__ == "__main__":
    main()
