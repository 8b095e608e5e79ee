# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""SSH's unencrypted packets and data types as bytes (RFC 4251, section 5; RFC 4253, sections 6 and 7.1). Pure."""

from __future__ import annotations

import struct
import typing as t

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO, KEXINIT = 1, 2, 3, 4, 7, 20
KEX_ECDH_INIT, KEX_ECDH_REPLY = 30, 31

_BY_APPLICATION = 11
_BLOCK = 8
_LEAST_PADDING = 4
_MOST_PACKET = 262144
_COOKIE = 16
_NAME_LISTS = 10


class BadPacket(ValueError):
    """Bytes that are no SSH packet, or not the one expected; the text goes on after the sender's address."""


class KexInit(t.NamedTuple):
    """Ten lists of algorithm names in the order of RFC 4253, section 7.1: key exchange and host key come first."""

    cookie: bytes
    lists: tuple[tuple[str, ...], ...]

    @property
    def exchanges(self) -> tuple[str, ...]:
        return self.lists[0]

    @property
    def host_keys(self) -> tuple[str, ...]:
        return self.lists[1]

    def build(self) -> bytes:
        lists = b"".join(pack_string(",".join(names).encode("ascii")) for names in self.lists)
        return bytes((KEXINIT,)) + self.cookie + lists + b"\0" * 5


class Reader:
    """Takes SSH's data types from the front of a payload. Raises BadPacket where it is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def raw(self, length: int) -> bytes:
        end = self._offset + length
        if end > len(self._data):
            raise BadPacket("sent an SSH packet that ends too early.")
        taken = self._data[self._offset : end]
        self._offset = end
        return taken

    def string(self) -> bytes:
        return self.raw(int.from_bytes(self.raw(4), "big"))

    def number(self) -> int:
        """An mpint; a negative one is none of ours."""
        data = self.string()
        if data[:1] >= b"\x80":
            raise BadPacket("sent a negative number in an SSH packet.")
        return int.from_bytes(data, "big")

    def names(self) -> tuple[str, ...]:
        text = self.string().decode("ascii", "replace")
        return tuple(text.split(",")) if text else ()


def pack_string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def pack_number(number: int) -> bytes:
    """A number >= 0 as an mpint."""
    return pack_string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


def pack_packet(payload: bytes) -> bytes:
    """A payload as an unencrypted packet."""
    padding = _BLOCK - (5 + len(payload)) % _BLOCK
    if padding < _LEAST_PADDING:
        padding += _BLOCK
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + b"\0" * padding


def take_packet(data: bytes) -> tuple[bytes, bytes] | None:
    """The payload of the first packet and the bytes after it, None while it isn't complete. Raises BadPacket."""
    if len(data) < 5:
        return None
    length, padding = struct.unpack_from(">IB", data)
    if not padding + 2 <= length <= _MOST_PACKET:
        raise BadPacket("sent bytes that are no SSH packet.")
    if len(data) < 4 + length:
        return None
    return data[5 : 4 + length - padding], data[4 + length :]


def parse_kexinit(payload: bytes) -> KexInit:
    """Read a KEXINIT payload. Raises BadPacket."""
    reader = Reader(payload[1:])
    return KexInit(reader.raw(_COOKIE), tuple(reader.names() for _position in range(_NAME_LISTS)))


def disconnect(description: str) -> bytes:
    """The packet that ends a connection in order."""
    words = struct.pack(">BI", DISCONNECT, _BY_APPLICATION) + pack_string(description.encode("utf-8"))
    return pack_packet(words + pack_string(b""))


def parse_disconnect(payload: bytes) -> str:
    """The description in a DISCONNECT payload. Raises BadPacket."""
    reader = Reader(payload[1:])
    reader.raw(4)
    return reader.string().decode("utf-8", "replace")
