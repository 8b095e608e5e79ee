# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import (
    CONNECTION_VARIABLES,
    WAKE_VARIABLES,
    InvalidTarget,
    Probe,
    Target,
    duplicate_macs,
    own_variables,
    read_target,
    read_variables,
    unknown_variables,
)

MAC = "02:00:5e:00:53:01"
MAC_BYTES = bytes.fromhex("02005e005301")
FINGERPRINT = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


def target(variables=None, overrides=None, name="web1"):
    read = read_target(name, {"wake_mac": MAC, **(variables or {})}, overrides or {})
    assert read is not None
    return read


def problems(variables=None, overrides=None, name="web1"):
    with pytest.raises(InvalidTarget) as caught:
        target(variables, overrides, name)
    assert str(caught.value) == "; ".join(caught.value.problems)
    return list(caught.value.problems)


def test_mac_alone_gives_every_default():
    assert target() == Target(
        name="web1",
        methods=("wol",),
        macs=(MAC_BYTES,),
        secureon=b"",
        subnet="",
        delivery="broadcast",
        address="",
        port=9,
        interface="",
        count=3,
        relays=("controller",),
        probe=Probe("ssh", "web1", 22, 2.0, "relay", "", b""),
        timeout=600,
        resend_interval=10,
        order=100,
        after=(),
        power_domain="all",
        weight=1,
        max_weight=0,
        stagger=0,
    )


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("wake_delivery", "delivery"),
        ("wake_port", "port"),
        ("wake_count", "count"),
        ("wake_timeout", "timeout"),
        ("wake_resend_interval", "resend_interval"),
        ("wake_order", "order"),
        ("wake_power_domain", "power_domain"),
        ("wake_weight", "weight"),
        ("wake_max_weight", "max_weight"),
        ("wake_stagger", "stagger"),
    ],
)
def test_defaults_are_those_of_the_table(variable, field):
    assert getattr(target(), field) == WAKE_VARIABLES[variable].default


def test_every_variable_arrives():
    full = target(
        {
            "wake_methods": "wol",
            "wake_mac": [MAC, "02-00-5e-00-53-02"],
            "wake_secureon": "01:02:03:04:05:06",
            "wake_subnet": "192.0.2.77/24",
            "wake_delivery": "directed",
            "wake_port": "4343",
            "wake_interface": "eth1",
            "wake_count": "5",
            "wake_relay": '["relay7", "relays"]',
            "wake_probe": {
                "type": "ssh",
                "host": "192.0.2.7",
                "port": 2222,
                "timeout": 1,
                "from": "controller",
                "identity": {"host_key": FINGERPRINT, "mac": MAC},
            },
            "wake_timeout": "30",
            "wake_resend_interval": "2",
            "wake_order": "1",
            "wake_after": "nas",
            "wake_power_domain": "room7",
            "wake_weight": "2",
            "wake_max_weight": "20",
            "wake_stagger": "0.5",
        }
    )
    assert full == Target(
        name="web1",
        methods=("wol",),
        macs=(MAC_BYTES, bytes.fromhex("02005e005302")),
        secureon=b"\1\2\3\4\5\6",
        subnet="192.0.2.0/24",
        delivery="directed",
        address="192.0.2.255",
        port=4343,
        interface="eth1",
        count=5,
        relays=("relay7", "relays"),
        probe=Probe("ssh", "192.0.2.7", 2222, 1.0, "controller", FINGERPRINT, MAC_BYTES),
        timeout=30,
        resend_interval=2,
        order=1,
        after=("nas",),
        power_domain="room7",
        weight=2,
        max_weight=20,
        stagger=0.5,
    )


@pytest.mark.parametrize(
    ("variables", "methods"),
    [
        ({"wake_mac": MAC}, ("wol",)),
        ({"amt_host": "amt1"}, ("amt",)),
        ({"wake_mac": MAC, "amt_host": "amt1"}, ("amt", "wol")),
        ({"wake_mac": MAC, "amt_host": "amt1", "wake_methods": ["wol"]}, ("wol",)),
        ({"wake_mac": MAC, "amt_host": "amt1", "wake_methods": "wol,amt"}, ("wol", "amt")),
        ({"wake_methods": "amt"}, ("amt",)),
        ({"wake_mac": MAC, "wake_methods": ""}, ("wol",)),
        ({"wake_mac": MAC, "amt_host": None}, ("wol",)),
    ],
)
def test_methods(variables, methods):
    read = read_target("web1", variables)
    assert read is not None
    assert read.methods == methods


@pytest.mark.parametrize(
    ("variables", "overrides"),
    [
        ({}, {}),
        ({"ansible_host": "192.0.2.1", "rack": 7}, {}),
        ({"wake_subnet": "192.0.2.0/24", "wake_port": 70000}, {}),
        ({"wake_mac": MAC, "wake_methods": []}, {}),
        ({"wake_mac": "broken", "wake_methods": "[]"}, {}),
        ({"wake_mac": None}, {}),
        ({"wake_mac": " "}, {}),
        ({"wake_mac": MAC}, {"wake_methods": []}),
    ],
)
def test_hosts_that_are_left_out(variables, overrides):
    assert read_target("switch1", variables, overrides) is None


def test_option_does_not_wake_what_the_inventory_keeps_out():
    assert read_target("switch1", {"wake_mac": MAC, "wake_methods": []}, {"wake_methods": ["wol"]}) is None
    assert read_target("switch1", {}, {"wake_methods": ["wol"]}) is None


def test_options_win():
    read = target(
        {"wake_timeout": "broken", "wake_port": 7}, {"wake_timeout": 120, "wake_port": None, "wake_relay": ""}
    )
    assert (read.timeout, read.port, read.relays) == (120, 7, ("controller",))
    assert target({"amt_host": "amt1"}, {"wake_methods": ["wol"]}).methods == ("wol",)
    assert target({"wake_methods": "broken"}, {"wake_methods": "wol"}).methods == ("wol",)


def test_methods_need_their_address():
    with pytest.raises(InvalidTarget, match=r"^host web1: wake_methods has wol, but wake_mac is not set$"):
        read_target("web1", {"wake_methods": ["wol"]})
    with pytest.raises(InvalidTarget, match="wake_mac is not set"):
        read_target("web1", {"amt_host": "amt1"}, {"wake_methods": ["wol"]})


def test_all_problems_are_told_with_host_variable_and_value():
    assert problems({"wake_mac": "zz", "wake_port": "70000", "wake_delivery": "brodcast", "wake_methods": "lan"}) == [
        "host web1: wake_methods is lan, but a method is one of amt, wol",
        "host web1: wake_mac 'zz' is not a MAC address such as 02:00:5e:00:53:01",
        "host web1: wake_delivery is brodcast, but a delivery is one of broadcast, directed, unicast, ethernet, ipv6",
        "host web1: wake_port is 70000, but a port lies between 1 and 65535",
    ]


def test_amt_variables_count_where_amt_is_a_method():
    assert problems({"amt_host": "amt 1", "amt_port": 0}) == [
        'host web1: amt_host is "amt 1", but it must be an IP address or a host name',
        "host web1: amt_port is 0, but a port lies between 1 and 65535",
    ]
    assert target({"amt_port": 0}).methods == ("wol",)


def test_variables_of_roles_stop_no_wake():
    assert target({"wake_trusted_sources": "broken value", "wake_board": ["x"]}).methods == ("wol",)


@pytest.mark.parametrize("secureon", ["c0ffee", "c0:ff:ee:c0:ff", 303808, ["c0ffee01"]])
def test_secureon_is_in_no_sentence(secureon):
    [sentence] = problems({"wake_secureon": secureon})
    assert sentence.startswith("host web1: wake_secureon ")
    for part in ("c0", "ffee", "303808"):
        assert part not in sentence


def test_secureon_is_not_in_the_representation():
    read = target({"wake_secureon": "c0ffeec0ffee"})
    assert read.secureon.hex() == "c0ffeec0ffee"
    for text in (repr(read), str(read), f"{[read]}"):
        assert "secureon" not in text
        assert "\\xc0" not in text
        assert "web1" in text


@pytest.mark.parametrize(
    ("variables", "kind", "host", "port"),
    [
        ({}, "ssh", "web1", 22),
        ({"ansible_host": "192.0.2.7", "ansible_port": "2222"}, "ssh", "192.0.2.7", 2222),
        ({"ansible_connection": "smart"}, "ssh", "web1", 22),
        ({"ansible_connection": "ansible.builtin.ssh"}, "ssh", "web1", 22),
        ({"ansible_connection": "paramiko_ssh"}, "ssh", "web1", 22),
        ({"ansible_connection": "winrm"}, "winrm", "web1", 5986),
        ({"ansible_connection": "winrm", "ansible_winrm_scheme": "http"}, "winrm", "web1", 5985),
        ({"ansible_connection": "psrp", "ansible_psrp_protocol": "http"}, "winrm", "web1", 5985),
        ({"ansible_connection": "ansible.builtin.psrp", "ansible_port": 5985}, "winrm", "web1", 5985),
        ({"ansible_connection": "local", "ansible_port": 443}, "tcp", "web1", 443),
        ({"ansible_connection": "local", "wake_probe": "ssh"}, "ssh", "web1", 22),
        ({"ansible_connection": "local", "ansible_port": 2222, "wake_probe": "ssh"}, "ssh", "web1", 2222),
        ({"ansible_connection": "local", "wake_probe": {"type": "tcp", "port": 80}}, "tcp", "web1", 80),
        ({"ansible_connection": "local", "wake_probe": {"port": 80}}, "tcp", "web1", 80),
        ({"ansible_connection": "local", "wake_probe": "icmp"}, "icmp", "web1", 0),
        ({"ansible_connection": "ansible.netcommon.network_cli"}, "tcp", "web1", 22),
        ({"ansible_connection": "ansible.netcommon.netconf"}, "tcp", "web1", 830),
        ({"wake_probe": {"type": "arp", "port": 22}}, "arp", "web1", 0),
        ({"wake_probe": "tcp"}, "tcp", "web1", 22),
        ({"wake_probe": "tcp", "ansible_connection": "winrm"}, "tcp", "web1", 5986),
        ({"wake_probe": "tcp", "ansible_port": 2222}, "tcp", "web1", 2222),
        ({"wake_probe": "ssh", "ansible_connection": "winrm", "ansible_port": 5985}, "ssh", "web1", 22),
        ({"wake_probe": "winrm", "ansible_port": 2222}, "winrm", "web1", 5986),
        ({"wake_probe": {"host": "10.0.0.1"}, "ansible_host": "not an address"}, "ssh", "10.0.0.1", 22),
    ],
)
def test_probe(variables, kind, host, port):
    probe = target(variables).probe
    assert (probe.type, probe.host, probe.port) == (kind, host, port)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"ansible_connection": "local"},
            "host web1: wake_probe has no port, and ansible_connection local tells none: set ansible_port, or a "
            "wake_probe such as {type: ssh} or {type: tcp, port: 443}",
        ),
        ({"ansible_port": "x"}, "host web1: ansible_port is x, but a port lies between 1 and 65535"),
        ({"ansible_host": "a b"}, 'host web1: ansible_host is "a b", but it must be an IP address or a host name'),
        ({"wake_probe": {"type": "ping"}, "ansible_connection": "local"}, None),
        (
            {"ansible_connection": "winrm", "wake_probe": {"identity": {"host_key": FINGERPRINT}}},
            "host web1: wake_probe has identity.host_key, which needs type ssh",
        ),
    ],
)
def test_probe_refused(variables, sentence):
    [told] = problems(variables)
    assert told == (
        sentence
        or "host web1: wake_probe has the key type, which is ping, but a probe's type is one of tcp, ssh, winrm, icmp, "
        "arp"
    )


def test_host_name_that_is_no_address_needs_ansible_host():
    assert problems(name="rack 7 slot 3") == [
        "host rack 7 slot 3: ansible_host is not set, and the host's name is no address to look at"
    ]
    assert target({"ansible_host": "192.0.2.1"}, name="rack 7 slot 3").probe.host == "192.0.2.1"


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"wake_delivery": "directed", "wake_subnet": "192.0.2.0/25"}, "192.0.2.127"),
        ({"wake_delivery": "directed", "wake_subnet": "192.0.2.0/25", "wake_address": "192.0.2.255"}, "192.0.2.255"),
        ({"wake_delivery": "unicast"}, "web1"),
        ({"wake_delivery": "unicast", "ansible_host": "192.0.2.7"}, "192.0.2.7"),
        ({"wake_delivery": "unicast", "wake_address": "192.0.2.8"}, "192.0.2.8"),
        ({"wake_delivery": "ethernet", "wake_address": "01:80:c2:00:00:00"}, "01:80:c2:00:00:00"),
        ({"wake_delivery": "ethernet"}, ""),
        ({"wake_delivery": "ipv6", "wake_subnet": "2001:db8::/64"}, ""),
        ({"wake_delivery": "ipv6", "wake_address": "ff02::2"}, "ff02::2"),
        ({"wake_address": "255.255.255.255"}, "255.255.255.255"),
    ],
)
def test_destination(variables, address):
    assert target(variables).address == address


@pytest.mark.parametrize(
    ("variables", "start"),
    [
        ({"wake_delivery": "directed"}, "host web1: wake_delivery 'directed' needs"),
        (
            {"wake_delivery": "directed", "wake_subnet": "192.0.2.7/32"},
            "host web1: wake_subnet 192.0.2.7/32 is too small",
        ),
        ({"wake_delivery": "directed", "wake_subnet": "2001:db8::/64"}, "host web1: wake_subnet 2001:db8::/64 is IPv6"),
        (
            {"wake_delivery": "directed", "wake_address": "web1"},
            "host web1: wake_address 'web1' is not an IPv4 address",
        ),
        ({"wake_address": "192.0.2.255"}, "host web1: wake_address '192.0.2.255' does not go with delivery broadcast"),
        (
            {"wake_delivery": "ethernet", "wake_address": "192.0.2.1"},
            "host web1: wake_address '192.0.2.1' is not a MAC",
        ),
        ({"wake_delivery": "ipv6", "wake_address": "192.0.2.1"}, "host web1: wake_address '192.0.2.1' is not an IPv6"),
        (
            {"wake_delivery": "unicast", "wake_address": "ff02::1"},
            "host web1: wake_address 'ff02::1' is not the address",
        ),
    ],
)
def test_destination_that_does_not_go_with_the_delivery(variables, start):
    [sentence] = problems(variables)
    assert sentence.startswith(start)


def test_empty_relay_list_is_the_control_node():
    assert target({"wake_relay": []}).relays == ("controller",)


def test_some_of_the_variables():
    given = {"wake_relays": {"r": {"ansible_host": "x"}}, "amt_port": "0", "wake_mac": MAC, "amt_user": ""}
    values, wrong = read_variables("web1", given, ["wake_relays", "amt_port", "amt_user", "amt_host"])
    assert values == {"wake_relays": {"r": {"ansible_host": "x"}}}
    assert wrong == ["host web1: amt_port is 0, but a port lies between 1 and 65535"]


def test_duplicate_macs_name_all_their_hosts():
    one, two = target(name="web1"), target(name="web2")
    other = target({"wake_mac": ["02:00:5e:00:53:09", MAC]}, name="web3")
    unique = target({"wake_mac": "02:00:5e:00:53:08"}, name="web4")
    assert duplicate_macs([one, unique]) == []
    assert duplicate_macs([one, two, unique]) == [
        "hosts web1 and web2 have the same wake_mac 02:00:5e:00:53:01: a packet for one of them wakes them all"
    ]
    assert duplicate_macs([one, other, two])[0].startswith("hosts web1, web3 and web2 have the same wake_mac")


def test_same_mac_twice_in_one_host_is_one_mac():
    twice = target({"wake_mac": [MAC, "0200.5e00.5301"]})
    assert twice.macs == (MAC_BYTES,)
    assert duplicate_macs([twice]) == []


def test_names_in_the_table_and_of_connections():
    assert own_variables() == set(WAKE_VARIABLES)
    assert all(name.startswith("ansible_") for name in CONNECTION_VARIABLES)
    assert unknown_variables(["wake_prot"]) == ["wake_prot (perhaps wake_port is meant)"]


def test_targets_are_hashable_and_can_be_varied():
    read = target()
    assert dataclasses.replace(read, timeout=5.0) in {dataclasses.replace(read, timeout=5.0)}


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(sorted(own_variables() | set(CONNECTION_VARIABLES)))


@given(variables=st.dictionaries(NAMES, ANY, max_size=12), overrides=st.dictionaries(NAMES, ANY, max_size=3))
def test_whatever_an_inventory_holds_is_a_target_or_sentences(variables, overrides):
    told = None
    try:
        read = read_target("web1", variables, overrides)
    except InvalidTarget as error:
        told = error.problems
    if told is None:
        assert read is None or read.methods
    else:
        assert told
        assert all(sentence.startswith("host web1: ") and sentence.isprintable() for sentence in told)


@given(port=st.integers(1, 65535), order=st.integers(-1000, 1000), timeout=st.integers(1, 86400))
def test_string_forms_mean_the_same(port, order, timeout):
    plain = {"wake_port": port, "wake_order": order, "wake_timeout": timeout}
    assert target(plain) == target({name: str(value) for name, value in plain.items()})
