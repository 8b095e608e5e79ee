# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lightsout.wake.plugins.module_utils import _wake_values as values

MAC = bytes.fromhex("02005e005301")
FINGERPRINT = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


class Vaulted:
    """A vaulted value as ansible-core hands it out: no text, but with the methods of one."""

    def __init__(self, text):
        self._text = text

    def casefold(self):
        return str(self).casefold()

    def __str__(self):
        if self._text is None:
            raise RuntimeError("Decryption failed for $ANSIBLE_VAULT;1.1;AES256 3838")
        return self._text


class TaggedText(str):
    """A text with an origin, as ansible-core 2.19 and later hand it out."""


def complaint(read, value):
    with pytest.raises(values.InvalidValue) as caught:
        read(value)
    return str(caught.value)


PORT = values.whole(1, 65535, "a port lies between 1 and 65535")


@pytest.mark.parametrize("value", [9, "9", " 9 ", "+9", 9.0, "9.0"])
def test_whole_number_in_every_form(value):
    assert PORT(value) == 9


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (70000, "70000"),
        ("70000", "70000"),
        (0, "0"),
        (-1, "-1"),
        (9.5, "9.5"),
        (True, "true"),
        (False, "false"),
        ("nine", "nine"),
        ("1_0", "1_0"),
        ("9 9", '"9 9"'),
        ("1e999", "1e999"),
        ("nan", "nan"),
        ([9], "[9]"),
        ({}, "{}"),
        (10**30, "a huge number"),
        ("9" * 40, "9" * 40),
    ],
)
def test_whole_number_refused(value, seen):
    assert complaint(PORT, value) == f"is {seen}, but a port lies between 1 and 65535"


def test_true_and_one_are_not_mixed_up_by_the_memory():
    assert PORT(1) == 1
    complaint(PORT, True)
    assert PORT("1") == 1


def test_real_number():
    read = values.real(0, 10, "it must be small")
    assert read("2.5") == 2.5
    assert read(0) == 0
    assert complaint(read, 10.1) == "is 10.1, but it must be small"
    assert complaint(read, "inf") == "is inf, but it must be small"


def test_one_of_words():
    read = values.one_of(("udp", "raw"), "a carrier")
    assert read(" UDP ") == "udp"
    assert complaint(read, "tcp") == "is tcp, but a carrier is one of udp, raw"
    assert complaint(read, ["udp"]) == 'is ["udp"], but it must be text'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["a", "b"], ("a", "b")),
        (("a", "b"), ("a", "b")),
        ('["a", "b"]', ("a", "b")),
        ("['a', 'b']", ("a", "b")),
        ("a, b", ("a", "b")),
        ("a", ("a",)),
        ("a,", ("a",)),
        (["a", "a", "b"], ("a", "b")),
        ([7], ("7",)),
        (7, ("7",)),
        ("[]", ()),
        ([], ()),
    ],
)
def test_list_in_every_form(value, expected):
    assert values.list_of(values.word)(value) == expected


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": 1}, 'is {"a": 1}, but it must be a list'),
        ("[1", "is neither a list nor a dictionary, and no JSON text of one"),
        ("[1][0]", "is neither a list nor a dictionary, and no JSON text of one"),
        (True, "is true, but it must be text"),
        (["a b"], 'is "a b", but a name is not empty and has no blanks'),
        (["a", None], "is null, but it must be text"),
        (["a", ""], 'is "", but a name is not empty and has no blanks'),
    ],
)
def test_list_refused(value, sentence):
    assert complaint(values.list_of(values.word), value) == sentence


def test_list_has_its_limits():
    read = values.list_of(values.word, at_least=1, at_most=2, what="relays")
    assert read("a,b") == ("a", "b")
    assert complaint(read, "a,b,c") == "has 3 relays, but 2 are the most it takes"
    assert complaint(read, []) == "is [], but it needs relays"


def test_deeply_nested_text_is_refused_and_not_followed():
    assert "neither a list" in complaint(values.list_of(values.word), "[" * 100000)


@pytest.mark.parametrize("value", [{"a": 1}, '{"a": 1}', "{'a': 1}"])
def test_dictionary_in_every_form(value):
    assert values.mapping(value, "a") == {"a": 1}


@pytest.mark.parametrize("value", [[1], "[1]", 7, {1: 2}, True])
def test_dictionary_refused_without_its_value(value):
    with pytest.raises(values.InvalidValue, match=r"^must be a dictionary: name -> value$"):
        values.mapping(value, "name -> value")


@pytest.mark.parametrize("value", ["02:00:5e:00:53:01", "02-00-5E-00-53-01", "0200.5e00.5301", "02005e005301"])
def test_mac_spellings(value):
    assert values.mac(value) == MAC


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("02:00", "'02:00' is not a MAC address such as 02:00:5e:00:53:01"),
        ("ff:ff:ff:ff:ff:ff", "'ff:ff:ff:ff:ff:ff' is the broadcast address, not the MAC address of an interface"),
        (5025, "is the number 5025: put the MAC in quotes, or YAML reads its digits as a number"),
        (True, "is true, but it must be text"),
    ],
)
def test_mac_refused(value, sentence):
    assert complaint(values.mac, value) == sentence


@pytest.mark.parametrize(("value", "length"), [("01:02:03:04", 4), ("0102030405ff", 6), (Vaulted("01020304"), 4)])
def test_secureon(value, length):
    assert len(values.secureon(value)) == length


@pytest.mark.parametrize("value", ["c0:ff:ee", "c0ffeec0ffeec0ffee", "geheim", 303808, 1.5, True, ["c0ffee01"], None])
def test_secureon_refused_without_its_value(value):
    sentence = complaint(values.secureon, value)
    for secret in ("c0", "geheim", "3038", "1.5"):
        assert secret not in sentence
    assert "quotes" in sentence or "4 or 6 bytes" in sentence


@pytest.mark.parametrize("value", ["pass word", Vaulted("pass word")])
def test_secret(value):
    assert values.secret(value) == "pass word"


@pytest.mark.parametrize("value", [["hunter2"], {"a": "hunter2"}, None, False])
def test_secret_refused_without_its_value(value):
    assert complaint(values.secret, value) == "must be text in quotes (its value is not shown)"


def test_vaulted_values_are_read_like_plain_ones():
    assert values.decrypted(Vaulted("a, b")) == "a, b"
    assert values.text(Vaulted(" a ")) == "a"
    assert values.mac(Vaulted("02005e005301")) == MAC
    assert values.decrypted(["a"]) == ["a"]
    assert values.decrypted(b"a") == b"a"


@pytest.mark.parametrize("read", [values.decrypted, values.text, values.secret, values.secureon])
def test_vault_that_does_not_open(read):
    assert complaint(read, Vaulted(None)) == "is encrypted, and no vault secret opens it"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.77/24", "192.0.2.0/24"),
        (" 192.0.2.0/255.255.255.0 ", "192.0.2.0/24"),
        ("2001:db8:0::1/64", "2001:db8::/64"),
    ],
)
def test_subnet(value, expected):
    assert values.subnet(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("192.0.2.1", "needs a prefix length of at least 1, as in 192.0.2.0/24"),
        ("0.0.0.0/0", "needs a prefix length of at least 1, as in 192.0.2.0/24"),
        ("192.0.2.0/33", "looks like 192.0.2.0/24"),
        ("office", "looks like 192.0.2.0/24"),
    ],
)
def test_subnet_refused(value, reason):
    assert complaint(values.subnet, value) == f"is {value}, but a subnet {reason}"


def test_source():
    assert values.source("192.0.2.7") == "192.0.2.7/32"
    assert values.source("2001:db8::/32") == "2001:db8::/32"
    assert complaint(values.source, "any").startswith("is any, but a source is an address or a network")


@pytest.mark.parametrize("value", ["192.0.2.1", "web1", "web1.example.org.", "my_host", "2001:db8::1", "fe80::1%eth0"])
def test_host(value):
    assert values.host(value) == value


@pytest.mark.parametrize(
    "value", ["192.0.2.256", "192.0.2.01", "1.2.3", "1.2.3.4.", "a b", "a/b", "-a", "a:b", "", "é"]
)
def test_host_refused(value):
    assert complaint(values.host, value).endswith("but it must be an IP address or a host name")


def test_destination():
    assert values.destination("192.0.2.255") == "192.0.2.255"
    assert values.destination("01:00:5e:00:00:01") == "01:00:5e:00:00:01"
    assert complaint(values.destination, "a b").endswith("or a MAC address for raw frames")


@pytest.mark.parametrize("value", ["eth0", "enp0s31f6", "br-lan.20", "a" * 15])
def test_interface(value):
    assert values.interface(value) == value


@pytest.mark.parametrize("value", ["a" * 16, "eth/0", "eth 0", "eth:0", ".", "..", "", "é" * 8, "eth\n0"])
def test_interface_refused(value):
    assert complaint(values.interface, value).endswith("at most 15 characters and no slash, colon or blank")


def test_host_key():
    assert values.host_key(FINGERPRINT) == FINGERPRINT
    assert values.host_key(FINGERPRINT + "=") == FINGERPRINT


@pytest.mark.parametrize(
    "value", ["MD5:aa:bb", FINGERPRINT[:-1], FINGERPRINT[:-1] + "V", FINGERPRINT[7:], "SHA256:" + "!" * 43]
)
def test_host_key_refused(value):
    assert complaint(values.host_key, value).endswith("as ssh-keygen -l prints it")


def test_certificate():
    assert values.certificate(":".join(["AB"] * 32)) == "ab" * 32
    assert values.certificate("sha256 " + "ab" * 32) == "ab" * 32
    assert complaint(values.certificate, "ab").endswith("64 hexadecimal digits")


def test_line():
    assert values.line(" /etc/ssl/ca.pem ") == "/etc/ssl/ca.pem"
    assert complaint(values.line, "a\nb") == 'is "a\\nb", but it must be text on one line'


@pytest.mark.parametrize("value", [None, "", "  ", "\t"])
def test_null_and_blank_text_are_not_set(value):
    assert not values.is_set(value)


@pytest.mark.parametrize("value", [0, False, [], {}, "x"])
def test_other_values_are_set(value):
    assert values.is_set(value)


@pytest.mark.parametrize(
    ("read", "value"),
    [(values.word, "web1"), (values.subnet, "192.0.2.0/24"), (values.host, "192.0.2.1"), (values.secret, "x y")],
)
def test_results_are_plain_text_that_any_serialiser_takes(read, value):
    result = read(TaggedText(value))
    assert result == value
    assert result.__class__ is str


@given(
    st.text() | st.binary() | st.floats() | st.integers() | st.lists(st.text()) | st.dictionaries(st.text(), st.text())
)
def test_shown_is_one_short_line(value):
    seen = values.shown(value)
    assert len(seen) <= values.LONGEST_SHOWN
    assert seen.isprintable()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
READERS = [
    PORT,
    values.real(0, 10, "it must be small"),
    values.list_of(values.word),
    values.list_of(values.mac),
    values.word,
    values.line,
    values.secret,
    values.secureon,
    values.subnet,
    values.source,
    values.host,
    values.destination,
    values.interface,
    values.host_key,
    values.certificate,
    lambda value: values.mapping(value, "a"),
]


@pytest.mark.parametrize("read", READERS)
@given(value=ANY, as_text=st.booleans())
def test_readers_raise_nothing_but_their_own_sentences(read, value, as_text):
    if as_text:
        value = json.dumps(value)
    sentence = "none"
    try:
        read(value)
    except values.InvalidValue as error:
        sentence = str(error)
    assert sentence
    assert sentence.isprintable()
