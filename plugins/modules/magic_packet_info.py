#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: magic_packet_info
short_description: Listen for magic packets (Wake-on-LAN)
version_added: "0.1.0"
author:
  - The lightsout.wake authors (@lightsout)
description:
  - Listens for a while and reports every magic packet that reaches the host where the task runs, on whatever port, over
    IPv4, IPv6 or as a raw frame, at any position in the frame, as the network card of a sleeping machine would see it.
  - It listens below the host's own firewall, so it shows what the network lets through.
  - A frame is seen once on each interface that it passes, for example on a bridge and on the port of that bridge.
extends_documentation_fragment:
  - lightsout.wake._attributes
  - lightsout.wake._attributes.info
attributes:
  platform:
    platforms: linux
    support: full
notes:
  - Listening needs the capability C(CAP_NET_RAW), so mostly C(become).
options:
  interface:
    description:
      - The name of the interface to listen on. All of them where it is not given.
    type: str
  timeout:
    description:
      - How many seconds to listen, more than 0 and at most 86400.
    type: float
    default: 30
  count:
    description:
      - Stop after this many packets, between 1 and 100000.
    type: int
    default: 1000
  mac:
    description:
      - Report only packets that wake one of these MAC addresses, in any usual spelling.
    type: list
    elements: str
  outgoing:
    description:
      - Also report packets that this host itself sends. They are left out otherwise.
    type: bool
    default: false
  promiscuous:
    description:
      - Also receive frames that are addressed to other machines, which network cards leave out otherwise. Packets to a
        broadcast or multicast address are seen without it. Needs O(interface).
    type: bool
    default: false
seealso:
  - module: lightsout.wake.magic_packet
"""

EXAMPLES = r"""
---
- name: The next magic packet on eth0 is shown
  lightsout.wake.magic_packet_info:
    interface: eth0
    count: 1
    timeout: 60
  become: true
  register: listened

- name: A directed broadcast to this segment arrives
  lightsout.wake.magic_packet_info:
    mac:
      - "02:00:5e:00:53:01"
    count: 1
    timeout: 20
  become: true
  register: listened
  failed_when: listened.packets | length == 0
"""

RETURN = r"""
packets:
  description: The magic packets in the order in which they arrived.
  returned: success
  type: list
  elements: dict
  contains:
    mac:
      description: The MAC address that the packet wakes.
      type: str
      returned: always
      sample: "02:00:5e:00:53:01"
    source_mac:
      description: The source address of the frame, V(null) on links that have none.
      type: str
      returned: always
      sample: "02:00:5e:00:53:fe"
    destination_mac:
      description: The destination address of the frame, V(null) on links that have none.
      type: str
      returned: always
      sample: ff:ff:ff:ff:ff:ff
    source_ip:
      description: The IP address it came from, V(null) without IP.
      type: str
      returned: always
      sample: 192.0.2.10
    destination_ip:
      description: The IP address it went to, V(null) without IP.
      type: str
      returned: always
      sample: 192.0.2.255
    port:
      description: The UDP port it went to, V(null) without UDP.
      type: int
      returned: always
      sample: 9
    carrier:
      description:
        - V(udp), or V(ethernet) for a raw frame of EtherType 0x0842, or V(other).
      type: str
      returned: always
      sample: udp
    ip_version:
      description: V(4), V(6) or V(null).
      type: int
      returned: always
      sample: 4
    length:
      description:
        - What the carrier carries, in bytes. V(102) for a plain magic packet, V(106) or V(108) with a password.
        - With carrier V(other), the bytes from the beginning of the magic packet to the end of the frame.
      type: int
      returned: always
      sample: 108
    secureon:
      description: Whether a SecureOn password follows. Its value is never reported.
      type: bool
      returned: always
      sample: true
    secureon_length:
      description: The length of that password in bytes, V(0), V(4) or V(6).
      type: int
      returned: always
      sample: 6
    vlan:
      description: The VLAN of the frame, V(null) where it is not tagged.
      type: int
      returned: always
      sample: 20
    interface:
      description: The interface that saw it.
      type: str
      returned: always
      sample: eth0
    outgoing:
      description: Whether this host itself sent it.
      type: bool
      returned: always
      sample: false
    time:
      description: When it was seen, in UTC and ISO 8601.
      type: str
      returned: always
      sample: "2026-03-01T06:12:44.318Z"
elapsed:
  description: How many seconds it listened.
  returned: success
  type: float
  sample: 2.418
dropped:
  description: How many frames the kernel dropped because they came too fast. With V(0) no magic packet was missed.
  returned: success
  type: int
  sample: 0
"""

import datetime
import math
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import TaskFailure, require_linux, run
from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac, format_mac, parse_mac
from ansible_collections.lightsout.wake.plugins.module_utils._packet_listener import Capture, PacketListener

_LONGEST_TIMEOUT = 86400
_MOST_PACKETS = 100000


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "interface": {"type": "str"},
            "timeout": {"type": "float", "default": 30},
            "count": {"type": "int", "default": 1000},
            "mac": {"type": "list", "elements": "str"},
            "outgoing": {"type": "bool", "default": False},
            "promiscuous": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module, lambda: _work(module.params))


def _work(options: dict[str, t.Any]) -> dict[str, t.Any]:
    require_linux()
    _require_valid(options)
    wanted = frozenset(_mac(text) for text in options["mac"] or ())
    listener = PacketListener(options["interface"] or "", options["promiscuous"])
    began = time.monotonic()
    until = began + options["timeout"]
    captures: list[Capture] = []
    try:
        while len(captures) < options["count"]:
            capture = listener.receive(until - time.monotonic())
            if capture is None:
                break
            if (options["outgoing"] or not capture.outgoing) and (not wanted or capture.packet.mac in wanted):
                captures.append(capture)
        dropped = listener.dropped()
    finally:
        listener.close()
    return {
        "changed": False,
        "packets": [_report(capture) for capture in captures],
        "elapsed": round(time.monotonic() - began, 3),
        "dropped": dropped,
    }


def _require_valid(options: dict[str, t.Any]) -> None:
    timeout, count = options["timeout"], options["count"]
    if not (math.isfinite(timeout) and 0 < timeout <= _LONGEST_TIMEOUT):
        raise TaskFailure(f"timeout {timeout:g} is not more than 0 and at most {_LONGEST_TIMEOUT} seconds")
    if not 1 <= count <= _MOST_PACKETS:
        raise TaskFailure(f"count {count} is not between 1 and {_MOST_PACKETS}")
    if options["promiscuous"] and not options["interface"]:
        raise TaskFailure("promiscuous needs the option interface")


def _mac(text: str) -> bytes:
    try:
        return parse_mac(text)
    except InvalidMac as error:
        raise TaskFailure(f"mac {error}") from None


def _report(capture: Capture) -> dict[str, t.Any]:
    packet = capture.packet
    seen = datetime.datetime.fromtimestamp(capture.time, datetime.timezone.utc)
    return {
        "mac": format_mac(packet.mac),
        "source_mac": format_mac(packet.source_mac) or None,
        "destination_mac": format_mac(packet.destination_mac) or None,
        "source_ip": packet.source_ip or None,
        "destination_ip": packet.destination_ip or None,
        "port": packet.port,
        "carrier": packet.carrier,
        "ip_version": packet.ip_version,
        "length": packet.length,
        "secureon": packet.secureon_length > 0,
        "secureon_length": packet.secureon_length,
        "vlan": packet.vlan,
        "interface": capture.interface,
        "outgoing": capture.outgoing,
        "time": seen.strftime("%Y-%m-%dT%H:%M:%S.") + f"{seen.microsecond // 1000:03d}Z",
    }


if __name__ == "__main__":
    main()
