"""Request bodies: JSON, text, forms, and multipart with files beside the flow."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping
from os import urandom
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from flows.clients.errors import ClientError
from flows.language.values import as_text, to_json

if TYPE_CHECKING:
    from flows.clients.tls import ReadsFiles

PART_KEYS = ("content", "file", "filename", "content_type")


class BodySettings(Protocol):
    """What is read of an action's config."""

    @property
    def body(self) -> object: ...
    @property
    def form(self) -> Mapping[str, object] | None: ...
    @property
    def multipart(self) -> Mapping[str, object] | None: ...


def body_of(config: BodySettings, files: ReadsFiles) -> tuple[str, bytes]:
    """Content type and bytes of a request's body; both empty without one.

    Args:
        config: rendered.
        files: beside the flow.

    Raises:
        ClientError: of type ``config`` for a part that cannot be understood.
        UserError: a named file cannot be read.
    """
    if config.form is not None:
        return "application/x-www-form-urlencoded", urlencode(pairs_of(config.form)).encode()
    if config.multipart is not None:
        return _multipart(config.multipart, files)
    if config.body is None:
        return "", b""
    if isinstance(config.body, str):
        return "text/plain; charset=utf-8", config.body.encode()
    return "application/json", to_json(config.body).encode()


def pairs_of(values: Mapping[str, object]) -> list[tuple[str, str]]:
    """Names and values in order: a list repeats its name, null leaves it out.

    Args:
        values: of a query, a form, headers.
    """
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        items = value if isinstance(value, list | tuple) else (value,)
        found += [(name, as_text(item)) for item in items if item is not None]
    return found


def _multipart(parts: Mapping[str, object], files: ReadsFiles) -> tuple[str, bytes]:
    """A multipart/form-data body (RFC 7578)."""
    boundary = f"testmesh-{binascii.hexlify(urandom(12)).decode()}"
    found: list[bytes] = []
    for name, value in parts.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                found += [f"--{boundary}\r\n".encode(), *_part(name, item, files), b"\r\n"]
    return f"multipart/form-data; boundary={boundary}", b"".join([*found, f"--{boundary}--\r\n".encode()])


def _part(name: str, value: object, files: ReadsFiles) -> Iterable[bytes]:
    if isinstance(value, Mapping) and ("content" in value or "file" in value):
        filename, kind, data = _described(name, value, files)
    else:
        filename, kind, data = None, "", as_text(value).encode()
    disposition = f'form-data; name="{_quoted(name)}"'
    if filename is not None:
        disposition += f'; filename="{_quoted(filename)}"'
    yield f"Content-Disposition: {disposition}\r\n".encode()
    if kind:
        yield f"Content-Type: {_line(kind)}\r\n".encode()
    yield b"\r\n" + data


def _described(name: str, part: Mapping[str, object], files: ReadsFiles) -> tuple[str | None, str, bytes]:
    unknown = [str(key) for key in part if key not in PART_KEYS]
    if unknown:
        raise ClientError(f"multipart.{name} has no key '{unknown[0]}' ({', '.join(PART_KEYS)})", "config")
    kind = as_text(part["content_type"]) if part.get("content_type") is not None else ""
    filename = as_text(part["filename"]) if part.get("filename") is not None else None
    if part.get("file") is not None:
        file = as_text(part["file"])
        shown = filename if filename is not None else file.replace("\\", "/").rpartition("/")[2]
        return shown, kind or _guessed(shown), files.read(file)
    content = part.get("content")
    if isinstance(content, Mapping | list):
        return filename, kind or "application/json", to_json(content).encode()
    if filename is None and not kind:
        filename = name
    return filename, kind or "application/octet-stream", b"" if content is None else as_text(content).encode()


def _guessed(filename: str) -> str:
    from mimetypes import guess_type

    return guess_type(filename)[0] or "application/octet-stream"


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
