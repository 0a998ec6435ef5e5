"""Flow texts to checked flows, with the files they name kept, so that a recording can be judged anywhere."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from flows.language.catalogue import Catalogue
from flows.language.check import CheckedFlow, Files, load_flow
from flows.language.errors import NotEvaluable
from testmesh.kernel.errors import DiagnosticsError, NotFoundError


def beside(base: str, name: str) -> str:
    """The name in a run of a file that a flow names.

    Args:
        base: the flow's file.
        name: relative to it.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), name))


class TextFiles:
    """Files of a recording.

    Args:
        base: the flow's file.
        texts: file (as in the run) to text.
    """

    def __init__(self, base: str, texts: Mapping[str, str]) -> None:
        self._base = base
        self._texts = texts

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Args:
            name: relative to the flow file.
        """
        text = self._texts.get(beside(self._base, name))
        if text is None:
            raise NotFoundError(f"{name} is not part of the recording")
        return text.encode()

    def look(self, name: str) -> None:
        """A file that was only sent is no part of a recording, and nothing is wrong with its name."""


class KeptFiles:
    """Files beside a flow, each remembered when it is text.

    Args:
        base: the flow's file.
        files: where they are.
        kept: file (as in the run) to text, filled here.
    """

    def __init__(self, base: str, files: Files, kept: dict[str, str]) -> None:
        self._base = base
        self._files = files
        self._kept = kept

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Args:
            name: relative to the flow file.
        """
        data = self._files.read(name)
        self._kept[beside(self._base, name)] = data.decode("utf-8", "replace")
        return data

    def look(self, name: str) -> None:
        """Makes sure that a file is there, and keeps nothing of it.

        Args:
            name: relative to the flow file.
        """
        self._files.look(name)


def checked(text: str | bytes, file: str, known: Catalogue, files: Files) -> CheckedFlow:
    """A flow from its text; what it needs from outside is decided when it runs.

    Args:
        text: content.
        file: as in the run.
        known: the catalogue.
        files: beside it.
    """
    return load_flow(text, file, known, files)


def problems(found: CheckedFlow) -> DiagnosticsError | None:
    """Why a flow cannot be used, or None.

    Args:
        found: checked.
    """
    return DiagnosticsError(found.errors) if found.flow is None and found.errors else None


def parsed_file(name: str, text: str) -> object:
    """A schema file's content.

    Args:
        name: its suffix decides between JSON and YAML.
        text: content.

    Raises:
        NotEvaluable: it is neither.
    """
    from flows.language.values import parse_json
    from testmesh.guard.yaml import parse, plain
    from testmesh.kernel.errors import UserError

    try:
        return parse_json(text) if name.endswith(".json") else plain(parse(text, name))
    except (ValueError, UserError) as error:
        raise NotEvaluable(f"schema file {name} cannot be read: {error}") from error
