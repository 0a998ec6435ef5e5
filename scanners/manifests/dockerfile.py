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

_FILE = re.compile(r"(^|/)((Dockerfile|Containerfile)([.-][\w.-]+)?|[\w.-]+\.(dockerfile|Dockerfile))$")
_ENV = re.compile(r"""(?<!\w)(\w++)=("(?:[^"\\]|\\.)*"|'[^']*'|(?:[^\s\\]|\\.)*)""")
_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_ARG = re.compile(r"\$\{(\w+)(?::?[-+]([^}]*))?\}|\$(\w+)")
_BUILDS = (
    re.compile(r"\bgo\s+(?:build|install|run)\b[^&;|]*?(\./[\w./-]+|[\w.-]+(?:/[\w.-]+)+)(?=\s|$|[&;|])"),
    re.compile(r"\b(?:nx|turbo)\s+(?:run\s+)?(?:build\s+|run-many[^&;|]*--projects?[= ])([\w@./-]+)"),
    re.compile(r"--filter[= ]([\w@./-]+)"),
    re.compile(r"(?:^|\s)(?:-pl|--projects)[= ]:?([\w./-]+)"),
    re.compile(r"\bgradlew?\b[^&;|]*?:([\w:-]+):(?:bootJar|build|installDist|shadowJar|assemble)"),
    re.compile(r"\bdotnet\s+(?:publish|build|restore)\s+\"?([\w./-]+\.csproj|[\w./-]+/[\w./-]*)"),
    re.compile(r"\bcargo\s+build\b[^&;|]*?(?:-p|--package|--bin)[= ]([\w-]+)"),
    re.compile(r"\b(?:yarn\s+workspace|npm\s+run\s+build\s+(?:-w|--workspace)[= ]?)\s*([\w@./-]+)"),
)
_OUTPUT = re.compile(r"\s-o[= ]\s*\S+")
_GO = re.compile(r"\bgo\s+(?:build|install|run)\s+([^&|;\n]*)")
_PACKAGE = re.compile(r"^(\./)?[\w-][\w.-]*(/[\w-][\w.-]*)+/?$|^[\w-]+\.go$")
_MOST = 100


class Dockerfile:
    """Dockerfiles."""

    name: str = "dockerfile"
    version: int = 2

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
        build = _Build(source)
        for number, word, rest in _instructions(source.data.decode("utf-8", "replace")):
            build.take(number, word, rest)
        stage = build.stage
        if stage is not None and stage.image:
            fields = {"root": posixpath.dirname(source.path), "sort": "dockerfile", "name": ""}
            yield Fact("root", fields | build.fields(stage), Location(source.path, 1))
            yield from stage.variables


@dataclass(slots=True)
class _Stage:
    image: str
    ports: list[str] = field(default_factory=list)
    command: str = ""
    entry: str = ""
    variables: list[Fact] = field(default_factory=list)

    def again(self) -> _Stage:
        """A stage that goes on from this one."""
        return _Stage(self.image, list(self.ports), self.command, self.entry, list(self.variables))


@dataclass(slots=True)
class _Build:
    source: SourceFile
    stage: _Stage | None = None
    stages: dict[str, _Stage] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    copies: list[str] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)
    programs: dict[str, None] = field(default_factory=dict)

    def take(self, number: int, word: str, rest: str) -> None:
        """One instruction."""
        if word in ("RUN", "CMD", "ENTRYPOINT"):
            self.programs.update(dict.fromkeys(_go_programs(self._filled(rest))))
        if word == "ARG":
            for name, value in _ENV.findall(rest):
                self.args.setdefault(name, value.strip("\"'"))
        elif word == "FROM":
            self._start(self._filled(rest))
        elif word in ("COPY", "ADD"):
            self._copy(self._filled(rest))
        elif word == "RUN":
            text = _OUTPUT.sub(" ", self._filled(rest)[:5000])
            self.builds += [m[1].lstrip(":") for p in _BUILDS for m in p.finditer(text)]
        elif self.stage is not None:
            self._set(self.stage, (number, word, rest))

    def _set(self, stage: _Stage, instruction: tuple[int, str, str]) -> None:
        number, word, rest = instruction
        if word == "ENV":
            stage.variables += _env(self.source, number, rest)
            self.args.update({name: value.strip("\"'") for name, value in _ENV.findall(rest)})
        elif word == "EXPOSE":
            stage.ports += [p.split("/", 1)[0] for p in self._filled(rest).split()]
        elif word == "CMD":
            stage.command = _plain(rest)
        elif word == "ENTRYPOINT":
            stage.entry, stage.command = _plain(rest), ""

    def _start(self, rest: str) -> None:
        words = [w for w in rest.split() if not w.startswith("--")]
        known = self.stages.get(words[0].lower()) if words else None
        self.stage = known.again() if known is not None else _Stage(words[0] if words else "")
        if len(words) > 2 and words[1].upper() == "AS":
            self.stages[words[2].lower()] = self.stage

    def _filled(self, text: str) -> str:
        return _ARG.sub(lambda m: self.args.get(m[1] or m[3], m[2] or m[0]), text)

    def _copy(self, rest: str) -> None:
        """What comes from the build context, the whole of it left out."""
        words = _plain(rest).split() if rest.lstrip().startswith("[") else rest.split()
        if any(w.startswith("--from=") for w in words):
            return
        given = [w for w in words if not w.startswith("--")][:-1]
        paths = [posixpath.normpath(w.lstrip("/")) for w in given if "://" not in w]
        self.copies += [p for p in paths if p not in (".", "*") and not p.startswith("..")]

    def fields(self, stage: _Stage) -> dict[str, object]:
        """Fields of the `root` fact."""
        command = " ".join(c for c in (stage.entry, stage.command) if c)
        found: dict[str, object] = {"image": stage.image, "ports": tuple(stage.ports), "command": command}
        found["base_sort"] = sort_of_image(stage.image, built=False)
        optional: dict[str, object] = {
            "store_kind": store_kind(stage.image),
            "copies": tuple(dict.fromkeys(self.copies))[:_MOST],
            "scripts": tuple(f"program={path}" for path in self.programs),
            "builds": tuple(dict.fromkeys(self.builds))[:_MOST],
        }
        return found | {key: value for key, value in optional.items() if value}


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
        except (ValueError, RecursionError):
            return rest
        return " ".join(str(w) for w in words) if isinstance(words, list) else rest
    return rest


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, instruction and arguments, continued lines joined, texts in place left out."""
    started, held, until = 0, "", ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if until:
            until = "" if stripped == until else until
            continue
        if not stripped or stripped.startswith("#"):
            continue
        started = started if held else number
        if stripped.endswith("\\"):
            held += stripped[:-1] + " "
            continue
        word, _, rest = (held + stripped).partition(" ")
        held = ""
        heredoc = _HEREDOC.search(rest) if word.upper() in ("RUN", "COPY", "ADD") else None
        until = heredoc[1] if heredoc is not None else ""
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
