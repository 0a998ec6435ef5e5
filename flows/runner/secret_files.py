"""Secrets kept for flows on this machine: a file each that its owner alone reads, or an entry of the keyring."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from flows.runner.secrets import FOLDER, MAX_BYTES, SERVICE
from testmesh.kernel.errors import NotFoundError, UserError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,199}\Z")


def checked(name: str) -> str:
    """A name that a secret may have.

    Args:
        name: as typed.

    Raises:
        UserError: it may not.
    """
    if not _NAME.match(name):
        raise UserError(f"'{name}' cannot be the name of a secret", hint="letters, digits, '_', '-' and '.'")
    return name


def checked_value(value: str) -> str:
    """A value that can be kept, without the line end it was typed with.

    Args:
        value: as read.

    Raises:
        UserError: empty, too long, or with a NUL.
    """
    value = value.rstrip("\r\n")
    if not value:
        raise UserError("an empty text is no secret", hint="type it, or send it on standard input")
    if len(value.encode()) > MAX_BYTES or "\0" in value:
        raise UserError(f"a secret holds no NUL and at most {MAX_BYTES // 1024} KiB")
    return value


def keep(root: Path, name: str, value: str) -> Path:
    """Writes a secret's file, whole and readable by its owner alone.

    Args:
        root: of the repository.
        name: of the secret.
        value: its value.

    Raises:
        UserError: it cannot be written.
    """
    folder = root / FOLDER
    path = folder / checked(name)
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(checked_value(value).encode())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise UserError(f"{path} could not be written: {error.strerror or error}") from error
    return path


def names(root: Path) -> list[str]:
    """Secrets that have a file, sorted.

    Args:
        root: of the repository.
    """
    try:
        return sorted(path.name for path in (root / FOLDER).iterdir() if path.is_file() and _NAME.match(path.name))
    except OSError:
        return []


def forget(root: Path, name: str) -> None:
    """Removes a secret's file.

    Args:
        root: of the repository.
        name: of the secret.

    Raises:
        NotFoundError: it has none.
    """
    path = root / FOLDER / checked(name)
    try:
        path.unlink()
    except FileNotFoundError:
        raise NotFoundError(f"there is no {FOLDER / name}", hint="testmesh secret list") from None


def keep_in_keyring(name: str, value: str | None) -> None:
    """Sets an entry of the system's keyring, or removes it.

    Args:
        name: of the secret.
        value: None removes it.

    Raises:
        UserError: there is no keyring, or it refuses.
    """
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise UserError("the keyring library is not installed", hint="pip install 'testmesh[keyring]'") from None
    try:
        if value is None:
            keyring.delete_password(SERVICE, checked(name))
        else:
            keyring.set_password(SERVICE, checked(name), checked_value(value))
    except (KeyringError, RuntimeError) as error:
        hint = "without --keyring the secret is kept in a file of the repository's .testmesh folder"
        raise UserError(f"the keyring refused: {type(error).__name__}: {error}", hint=hint) from error
