"""Proof of identity for NATS servers with decentralised accounts: a JWT, and the server's nonce signed with an nkey."""

from __future__ import annotations

import base64
import re

from flows.clients.errors import ClientError
from testmesh.kernel.errors import MissingExtra

_BLOCK = re.compile(r"-+BEGIN ([A-Z ]+)-+\s+(\S+)\s+-+END [A-Z ]+-+")
_SEED_BYTES = 32


def signed(credentials: str, nonce: str) -> dict[str, object]:
    """What a CONNECT says for a ``.creds`` file.

    Args:
        credentials: its text.
        nonce: of the server's INFO.

    Raises:
        ClientError: of type ``config`` when the file holds no JWT and seed.
        MissingExtra: no library that signs is installed.
    """
    found = dict(_BLOCK.findall(credentials))
    jwt, seed = found.get("NATS USER JWT", ""), found.get("USER NKEY SEED", "")
    if not jwt or not seed:
        raise ClientError("the credentials file holds no NATS user JWT and nkey seed", "config")
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise MissingExtra("cryptography", "nats") from error
    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
        key = Ed25519PrivateKey.from_private_bytes(raw[2 : 2 + _SEED_BYTES])
    except ValueError as error:
        raise ClientError("the credentials file's nkey seed cannot be read", "config") from error
    signature = base64.urlsafe_b64encode(key.sign(nonce.encode())).rstrip(b"=").decode()
    return {"jwt": jwt, "sig": signature}
