# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import socket
import struct
import time
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils import _packet_listener
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import build, ethernet_frame
from ansible_collections.lightsout.wake.plugins.module_utils._packet_listener import CannotListen, PacketListener

MAC = bytes.fromhex("02005e005301")
FRAME = ethernet_frame(b"\2\0\0\0\0\1", b"\xff" * 6, build(MAC))
PACKET_HOST, PACKET_OUTGOING, PACKET_LOOPBACK = 0, 4, 5
ARPHRD_ETHER, ARPHRD_NONE = 1, 0xFFFE
SOL_PACKET, PACKET_AUXDATA = 263, 8

Answer = t.Union[tuple[bytes, list[t.Any], int, t.Any], OSError]


def frame_from(
    interface: str = "east",
    *,
    frame: bytes = FRAME,
    direction: int = PACKET_HOST,
    hardware: int = ARPHRD_ETHER,
    ancillary: t.Sequence[t.Any] = (),
) -> Answer:
    return frame, list(ancillary), 0, (interface, 0x0800, direction, hardware, b"\2\0\0\0\0\1")


class CannedSocket:
    """Hands out what was put into `answers`, then times out. Its options can be refused with `refusal`."""

    answers: t.ClassVar[list[Answer]] = []
    refusal: t.ClassVar[int] = 0
    problem_after_bind: t.ClassVar[int] = 0
    closed: t.ClassVar[int] = 0

    def __init__(self, *_arguments: t.Any) -> None:
        if self.refusal:
            raise OSError(self.refusal, "refused")

    def setsockopt(self, *_arguments: t.Any) -> None:
        pass

    def getsockopt(self, level: int, option: int, size: int = 0) -> t.Any:
        if level == socket.SOL_SOCKET:
            return self.problem_after_bind
        return struct.pack("@II", 9, 2)

    def bind(self, _address: t.Any) -> None:
        pass

    def settimeout(self, _seconds: float) -> None:
        pass

    def recvmsg(self, *_sizes: int) -> tuple[bytes, list[t.Any], int, t.Any]:
        if not self.answers:
            raise socket.timeout
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        type(self).closed += 1


@pytest.fixture(autouse=True)
def canned(monkeypatch: pytest.MonkeyPatch) -> type[CannedSocket]:
    class Fresh(CannedSocket):
        answers: t.ClassVar[list[Answer]] = []

    monkeypatch.setattr(_packet_listener.socket, "socket", Fresh)
    return Fresh


def test_a_packet_is_handed_over_with_interface_and_time(canned: type[CannedSocket]) -> None:
    canned.answers[:] = [frame_from()]
    before = time.time()
    capture = PacketListener().receive(1)
    assert capture is not None
    assert (capture.packet.mac, capture.interface, capture.outgoing) == (MAC, "east", False)
    assert before <= capture.time <= time.time()


def test_other_frames_and_looped_copies_are_passed_over(canned: type[CannedSocket]) -> None:
    canned.answers[:] = [
        frame_from("noise", frame=b"\0" * 200),
        frame_from("copy", direction=PACKET_LOOPBACK),
        frame_from("wanted", direction=PACKET_OUTGOING),
    ]
    capture = PacketListener().receive(1)
    assert capture is not None
    assert (capture.interface, capture.outgoing) == ("wanted", True)


def test_nothing_heard_is_none() -> None:
    assert PacketListener().receive(1) is None
    assert PacketListener().receive(-1) is None


def test_an_interface_may_go_down_meanwhile(canned: type[CannedSocket]) -> None:
    canned.answers[:] = [OSError(errno.ENETDOWN, "down"), frame_from()]
    assert PacketListener("east").receive(1) is not None


def test_other_errors_are_not_hidden(canned: type[CannedSocket]) -> None:
    canned.answers[:] = [OSError(errno.EIO, "broken")]
    with pytest.raises(OSError, match="broken"):
        PacketListener().receive(1)


def test_the_vlan_comes_from_the_kernel_where_it_took_the_tag_out(canned: type[CannedSocket]) -> None:
    tagged = struct.pack("@IIIHHHH", 1 << 4, 0, 0, 0, 0, 0xE014, 0x8100)
    untagged = struct.pack("@IIIHHHH", 0, 0, 0, 0, 0, 0xE014, 0x8100)
    canned.answers[:] = [
        frame_from(ancillary=[(SOL_PACKET, PACKET_AUXDATA, data)]) for data in (tagged, untagged, tagged[:8])
    ]
    listener = PacketListener()
    captures = [listener.receive(1) for _each in range(3)]
    assert [capture.packet.vlan for capture in captures if capture] == [20, None, None]


def test_a_link_without_header_begins_with_ip(canned: type[CannedSocket]) -> None:
    payload = build(MAC)
    datagram = struct.pack("!HHHH", 1, 9, 8 + len(payload), 0) + payload
    packet = (
        struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 9, 17, 0, b"\1\1\1\1", b"\2\2\2\2") + datagram
    )
    canned.answers[:] = [frame_from("tunnel", frame=packet, hardware=ARPHRD_NONE)]
    capture = PacketListener().receive(1)
    assert capture is not None
    assert (capture.packet.source_ip, capture.packet.port, capture.packet.source_mac) == ("1.1.1.1", 9, b"")


def test_dropped_frames_are_counted() -> None:
    assert PacketListener().dropped() == 2


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.EPERM, "CAP_NET_RAW"),
        (errno.ENODEV, "interface 'east' does not exist on this machine (ENODEV)"),
        (errno.EAFNOSUPPORT, "can't listen for magic packets"),
    ],
)
def test_what_stops_it_is_a_sentence(canned: type[CannedSocket], code: int, sentence: str) -> None:
    canned.refusal = code
    with pytest.raises(CannotListen) as caught:
        PacketListener("east")
    assert sentence in str(caught.value)


def test_an_interface_that_is_down_is_said_and_the_socket_closed(canned: type[CannedSocket]) -> None:
    canned.problem_after_bind = errno.ENETDOWN
    with pytest.raises(CannotListen, match="interface 'east' is down"):
        PacketListener("east")
    assert canned.closed == 1
