"""What a client says when a server could not be asked, so that the engine can turn it into a verdict (FLOWS §3)."""

from __future__ import annotations

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
    """One clause for an operating system's or library's error.

    Args:
        error: the error; an empty text gives its class name.
    """
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset by the server"
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
