# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import socket
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import arp as arp_module
from ansible_collections.lightsout.wake.plugins.module_utils._probes.arp import ArpLook
from ansible_collections.lightsout.wake.plugins.module_utils._probes.outcomes import (
    AWAKE,
    IMPOSTOR,
    SILENT,
    UNABLE,
    UNKNOWN,
    Outcome,
)
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.fake_socket import (
    FakeKernel,
    FakeSocket,
)
from ansible_collections.lightsout.wake.tests.unit.plugins.module_utils._probes.looking import SEGMENT, Room, probe

HOST = "192.0.2.17"
MAC = bytes.fromhex("02005e005301")
OTHER_MAC = bytes.fromhex("02005e0053ff")
REQUEST, REPLY = 1, 2


def arp_packet(address: str = HOST, mac: bytes = MAC, operation: int = REPLY) -> bytes:
    """RFC 826: hardware and protocol, their lengths, the operation, then sender and target."""
    head = bytes.fromhex("000108000604") + operation.to_bytes(2, "big")
    return head + mac + socket.inet_aton(address) + SEGMENT.mac + SEGMENT.source


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKernel]:
    made = FakeKernel()
    monkeypatch.setattr(arp_module, "socket", made.module)
    yield made
    made.close()


def begin(room: Room, host: str = HOST, **fields: t.Any) -> t.Any:
    return room.begin(ArpLook, probe("arp", host, **fields), SEGMENT)


def test_the_question_goes_to_everybody_on_the_segment(room: Room, kernel: FakeKernel) -> None:
    begin(room)
    family, kind, _protocol = kernel.socket.arguments
    assert (family, kind) == (socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    assert kernel.socket.bound == ("east", 0x0806)
    ((request, destination),) = kernel.socket.sent
    assert destination == ("east", 0x0806, 0, 0, b"\xff" * 6)
    assert request.hex() == "0001080006040001020000000001c0000201000000000000c0000211"


def test_the_answer_is_a_weak_proof(room: Room, kernel: FakeKernel) -> None:
    look = begin(room)
    kernel.socket.deliver(arp_packet())
    assert room.outcome(look) == Outcome(AWAKE, f"weak: ARP reply for {HOST}, MAC 02:00:5e:00:53:01", "")


@pytest.mark.parametrize(
    ("mac", "expected"),
    [
        (MAC, Outcome(AWAKE, f"weak: ARP reply for {HOST}, MAC 02:00:5e:00:53:01", "")),
        (
            OTHER_MAC,
            Outcome(
                IMPOSTOR,
                "",
                f"{HOST} is another machine: the MAC 02:00:5e:00:53:ff answers for it, not 02:00:5e:00:53:01.",
            ),
        ),
    ],
)
def test_the_mac_as_identity(room: Room, kernel: FakeKernel, mac: bytes, expected: Outcome) -> None:
    look = begin(room, mac=MAC)
    kernel.socket.deliver(arp_packet(mac=mac))
    assert room.outcome(look) == expected


@pytest.mark.parametrize(
    "data",
    [
        arp_packet("192.0.2.18"),
        arp_packet(operation=REQUEST),
        arp_packet()[:-1],
        b"",
        b"\0\6" + arp_packet()[2:],
        arp_packet()[:4] + b"\x08" + arp_packet()[5:],
    ],
    ids=("another address", "a question", "cut", "empty", "other hardware", "other length"),
)
def test_what_is_no_answer_leaves_it_silent(room: Room, kernel: FakeKernel, data: bytes) -> None:
    look = begin(room, timeout=0.1)
    kernel.socket.deliver(data)
    assert room.outcome(look) == Outcome(SILENT, "", f"{HOST} did not answer within 0.1 s.")


def test_answers_behind_others_are_found_in_one_round(room: Room, kernel: FakeKernel) -> None:
    look = begin(room)
    for data in (arp_packet("192.0.2.30"), b"junk", arp_packet("192.0.2.31")):
        kernel.socket.deliver(data)
    kernel.socket.deliver(arp_packet())
    room.watch.run(1)
    assert room.ended[look].state == AWAKE


def test_all_who_wait_for_an_address_hear_its_answer_and_others_do_not(room: Room, kernel: FakeKernel) -> None:
    first, second, other = begin(room), begin(room), begin(room, "192.0.2.18")
    kernel.socket.deliver(arp_packet())
    room.run_until(lambda: len(room.ended) == 2)
    assert set(room.ended) == {first, second}
    kernel.socket.deliver(arp_packet())
    kernel.socket.deliver(arp_packet("192.0.2.18"))
    assert room.outcome(other).state == AWAKE


def test_each_interface_has_one_socket(room: Room, kernel: FakeKernel) -> None:
    begin(room)
    begin(room, "192.0.2.18")
    assert len(kernel.sockets) == 1
    west = SEGMENT._replace(interface="west", interface_index=8)
    room.begin(ArpLook, probe("arp", "192.0.2.19"), west)
    assert [one.bound[0] for one in kernel.sockets] == ["east", "west"]
    assert [len(one.sent) for one in kernel.sockets] == [2, 1]


def test_the_question_is_repeated_until_the_end(
    room: Room, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arp_module, "_RESEND", 0.02)
    look = begin(room)
    room.run_until(lambda: len(kernel.socket.sent) >= 3)
    assert len({data for data, _destination in kernel.socket.sent}) == 1
    kernel.socket.deliver(arp_packet())
    room.outcome(look)
    assert look.channel._waiting == {}
    sent = len(kernel.socket.sent)
    room.run_for(0.06)
    assert len(kernel.socket.sent) == sent


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOBUFS, "network buffers or its neighbour table are full. Ask again."),
        (errno.ENETDOWN, "no route to it (ENETDOWN)"),
    ],
)
def test_a_question_that_does_not_leave_is_not_silence(
    room: Room, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    monkeypatch.setattr(arp_module, "_RESEND", 0.02)
    later = begin(room)
    kernel.socket.sending = [code]
    assert room.outcome(later).state == UNKNOWN
    kernel.socket.sending = [code]
    at_once = begin(room)
    assert room.ended[at_once].state == UNKNOWN
    assert words in room.ended[at_once].error
    assert room.ended[at_once].error.startswith(f"{HOST} could not be asked: ")


def test_without_the_privilege_it_says_what_to_do(room: Room, kernel: FakeKernel) -> None:
    kernel.refusals[socket.SOCK_DGRAM] = errno.EPERM
    look = begin(room)
    assert room.ended[look] == Outcome(
        UNABLE,
        "",
        "An ARP probe needs CAP_NET_RAW on the machine that probes, and this process does not have it: run it as root "
        "(become: true), or use a tcp or ssh probe.",
    )


def test_a_shortage_of_sockets_is_unknown_and_over_later(room: Room, kernel: FakeKernel) -> None:
    kernel.refusals[socket.SOCK_DGRAM] = errno.EMFILE
    look = begin(room)
    assert room.ended[look].state == UNKNOWN
    assert "no file descriptor left" in room.ended[look].error
    kernel.refusals.clear()
    again = begin(room)
    assert again not in room.ended


def test_an_interface_that_has_gone_leaves_no_socket_open(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(FakeSocket):
        def bind(self, address: t.Any) -> None:
            raise OSError(errno.ENODEV, "No such device")

    kernel = FakeKernel(Gone)
    monkeypatch.setattr(arp_module, "socket", kernel.module)
    look = begin(room)
    assert room.ended[look] == Outcome(UNKNOWN, "", f"{HOST} could not be asked: No such device.")
    assert kernel.socket.closed


def test_arp_is_for_ipv4_and_for_segments_of_our_own(room: Room, kernel: FakeKernel) -> None:
    ipv6 = begin(room, "2001:db8::11")
    elsewhere = room.begin(ArpLook, probe("arp", HOST), None)
    assert room.ended[ipv6] == Outcome(
        UNABLE, "", "2001:db8::11 is an IPv6 address: ARP is for IPv4 only, use icmp, tcp or ssh."
    )
    assert room.ended[elsewhere] == Outcome(
        UNABLE,
        "",
        f"{HOST} is on no segment of this machine, and ARP does not reach further: probe from a relay on its segment, "
        "or use tcp or ssh.",
    )
    assert kernel.sockets == []


def test_the_socket_is_closed_with_the_watch(kernel: FakeKernel) -> None:
    room = Room()
    begin(room)
    room.close()
    assert kernel.socket.closed
