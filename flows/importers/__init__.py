"""Tests of other tools become flows; what cannot be carried over is said, and never makes a flow greener."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flows.importers.draft import Draft, DraftStep
from testmesh.kernel.discovery import declared

__all__ = ["Draft", "DraftStep", "Imported", "Importer", "Note", "Source", "detected", "importers"]


class Note(NamedTuple):
    """Something of a file that a flow cannot say.

    Args:
        line: 1-based, in the file that was read.
        what: the thing, as written.
        why: what stands in the way.
        checks: it could have made the test fail, so the flow fails in its place until a person has decided.
    """

    line: int
    what: str
    why: str
    checks: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """A file of another tool.

    Args:
        file: as the user typed it.
        text: its content.
        beside: reads a file relative to it; None when there is none.
        variables: values from an environment file of that tool.
        options: of this importer, as given on the command line.
    """

    file: str
    text: str
    beside: Callable[[str], str | None] = lambda name: None
    variables: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file.

    Args:
        drafts: one per flow.
        notes: what was not carried over, in file order.
    """

    drafts: tuple[Draft, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Importer:
    """A format, declared as ``IMPORTER``.

    Args:
        about: one line for help and docs.
        detect: (file name, text) → whether it is of this format.
        read: a file → flows and notes; UserError or DiagnosticsError when it is broken.
        environment: reads that tool's environment file into variables; None when it has none.
    """

    about: str
    detect: Callable[[str, str], bool]
    read: Callable[[Source], Imported]
    environment: Callable[[str, str], Mapping[str, object]] | None = None


def importers() -> Mapping[str, Importer]:
    """Every format by its name."""
    return declared(__name__, "IMPORTER", Importer)


def detected(file: str, text: str) -> str | None:
    """The format of a file, or None when none fits.

    Args:
        file: its name.
        text: its content.
    """
    return next((name for name, importer in importers().items() if importer.detect(file, text)), None)
