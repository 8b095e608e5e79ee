# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Readers of single values of inventory variables.

A reader takes a templated value, or its string form (surveys and ``-e`` send strings), and returns the plain value.
It raises InvalidValue, whose text goes on after the variable's name: ``is 70000, but a port lies between ...``.
"""

from __future__ import annotations

import ast
import base64
import binascii
import functools
import ipaddress
import json
import math
import re
import typing as t

from ansible_collections.lightsout.wake.plugins.module_utils._mac import InvalidMac, parse_hardware_address, parse_mac
from ansible_collections.lightsout.wake.plugins.module_utils._magic_packet import InvalidSecureOn, parse_secureon

Reader = t.Callable[[t.Any], t.Any]

LONGEST_SHOWN = 80
_PLAIN = re.compile(r"[!-~]+")
_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?")
_DOTTED = re.compile(r"[0-9.]+")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_FINGERPRINT = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")
_CERTIFICATE = re.compile(r"[0-9A-F]{64}")


class InvalidValue(ValueError):
    """A value that its variable does not take; the text goes on after the variable's name."""


def shown(value: object) -> str:
    """The value as an error sentence shows it: on one line, without control characters, cut when long."""
    if isinstance(value, str):
        text = str.strip(value)
        text = text if _PLAIN.fullmatch(text) else json.dumps(str(value))
    elif isinstance(value, bool) or value is None:
        text = json.dumps(value)
    elif isinstance(value, (int, float)):
        text = repr(value) if abs(value) < 1e18 else f"{value:.3g}" if isinstance(value, float) else "a huge number"
    else:
        text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def is_set(value: object) -> bool:
    """Whether a variable has a value: null and blank text stand for "not set"."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def decrypted(value: t.Any) -> t.Any:
    """The text of a vaulted value, which ansible-core hands out as an object with the methods of text; others as is."""
    if isinstance(value, str) or not hasattr(value, "casefold"):
        return value
    try:
        return str(value)
    except Exception:
        raise InvalidValue("is encrypted, and no vault secret opens it") from None


def remembered(read: Reader) -> Reader:
    """The reader with a memory for scalars, since thousands of hosts share their subnets, ports and relays."""
    cached = functools.lru_cache(maxsize=4096, typed=True)(read)

    def look(value: t.Any) -> t.Any:
        return cached(value) if isinstance(value, (str, int, float)) else read(value)

    return look


def text(value: object) -> str:
    """Plain text; a number becomes its digits, since YAML reads a name such as 7 as a number."""
    if isinstance(value, str):
        return str.strip(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    if hasattr(value, "casefold"):
        return text(decrypted(value))
    raise InvalidValue(f"is {shown(value)}, but it must be text")


def number(value: object, meaning: str) -> float:
    """A finite number from a number or its string form."""
    if not isinstance(value, bool):
        try:
            result = float(t.cast("t.Any", value))
        except (TypeError, ValueError, OverflowError):
            result = math.nan
        if math.isfinite(result) and not (isinstance(value, str) and "_" in value):
            return result
    raise InvalidValue(f"is {shown(value)}, but {meaning}")


def whole(low: int, high: int, meaning: str) -> Reader:
    """A reader of whole numbers from low to high."""

    def read(value: object) -> int:
        if isinstance(value, str) and _WHOLE.fullmatch(str.strip(value)) and len(value) < 30:
            result = int(value)
        else:
            exact = number(value, meaning)
            result = int(exact) if exact == int(exact) else high + 1
        if low <= result <= high:
            return result
        raise InvalidValue(f"is {shown(value)}, but {meaning}")

    return remembered(read)


def real(low: float, high: float, meaning: str) -> Reader:
    """A reader of numbers from low to high."""

    def read(value: object) -> float:
        result = number(value, meaning)
        if low <= result <= high:
            return result
        raise InvalidValue(f"is {shown(value)}, but {meaning}")

    return remembered(read)


def one_of(words: t.Sequence[str], what: str) -> Reader:
    """A reader of one of the words, in any case."""

    def read(value: object) -> str:
        word = text(value).lower()
        if word in words:
            return word
        raise InvalidValue(f"is {shown(value)}, but {what} is one of {', '.join(words)}")

    return remembered(read)


def structure(value: str) -> t.Any:
    """The list or dictionary that a text holds, as JSON or as Python writes it."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise InvalidValue("is neither a list nor a dictionary, and no JSON text of one") from None


def items(value: object) -> list[t.Any]:
    """The items of a list, of a JSON text of one, or of words with commas between."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, t.Mapping):
        raise InvalidValue(f"is {shown(value)}, but it must be a list")
    whole_text = text(value)
    if whole_text.startswith("["):
        listed = structure(whole_text)
        if isinstance(listed, list):
            return listed
        raise InvalidValue(f"is {shown(value)}, but it must be a list")
    return [part for part in (part.strip() for part in whole_text.split(",")) if part]


def list_of(read_item: Reader, *, at_least: int = 0, at_most: int = 0, what: str = "items") -> Reader:
    """A reader of lists; an item named twice counts once. at_most 0 means no limit."""

    def read(value: object) -> tuple[t.Any, ...]:
        found = tuple(dict.fromkeys(read_item(item) for item in items(value)))
        if len(found) < at_least:
            raise InvalidValue(f"is {shown(value)}, but it needs {what}")
        if at_most and len(found) > at_most:
            raise InvalidValue(f"has {len(found)} {what}, but {at_most} are the most it takes")
        return found

    return remembered(read)


def mapping(value: object, meaning: str) -> t.Mapping[str, t.Any]:
    """A dictionary or the JSON text of one. The error shows no value, since a dictionary may hold secrets."""
    if isinstance(value, str):
        value = structure(value)
    if isinstance(value, t.Mapping) and all(isinstance(key, str) for key in value):
        return value
    raise InvalidValue(f"must be a dictionary: {meaning}")


def word(value: object) -> str:
    """A name without blanks."""
    name = text(value)
    if not name or any(character.isspace() or not character.isprintable() for character in name):
        raise InvalidValue(f"is {shown(value)}, but a name is not empty and has no blanks")
    return name


def line(value: object) -> str:
    """Text on one line, such as a path."""
    result = text(value)
    if result and result.isprintable():
        return result
    raise InvalidValue(f"is {shown(value)}, but it must be text on one line")


def secret(value: object) -> str:
    """Text that no error shows."""
    plain = decrypted(value)
    if isinstance(plain, (str, int)) and not isinstance(plain, bool):
        return str(plain)
    raise InvalidValue("must be text in quotes (its value is not shown)")


def mac(value: object) -> bytes:
    """One MAC address in any usual spelling."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise InvalidValue(f"is the number {shown(value)}: put the MAC in quotes, or YAML reads its digits as a number")
    try:
        return parse_mac(text(value)[:LONGEST_SHOWN])
    except InvalidMac as error:
        raise InvalidValue(str(error)) from None


def secureon(value: object) -> bytes:
    """A SecureOn password of 4 or 6 bytes; errors never show it."""
    if isinstance(value, (int, float)):
        raise InvalidValue("is a number: put the password in quotes, or YAML reads its digits as a number")
    try:
        return parse_secureon(secret(value))
    except InvalidSecureOn:
        raise InvalidValue("must be 4 or 6 bytes in hexadecimal digits (its value is not shown)") from None


def subnet(value: object) -> str:
    """A network with its prefix length or mask; bits of a host in it are dropped."""
    written = text(value)
    try:
        network = ipaddress.ip_network(written, strict=False)
    except ValueError:
        raise InvalidValue(f"is {shown(value)}, but a subnet looks like 192.0.2.0/24") from None
    if "/" not in written or network.prefixlen == 0:
        raise InvalidValue(f"is {shown(value)}, but a subnet needs a prefix length of at least 1, as in 192.0.2.0/24")
    return str(network)


def source(value: object) -> str:
    """An address or a network, as a network."""
    try:
        return str(ipaddress.ip_network(text(value), strict=False))
    except ValueError:
        raise InvalidValue(f"is {shown(value)}, but a source is an address or a network such as 192.0.2.0/24") from None


def host(value: object) -> str:
    """An IP address or a host name."""
    written = text(value)
    if _IPV4.fullmatch(written) or (_HOST.fullmatch(written) and not _DOTTED.fullmatch(written)):
        return written
    try:
        ipaddress.ip_address(written)
    except ValueError:
        raise InvalidValue(f"is {shown(value)}, but it must be an IP address or a host name") from None
    return written


def destination(value: object) -> str:
    """An IP address or a host name, or for raw frames a MAC address."""
    try:
        return host(value)
    except InvalidValue:
        try:
            parse_hardware_address(text(value))
        except InvalidMac:
            raise InvalidValue(
                f"is {shown(value)}, but it must be an IP address or a host name, or a MAC address for raw frames"
            ) from None
        return text(value)


def interface(value: object) -> str:
    """A name that Linux takes for an interface (net/core/dev.c, dev_valid_name)."""
    name = text(value)
    if 0 < len(name.encode()) <= 15 and name not in (".", "..") and name.isprintable() and not set(name) & set("/: "):
        return name
    raise InvalidValue(
        f"is {shown(value)}, but an interface name has at most 15 characters and no slash, colon or blank"
    )


def host_key(value: object) -> str:
    """An SSH host key fingerprint, as ``ssh-keygen -l`` prints it."""
    found = _FINGERPRINT.fullmatch(text(value))
    if found:
        digest = found.group(1)
        try:
            if base64.b64encode(base64.b64decode(digest + "=")) == (digest + "=").encode():
                return "SHA256:" + digest
        except binascii.Error:
            pass
    raise InvalidValue(
        f"is {shown(value)}, but a fingerprint is SHA256: and 43 characters of base64, as ssh-keygen -l prints it"
    )


def certificate(value: object) -> str:
    """The SHA-256 fingerprint of a certificate, as 64 lower-case hexadecimal digits."""
    digits = text(value).upper().replace("SHA256", "").replace(":", "").replace(" ", "").replace("=", "")
    if _CERTIFICATE.fullmatch(digits):
        return digits.lower()
    raise InvalidValue(f"is {shown(value)}, but a certificate's SHA-256 fingerprint has 64 hexadecimal digits")
