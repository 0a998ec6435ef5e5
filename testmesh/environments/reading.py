"""Takes keys out of one table of testmesh.toml, checks their type, and complains about what is left over."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from typing import TypeVar

from testmesh.kernel.errors import SettingError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_REQUIRED = object()

T = TypeVar("T")


class Reader:
    """One table.

    Args:
        path: of the table in the file, such as ``("environments", "local", "services", "web")``.
        table: parsed TOML.
    """

    def __init__(self, path: tuple[str, ...], table: Mapping[str, object]) -> None:
        self.path = path
        self._table = table
        self._known: list[str] = []

    @property
    def where(self) -> str:
        """The table, as people would write it."""
        rest = ".".join(self.path[2:])
        return f"[{'.'.join(self.path[:2])}]{f' {rest}' if rest else ''}"

    def fail(self, key: str, message: str, hint: str | None = None) -> SettingError:
        """A complaint about one key, or about the table when the key is empty.

        Args:
            key: in this table; the message follows its name.
            message: what is wrong.
            hint: what to do.
        """
        named = f"{self.where}.{key}" if key else self.where
        return SettingError(f"testmesh.toml {named}{message}", path=(*self.path, key) if key else self.path, hint=hint)

    def below(self, key: str, table: Mapping[str, object]) -> Reader:
        """A reader of a table inside this one.

        Args:
            key: path below, with dots.
            table: its content.
        """
        return Reader((*self.path, *key.split(".")), table)

    def text(self, key: str, default: object = _REQUIRED) -> str:
        """A text.

        Args:
            key: its key.
            default: when it is not written; required without.
        """
        value = self._take(key)
        if value is None:
            if default is _REQUIRED:
                raise self.fail("", f" has no '{key}'")
            return default  # type: ignore[return-value]
        return self._typed(key, value, str, "text")

    def optional(self, key: str) -> str | None:
        """A text or None.

        Args:
            key: its key.
        """
        value = self._take(key)
        return None if value is None else self._typed(key, value, str, "text")

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of some words.

        Args:
            key: its key.
            choices: the words.
            default: when it is not written.
        """
        value = self.text(key, default)
        if value not in choices:
            near = difflib.get_close_matches(value, choices, 1)
            hint = f"did you mean '{near[0]}'?" if near else None
            raise self.fail(key, f": '{value}' is none of {', '.join(choices)}", hint)
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false.

        Args:
            key: its key.
            default: when it is not written.
        """
        value = self._take(key)
        return default if value is None else self._typed(key, value, bool, "true or false")

    def port(self, key: str) -> int | None:
        """A port number or None.

        Args:
            key: its key.
        """
        value = self._take(key)
        if value is None:
            return None
        number = self._typed(key, value, int, "a port number")
        if not 1 <= number <= 65535:
            raise self.fail(key, f": {number} is not a port number")
        return number

    def seconds(self, key: str, default: float) -> float:
        """A positive number of seconds.

        Args:
            key: its key.
            default: when it is not written.
        """
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise self.fail(key, " must be a number of seconds")
        return float(value)

    def command(self, key: str) -> tuple[str, ...]:
        """A program and its arguments, as one text or a list.

        Args:
            key: its key.
        """
        value = self._take(key)
        return () if value is None else self._command(key, value)

    def commands(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Commands, one text or a list of texts and lists.

        Args:
            key: its key.
        """
        value = self._take(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (self._command(key, value),)
        return tuple(
            self._command(key, one) for one in self._typed(key, value, list, "a command or a list of commands")
        )

    def _command(self, key: str, value: object) -> tuple[str, ...]:
        if isinstance(value, list):
            words = self._texts_of(key, value)
        else:
            text = self._typed(key, value, str, "text or a list of texts")
            try:
                words = tuple(shlex.split(text))
            except ValueError as e:
                raise self.fail(key, f": {e}") from e
        if not words:
            raise self.fail(key, " must not be empty")
        return words

    def list_of_text(self, key: str) -> tuple[str, ...]:
        """Texts.

        Args:
            key: their key.
        """
        value = self._take(key)
        return () if value is None else self._texts_of(key, self._typed(key, value, list, "a list of texts"))

    def one_or_more(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts.

        Args:
            key: their key.
        """
        value = self._take(key)
        if value is None:
            return ()
        return (
            (value,) if isinstance(value, str) else self._texts_of(key, self._typed(key, value, list, "text or texts"))
        )

    def texts(self, key: str) -> Mapping[str, str]:
        """A table of texts; numbers and truth values become text.

        Args:
            key: its key.
        """
        table = self.table(key) or {}
        return {self._name(key, n): self._scalar(f"{key}.{n}", v) for n, v in table.items()}

    def table(self, key: str) -> Mapping[str, object] | None:
        """A table or None.

        Args:
            key: its key.
        """
        value = self._take(key)
        return None if value is None else self._typed(key, value, dict, "a table")

    def tables(self, key: str) -> list[tuple[str, Reader]]:
        """Readers of the tables inside a table, by name.

        Args:
            key: its key.
        """
        table = self.table(key) or {}
        return [
            (self._name(key, n), self.below(f"{key}.{n}", self._typed(f"{key}.{n}", v, dict, "a table")))
            for n, v in table.items()
        ]

    def done(self) -> None:
        """Complain about a key that nobody took."""
        for key in self._table:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(sorted(self._known))}"
                error = self.fail(key, "", hint)
                raise SettingError(f"testmesh.toml {self.where} has an unknown key '{key}'", path=error.path, hint=hint)

    def _take(self, key: str) -> object | None:
        self._known.append(key)
        return self._table.get(key)

    def _name(self, key: str, name: str) -> str:
        if not NAME.match(name):
            raise SettingError(f"testmesh.toml {self.where}: '{name}' is not a name", path=(*self.path, key, name))
        return name

    def _scalar(self, key: str, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        return self._typed(key, value, str, "text")

    def _texts_of(self, key: str, values: list[object]) -> tuple[str, ...]:
        return tuple(self._typed(key, v, str, "a list of texts") for v in values)

    def _typed(self, key: str, value: object, kind: type[T], words: str) -> T:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.fail(key, f" must be {words}")
        return value
