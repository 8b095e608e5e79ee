#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: wake
short_description: Wake a fleet and see it awake
version_added: "0.1.0"
author:
  - The lightsout.wake authors (@lightsout)
description:
  - Wakes all hosts of the play in one task, sends again until each of them is seen awake, and says what became of
    every one.
  - It runs once for the whole play. Hosts that are awake are left alone. Everything about a host, such as its MAC
    address, its relay, how it is seen to be awake and what it waits for, comes from its inventory variables, see the
    inventory guide of the collection.
  - Hosts of the control node are sent for and watched from the control node. Hosts with a C(wake_relay) are sent for
    and watched from there, over the relay's own connection. A relay needs Linux and Python, nothing else.
  - A host counts as woken when it was seen awake, never because a packet left.
extends_documentation_fragment:
  - lightsout.wake._attributes
  - lightsout.wake._attributes.action
attributes:
  action:
    support: full
  async:
    support: none
    details:
      - It prints progress while it waits. O(deadline) bounds it.
  become:
    support: none
    details:
      - On the control node it runs with the privileges of Ansible itself. On a relay it uses the privilege escalation
        of the relay's own variables, never that of the task or of another host.
  bypass_host_loop:
    support: full
  check_mode:
    support: full
    details:
      - Check mode is the preflight. It looks at every host, logs in to every relay, checks interfaces, routes and
        privileges there, sends nothing, and says for each host whether it would be woken and what would fail.
  delegation:
    support: partial
    details:
      - Use C(delegate_to=localhost). Without it Ansible evaluates the connection variables of the first host of the
        play, and one undefined variable there fails the task before it starts. Where it runs is decided by
        C(wake_relay), not by delegation.
  diff_mode:
    support: none
  idempotent:
    support: full
    details:
      - Hosts that are awake are not sent for. A host that does not come up is sent for at each run.
  platform:
    platforms: linux
    support: full
options:
  targets:
    description:
      - Names of inventory hosts to wake, or groups of them.
      - Defaults to the hosts of the play that have not failed, in batches where C(serial) is set.
    type: list
    elements: str
  methods:
    description:
      - Order of methods, in the place of every host's C(wake_methods).
    type: list
    elements: str
    choices:
      - amt
      - wol
  relay:
    description:
      - Relays in the place of every host's C(wake_relay).
    type: list
    elements: str
  delivery:
    description:
      - Delivery in the place of every host's C(wake_delivery).
    type: str
    choices:
      - broadcast
      - directed
      - unicast
      - ethernet
      - ipv6
  port:
    description:
      - UDP port in the place of every host's C(wake_port).
    type: int
  count:
    description:
      - Packets of one send, in the place of every host's C(wake_count).
    type: int
  timeout:
    description:
      - Seconds that one method may take, counted from its first send, in the place of every host's C(wake_timeout).
    type: float
  resend_interval:
    description:
      - Seconds until packets are sent again, in the place of every host's C(wake_resend_interval).
    type: float
  deadline:
    description:
      - Seconds the whole run may take. Hosts that are not awake by then are V(not_woken).
    type: float
  packets_per_second:
    description:
      - The most packets that leave one sender in a second. Storm control of switches is the limit here, the sender
        never is.
      - V(0) is no limit.
    type: float
    default: 1000
  fail_query:
    description:
      - A JMESPath expression over the result that decides whether the task fails. V(true) or a list that is not empty
        fails it. V(false), V(null) and V([]) don't. Anything else is an error.
      - A failed task ends the play for all of its hosts. The playbook C(lightsout.wake.wake) therefore fills
        the group C(wake_failed), and fails in its last play.
      - Needs the Python package C(jmespath) on the control node. A bad expression is an error before anything is sent.
    type: str
  detail:
    description:
      - With V(auto), hosts that are awake, or would be woken, are left out of RV(targets) above 1,000 hosts. V(full)
        keeps them.
    type: str
    choices:
      - auto
      - full
    default: auto
  table:
    description:
      - Prints a table of what became of the hosts when the run has ended.
    type: bool
    default: false
  report_html:
    description:
      - Writes a report as one HTML page to this file on the control node.
    type: path
  report_json:
    description:
      - Writes the result with all hosts as JSON to this file on the control node.
    type: path
  journal:
    description:
      - File on the control node that takes each verdict as it is known, one JSON object a line. It has mode 0600 and
        is removed when the run has ended, so that it tells what is known after an interruption.
      - Defaults to a file of its own for each run in C(~/.ansible/lightsout_wake).
    type: path
  batch:
    description:
      - What a relay is to do. Set by the action plugin and not meant for playbooks.
    type: str
notes:
  - Set C(gather_facts=false) in the play, since fact gathering loses every host that is off before the task runs.
  - C(when) is decided by the first host for all. To leave a host out, set C(wake_methods=[]) in the inventory.
  - C(serial) makes several runs of it. The C(free) strategy refuses it.
  - C(wake_*) and C(amt_*) variables of a play, role or task are not seen, and are an error that says so.
seealso:
  - module: lightsout.wake.magic_packet
  - module: lightsout.wake.awake_info
"""

EXAMPLES = r"""
---
- name: Wake the play's hosts and see who came up
  lightsout.wake.wake:
    timeout: 300
  delegate_to: localhost
  register: fleet

- name: Fail when a core host stayed down
  lightsout.wake.wake:
    fail_query: "targets[?verdict=='not_woken' && contains(groups, 'core')]"
  delegate_to: localhost

- name: Wake a rack within ten minutes, and write a report
  lightsout.wake.wake:
    targets:
      - rack7
    deadline: 600
    report_html: wake-rack7.html
    table: true
  delegate_to: localhost
"""

RETURN = r"""
summary:
  description: How many hosts there are of each verdict.
  returned: always
  type: dict
  sample:
    already_awake: 3
    woken: 26
    not_woken: 1
woken:
  description: Names of the hosts that were sent for and then seen awake.
  returned: always
  type: list
  elements: str
  sample:
    - web1
    - web2
failed_hosts:
  description: Names of the hosts that are not awake at the end, or in check mode of those that would fail.
  returned: always
  type: list
  elements: str
  sample:
    - db4
targets:
  description:
    - What became of each host, the worst first.
    - Hosts that are awake are left out above 1,000 hosts, unless O(detail=full).
  returned: always
  type: list
  elements: dict
  contains:
    host:
      description: Inventory name.
      type: str
      sample: db4
    groups:
      description: Groups of the host.
      type: list
      elements: str
      sample:
        - core
        - databases
    verdict:
      description:
        - V(already_awake), V(woken), V(powered_on), V(not_woken), V(blocked), V(relay_unreachable), V(invalid) or
          V(indeterminate). In check mode also V(would_wake) and V(would_fail).
      type: str
      sample: not_woken
    reason:
      description: A sentence that says why, empty for hosts that are awake.
      type: str
      sample: "not seen awake within 300 s: 192.0.2.14 port 22 did not answer"
    error_class:
      description: The kind of failure in one word, empty for hosts that are awake.
      type: str
      sample: timeout
    method:
      description: The method that was in use, empty where nothing was sent.
      type: str
      sample: wol
    relay:
      description: From where it was sent for and watched.
      type: str
      sample: controller
    wave:
      description: The wave the host belonged to, counted from 1.
      type: int
      sample: 1
    proof:
      description: How it was seen awake. Begins with C(weak) where a management engine might have answered.
      type: str
      sample: ""
    sends:
      description: How often packets were sent, each time C(wake_count) of them.
      type: int
      sample: 11
    first_sent:
      description: When the first packet left (ISO 8601, UTC), or null.
      type: str
      sample: "2026-03-01T06:00:01.102Z"
    awake_at:
      description: When it was seen awake (ISO 8601, UTC), or null.
      type: str
      sample: null
    elapsed:
      description: Seconds from the first packet to the verdict.
      type: float
      sample: 301.9
left_out:
  description: How many hosts of the play have no method of waking and were left out.
  returned: always
  type: int
  sample: 2
truncated:
  description: Whether hosts that are awake were left out of RV(targets).
  returned: always
  type: bool
  sample: false
run_started:
  description: When the run began (ISO 8601, UTC).
  returned: always
  type: str
  sample: "2026-03-01T06:00:00.000Z"
run_finished:
  description: When the run ended (ISO 8601, UTC).
  returned: always
  type: str
  sample: "2026-03-01T06:05:03.250Z"
reports:
  description: Files that were written.
  returned: when a report was asked for
  type: list
  elements: str
  sample:
    - /srv/reports/wake-rack7.html
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.outcome import run
from ansible_collections.lightsout.wake.plugins.module_utils._ansible.wake_options import wake_argument_spec
from ansible_collections.lightsout.wake.plugins.module_utils._ansible.wake_relay import start_service


def main() -> None:
    module = AnsibleModule(argument_spec=wake_argument_spec(), supports_check_mode=True)
    if not module.params["batch"]:
        module.fail_json(msg="lightsout.wake.wake runs as an action: call it by its full name in a playbook task")
    run(module, lambda: start_service(module.params["batch"]))


if __name__ == "__main__":
    main()
