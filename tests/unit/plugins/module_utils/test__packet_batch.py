# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import ipaddress
import typing as t
from collections.abc import Sequence

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._delivery import Route
from ansible_collections.lightsout.wake.plugins.module_utils._interface import Interface
from ansible_collections.lightsout.wake.plugins.module_utils._packet_batch import (
    check_all,
    consign,
    report,
    send_all,
    sentences_of,
)
from ansible_collections.lightsout.wake.plugins.module_utils._packet_senders import PacketSender

MAC = "02:00:5e:00:53:01"


def interface(name: str, address: str) -> Interface:
    return Interface(name, 2, b"\2\0\0\0\0\1", True, True, False, (ipaddress.IPv4Interface(address),))


MACHINE = (interface("east", "192.0.2.10/24"), interface("west", "198.51.100.10/24"))


class Recorder(PacketSender):
    """Sends nothing. Interfaces in `broken` answer with an errno."""

    def __init__(self, **broken: int) -> None:
        super().__init__()
        self.broken = broken
        self.sent: list[tuple[str, int]] = []

    def send(self, route: Route, payloads: Sequence[bytes]) -> list[int]:
        self.sent.extend((route.interface, len(payload)) for payload in payloads)
        return [self.broken.get(route.interface, 0)] * len(payloads)

    def check(self, route: Route) -> str:
        return "no way" if route.interface in self.broken else ""


class Clock:
    """Time passes only in sleep()."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(round(seconds, 6))
        self.now += seconds


def test_one_target_leaves_by_every_interface_in_rounds() -> None:
    sender, clock = Recorder(), Clock()
    consignments = [consign({"mac": MAC}, MACHINE)]
    tallies = send_all(consignments, sender, count=3, interval=0.1, clock=clock, sleep=clock.sleep)
    assert sender.sent == [("east", 102), ("west", 102)] * 3
    assert clock.sleeps == [0.1, 0.1]
    assert [tally.left for tally in tallies[0]] == [3, 3]


def test_a_failing_interface_does_not_stop_the_other_one() -> None:
    sender, clock = Recorder(east=errno.ENETUNREACH), Clock()
    consignment = consign({"mac": MAC}, MACHINE)
    tallies = send_all([consignment], sender, count=2, interval=0, clock=clock, sleep=clock.sleep)
    result = report(consignment, tallies[0], sentences_of(tallies)[0])
    assert result["error"] is None
    assert [(way["interface"], way["count"], way["errno"]) for way in result["sent"]] == [
        ("east", 0, "ENETUNREACH"),
        ("west", 2, None),
    ]
    assert "no route" in result["sent"][0]["error"]


def test_a_target_of_which_nothing_left_has_an_error() -> None:
    sender, clock = Recorder(east=errno.ENETDOWN), Clock()
    consignment = consign({"mac": MAC, "subnet": "192.0.2.0/24"}, MACHINE)
    tallies = send_all([consignment], sender, count=2, interval=0, clock=clock, sleep=clock.sleep)
    assert report(consignment, tallies[0], sentences_of(tallies)[0])["error"] == (
        "interface east is down on this machine (ENETDOWN)"
    )


def test_a_check_sends_nothing_and_tells_what_would_leave() -> None:
    sender = Recorder(west=errno.EPERM)
    consignments = [consign({"mac": MAC, "secureon": "01:02:03:04"}, MACHINE), consign({"mac": "x"}, MACHINE)]
    tallies, sentences = check_all(consignments, sender, count=3)
    results = [report(*one) for one in zip(consignments, tallies, sentences)]
    assert sender.sent == []
    assert [(way["count"], way["bytes"], way["error"]) for way in results[0]["sent"]] == [
        (3, 106, None),
        (0, 106, "no way"),
    ]
    assert results[1]["sent"] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "mac is missing"),
        ({"mac": None}, "mac is missing"),
        ({"mac": "02:00"}, "mac '02:00' is not a MAC address"),
        ({"mac": MAC, "port": "nine"}, "port 'nine'"),
        ({"mac": MAC, "port": 0}, "port 0"),
        ({"mac": MAC, "port": -1}, "port -1"),
        ({"mac": MAC, "port": 70000}, "port 70000"),
        ({"mac": MAC, "port": True}, "port True"),
        ({"mac": MAC, "port": 9.5}, "port 9.5"),
        ({"mac": MAC, "delivery": "pigeon"}, "delivery 'pigeon'"),
        ({"mac": MAC, "subnet": "here"}, "subnet 'here'"),
        ({"mac": MAC, "interface": "north"}, "interface 'north'"),
        ({"mac": MAC, "delivery": "directed", "address": "1.2.3"}, "address '1.2.3'"),
    ],
)
def test_a_malformed_option_is_named_with_its_value(options: dict[str, t.Any], sentence: str) -> None:
    consignment = consign(options, MACHINE)
    assert sentence in consignment.error
    assert consignment.routes == ()


def test_a_malformed_password_is_not_shown() -> None:
    error = consign({"mac": MAC, "secureon": "hunter2"}, MACHINE).error
    assert error.startswith("secureon: ")
    assert "hunter2" not in error


def test_a_password_is_in_no_text_made_of_a_consignment() -> None:
    consignment = consign({"mac": MAC, "secureon": "c0ffee11"}, MACHINE)
    assert consignment.payload.endswith(bytes.fromhex("c0ffee11"))
    assert "xc0" not in repr(consignment)
    assert "payload" not in repr(consignment)


def test_numbers_in_strings_and_blank_options_are_understood() -> None:
    consignment = consign({"mac": f" {MAC} ", "port": "4343", "subnet": "", "interface": "east"}, MACHINE)
    assert [(route.port, route.interface) for route in consignment.routes] == [(4343, "east")]
