# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import base64
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import packets
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.exchange import (
    Disconnected,
    HostKey,
    HostKeyExchange,
    NoCommonAlgorithm,
    new_ephemeral,
)
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.identification import NotSsh


class Recording(t.NamedTuple):
    type: str
    fingerprint: str
    said: bytes


def chance(length: int) -> bytes:
    """What the recordings were made with."""
    return bytes(range(1, length + 1))


# All that OpenSSH 9.2 said to an exchange that asked for one of its three host keys.
RECORDINGS = (
    Recording(
        "ssh-ed25519",
        "SHA256:0WBu+tWfZYQvI6bVhYScOFD38J7cPMMbN+gBlORUQqg",
        base64.b64decode(
            "U1NILTIuMC1PcGVuU1NIXzkuMnAxIERlYmlhbi0yK2RlYjEydTEwDQoAAARsCxTC+SgjveRkqvj+kVMHqEPZAAABPXNudHJ1"
            "cDc2MXgyNTUxOS1zaGE1MTIsc250cnVwNzYxeDI1NTE5LXNoYTUxMkBvcGVuc3NoLmNvbSxjdXJ2ZTI1NTE5LXNoYTI1Nixj"
            "dXJ2ZTI1NTE5LXNoYTI1NkBsaWJzc2gub3JnLGVjZGgtc2hhMi1uaXN0cDI1NixlY2RoLXNoYTItbmlzdHAzODQsZWNkaC1z"
            "aGEyLW5pc3RwNTIxLGRpZmZpZS1oZWxsbWFuLWdyb3VwLWV4Y2hhbmdlLXNoYTI1NixkaWZmaWUtaGVsbG1hbi1ncm91cDE2"
            "LXNoYTUxMixkaWZmaWUtaGVsbG1hbi1ncm91cDE4LXNoYTUxMixkaWZmaWUtaGVsbG1hbi1ncm91cDE0LXNoYTI1NixrZXgt"
            "c3RyaWN0LXMtdjAwQG9wZW5zc2guY29tAAAAOXNzaC1lZDI1NTE5LGVjZHNhLXNoYTItbmlzdHAyNTYscnNhLXNoYTItNTEy"
            "LHJzYS1zaGEyLTI1NgAAAGxjaGFjaGEyMC1wb2x5MTMwNUBvcGVuc3NoLmNvbSxhZXMxMjgtY3RyLGFlczE5Mi1jdHIsYWVz"
            "MjU2LWN0cixhZXMxMjgtZ2NtQG9wZW5zc2guY29tLGFlczI1Ni1nY21Ab3BlbnNzaC5jb20AAABsY2hhY2hhMjAtcG9seTEz"
            "MDVAb3BlbnNzaC5jb20sYWVzMTI4LWN0cixhZXMxOTItY3RyLGFlczI1Ni1jdHIsYWVzMTI4LWdjbUBvcGVuc3NoLmNvbSxh"
            "ZXMyNTYtZ2NtQG9wZW5zc2guY29tAAAA1XVtYWMtNjQtZXRtQG9wZW5zc2guY29tLHVtYWMtMTI4LWV0bUBvcGVuc3NoLmNv"
            "bSxobWFjLXNoYTItMjU2LWV0bUBvcGVuc3NoLmNvbSxobWFjLXNoYTItNTEyLWV0bUBvcGVuc3NoLmNvbSxobWFjLXNoYTEt"
            "ZXRtQG9wZW5zc2guY29tLHVtYWMtNjRAb3BlbnNzaC5jb20sdW1hYy0xMjhAb3BlbnNzaC5jb20saG1hYy1zaGEyLTI1Nixo"
            "bWFjLXNoYTItNTEyLGhtYWMtc2hhMQAAANV1bWFjLTY0LWV0bUBvcGVuc3NoLmNvbSx1bWFjLTEyOC1ldG1Ab3BlbnNzaC5j"
            "b20saG1hYy1zaGEyLTI1Ni1ldG1Ab3BlbnNzaC5jb20saG1hYy1zaGEyLTUxMi1ldG1Ab3BlbnNzaC5jb20saG1hYy1zaGEx"
            "LWV0bUBvcGVuc3NoLmNvbSx1bWFjLTY0QG9wZW5zc2guY29tLHVtYWMtMTI4QG9wZW5zc2guY29tLGhtYWMtc2hhMi0yNTYs"
            "aG1hYy1zaGEyLTUxMixobWFjLXNoYTEAAAAVbm9uZSx6bGliQG9wZW5zc2guY29tAAAAFW5vbmUsemxpYkBvcGVuc3NoLmNv"
            "bQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAALwIHwAAADMAAAALc3NoLWVkMjU1MTkAAAAgXox3xOvwbXmdX197j+/wRByG"
            "DRqPulI1JnuYAsezLsUAAAAgxmZ/ePr5/iBkowUUsqra4IS0qriu587cL36sY4mvvU8AAABTAAAAC3NzaC1lZDI1NTE5AAAA"
            "QPVj0tSnyHqKk77pvXg1A2AZxs08OPqeqf1YHT4AnU1F0uz/XkSakvrsQDxRYxo6qEW+Rg6nk14kYaNAO/NYdQ0AAAAAAAAA"
            "AAAAAAwKFQAAAAAAAAAAAAA="
        ),
    ),
    Recording(
        "ecdsa-sha2-nistp256",
        "SHA256:Tlfqd7pR0p/ZmnDrsV2LzU80ohVCELii+wpjkIPBy7U",
        base64.b64decode(
            "U1NILTIuMC1PcGVuU1NIXzkuMnAxIERlYmlhbi0yK2RlYjEydTEwDQoAAARsCxQh/j/KaZsCyjB9uvviUNgBAAABPXNudHJ1"
            "cDc2MXgyNTUxOS1zaGE1MTIsc250cnVwNzYxeDI1NTE5LXNoYTUxMkBvcGVuc3NoLmNvbSxjdXJ2ZTI1NTE5LXNoYTI1Nixj"
            "dXJ2ZTI1NTE5LXNoYTI1NkBsaWJzc2gub3JnLGVjZGgtc2hhMi1uaXN0cDI1NixlY2RoLXNoYTItbmlzdHAzODQsZWNkaC1z"
            "aGEyLW5pc3RwNTIxLGRpZmZpZS1oZWxsbWFuLWdyb3VwLWV4Y2hhbmdlLXNoYTI1NixkaWZmaWUtaGVsbG1hbi1ncm91cDE2"
            "LXNoYTUxMixkaWZmaWUtaGVsbG1hbi1ncm91cDE4LXNoYTUxMixkaWZmaWUtaGVsbG1hbi1ncm91cDE0LXNoYTI1NixrZXgt"
            "c3RyaWN0LXMtdjAwQG9wZW5zc2guY29tAAAAOXNzaC1lZDI1NTE5LGVjZHNhLXNoYTItbmlzdHAyNTYscnNhLXNoYTItNTEy"
            "LHJzYS1zaGEyLTI1NgAAAGxjaGFjaGEyMC1wb2x5MTMwNUBvcGVuc3NoLmNvbSxhZXMxMjgtY3RyLGFlczE5Mi1jdHIsYWVz"
            "MjU2LWN0cixhZXMxMjgtZ2NtQG9wZW5zc2guY29tLGFlczI1Ni1nY21Ab3BlbnNzaC5jb20AAABsY2hhY2hhMjAtcG9seTEz"
            "MDVAb3BlbnNzaC5jb20sYWVzMTI4LWN0cixhZXMxOTItY3RyLGFlczI1Ni1jdHIsYWVzMTI4LWdjbUBvcGVuc3NoLmNvbSxh"
            "ZXMyNTYtZ2NtQG9wZW5zc2guY29tAAAA1XVtYWMtNjQtZXRtQG9wZW5zc2guY29tLHVtYWMtMTI4LWV0bUBvcGVuc3NoLmNv"
            "bSxobWFjLXNoYTItMjU2LWV0bUBvcGVuc3NoLmNvbSxobWFjLXNoYTItNTEyLWV0bUBvcGVuc3NoLmNvbSxobWFjLXNoYTEt"
            "ZXRtQG9wZW5zc2guY29tLHVtYWMtNjRAb3BlbnNzaC5jb20sdW1hYy0xMjhAb3BlbnNzaC5jb20saG1hYy1zaGEyLTI1Nixo"
            "bWFjLXNoYTItNTEyLGhtYWMtc2hhMQAAANV1bWFjLTY0LWV0bUBvcGVuc3NoLmNvbSx1bWFjLTEyOC1ldG1Ab3BlbnNzaC5j"
            "b20saG1hYy1zaGEyLTI1Ni1ldG1Ab3BlbnNzaC5jb20saG1hYy1zaGEyLTUxMi1ldG1Ab3BlbnNzaC5jb20saG1hYy1zaGEx"
            "LWV0bUBvcGVuc3NoLmNvbSx1bWFjLTY0QG9wZW5zc2guY29tLHVtYWMtMTI4QG9wZW5zc2guY29tLGhtYWMtc2hhMi0yNTYs"
            "aG1hYy1zaGEyLTUxMixobWFjLXNoYTEAAAAVbm9uZSx6bGliQG9wZW5zc2guY29tAAAAFW5vbmUsemxpYkBvcGVuc3NoLmNv"
            "bQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQQJHwAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAA"
            "AEEEdctA8K4d8Fhz2lTW6lNSrb9vJzz+ZZvv2w25HpSGRSo0EAnapMsA8VqcipktxWGyQXDmh4t9BjgbCYROy4wj9QAAACCj"
            "lhVfx61570OVV4sQmX5dbB6ayOP0FHjFmdMqXIyMfwAAAGUAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAEoAAAAhAPVKR2+G"
            "x/Y1FxozcxcRmctp2XDRgRT6V48YDhYSl3fAAAAAIQCMvuNZFkDrL0wj3ayNww7JriTup93tnbOrPpSz/iICaQAAAAAAAAAA"
            "AAAAAAwKFQAAAAAAAAAAAAA="
        ),
    ),
    Recording(
        "ssh-rsa",
        "SHA256:kjeqcireHRFulWU23R3U+WhIcISjc8XLd9GcwMZyPyY",
        base64.b64decode(
            "U1NILTIuMC1PcGVuU1NIXzkuMnAxIERlYmlhbi0yK2RlYjEydTEwDQoAAARsCxQ6tle27e/5oqyHZiqR/IICAAABPXNudHJ1"
            "cDc2MXgyNTUxOS1zaGE1MTIsc250cnVwNzYxeDI1NTE5LXNoYTUxMkBvcGVuc3NoLmNvbSxjdXJ2ZTI1NTE5LXNoYTI1Nixj"
            "dXJ2ZTI1NTE5LXNoYTI1NkBsaWJzc2gub3JnLGVjZGgtc2hhMi1uaXN0cDI1NixlY2RoLXNoYTItbmlzdHAzODQsZWNkaC1z"
            "aGEyLW5pc3RwNTIxLGRpZmZpZS1oZWxsbWFuLWdyb3VwLWV4Y2hhbmdlLXNoYTI1NixkaWZmaWUtaGVsbG1hbi1ncm91cDE2"
            "LXNoYTUxMixkaWZmaWUtaGVsbG1hbi1ncm91cDE4LXNoYTUxMixkaWZmaWUtaGVsbG1hbi1ncm91cDE0LXNoYTI1NixrZXgt"
            "c3RyaWN0LXMtdjAwQG9wZW5zc2guY29tAAAAOXNzaC1lZDI1NTE5LGVjZHNhLXNoYTItbmlzdHAyNTYscnNhLXNoYTItNTEy"
            "LHJzYS1zaGEyLTI1NgAAAGxjaGFjaGEyMC1wb2x5MTMwNUBvcGVuc3NoLmNvbSxhZXMxMjgtY3RyLGFlczE5Mi1jdHIsYWVz"
            "MjU2LWN0cixhZXMxMjgtZ2NtQG9wZW5zc2guY29tLGFlczI1Ni1nY21Ab3BlbnNzaC5jb20AAABsY2hhY2hhMjAtcG9seTEz"
            "MDVAb3BlbnNzaC5jb20sYWVzMTI4LWN0cixhZXMxOTItY3RyLGFlczI1Ni1jdHIsYWVzMTI4LWdjbUBvcGVuc3NoLmNvbSxh"
            "ZXMyNTYtZ2NtQG9wZW5zc2guY29tAAAA1XVtYWMtNjQtZXRtQG9wZW5zc2guY29tLHVtYWMtMTI4LWV0bUBvcGVuc3NoLmNv"
            "bSxobWFjLXNoYTItMjU2LWV0bUBvcGVuc3NoLmNvbSxobWFjLXNoYTItNTEyLWV0bUBvcGVuc3NoLmNvbSxobWFjLXNoYTEt"
            "ZXRtQG9wZW5zc2guY29tLHVtYWMtNjRAb3BlbnNzaC5jb20sdW1hYy0xMjhAb3BlbnNzaC5jb20saG1hYy1zaGEyLTI1Nixo"
            "bWFjLXNoYTItNTEyLGhtYWMtc2hhMQAAANV1bWFjLTY0LWV0bUBvcGVuc3NoLmNvbSx1bWFjLTEyOC1ldG1Ab3BlbnNzaC5j"
            "b20saG1hYy1zaGEyLTI1Ni1ldG1Ab3BlbnNzaC5jb20saG1hYy1zaGEyLTUxMi1ldG1Ab3BlbnNzaC5jb20saG1hYy1zaGEx"
            "LWV0bUBvcGVuc3NoLmNvbSx1bWFjLTY0QG9wZW5zc2guY29tLHVtYWMtMTI4QG9wZW5zc2guY29tLGhtYWMtc2hhMi0yNTYs"
            "aG1hYy1zaGEyLTUxMixobWFjLXNoYTEAAAAVbm9uZSx6bGliQG9wZW5zc2guY29tAAAAFW5vbmUsemxpYkBvcGVuc3NoLmNv"
            "bQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2QLHwAAAZcAAAAHc3NoLXJzYQAAAAMBAAEAAAGBAMibPqq2rzPZkCb/KG4r"
            "e1uZq+vmnVMLMSjEi2rAtMWvvCdODJV8AxOPFvA2V1ZXmwMI2+XSXXndPfpsFBoQmp1RHCF0nCoAhxUB0i0vvDYJ/L+fq6Nk"
            "vsV5O4Ic8xAbwnS2cAO6mTLhMG9JjweEVTqoNPwqeoK20gkaomD959QGRmyrtYOYKKQ3FLb/XFLzNqbi+PtU/qHckXaq0d4c"
            "SWr+fgZmhpvhi5N4cMJIf9epw0J/JpLfqrxknX546nlB4ED3W+9hh+gf3wvpNX1qkv9RBpoLUPw2pdlabU6iwyyqOkLobWj4"
            "1YbzzpZ5dCo/zvp3P6fRV0LhoGA/6JutGKBccD1IJ5LJaf+NGZ0VlEuX+f+LwPT5MywW4ovXMUQimvo/ho8UAasrJYRdr6bf"
            "WUne/YDKEmyOBLzpESWp4Xfio68iROUXgceOZ/H/wPZ35EAc0m4fdZrJWaPFxxpRv+EAYPFYazaZSFKjE3bvfshlkto40wJA"
            "7Hu1RTIR41+onQAAACA13ZBa5PHcEF7Vu/LABNFB0M1XKLrMkurAZMV/+YOxPgAAAZQAAAAMcnNhLXNoYTItNTEyAAABgIW6"
            "j2e5eqHDGB/Jb/xBWyrfz+9ZtVh60JjGuP1wu31pWIedtbom77W7pHqWl03skUHNXg9P11CCB7rW3qyw2YtFi2gmndOORach"
            "cG5gvjozFE+PhiGcBH0oNC0u+NaJBrTlgnd25j4ho2h6AMporj1KGDTERoQBxvC86NhQKRNa5mLRoZEVEfFr1wIM79IFiNac"
            "Kn81flMIhQ4+PLxCLT0EQ0PgLYm/WpzSdmwFpz13Qg5bshb9WVu+/4nPmionQDZBo+3c6rFV3IvYGgzWOEeX/UJ3du5Wt+rb"
            "/YBlOEWLxieiR0r3eqdnzWUKQCt8U6jQfGydYPdvmkSX4HZg/IkK0Is+KGxgzKEPgXcPVdixMfgeHxouNABh+xyeqAPBAaYX"
            "n2DR8YV/kQ+Hi9/GbqK0GngjmlywK/krLYy57Su+D6rCp1jii5Lp1Vz1UQsAAU1HAT15C1mJsZ4qqOxm1K+jnxbkrB62wCXe"
            "DNlIkG0sIeRdjusmCtpdU55WWQvU7wAAAAAAAAAAAAAAAAAADAoVAAAAAAAAAAAAAA=="
        ),
    ),
)
TYPES = tuple(recording.type for recording in RECORDINGS)
by_type = pytest.mark.parametrize("recording", RECORDINGS, ids=TYPES)


def tried_before(recording: Recording) -> tuple[str, ...]:
    return TYPES[: TYPES.index(recording.type)]


def exchange_of(recording: Recording, wanted: str = "") -> HostKeyExchange:
    return HostKeyExchange(wanted, tried_before(recording), chance)


@by_type
@pytest.mark.parametrize("size", [1, 7, 100000])
def test_the_signature_of_openssh_is_genuine_however_the_bytes_come(recording: Recording, size: int) -> None:
    exchange = exchange_of(recording, recording.fingerprint)
    sent = exchange.begin()
    for start in range(0, len(recording.said), size):
        sent += exchange.feed(recording.said[start : start + size])
    untried = TYPES[TYPES.index(recording.type) + 1 :]
    assert exchange.host_key == HostKey(recording.type, recording.fingerprint, True, untried)
    assert exchange.banner.startswith(b"SSH-2.0-OpenSSH")
    assert sent.startswith(b"SSH-2.0-lightsout_wake\r\n")


@by_type
def test_a_copied_key_and_signature_are_not_genuine_for_another_cookie(recording: Recording) -> None:
    exchange = HostKeyExchange(
        recording.fingerprint,
        tried_before(recording),
        bytes,
        new_ephemeral(chance),
    )
    exchange.feed(recording.said)
    assert exchange.host_key is not None
    assert exchange.host_key.fingerprint == recording.fingerprint
    assert exchange.host_key.genuine is False


@by_type
def test_a_key_that_is_not_wanted_is_not_verified(recording: Recording) -> None:
    exchange = exchange_of(recording, "SHA256:" + "A" * 43)
    exchange.feed(recording.said)
    assert exchange.host_key is not None
    assert exchange.host_key.genuine is None
    assert exchange.host_key.fingerprint == recording.fingerprint


def test_exactly_one_key_type_is_asked_for_and_the_likely_one_first() -> None:
    said = RECORDINGS[0].said
    kexinit_and_rest = packets.take_packet(said[said.index(b"\n") + 1 :])
    assert kexinit_and_rest is not None
    opening = said[: len(said) - len(kexinit_and_rest[1])]
    for tried, likely, asked in [
        ((), "", ("ssh-ed25519",)),
        (("ssh-ed25519",), "", ("ecdsa-sha2-nistp256",)),
        ((), "ssh-rsa", ("rsa-sha2-512", "rsa-sha2-256")),
        (("ssh-rsa",), "ssh-rsa", ("ssh-ed25519",)),
    ]:
        exchange = HostKeyExchange("", tried, chance, None, likely)
        taken = packets.take_packet(exchange.feed(opening))
        assert taken is not None
        assert packets.parse_kexinit(taken[0]).host_keys == asked


def server_says(*payloads: bytes) -> bytes:
    return b"SSH-2.0-test\r\n" + b"".join(map(packets.pack_packet, payloads))


def kexinit(exchanges: tuple[str, ...], host_keys: tuple[str, ...]) -> bytes:
    return packets.KexInit(bytes(16), (exchanges, host_keys, *((("none",),) * 8))).build()


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n" * 400, NotSsh, "no SSH banner"),
        (server_says(b"\1\0\0\0\2" + packets.pack_string(b"too busy")), Disconnected, "too busy"),
        (server_says(kexinit(("ecdh-sha2-nistp256",), ("ssh-ed25519",))), NoCommonAlgorithm, "curve25519-sha256"),
        (server_says(kexinit(("curve25519-sha256",), ("ssh-dss",))), NoCommonAlgorithm, "ssh-ed25519"),
        (server_says(bytes((packets.KEX_ECDH_REPLY,))), packets.BadPacket, "message 31"),
        (server_says(b""), packets.BadPacket, "no SSH packet"),
        (server_says(b"\x15"), packets.BadPacket, "message 21"),
        (b"SSH-2.0-test\r\nnot a packet", packets.BadPacket, "no SSH packet"),
        (server_says(kexinit(("curve25519-sha256",), ("ssh-ed25519",))[:-80]), packets.BadPacket, "too early"),
    ],
)
def test_what_ends_an_exchange(said: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        HostKeyExchange("", (), chance).feed(said)


def test_messages_without_meaning_are_skipped() -> None:
    said = server_says(b"\2" + packets.pack_string(b"x"), b"\4\0", kexinit(("curve25519-sha256",), ("ssh-ed25519",)))
    assert HostKeyExchange("", (), chance).feed(said)


@pytest.mark.parametrize("public", [bytes(32), bytes(31)], ids=["low order", "too short"])
def test_a_public_value_that_agrees_on_nothing_is_refused(public: bytes) -> None:
    key = packets.pack_string(b"ssh-ed25519") + packets.pack_string(bytes(32))
    signature = packets.pack_string(b"ssh-ed25519") + packets.pack_string(bytes(64))
    parts = b"".join(map(packets.pack_string, (key, public, signature)))
    said = server_says(kexinit(("curve25519-sha256",), ("ssh-ed25519",)), bytes((packets.KEX_ECDH_REPLY,)) + parts)
    with pytest.raises(packets.BadPacket, match="X25519"):
        HostKeyExchange("", (), chance).feed(said)


def test_a_key_of_another_type_than_asked_for_is_not_genuine() -> None:
    exchange = HostKeyExchange(RECORDINGS[0].fingerprint, ("ssh-ed25519",), chance)
    exchange.feed(RECORDINGS[0].said)
    assert exchange.host_key is not None
    assert exchange.host_key.genuine is False
