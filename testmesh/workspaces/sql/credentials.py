"""Tokens and secrets: what is shown once, what is kept of it, and how a forged one is told apart without a look-up."""

from __future__ import annotations

import hashlib
import os
import secrets
import string
import zlib

from testmesh.kernel.errors import UserError

PREFIX = "tm_"
RANDOM_LENGTH = 40
CHECK_LENGTH = 6
SHOWN_LENGTH = 9
KEY_BYTES = 32
NONCE_BYTES = 12
_ALPHABET = string.digits + string.ascii_letters


def new_token() -> str:
    """`tm_`, 40 random characters (238 bits) and a CRC-32 in base 62, as secret scanners like it."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_LENGTH))
    return PREFIX + body + _check(body)


def well_formed(token: str) -> bool:
    """Whether prefix, length and checksum fit, which a typing error or a foreign token does not survive.

    Args:
        token: as presented.
    """
    body = token[len(PREFIX) : -CHECK_LENGTH]
    return token.startswith(PREFIX) and len(body) == RANDOM_LENGTH and token[-CHECK_LENGTH:] == _check(body)


def token_digest(token: str) -> str:
    """SHA-256 hex, the only thing kept; a slow hash is needless for 238 random bits.

    Args:
        token: its text.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def _check(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(CHECK_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[rest] + digits
    return digits


class Sealer:
    """AES-256-GCM (NIST SP 800-38D) with the place of a value as associated data, so that it opens nowhere else.

    Args:
        key: 32 bytes.

    Raises:
        UserError: the key has another length.
    """

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(key) != KEY_BYTES:
            raise UserError(
                f"the secrets key has {len(key)} bytes, not {KEY_BYTES}", hint="make one with: openssl rand -hex 32"
            )
        self._cipher = AESGCM(key)

    def seal(self, value: str, place: str) -> tuple[bytes, bytes]:
        """Nonce and ciphertext.

        Args:
            value: plain text.
            place: `workspace|id|version`.
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce, self._cipher.encrypt(nonce, value.encode(), place.encode())

    def open(self, nonce: bytes, sealed: bytes, place: str) -> str:
        """The plain text.

        Args:
            nonce: as made by :meth:`seal`.
            sealed: ciphertext.
            place: where it is kept.

        Raises:
            UserError: sealed with another key, moved from another place or altered.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(nonce, sealed, place.encode()).decode()
        except InvalidTag as error:
            raise UserError(
                "a stored secret cannot be opened",
                hint="it was sealed with another key: set TESTMESH_SECRETS_KEY to that one, or store the secret again",
            ) from error


def parse_key(text: str) -> bytes:
    """The key of its hex form.

    Args:
        text: 64 hex digits.

    Raises:
        UserError: it is not that.
    """
    try:
        return bytes.fromhex(text.strip())
    except ValueError as error:
        raise UserError("the secrets key is not hex", hint="make one with: openssl rand -hex 32") from error
