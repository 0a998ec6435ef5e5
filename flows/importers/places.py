"""Lines of a JSON file at which texts stand, so that what is not carried over can be looked up."""

from __future__ import annotations

import json
from bisect import bisect_right

from flows.language.values import parse_json
from testmesh.kernel.errors import UserError


def json_of(file: str, text: str, hint: str) -> object:
    """A JSON file of another tool.

    Args:
        file: its name.
        text: of it.
        hint: how to get a whole one.

    Raises:
        UserError: it is no JSON.
    """
    try:
        return parse_json(text.removeprefix("\ufeff"))
    except ValueError as problem:
        raise UserError(f"{file} is no JSON: {problem}", hint=hint) from None


class JsonPlaces:
    """Finds texts in a JSON file, going forward.

    Args:
        text: of the file.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        for at, character in enumerate(text):
            if character == "\n":
                self.starts.append(at + 1)
        self.at = 0

    def after(self, value: str) -> int:
        """The line of the next such text.

        Args:
            value: as it is, unescaped.
        """
        found = self._find(value, self.at)
        if found >= 0:
            self.at = found
        return bisect_right(self.starts, self.at)

    def within(self, script: str, number: int) -> int:
        """The line of a line of a script that stands as a list of texts.

        Args:
            script: the whole of it.
            number: 1-based, in the script.
        """
        lines = script.split("\n")
        found = self._find(lines[number - 1], self.at) if 0 < number <= len(lines) else -1
        return bisect_right(self.starts, found if found >= 0 else self.at)

    def _find(self, value: str, start: int) -> int:
        for ascii_only in (False, True):
            found = self.text.find(json.dumps(value, ensure_ascii=ascii_only)[1:-1], start)
            if found >= 0:
                return found
        return -1
