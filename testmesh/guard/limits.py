"""Sizes that foreign text may have, checked in one place before anything parses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import DiagnosticsError, LimitExceeded, NotFoundError, UserError

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024


def utf8(data: bytes | str, *, file: str, limit: int = MIB) -> str:
    """Text of a file that someone else wrote, or a finding at the first wrong byte.

    Args:
        data: the file's bytes; text is only measured.
        file: as the user would type it.
        limit: bytes.

    Raises:
        DiagnosticsError: larger than `limit`, or not UTF-8.
    """
    size = len(data.encode("utf-8", "surrogatepass")) if isinstance(data, str) else len(data)
    if size > limit:
        raise DiagnosticsError([too_large(file, size=size, limit=limit)])
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        before = data[: problem.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        message = f"byte 0x{data[problem.start]:02x} is not valid UTF-8"
        finding = Diagnostic(file, line, column, "file/encoding", message, hint="save the file as UTF-8")
        raise DiagnosticsError([finding]) from None


def too_large(file: str, *, size: int, limit: int) -> Diagnostic:
    """The finding for a file over its limit.

    Args:
        file: as the user would type it.
        size: bytes.
        limit: bytes.
    """
    return Diagnostic(file, 1, 1, "file/too-large", f"the file has {size:,} bytes; at most {limit:,} are read")


def read_bytes(path: Path, *, shown: str | None = None, limit: int = MIB) -> bytes:
    """A regular file's bytes, never more than `limit` of them in memory.

    Args:
        path: where it is.
        shown: how to call it in messages; the path when None.
        limit: bytes.

    Raises:
        NotFoundError: there is no such file.
        LimitExceeded: it is larger.
        UserError: it is a folder, a device or unreadable.
    """
    name = shown or str(path)
    try:
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            if path.exists():
                raise UserError(f"{name} is {kind}")
            raise NotFoundError(f"{name} does not exist")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as problem:
        raise UserError(f"cannot read {name}: {problem.strerror or problem}") from None
    if len(data) > limit:
        raise LimitExceeded(f"{name} has more than {limit:,} bytes")
    return data
