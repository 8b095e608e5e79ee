# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

import json
import pathlib
import re

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils import _wake_variables as table
from ansible_collections.lightsout.wake.plugins.module_utils._wake_values import InvalidValue

FINGERPRINT = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
MAC = bytes.fromhex("02005e005301")
GUIDE = pathlib.Path(__file__).parents[4] / "docs" / "docsite" / "rst" / "guide_inventory.rst"


def parse(variable, value):
    return table.WAKE_VARIABLES[variable].parse(value)


def complaint(variable, value):
    with pytest.raises(InvalidValue) as caught:
        parse(variable, value)
    return str(caught.value)


TAKEN = [
    ("wake_methods", ["wol"], '["wol"]', ("wol",)),
    ("wake_methods", ["AMT", "wol"], "amt,wol", ("amt", "wol")),
    ("wake_methods", [], "[]", ()),
    ("wake_mac", "02:00:5e:00:53:01", '["0200.5e00.5301"]', (MAC,)),
    ("wake_secureon", "01:02:03:04", "01020304", b"\1\2\3\4"),
    ("wake_subnet", "192.0.2.9/24", " 192.0.2.0/24", "192.0.2.0/24"),
    ("wake_delivery", "ethernet", "Ethernet", "ethernet"),
    ("wake_address", "192.0.2.255", " 192.0.2.255 ", "192.0.2.255"),
    ("wake_port", 7, "7", 7),
    ("wake_interface", "eth0", " eth0", "eth0"),
    ("wake_count", 1, "1", 1),
    ("wake_relay", ["a", "b", "c"], "a,b,c", ("a", "b", "c")),
    ("wake_relays", {"a": {"ansible_host": "x"}}, '{"a": {"ansible_host": "x"}}', {"a": {"ansible_host": "x"}}),
    ("wake_probe", {"type": "icmp"}, "icmp", {"type": "icmp"}),
    (
        "wake_probe",
        {"type": "ssh", "port": "2222", "timeout": "1.5", "from": "controller", "identity": {"host_key": FINGERPRINT}},
        json.dumps({"type": "SSH", "port": 2222, "timeout": 1.5, "from": "controller"})[:-1]
        + f', "identity": {{"host_key": "{FINGERPRINT}"}}}}',
        {"type": "ssh", "port": 2222, "timeout": 1.5, "from": "controller", "identity": {"host_key": FINGERPRINT}},
    ),
    (
        "wake_probe",
        {"type": "arp", "host": "web1", "port": None, "identity": {"mac": "02005e005301"}},
        '{"type": "arp", "host": "web1", "port": "", "identity": "{\'mac\': \'02005e005301\'}"}',
        {"type": "arp", "host": "web1", "identity": {"mac": MAC}},
    ),
    ("wake_timeout", 120, "120", 120.0),
    ("wake_resend_interval", 0.5, "0.5", 0.5),
    ("wake_order", -10, "-10", -10),
    ("wake_after", ["nas", "switches"], "nas, switches", ("nas", "switches")),
    ("wake_power_domain", "Room 7", " Room 7 ", "Room 7"),
    ("wake_power_domain", 7, "7", "7"),
    ("wake_weight", 2.5, "2.5", 2.5),
    ("wake_max_weight", 10, "10", 10.0),
    ("wake_stagger", 0.2, "0.2", 0.2),
    (
        "wake_trusted_sources",
        ["192.0.2.1", "2001:db8::/32"],
        "192.0.2.1,2001:db8::/32",
        ("192.0.2.1/32", "2001:db8::/32"),
    ),
    ("wake_trusted_sources", [], "[]", ()),
    ("wake_board", "Dell Inc. OptiPlex 7090", " Dell Inc. OptiPlex 7090", "Dell Inc. OptiPlex 7090"),
    ("amt_host", "amt1", " amt1 ", "amt1"),
    ("amt_port", 16994, "16994", 16994),
    ("amt_user", "admin", "admin ", "admin"),
    ("amt_password", "P@ssw0rd", "P@ssw0rd", "P@ssw0rd"),
    ("amt_relay", "controller", '["controller"]', ("controller",)),
    ("amt_tls", "pin", "PIN", "pin"),
    ("amt_ca_path", "/etc/ca.pem", " /etc/ca.pem", "/etc/ca.pem"),
    ("amt_fingerprint", "AB" * 32, ":".join(["ab"] * 32), "ab" * 32),
    ("amt_client_cert", "/etc/c.pem", " /etc/c.pem", "/etc/c.pem"),
    ("amt_client_key", "/etc/k.pem", " /etc/k.pem", "/etc/k.pem"),
]


@pytest.mark.parametrize(("variable", "value", "string_form", "expected"), TAKEN)
def test_value_and_its_string_form(variable, value, string_form, expected):
    assert parse(variable, value) == expected
    assert parse(variable, string_form) == expected


def test_every_variable_has_a_value_here():
    assert {row[0] for row in TAKEN} == table.own_variables()


REFUSED = [
    ("wake_methods", ["ipmi"], "is ipmi, but a method is one of amt, wol"),
    ("wake_methods", {"wol": True}, 'is {"wol": true}, but it must be a list'),
    ("wake_mac", "zz", "'zz' is not a MAC address such as 02:00:5e:00:53:01"),
    ("wake_mac", [], "is [], but it needs a MAC address"),
    ("wake_delivery", "brodcast", "is brodcast, but a delivery is one of broadcast, directed, unicast, ethernet, ipv6"),
    ("wake_port", 0, "is 0, but a port lies between 1 and 65535"),
    ("wake_count", 0, "is 0, but a send has 1 to 100 packets"),
    ("wake_relay", "a,b,c,d", "has 4 relays, but 3 are the most it takes"),
    ("wake_relays", "rack7", "is neither a list nor a dictionary, and no JSON text of one"),
    ("wake_relays", ["rack7"], "must be a dictionary: relay name -> connection variables"),
    ("wake_relays", {"rack7": "10.0.0.1"}, "must have a dictionary of connection variables for relay rack7"),
    ("wake_probe", ["ssh"], "must be a dictionary: type, host, port, timeout, from, identity"),
    ("wake_probe", {"tpye": "ssh"}, "has the unknown key tpye: perhaps type is meant"),
    ("wake_probe", {"zzz": 1}, "has the unknown key zzz: it has type, host, port, timeout, from, identity"),
    (
        "wake_probe",
        {"type": "ping"},
        "has the key type, which is ping, but a probe's type is one of tcp, ssh, winrm, icmp, arp",
    ),
    ("wake_probe", {"port": 70000}, "has the key port, which is 70000, but a port lies between 1 and 65535"),
    ("wake_probe", {"host": "a b"}, 'has the key host, which is "a b", but it must be an IP address or a host name'),
    (
        "wake_probe",
        {"timeout": 0},
        "has the key timeout, which is 0, but it must be a number of seconds from 0.05 to 60",
    ),
    (
        "wake_probe",
        {"from": "here"},
        "has the key from, which is here, but the place a probe runs from is one of relay, controller",
    ),
    ("wake_probe", {"identity": {"hostkey": 1}}, "has the unknown key hostkey in identity: perhaps host_key is meant"),
    (
        "wake_probe",
        {"identity": {"host_key": "x"}},
        "has the key identity.host_key, which is x, but a fingerprint is SHA256: and 43 characters of base64, as "
        "ssh-keygen -l prints it",
    ),
    (
        "wake_probe",
        {"identity": {"mac": "x"}},
        "has the key identity.mac, which 'x' is not a MAC address such as 02:00:5e:00:53:01",
    ),
    (
        "wake_probe",
        {"type": "tcp", "identity": {"host_key": FINGERPRINT}},
        "is of type tcp, but identity.host_key needs type ssh",
    ),
    ("wake_timeout", 0, "is 0, but it must be a number of seconds from 0.1 to 86400"),
    ("wake_timeout", "10m", "is 10m, but it must be a number of seconds from 0.1 to 86400"),
    ("wake_resend_interval", 0, "is 0, but it must be a number of seconds from 0.1 to 3600"),
    ("wake_order", "first", "is first, but an order is a whole number from -1000000 to 1000000"),
    ("wake_after", "nas 1", 'is "nas 1", but a name is not empty and has no blanks'),
    ("wake_power_domain", ["a"], 'is ["a"], but it must be text'),
    ("wake_weight", -1, "is -1, but a weight is a number from 0 on"),
    ("wake_max_weight", -1, "is -1, but the most weight is a number from 0 (no limit) on"),
    ("wake_stagger", -1, "is -1, but it must be a number of seconds from 0 to 3600"),
    ("amt_tls", "yes", "is yes, but a TLS mode is one of verify, pin, legacy, none"),
    ("amt_fingerprint", "12", "is 12, but a certificate's SHA-256 fingerprint has 64 hexadecimal digits"),
]


@pytest.mark.parametrize(("variable", "value", "sentence"), REFUSED)
def test_refused_with_a_sentence(variable, value, sentence):
    assert complaint(variable, value) == sentence


@pytest.mark.parametrize("variable", sorted(name for name, row in table.WAKE_VARIABLES.items() if row.secret))
@pytest.mark.parametrize("value", [["hunter2"], "[hunter2", {"a": {"hunter2": 1}, "b": "hunter2"}, '{"a": "hunter2"}'])
def test_secrets_are_in_no_sentence(variable, value):
    sentence = ""
    try:
        parse(variable, value)
    except InvalidValue as error:
        sentence = str(error)
    assert "hunter2" not in sentence


def test_secret_variables():
    secrets = {name for name, row in table.WAKE_VARIABLES.items() if row.secret}
    assert secrets == {"wake_secureon", "wake_relays", "amt_password"}


def test_unknown_variables_with_the_nearest_known_name():
    given = {"wake_macs": 1, "wake_mac": 1, "amt_pasword": 1, "wake_zzzzzzzzzz": 1, "ansible_host": 1, "waken": 1}
    assert table.unknown_variables(given) == [
        "amt_pasword (perhaps amt_password is meant)",
        "wake_macs (perhaps wake_mac is meant)",
        "wake_zzzzzzzzzz",
    ]


def test_names_of_playbooks_and_roles_are_not_unknown():
    names = ["wake_hosts", "wake_woken", "wake_failed", "wake_firewall_port", "wake_target_x", "wake_gateway_x"]
    assert table.unknown_variables([*names, "wake_audit_x", "amt_target_x", *table.own_variables()]) == []


@pytest.mark.parametrize("variable", sorted(table.WAKE_VARIABLES))
def test_default_is_a_value_the_variable_takes(variable):
    row = table.WAKE_VARIABLES[variable]
    if row.default is not None and " " not in str(row.default):
        parse(variable, row.default)


def rows_of_guide(title):
    text = GUIDE.read_text(encoding="utf-8").split(f".. list-table:: {title}\n", 1)[1]
    body = re.split(r"\n(?=\S)", text, maxsplit=1)[0]
    rows = [re.split(r"\n     - ", row) for row in re.split(r"\n   \* - ", body)[2:]]
    return {cells[0].strip(): [" ".join(cell.split()) for cell in cells[1:]] for cells in rows}


def as_in_guide(default):
    if default is None:
        return "none"
    if isinstance(default, str) and " " in default:
        return default
    return f"``{default if isinstance(default, str) else json.dumps(default)}``"


def test_guide_has_exactly_the_table_of_the_code():
    expected = {
        f"``{name}``": [as_in_guide(row.default), row.meaning + (" Secret." if row.secret else "")]
        for name, row in table.WAKE_VARIABLES.items()
    }
    assert rows_of_guide("All variables") == expected


def test_guide_has_every_key_of_a_probe():
    keys = parse("wake_probe", {"type": "ssh", "host": "a", "port": 1, "timeout": 1, "from": "relay", "identity": None})
    assert set(rows_of_guide("Keys of ``wake_probe``")) == {f"``{key}``" for key in [*keys, "identity"]}


def test_every_variable_named_in_the_guide_exists():
    named = set(re.findall(r"\b(?:wake|amt)_[a-z_]+", GUIDE.read_text(encoding="utf-8")))
    assert named - table.own_variables() - {"wake_macs", "wake_a_fleet"} == set()
