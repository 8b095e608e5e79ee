# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""What a probe can end in, and which end an error of the kernel means."""

from __future__ import annotations

import errno
import os
import typing as t

AWAKE = "awake"
SILENT = "silent"
REFUSED = "refused"
IMPOSTOR = "impostor"
UNKNOWN = "unknown"
UNABLE = "unable"

WEAK = "weak: "


class Outcome(t.NamedTuple):
    """The end of one probe.

    awake: seen, `proof` says how (it starts with "weak: " for ICMP and ARP). silent: nobody answered within the
    time-out. refused: a machine is up, its service is not ready. impostor: something else answers at the address.
    unknown: nothing was learned, ask again. unable: this machine can never run that probe.
    """

    state: str
    proof: str
    error: str


_SHORTAGES = {
    errno.EMFILE: "this process has no file descriptor left",
    errno.ENFILE: "this machine has no file descriptor left",
    errno.ENOBUFS: "this machine's network buffers or its neighbour table are full",
    errno.ENOMEM: "this machine has no memory left for another socket",
    errno.EAGAIN: "this machine has no local port or buffer left",
    errno.EADDRNOTAVAIL: "this machine has no local port or address left for it",
}
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EAFNOSUPPORT)


def awake(proof: str) -> Outcome:
    return Outcome(AWAKE, proof, "")


def refused(error: str) -> Outcome:
    return Outcome(REFUSED, "", error)


def impostor(error: str) -> Outcome:
    return Outcome(IMPOSTOR, "", error)


def unknown(error: str) -> Outcome:
    return Outcome(UNKNOWN, "", error)


def unable(error: str) -> Outcome:
    return Outcome(UNABLE, "", error)


def silent(place: str, timeout: float) -> Outcome:
    return Outcome(SILENT, "", f"{place} did not answer within {timeout:g} s.")


def of_own_errno(code: int, place: str) -> Outcome:
    """The end of a probe that this machine's own kernel turned down before a packet left: never silence."""
    if code == errno.ECONNREFUSED:
        return refused(f"{place} refuses the connection: the machine is up, the service is not.")
    if code in _SHORTAGES:
        return unknown(f"{place} could not be asked: {_SHORTAGES[code]}. Ask again.")
    if code in _NO_ROUTE:
        return unknown(f"{place} could not be asked: this machine has no route to it ({errno.errorcode[code]}).")
    if code in (errno.EPERM, errno.EACCES):
        return unknown(
            f"{place} could not be asked: a packet filter or routing rule of this machine forbids it "
            f"({errno.errorcode[code]})."
        )
    return unknown(f"{place} could not be asked: {os.strerror(code)}.")


def of_answered_errno(code: int, place: str) -> Outcome:
    """The end of a probe whose packets left and came back as an error.

    EHOSTUNREACH is what the kernel says when nobody answers ARP, here or at the last router: the machine is silent.
    """
    if code in (errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN):
        return Outcome(SILENT, "", f"{place} did not answer: {os.strerror(code).lower()}.")
    if code in (errno.ECONNRESET, errno.EPIPE):
        return refused(f"{place} closes the connection: the machine is up, the service is not ready.")
    return of_own_errno(code, place)
