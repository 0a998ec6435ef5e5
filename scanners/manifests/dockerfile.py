"""Dockerfiles: a folder that is built, what it is based on, its ports, variables and start command."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms.deploy import sort_of_image, store_kind, substituted

_FILE = re.compile(r"(^|/)((Dockerfile|Containerfile)([.-][\w.-]+)?|[\w-]+\.(dockerfile|Dockerfile))$")
_ENV = re.compile(r"""(\w+)=("(?:[^"\\]|\\.)*"|'[^']*'|(?:[^\s\\]|\\.)*)""")
_GO = re.compile(r"\bgo\s+(?:build|install|run)\s+([^&|;\n]*)")
_PACKAGE = re.compile(r"^(\./)?[\w-][\w.-]*(/[\w-][\w.-]*)+/?$|^[\w-]+\.go$")


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """Dockerfiles."""

    name: str = "dockerfile"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be a Dockerfile.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path)) and not path.endswith(".dockerignore")

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """The build folder and its variables.

        Args:
            source: the file.
        """
        build = _Build()
        variables: list[Fact] = []
        for number, word, rest in _instructions(source.data.decode("utf-8", "replace")):
            if word == "FROM":
                build.start(rest)
                variables = []
            elif word == "ENV":
                variables += _env(source, number, rest)
            else:
                build.take(word, rest)
        if build.image:
            fields = {"root": posixpath.dirname(source.path), "sort": "dockerfile", "name": ""}
            yield Fact("root", fields | build.fields(), Location(source.path, 1))
            yield from variables


@dataclass(slots=True)
class _Build:
    image: str = ""
    ports: list[str] = field(default_factory=list)
    command: str = ""
    entry: str = ""
    stages: dict[str, str] = field(default_factory=dict)
    programs: dict[str, None] = field(default_factory=dict)

    def start(self, rest: str) -> None:
        words = [w for w in rest.split() if not w.startswith("--")]
        image = words[0] if words else ""
        self.image = self.stages.get(image, image)
        self.ports, self.command, self.entry = [], "", ""
        if len(words) > 2 and words[1].upper() == "AS":
            self.stages[words[2]] = self.image

    def take(self, word: str, rest: str) -> None:
        self.programs.update(dict.fromkeys(_go_programs(rest)) if word in ("RUN", "CMD", "ENTRYPOINT") else ())
        if word == "EXPOSE":
            self.ports += [p.split("/", 1)[0] for p in rest.split()]
        elif word == "CMD":
            self.command = _plain(rest)
        elif word == "ENTRYPOINT":
            self.entry = _plain(rest)

    def fields(self) -> dict[str, object]:
        command = " ".join(c for c in (self.entry, self.command) if c)
        found: dict[str, object] = {"image": self.image, "ports": tuple(self.ports), "command": command}
        found["base_sort"] = sort_of_image(self.image, built=True)
        if self.programs:
            found["scripts"] = tuple(f"program={path}" for path in self.programs)
        kind = store_kind(self.image)
        return found | ({"store_kind": kind} if kind else {})


def _go_programs(text: str) -> Iterator[str]:
    """Folders that ``go build``, ``go install`` and ``go run`` make programs of, as written: ``cmd/orders``."""
    for match in _GO.finditer(text):
        words = match.group(1).replace('"', " ").replace("'", " ").split()
        given = [w for n, w in enumerate(words) if not w.startswith("-") and (not n or words[n - 1] != "-o")]
        paths = [re.sub(r"(/|^)[\w-]+\.go$", "", w.removeprefix("./")).rstrip("/") for w in given if _PACKAGE.match(w)]
        yield from paths[-1:]


def _plain(rest: str) -> str:
    if rest.startswith("["):
        try:
            words = json.loads(rest)
        except ValueError:
            return rest
        return " ".join(str(w) for w in words) if isinstance(words, list) else rest
    return rest


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, instruction and arguments, continued lines joined."""
    started, held = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        started = started if held else number
        if stripped.endswith("\\"):
            held += stripped[:-1] + " "
            continue
        word, _, rest = (held + stripped).partition(" ")
        held = ""
        yield started, word.upper(), rest.strip()


def _env(source: SourceFile, number: int, rest: str) -> list[Fact]:
    found = _ENV.findall(rest)
    if not found or not re.match(r"\w+=", rest):
        name, _, value = rest.partition(" ")
        found = [(name, value.strip())]
    return [
        Fact(
            "env_value",
            {"service": "", "key": name, "value": substituted(value.strip("\"'"))},
            Location(source.path, number),
        )
        for name, value in found
        if name
    ]


MANIFEST = Dockerfile()
