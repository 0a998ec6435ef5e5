"""Digest access authentication (RFC 7616): the answer to a server's challenge."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence

_ALGORITHMS = {"SHA-256": "sha256", "SHA-512-256": "sha512_256", "MD5": "md5"}
_CHALLENGE = re.compile(r"(?:^|,)\s*Digest\s+", re.IGNORECASE)
_PARAMETER = re.compile(r'([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def proof(challenges: Sequence[str], login: tuple[str, str], asked: tuple[str, str]) -> str | None:
    """Value of an `Authorization` header for the strongest challenge that is understood; None = there is none.

    Args:
        challenges: values of `WWW-Authenticate`.
        login: user and password.
        asked: method and request target.
    """
    found = [parameters for text in challenges for parameters in _challenges(text)]
    for algorithm in _ALGORITHMS:
        for parameters in found:
            given = parameters.get("algorithm", "MD5").upper()
            if given.removesuffix("-SESS") == algorithm and "nonce" in parameters and _qop(parameters) is not None:
                return _answer(parameters, given, login, asked)
    return None


def _challenges(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for part in _CHALLENGE.split(text)[1:]:
        parameters: dict[str, str] = {}
        for name, quoted, plain in _PARAMETER.findall(part):
            parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain)
        found.append(parameters)
    return found


def _qop(parameters: dict[str, str]) -> str | None:
    """`auth`, an empty text for servers of RFC 2069, or None when only more than that will do."""
    if "qop" not in parameters:
        return ""
    return "auth" if "auth" in [part.strip().lower() for part in parameters["qop"].split(",")] else None


def _answer(parameters: dict[str, str], algorithm: str, login: tuple[str, str], asked: tuple[str, str]) -> str:
    def digest(*parts: str) -> str:
        return hashlib.new(_ALGORITHMS[algorithm.removesuffix("-SESS")], ":".join(parts).encode()).hexdigest()

    user, password = login
    method, target = asked
    realm, nonce, qop = parameters.get("realm", ""), parameters["nonce"], _qop(parameters)
    client, count = os.urandom(8).hex(), "00000001"
    secret = digest(user, realm, password)
    if algorithm.endswith("-SESS"):
        secret = digest(secret, nonce, client)
    request = digest(method, target)
    response = digest(secret, nonce, count, client, qop, request) if qop else digest(secret, nonce, request)
    hashed = parameters.get("userhash", "").lower() == "true"
    fields = {
        "username": digest(user, realm) if hashed else user,
        "realm": realm,
        "nonce": nonce,
        "uri": target,
        "response": response,
        **({"opaque": parameters["opaque"]} if "opaque" in parameters else {}),
        **({"cnonce": client} if qop or algorithm.endswith("-SESS") else {}),
    }
    quoted = [f'{name}="{_escaped(value)}"' for name, value in fields.items()]
    plain = [f"algorithm={algorithm}"] if "algorithm" in parameters else []
    plain += [f"qop={qop}", f"nc={count}"] if qop else []
    plain += ["userhash=true"] if hashed else []
    return "Digest " + ", ".join(quoted + plain)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
