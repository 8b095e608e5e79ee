# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""What the closed loop knows of one target on its way. Pure."""

from __future__ import annotations

import typing as t

AWAKE, SILENT, REFUSED, IMPOSTOR, UNKNOWN, UNABLE = "awake", "silent", "refused", "impostor", "unknown", "unable"
FIRST_LOOK, HELD, RECHECK, WATCHING, LAST_LOOK, DONE = range(6)
NEVER = float("inf")

LOOK_GROWTH = 1.5
FIRST_LOOK_INTERVAL = 1.0  # seconds
LONGEST_LOOK_INTERVAL = 5.0  # seconds
ASK_AGAIN = 0.5  # seconds, after a look that could not tell
PACKET_SPACING = 0.1  # seconds between the packets of one send (design: wake_count)
RESEND_GROWTH = 1.5
LONGEST_RESEND_INTERVAL = 30.0  # seconds


class Job(t.NamedTuple):
    """What the loop needs to know of a target. Times are in seconds. Without methods it is only looked at."""

    methods: tuple[str, ...]
    timeout: float = 600.0
    resend_interval: float = 10.0
    packets: int = 3  # of one send


class TargetState:
    """One target in the loop. All moments and intervals are seconds of the loop's clock, -1.0 where there is none.

    ``rung`` counts the methods that were tried, ``tries`` the looks of a phase that could not tell,
    ``packets_left`` what is missing from the send that has begun, ``last`` and ``note`` keep why the
    last look and the last packet failed.
    """

    __slots__ = (
        "job", "phase", "rung", "looking", "released", "tries", "looked_at", "look_interval", "resend_interval",
        "packets_left", "burst_left", "sends", "first_sent", "expires", "started", "last", "note", "impostor",
        "next_look", "next_send", "queued",
    )  # fmt: skip

    def __init__(self, job: Job, now: float) -> None:
        self.job = job
        self.phase = FIRST_LOOK
        self.rung = 0
        self.looking = False
        self.released = False
        self.tries = 0
        self.looked_at = now
        self.look_interval = FIRST_LOOK_INTERVAL
        self.resend_interval = job.resend_interval
        self.packets_left = 0
        self.burst_left = False
        self.sends = 0
        self.first_sent = -1.0
        self.expires = -1.0
        self.started = now
        self.last = ""
        self.note = ""
        self.impostor = False
        self.next_look = NEVER
        self.next_send = NEVER
        self.queued = False

    def has_another_method(self) -> bool:
        """Whether the ladder has a rung above the present one."""
        return self.rung + 1 < len(self.job.methods)

    def begin_method(self) -> None:
        """Start the present method afresh: nothing of it was sent yet."""
        self.phase = WATCHING
        self.resend_interval = self.job.resend_interval
        self.packets_left = 0
        self.expires = -1.0

    def take_packet(self, now: float) -> None:
        """A packet of the send is handed out; sets when the next one, or the next send, is due."""
        self.packets_left -= 1
        self.next_send = now + PACKET_SPACING
        if not self.packets_left:
            self.next_send = now + self.resend_interval
            longest = max(LONGEST_RESEND_INTERVAL, self.job.resend_interval)
            self.resend_interval = min(longest, self.resend_interval * RESEND_GROWTH)

    def packet_left(self, now: float) -> None:
        """A packet has left this machine. The first one of a send counts the send."""
        if self.first_sent < 0:
            self.first_sent = now
        if not self.burst_left:
            self.burst_left = True
            self.sends += 1

    def until_next_look(self, sight: str) -> float:
        """Seconds until the next look. A stranger's sshd shuts out who comes often and never logs in."""
        if sight == UNKNOWN:
            return ASK_AGAIN
        if sight == IMPOSTOR:
            return LONGEST_LOOK_INTERVAL
        interval = self.look_interval
        self.look_interval = min(LONGEST_LOOK_INTERVAL, interval * LOOK_GROWTH)
        return interval

    def why_not(self, limit: str = "") -> tuple[str, str]:
        """Reason and error class of a target that did not come up within ``limit``, or else its time."""
        if self.first_sent < 0 and limit:
            return f"{limit} came before it was sent for", "deadline"
        if self.impostor:
            return "identity: " + self.last, "identity"
        reason = f"not seen awake within {limit or f'{self.job.timeout:g} s'}"
        if self.last:
            reason += ": " + self.last
        if self.note:
            reason += f" (sending: {self.note})"
        return reason, "timeout"
