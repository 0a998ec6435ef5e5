"""A NATS server whose users prove themselves with a JWT and an nkey, and the credentials file of one of them."""

from __future__ import annotations

import base64
import json
import time
from binascii import crc_hqx
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3
_FREE = {"subs": -1, "data": -1, "payload": -1}


class Key:
    """An nkey (ed25519) of an operator, account or user.

    Args:
        kind: its prefix.
    """

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._key = Ed25519PrivateKey.generate()

    @property
    def public(self) -> str:
        """The public key as NATS writes it."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _text(bytes([self._kind]) + raw)

    @property
    def seed(self) -> str:
        """The private key as NATS writes it."""
        raw = self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return _text(bytes([SEED | self._kind >> 5, (self._kind & 31) << 3]) + raw)

    def signed(self, subject: Key, claims: dict[str, object]) -> str:
        """A JWT about somebody.

        Args:
            subject: whom it is about.
            claims: what NATS is told.
        """
        body = {"jti": "X", "iat": int(time.time()), "iss": self.public, "name": "t", "sub": subject.public}
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        text = f"{_url(json.dumps(head).encode())}.{_url(json.dumps({**body, 'nats': claims}).encode())}"
        return f"{text}.{_url(self._key.sign(text.encode()))}"


def _text(data: bytes) -> str:
    checked = data + crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def write_accounts(folder: Path) -> list[str]:
    """Writes `bob.creds` and a configuration that lets bob in; gives the server's options.

    Args:
        folder: where.
    """
    operator, account, user = Key(OPERATOR), Key(ACCOUNT), Key(USER)
    limits = {**_FREE, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
    of_operator = operator.signed(operator, {"type": "operator", "version": 2})
    of_account = operator.signed(account, {"type": "account", "version": 2, "limits": limits})
    of_user = account.signed(user, {"type": "user", "version": 2, "pub": {}, "sub": {}, **_FREE})
    (folder / "bob.creds").write_text(
        f"-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    (folder / "accounts.conf").write_text(
        f"operator: {of_operator}\nresolver: MEMORY\nresolver_preload: {{ {account.public}: {of_account} }}\n"
    )
    return ["-c", str(folder / "accounts.conf")]
