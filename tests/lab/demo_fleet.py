# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""The demo's lab: thirty machines on three segments, two of which can't be woken."""

from __future__ import annotations

from lab.configuration import Configuration, Machine, Segment, Stub

NEVER_BOOTS = "workshop-07"
TAKEN = "branch-05"
FILE_SERVER = "office-files"
WAYS = {
    "office": "broadcast from the control node, which is on this segment",
    "workshop": "directed broadcast, forwarded by the router",
    "branch": "from relay branch-relay, over ssh",
}
REASONS = {
    NEVER_BOOTS: "its mainboard is dead, so it takes the packets in and never boots",
    TAKEN: "it stays off, and another machine with another host key answers at its address",
}


def configuration(name: str) -> Configuration:
    """Return the demo's lab. Boot delays are 0.5 to 3 seconds; two machines a segment are real ones with an sshd."""
    segments = (
        Segment("office", "10.66.1.0/24"),
        Segment("workshop", "10.66.2.0/24", directed_broadcast=True, variables={"wake_delivery": "directed"}),
        Segment("branch", "10.66.3.0/24", variables={"wake_relay": "branch-relay"}),
    )
    stubs = [Stub(FILE_SERVER, "office", real=True, boot_delay=1.0, variables={"wake_order": 10})]
    for segment in segments:
        first = 2 if segment.name == "office" else 1
        stubs += [_stub(segment.name, number) for number in range(first, 11)]
    return Configuration(
        name,
        segments,
        machines=(Machine("branch-relay", ("branch",)),),
        stubs=tuple(stubs),
        control=("office",),
        variables={"wake_resend_interval": 3},
    )


def _stub(segment: str, number: int) -> Stub:
    name = f"{segment}-{number:02}"
    return Stub(
        name,
        segment,
        boot_delay=0.5 + number * 7 % 10 / 3.6,
        real=number == 2 or name == TAKEN,
        never_boots=name == NEVER_BOOTS,
        impostor=name == TAKEN,
    )
