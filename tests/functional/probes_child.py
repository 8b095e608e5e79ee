# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Runs probes in a process of its own, so that a test can put it into a network namespace or take its privileges.

Reads a JSON list of probes from standard input and writes a JSON list of their outcomes.
"""

from __future__ import annotations

import json
import os
import sys

from ansible_collections.lightsout.wake.plugins.module_utils._probes.survey import survey
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Probe

NOBODY = 65534
# Other tests on this machine may fill the kernel's neighbour table; what ends unknown for that is asked again.
RETRIES = 3


def main() -> None:
    probes = [Probe(**{**fields, "mac": bytes.fromhex(fields["mac"])}) for fields in json.load(sys.stdin)]
    if "--as-nobody" in sys.argv:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    findings = survey(probes, RETRIES)
    json.dump([finding.outcome._asdict() for finding in findings], sys.stdout)


if __name__ == "__main__":
    main()
