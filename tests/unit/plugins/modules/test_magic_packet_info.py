# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import errno
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._captured_frame import CapturedPacket
from ansible_collections.lightsout.wake.plugins.module_utils._packet_listener import CannotListen, Capture
from ansible_collections.lightsout.wake.plugins.modules import magic_packet_info
from ansible_collections.lightsout.wake.tests.unit.plugins.modules.module_run import Result, run_module

MAC, OTHER_MAC = bytes.fromhex("02005e005301"), bytes.fromhex("02005e005302")
UDP = CapturedPacket(
    mac=MAC,
    secureon_length=6,
    carrier="udp",
    length=108,
    source_mac=bytes.fromhex("02005e0053fe"),
    destination_mac=b"\xff" * 6,
    vlan=20,
    ip_version=4,
    source_ip="192.0.2.10",
    destination_ip="192.0.2.255",
    port=9,
)


def capture(packet: CapturedPacket = UDP, outgoing: bool = False, time: float = 1772345564.3189) -> Capture:
    return Capture(packet, "east", outgoing, time)


class Ear:
    """Stands for the listener and the clock: hears one of `captures` each half second."""

    def __init__(self) -> None:
        self.captures: list[Capture] = []
        self.opened: list[tuple[str, bool]] = []
        self.waits: list[float] = []
        self.refusal: Exception | None = None
        self.is_open = False
        self.now = 100.0

    def open(self, interface: str = "", promiscuous: bool = False) -> Ear:
        if self.refusal is not None:
            raise self.refusal
        self.opened.append((interface, promiscuous))
        self.is_open = True
        return self

    def receive(self, wait: float) -> Capture | None:
        self.waits.append(wait)
        if not self.captures or wait < 0.5:
            self.now += max(0.0, wait)
            return None
        self.now += 0.5
        return self.captures.pop(0)

    def dropped(self) -> int:
        assert self.is_open
        return 4

    def close(self) -> None:
        self.is_open = False

    def clock(self) -> float:
        return self.now


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    made = Ear()
    monkeypatch.setattr(magic_packet_info, "PacketListener", made.open)
    monkeypatch.setattr(magic_packet_info.time, "monotonic", made.clock)
    return made


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, ear: Ear) -> t.Callable[..., Result]:
    def run(**options: t.Any) -> Result:
        return run_module(monkeypatch, magic_packet_info.main, **options)

    return run


def test_a_packet_is_reported_in_full(ear: Ear, call: t.Callable[..., Result]) -> None:
    ear.captures = [capture()]
    assert call(count=1) == Result(
        False,
        {
            "changed": False,
            "packets": [
                {
                    "mac": "02:00:5e:00:53:01",
                    "source_mac": "02:00:5e:00:53:fe",
                    "destination_mac": "ff:ff:ff:ff:ff:ff",
                    "source_ip": "192.0.2.10",
                    "destination_ip": "192.0.2.255",
                    "port": 9,
                    "carrier": "udp",
                    "ip_version": 4,
                    "length": 108,
                    "secureon": True,
                    "secureon_length": 6,
                    "vlan": 20,
                    "interface": "east",
                    "outgoing": False,
                    "time": "2026-03-01T06:12:44.318Z",
                }
            ],
            "elapsed": 0.5,
            "dropped": 4,
        },
        [],
    )
    assert ear.opened == [("", False)]
    assert not ear.is_open


def test_what_a_carrier_does_not_have_is_null(ear: Ear, call: t.Callable[..., Result]) -> None:
    ear.captures = [capture(CapturedPacket(MAC, 0, "other", 102), time=1772345564.0)]
    (packet,) = call(count=1).values["packets"]
    absent = ("source_mac", "destination_mac", "source_ip", "destination_ip", "port", "ip_version", "vlan")
    assert [packet[name] for name in absent] == [None] * len(absent)
    assert (packet["secureon"], packet["secureon_length"]) == (False, 0)
    assert packet["time"] == "2026-03-01T06:12:44.000Z"


def test_nothing_heard_is_no_failure_and_takes_the_whole_time(ear: Ear, call: t.Callable[..., Result]) -> None:
    result = call(timeout=2.5)
    assert (result.failed, result.values["packets"], result.values["elapsed"]) == (False, [], 2.5)
    assert ear.waits == [2.5]
    assert not ear.is_open


def test_the_time_that_is_left_shrinks_with_every_packet(ear: Ear, call: t.Callable[..., Result]) -> None:
    ear.captures = [capture()] * 10
    result = call(timeout=1.75)
    assert ear.waits == [1.75, 1.25, 0.75, 0.25]
    assert (len(result.values["packets"]), result.values["elapsed"]) == (3, 1.75)


def test_it_listens_thirty_seconds_if_not_told_otherwise(ear: Ear, call: t.Callable[..., Result]) -> None:
    assert call().values["elapsed"] == 30
    assert ear.waits == [30.0]


def test_only_wanted_packets_count(ear: Ear, call: t.Callable[..., Result]) -> None:
    other = capture(UDP._replace(mac=OTHER_MAC))
    ear.captures = [capture(), other, capture(), other, other]
    result = call(count=2, mac=["0200-5E00-5302", "02:00:5e:00:53:99"])
    assert [one["mac"] for one in result.values["packets"]] == ["02:00:5e:00:53:02"] * 2
    assert len(ear.captures) == 1


def test_an_empty_list_of_macs_wants_all(ear: Ear, call: t.Callable[..., Result]) -> None:
    ear.captures = [capture()]
    assert len(call(count=1, mac=[]).values["packets"]) == 1


@pytest.mark.parametrize(("wanted", "seen"), [(False, [False]), (True, [True, False])])
def test_packets_of_this_host_itself(ear: Ear, call: t.Callable[..., Result], wanted: bool, seen: list[bool]) -> None:
    ear.captures = [capture(outgoing=True), capture()]
    result = call(timeout=3, outgoing=wanted)
    assert [one["outgoing"] for one in result.values["packets"]] == seen


def test_interface_and_promiscuous_reach_the_listener(ear: Ear, call: t.Callable[..., Result]) -> None:
    call(interface="east", promiscuous=True, timeout=1)
    call(interface="west", timeout=1)
    assert ear.opened == [("east", True), ("west", False)]


def test_check_mode_listens_all_the_same(ear: Ear, call: t.Callable[..., Result]) -> None:
    ear.captures = [capture()]
    result = call(count=1, check_mode=True)
    assert (len(result.values["packets"]), result.values["changed"]) == (1, False)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"timeout": 0}, "timeout 0 is not more than 0 and at most 86400 seconds"),
        ({"timeout": -1}, "timeout -1 is not more than 0"),
        ({"timeout": 86401}, "timeout 86401 is not more than 0 and at most 86400 seconds"),
        ({"timeout": "inf"}, "timeout inf is not more than 0"),
        ({"count": 0}, "count 0 is not between 1 and 100000"),
        ({"count": 100001}, "count 100001 is not between 1 and 100000"),
        ({"promiscuous": True}, "promiscuous needs the option interface"),
        ({"mac": ["02:00:5e:00:53:01", "x"]}, "mac 'x' is not a MAC address"),
    ],
)
def test_wrong_options_are_said_before_anything_is_opened(
    ear: Ear, call: t.Callable[..., Result], options: dict[str, t.Any], sentence: str
) -> None:
    assert call(**options).message.startswith(sentence)
    assert ear.opened == []


@pytest.mark.parametrize("options", [{"timeout": 86400}, {"count": 100000}])
def test_the_bounds_themselves_are_good(call: t.Callable[..., Result], options: dict[str, t.Any]) -> None:
    assert not call(**options).failed


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        (CannotListen("listening needs CAP_NET_RAW"), "listening needs CAP_NET_RAW"),
        (OSError(errno.EIO, "broken wire"), "the system refused what this task needs: broken wire"),
    ],
)
def test_why_it_can_not_listen_is_the_message(
    ear: Ear, call: t.Callable[..., Result], refusal: Exception, message: str
) -> None:
    ear.refusal = refusal
    assert call().message == message


def test_the_socket_is_closed_when_it_breaks(
    ear: Ear, call: t.Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(wait: float) -> None:
        raise OSError(errno.EIO, "broken wire")

    monkeypatch.setattr(ear, "receive", fail)
    assert "broken wire" in call().message
    assert not ear.is_open


def test_other_systems_than_linux_are_refused(
    ear: Ear, call: t.Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "not on darwin" in call().message
    assert ear.opened == []
