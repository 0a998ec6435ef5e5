"""What an agent asks a language model and what comes back, whichever vendor answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from testmesh.kernel.errors import TestMeshError, UserError

LOOPBACK_ONLY = "TESTMESH_MODELS_LOOPBACK_ONLY"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. There are no tools: a model only words or proposes, code verifies.

    Args:
        prompt: the user's turn.
        system: standing instructions, or empty.
        schema: JSON Schema the answer must satisfy, or None for text.
        max_tokens: most tokens of the answer.
        timeout: seconds for one attempt.
    """

    prompt: str
    system: str = ""
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 1024
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    Args:
        input: tokens read.
        output: tokens written.
    """

    input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Args:
        text: what the model wrote.
        usage: tokens, as the vendor counts them.
        model: who answered, ``provider:model``.
        cut: it stopped at max_tokens.
    """

    text: str
    usage: Usage
    model: str
    cut: bool = False


class ModelFailed(TestMeshError):
    """A model did not answer.

    Args:
        message: what happened, without secrets.
        retryable: another attempt at the same model may succeed.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class ChatModel(Protocol):
    """A connected model."""

    def ask(self, ask: Ask) -> Reply:
        """Answer one question.

        Raises:
            ModelFailed: it did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a provider; secrets come by value here and are never shown.

    Args:
        model: the vendor's name of the model.
        url: base URL, or empty for the vendor's own.
        key: API key, or empty.
        script: for the scripted provider: its file.
    """

    model: str
    url: str = ""
    key: str = ""
    script: str = ""


class Provider(Protocol):
    """A vendor, declared as ``PROVIDER``; imports its SDK when it connects."""

    name: str
    default_url: str
    key_variable: str

    def connect(self, connection: Connection) -> ChatModel:
        """A model ready to answer.

        Raises:
            MissingExtra: the vendor's SDK is not installed.
            UserError: the connection lacks something.
        """
        ...


def allowed_url(url: str, default: str) -> str:
    """The address to use, refused when only loopback is allowed (tests) and it is not.

    Args:
        url: configured base URL, or empty.
        default: the vendor's own.

    Raises:
        UserError: not http(s), or not loopback while ``TESTMESH_MODELS_LOOPBACK_ONLY=1``.
    """
    chosen = url or default
    parts = urlsplit(chosen)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"'{chosen}' is not an http address of a model server")
    loopback = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if os.environ.get(LOOPBACK_ONLY) == "1" and not loopback:
        raise UserError(f"model server {parts.hostname} is refused: only loopback is allowed here",
                        hint=f"unset {LOOPBACK_ONLY}")  # fmt: skip
    return chosen


def retryable_status(status: int) -> bool:
    """Whether a vendor's HTTP status may pass on another attempt.

    Args:
        status: HTTP status.
    """
    return status in (408, 409, 425, 429) or status >= 500
