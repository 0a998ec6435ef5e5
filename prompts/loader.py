"""Prompts are files with front matter, so that wording changes without code and every prompt has a version."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from testmesh.kernel.errors import UserError

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.S)
_PLACE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
KEYS = {"name", "version", "inputs", "answer"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with what goes in and what must come out.

    Args:
        name: file name without suffix.
        version: grows with every change of wording.
        inputs: names of the placeholders.
        answer: JSON Schema of the answer.
        body: text with ``{{ name }}`` placeholders.
    """

    name: str
    version: int
    inputs: tuple[str, ...]
    answer: Mapping[str, Any]
    body: str

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with every placeholder replaced, once: values are data and are not searched for placeholders.

        Args:
            values: exactly the inputs.

        Raises:
            KeyError: an input is missing or is not one of the prompt's.
        """
        if set(values) != set(self.inputs):
            raise KeyError(f"prompt {self.name} takes {sorted(self.inputs)}, got {sorted(values)}")
        return _PLACE.sub(lambda found: values[found.group(1)], self.body)


@cache
def load(name: str) -> Prompt:
    """The shipped prompt of that name.

    Args:
        name: file name without suffix.

    Raises:
        UserError: there is none, or its front matter is malformed.
    """
    file = resources.files("prompts") / f"{name}.md"
    if not re.fullmatch(r"[a-z_]+", name) or not file.is_file():
        raise UserError(f"there is no prompt '{name}'", hint=f"known: {', '.join(names())}")
    return parse(name, file.read_text(encoding="utf-8"))


def names() -> tuple[str, ...]:
    """Names of the shipped prompts, sorted."""
    return tuple(sorted(f.name[:-3] for f in resources.files("prompts").iterdir() if f.name.endswith(".md")))


def parse(name: str, text: str) -> Prompt:
    """A prompt from its file's text.

    Args:
        name: expected name.
        text: front matter (one ``key: JSON`` a line) and body.

    Raises:
        UserError: malformed front matter, or placeholders that differ from the inputs.
    """
    found = _FRONT.match(text)
    if found is None:
        raise UserError(f"prompt {name}: it must begin with front matter between two lines '---'")
    head = {}
    for number, line in enumerate(found.group(1).splitlines(), 2):
        key, _, value = line.partition(":")
        try:
            head[key.strip()] = json.loads(value)
        except json.JSONDecodeError as error:
            raise UserError(f"prompt {name}, line {number}: the value of '{key}' is not JSON ({error.msg})") from error
    if set(head) != KEYS or head["name"] != name:
        raise UserError(f"prompt {name}: front matter needs exactly {sorted(KEYS)}, and name '{name}'")
    body = found.group(2)
    used = set(_PLACE.findall(body))
    if used != set(head["inputs"]):
        raise UserError(f"prompt {name}: inputs {sorted(head['inputs'])} but placeholders {sorted(used)}")
    return Prompt(name, int(head["version"]), tuple(head["inputs"]), head["answer"], body)
