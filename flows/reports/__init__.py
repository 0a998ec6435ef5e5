"""Reports of a finished run: one file each, found by name, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graph.runs import Run
from testmesh.kernel.discovery import declared_one, module_names
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    from flows.reports.beside import Beside


@dataclass(frozen=True, slots=True)
class Report:
    """A report format.

    Args:
        about: one sentence.
        write: the report's text, from the run and what is known beside it.
        chunks: the same in pieces, for runs of very many steps; None = as a whole.
    """

    about: str
    write: Callable[[Run, Beside], str]
    chunks: Callable[[Run, Beside], Iterator[str]] | None = None


def report(name: str) -> Report:
    """The report of that name.

    Args:
        name: as after ``--report``.

    Raises:
        UserError: there is none.
    """
    found = declared_one(__name__, name, "REPORT", Report)
    if found is None:
        known = [module for module in module_names(__name__) if declared_one(__name__, module, "REPORT", Report)]
        raise UserError(f"unknown report '{name}'", hint=f"one of {', '.join(known)}")
    return found


def write_reports(run: Run, wanted: Mapping[str, Path], beside: Beside | None = None) -> None:
    """Writes every report that was asked for.

    Args:
        run: a finished run.
        wanted: report name to file; ``-`` is standard output.
        beside: spans, and the last green runs; None = nothing is known.

    Raises:
        UserError: an unknown report, or a file that cannot be written; the others are.
    """
    from flows.reports.beside import NOTHING

    known = NOTHING if beside is None else beside
    problems: list[UserError] = []
    for format, path in [(report(name), path) for name, path in wanted.items()]:
        chunks = iter((format.write(run, known),)) if format.chunks is None else format.chunks(run, known)
        pieces = (chunk.encode("utf-8", "replace") for chunk in chunks)
        if str(path) == "-":
            sys.stdout.flush()
            sys.stdout.buffer.writelines(pieces)
            sys.stdout.buffer.flush()
            continue
        try:
            write_whole(path, pieces)
        except UserError as problem:
            problems.append(problem)
    if problems:
        raise problems[0]


def _is_special(path: Path) -> bool:
    """`/dev/stdout` is a link even where it leads to a plain file: what is in these places is not ours to replace."""
    there = path.exists() and not path.is_file() and not path.is_dir()
    return there or path.absolute().parts[1:2] in (("dev",), ("proc",))


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes a file so that nobody ever sees half of it, not even after a power cut.

    Args:
        path: the file; its folder is made. What is no plain file (a device, a pipe) is written to, not replaced.
        data: content, or its pieces in order.

    Raises:
        UserError: the disk is full or the place cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if _is_special(path):
            with path.open("wb") as file:
                file.writelines([data] if isinstance(data, bytes) else data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        hint = "free some space or check the folder's permissions"
        raise UserError(f"{path} could not be written: {error.strerror or error}", hint=hint) from error
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
