"""What a client says when a server could not be asked, so that the engine can turn it into a verdict (FLOWS §3)."""

from __future__ import annotations

import errno
import os
import re
from typing import Literal

from testmesh.kernel.errors import TestMeshError

ErrorType = Literal["timeout", "connection", "config", "server"]


class ClientError(TestMeshError):
    """The request has no answer.

    Args:
        message: what was asked and what happened, without credentials.
        type: ``timeout`` (time ran out), ``connection`` (unreachable or broken off), ``config`` (what was asked for
            cannot be sent), ``server`` (the server refused the statement or command).
    """

    def __init__(self, message: str, type: ErrorType = "connection") -> None:
        super().__init__(message)
        self.message = message
        self.type: ErrorType = type


def reason(error: BaseException) -> str:
    """One clause for an operating system's or library's error, with what to do about it where that is known.

    Args:
        error: the error; an empty text gives its class name.
    """
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset by the server"
    if isinstance(error, TimeoutError):
        return "timed out"
    kind = type(error).__name__
    if kind == "IncompleteReadError":
        partly = " in the middle of an answer" if getattr(error, "partial", b"") else ""
        return f"the server closed the connection{partly}"
    if kind == "gaierror":
        return f"the name cannot be resolved ({getattr(error, 'strerror', None) or error})"
    if kind.startswith("SSL"):
        return _tls_reason(error)
    text = str(error).strip().splitlines()
    if isinstance(error, OSError) and text:
        return _os_reason(error, text[0])
    return text[0] if text else kind


def _os_reason(error: OSError, text: str) -> str:
    if error.errno is not None:
        return os.strerror(error.errno).lower() if text.startswith(f"[Errno {error.errno}]") else text
    codes = set(_ERRNO.findall(text)) if text.startswith("Multiple exceptions") else set()
    if codes == {str(errno.ECONNREFUSED)}:
        return "connection refused"
    return ", ".join(os.strerror(int(code)).lower() for code in sorted(codes)) or text


def _tls_reason(error: BaseException) -> str:
    verify = getattr(error, "verify_message", "")
    if verify:
        return _untrusted(str(verify))
    found = str(getattr(error, "reason", "") or error)
    return tls_meaning(found) or "TLS: " + found.lower().replace("_", " ")


def tls_meaning(text: str) -> str:
    """What a TLS library's error means, with what to do about it; empty when it is none of the known ones.

    Args:
        text: with OpenSSL's or BoringSSL's words for it.
    """
    for said in reversed(list(_VERIFY.finditer(text))):
        why = _WHY.match(text, said.end())
        if why is not None:
            return _untrusted(why[1])
    return next((meaning for part, meaning in _TLS_REASONS.items() if part in text.upper().replace(" ", "_")), "")


def _untrusted(why: str) -> str:
    advice = next((advice for part, advice in _VERIFY_ADVICE.items() if part in why.lower()), "")
    return f"certificate not trusted ({why.rstrip(' .')}){advice}"


_ERRNO = re.compile(r"\[Errno (\d+)\]")
_VERIFY = re.compile(r"(?i)certificate[ _]verify[ _]failed")
_WHY = re.compile(r"[\]:]*\s*([^:(]+)")
_UNKNOWN_AUTHORITY = "; name its authority in 'tls: {ca: FILE}'"
_VERIFY_ADVICE = {
    "issuer certificate": _UNKNOWN_AUTHORITY,
    "self-signed": _UNKNOWN_AUTHORITY,
    "self signed": _UNKNOWN_AUTHORITY,
    "first certificate": _UNKNOWN_AUTHORITY,
    "mismatch": "; 'tls: {server_name: NAME}' checks another name",
}
_TLS_REASONS = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS at this port",
    "RECORD_LAYER_FAILURE": "it does not speak TLS at this port",
    "PACKET_LENGTH_TOO_LONG": "it does not speak TLS at this port",
    "HTTP_REQUEST": "it does not speak TLS at this port",
    "CERTIFICATE_REQUIRED": "it demands a client certificate: set 'tls: {cert: FILE, key: FILE}'",
    "ALERT_UNKNOWN_CA": "it does not trust the client certificate's authority",
    "ALERT_BAD_CERTIFICATE": "it does not accept the client certificate",
    "ALERT_CERTIFICATE_EXPIRED": "the client certificate has expired",
    "ALERT_CERTIFICATE_UNKNOWN": "it does not accept the client certificate",
    "UNEXPECTED_EOF": "the server broke off the TLS connection",
    "ALERT_HANDSHAKE_FAILURE": "no TLS version, cipher or certificate suits both sides",
    "ALERT_PROTOCOL_VERSION": "no TLS version suits both sides",
    "ALERT_UNRECOGNIZED_NAME": "it does not know this name: 'tls: {server_name: NAME}' asks for another",
}
