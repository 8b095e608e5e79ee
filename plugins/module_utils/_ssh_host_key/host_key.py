# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""An SSH host key: its fingerprint, and whether a signature is its own (RFC 4253, 6.6; RFC 5656; 8332; 8709). Pure."""

from __future__ import annotations

import base64
import hashlib

from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key import ecdsa_p256, ed25519, rsa
from ansible_collections.lightsout.wake.plugins.module_utils._ssh_host_key.packets import BadPacket, Reader

# Key type -> signature algorithms, in the order in which they are asked for.
KEY_TYPES = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
_RSA_DIGESTS = {"rsa-sha2-512": "sha512", "rsa-sha2-256": "sha256"}


def fingerprint(blob: bytes) -> str:
    """The key's fingerprint as OpenSSH prints it: SHA256: and base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode("ascii")


def key_type(blob: bytes) -> str:
    """The type that a public key blob names. Raises BadPacket."""
    return Reader(blob).string().decode("ascii", "replace")


def signature_algorithm(signature: bytes) -> str:
    """The algorithm that a signature blob names. Raises BadPacket."""
    return Reader(signature).string().decode("ascii", "replace")


def verify(blob: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature blob signs `message` with the key of the public key blob. Raises BadPacket."""
    key, signed = Reader(blob), Reader(signature)
    kind = key.string().decode("ascii", "replace")
    algorithm = signed.string().decode("ascii", "replace")
    if algorithm not in KEY_TYPES.get(kind, ()):
        return False
    value = signed.string()
    if kind == "ssh-ed25519":
        return ed25519.verify(key.string(), message, value)
    if kind == "ssh-rsa":
        exponent, modulus = key.number(), key.number()
        return rsa.verify(modulus, exponent, message, value, _RSA_DIGESTS[algorithm])
    if key.string() != b"nistp256":
        raise BadPacket("sent an ECDSA host key of another curve than it names.")
    numbers = Reader(value)
    return ecdsa_p256.verify(key.string(), message, numbers.number(), numbers.number())
