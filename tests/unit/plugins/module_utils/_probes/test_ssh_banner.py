# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import socket

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import AWAKE, REFUSED, SILENT, Outcome
from ansible_collections.lightsout.wake.plugins.module_utils._probes.ssh_banner import SshBannerLook
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.packets import parse_disconnect, take_packet
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import (
    Ear,
    Room,
    closed_port,
    deaf,
    probe,
    saying,
    serving,
)


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ((b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",), "SSH-2.0-OpenSSH_9.2p1 Debian-2"),
        ((b"S", b"SH-", b"2.0-slow\r", b"\n"), "SSH-2.0-slow"),
        ((b"\r\n", b"Not SSH-2.0-this\n", b"\xff\0junk\r\nSSH-1.99-old\n"), "SSH-1.99-old"),
        ((b"SSH-2.0-\x1b[31mred\xe9\r\n",), "SSH-2.0-?[31mred?"),
        ((b"SSH-2.0-" + b"l" * 200 + b"\r\n",), "SSH-2.0-" + "l" * 72),
        ((b"SSH-2.0-x\r\n\0\0\4\xacand the key exchange",), "SSH-2.0-x"),
    ],
    ids=("whole", "slow", "after junk", "unprintable", "long", "with more"),
)
def test_banners(room: Room, pieces: tuple[bytes, ...], shown: str) -> None:
    with saying(*pieces) as port:
        outcome = room.see(SshBannerLook, probe("ssh", port=port))
    assert outcome == Outcome(AWAKE, f"ssh banner {shown!r} from 127.0.0.1:{port}", "")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b"SSH-1.5-ancient\r\n", "sent the banner 'SSH-1.5-ancient', which is not that of SSH version 2."),
        (b"SSH-2.0-" + b"l" * 248 + b"\r\n", "sent an SSH banner of more than 255 characters."),
        (b"SSH-2.0-" + b"l" * 300, "sent an SSH banner of more than 255 characters."),
        (b"\n" * 1025, "answers, but sent no SSH banner within 8192 bytes and 1024 lines."),
        (b"220 mail ready\r\n" * 600, "answers, but sent no SSH banner within 8192 bytes and 1024 lines."),
    ],
    ids=("version 1", "too long", "endless", "empty lines", "another service"),
)
def test_who_does_not_speak_ssh_is_not_ready_and_not_waited_for(room: Room, said: bytes, sentence: str) -> None:
    with saying(said) as port:
        outcome = room.see(SshBannerLook, probe("ssh", port=port))
    assert outcome == Outcome(REFUSED, "", f"127.0.0.1 port {port} {sentence}")


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-half", b"Welcome.\r\n"])
def test_hanging_up_before_the_banner(room: Room, said: bytes) -> None:
    with saying(said, hang_up=True) as port:
        outcome = room.see(SshBannerLook, probe("ssh", port=port))
    assert outcome == Outcome(
        REFUSED,
        "",
        f"127.0.0.1 port {port} accepts connections but closes them without an SSH banner: it is not ready.",
    )


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-half", b"Welcome.\r\n"])
def test_half_a_banner_is_none_however_long_it_takes(room: Room, said: bytes) -> None:
    with saying(said) as port:
        outcome = room.see(SshBannerLook, probe("ssh", port=port, timeout=0.15))
    assert outcome == Outcome(
        REFUSED, "", f"127.0.0.1 port {port} accepts connections but sent no SSH banner within 0.15 s."
    )


def test_without_a_connection_there_is_silence_or_refusal(room: Room) -> None:
    with deaf() as silent, closed_port() as closed:
        outcomes = [room.see(SshBannerLook, probe("ssh", port=port, timeout=0.1)) for port in (silent, closed)]
    assert [outcome.state for outcome in outcomes] == [SILENT, REFUSED]
    assert outcomes[0].error == f"127.0.0.1 port {silent} did not answer within 0.1 s."


def test_it_says_nothing_before_the_banner_and_takes_leave_in_order_after_it(room: Room) -> None:
    ear = Ear()

    def handle(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-x\r\n")
        ear.listen(connection)

    with serving(handle) as port:
        room.see(SshBannerLook, probe("ssh", port=port))
        ear.wait()
    identification, _newline, packet = ear.heard[0].partition(b"\r\n")
    assert identification == b"SSH-2.0-lightsout_wake"
    taken = take_packet(packet)
    assert taken is not None
    assert (parse_disconnect(taken[0]), taken[1]) == ("looked for the banner only", b"")
    assert ear.reset == [False]


def test_who_sent_no_banner_is_told_nothing_and_reset(room: Room) -> None:
    ear = Ear()
    with serving(ear.listen) as port:
        room.see(SshBannerLook, probe("ssh", port=port, timeout=0.1))
        ear.wait()
    assert (ear.heard, ear.reset) == ([b""], [True])
