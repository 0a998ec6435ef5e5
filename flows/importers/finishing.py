"""Drafts become files: checked like any flow before they are written, with the notes in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.importers import Imported, Note, Source
from flows.importers.draft import Draft, identifier
from flows.language.catalogue import Catalogue
from flows.language.check import load_flow
from flows.language.files import Files, NotAtHand
from flows.language.writing import inline, scalar_text
from testmesh.kernel.errors import UserError

_STEP = re.compile(r"    - id: (\S+)")
_UNKNOWN = re.compile(r"there is no step, output or variable '(\w+)'")


@dataclass(frozen=True, slots=True)
class Finished:
    """One flow file to be.

    Args:
        stem: of the file's name.
        text: of the file.
    """

    stem: str
    text: str


class _AnyFile(Files):
    """Files that an imported flow names lie beside the flow later."""

    def read(self, name: str) -> bytes:
        """Nothing is known of them yet."""
        raise NotAtHand(name)

    def look(self, name: str) -> None:
        """Nothing is known of them yet."""


def finished(
    imported: Imported, source: Source, catalogue: Catalogue, schema: str | None = None
) -> tuple[Finished, ...]:
    """The texts of all flows of a file.

    Args:
        imported: as an importer left it.
        source: what was imported.
        catalogue: known actions.
        schema: address for the modeline.

    Raises:
        UserError: a flow would not validate.
    """
    found: list[Finished] = []
    stems: set[str] = set()
    for draft in imported.drafts:
        stem = base = draft.stem or identifier(Path(source.file).name.partition(".")[0], "flow")
        number = 2
        while stem in stems:
            stem, number = f"{base}_{number}", number + 1
        stems.add(stem)
        text = draft.text(schema)
        errors = load_flow(text, f"{stem}.yaml", catalogue, _AnyFile()).errors
        while errors and _mended(draft, text.splitlines(), errors[0].line, errors[0].message):
            text = draft.text(schema)
            errors = load_flow(text, f"{stem}.yaml", catalogue, _AnyFile()).errors
        if errors:
            first = errors[0]
            raise UserError(
                f"{source.file}: '{draft.name}' would not be a valid flow: {first.message} (line {first.line})",
                hint=f"the line is: {text.splitlines()[first.line - 1].strip()[:200]}",
            )
        found.append(Finished(stem, text))
    return tuple(found)


def _mended(draft: Draft, lines: list[str], number: int, why: str) -> bool:
    return _from_outside(draft, why) or _replaced(draft, lines[number - 1], why) or _unsent(draft, lines[:number], why)


def _unsent(draft: Draft, before: list[str], why: str) -> bool:
    """Puts a step that fails in the place of one that the checker refuses."""
    begin = next((found for line in reversed(before) if (found := _STEP.match(line))), None)
    for step in (*draft.steps, *draft.teardown):
        if begin is not None and step.id == begin[1] and ("step", why) not in step.broken:
            step.broken.append(("step", why))
            step.unsent(f"{step.id}: {why}")
            return True
    return False


def _from_outside(draft: Draft, message: str) -> bool:
    """Declares a variable of the other tool that the checker takes for a misspelling of another name."""
    found = _UNKNOWN.match(message)
    if found is None or found[1] not in draft.reserved or found[1] in draft.env:
        return False
    draft.env[found[1]] = f"${{{found[1]}}}"
    return True


def _replaced(draft: Draft, line: str, why: str) -> bool:
    """Puts a mark that fails in the place of an assertion that the checker refuses."""
    for step in (*draft.steps, *draft.teardown):
        for at, assertion in enumerate(step.assertions):
            text = assertion if isinstance(assertion, str) else str(assertion.get("expression", ""))
            if (text != "false" and scalar_text(text) in line) or inline([text])[1:-1] in line:
                del step.assertions[at]
                step.broken.append((text, why))
                step.fail(f"{text}: {why}")
                return True
    return False


def every_note(imported: Imported) -> tuple[Note, ...]:
    """What an importer noted, and what the checker refused afterwards.

    Args:
        imported: finished.
    """
    found = list(imported.notes)
    for draft in imported.drafts:
        for step in (*draft.steps, *draft.teardown):
            found += [Note(1, f"{step.id}: {text}", why) for text, why in step.broken]
    return tuple(found)


def notes_in_words(file: str, notes: tuple[Note, ...]) -> Iterator[str]:
    """One line for each thing that was not carried over.

    Args:
        file: that was read.
        notes: about it.
    """
    for note in sorted(notes, key=lambda found: found.line):
        effect = "; the flow fails there until you decide" if note.checks else ""
        yield f"{file}:{note.line}: not carried over: {' '.join(note.what.split())[:160]}: {note.why}{effect}"
