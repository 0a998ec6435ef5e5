"""Spring configuration files as flat properties with their line and profile, from YAML and from .properties text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms.deploy import documents
from testmesh.guard.yaml import ListNode, MapNode, Node, ScalarNode

_BUILD = re.compile(r"(?<=[\s:=,])@([\w.-]+)@")
_DEPTH = 40
_MOST = 20_000
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
_PROFILED = re.compile(r"(?:application|bootstrap)-([\w-]+)\.\w+$")
_ON = ("spring.config.activate.on-profile", "spring.profiles", "spring.config.activate.on-cloud-platform")
BUILD = "@build@"


@dataclass(frozen=True, slots=True)
class Property:
    """A configuration key and its text.

    Args:
        key: dotted, list items as ``[0]``.
        text: as written; :data:`BUILD` where the build fills something in.
        line: 1-based.
    """

    key: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """The properties of one document of a file.

    Args:
        profile: Spring profile they are for, empty for every one.
        properties: in source order.
    """

    profile: str
    properties: tuple[Property, ...]

    def get(self, *keys: str) -> str:
        """The text of the first of some keys that is given, relaxed; empty when none is.

        Args:
            keys: dotted.
        """
        found = self.find(*keys)
        return found.text if found is not None else ""

    def find(self, *keys: str) -> Property | None:
        """The first of some properties that is given, relaxed.

        Args:
            keys: dotted.
        """
        for key in keys:
            wanted = relaxed(key)
            for item in self.properties:
                if relaxed(item.key) == wanted:
                    return item
        return None

    def below(self, prefix: str) -> Mapping[str, list[Property]]:
        """Properties under a prefix by the next part of their key: list index or map key; keys start behind it.

        Args:
            prefix: dotted key.
        """
        found: dict[str, list[Property]] = {}
        wanted = relaxed(prefix)
        for item in self.properties:
            parts = split(item.key)
            for count in range(1, len(parts)):
                if relaxed(".".join(parts[:count])) == wanted:
                    rest = Property(".".join(parts[count + 1 :]), item.text, item.line)
                    found.setdefault(parts[count], []).append(rest)
                    break
        return found


def relaxed(key: str) -> str:
    """A key as Spring compares it: letters and digits in lower case, dots kept.

    Args:
        key: dotted.
    """
    return re.sub(r"[-_]", "", key).lower()


def split(key: str) -> list[str]:
    """Parts of a key; list indexes and bracketed map keys are parts of their own.

    Args:
        key: dotted, ``a.b[0].c``.
    """
    out: list[str] = []
    for plain, bracketed in re.findall(r"([^.\[\]]+)|\[([^\]]*)\]", key):
        out.append(plain or bracketed.strip("'\""))
    return out


def sections(source: SourceFile) -> tuple[list[Section], list[Fact]]:
    """A file's documents as properties, and what is wrong with it.

    Args:
        source: an application or bootstrap file.
    """
    named = _PROFILED.search(source.path.rsplit("/", 1)[-1])
    profile = named.group(1) if named else ""
    if source.path.endswith(".properties"):
        text = source.data.decode("utf-8", "replace")
        return list(_of_text(text, profile)), []
    text = _BUILD.sub(lambda m: f'"{BUILD}"', source.data.decode("utf-8", "replace"))
    roots, problems = documents(SourceFile(source.path, text.encode("utf-8", "replace")))
    found = []
    for root in roots:
        flat = tuple(_flat(root, "", _DEPTH))[:_MOST]
        found.append(_section(flat, profile))
    return found, problems


def _section(flat: Sequence[Property], profile: str) -> Section:
    whole = Section(profile, tuple(flat))
    return Section(profile or whole.get(*_ON), whole.properties)


def _flat(node: Node, key: str, depth: int) -> Iterator[Property]:
    if depth <= 0:
        return
    if isinstance(node, MapNode):
        for name, entry in node.entries.items():
            inner = f"{key}.{name}" if key else name
            yield from _flat(entry.value, inner, depth - 1)
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _flat(item, f"{key}[{index}]", depth - 1)
    elif isinstance(node, ScalarNode) and key and node.value is not None:
        yield Property(key, node.text, node.at[0])


def _of_text(text: str, profile: str) -> Iterator[Section]:
    rows: list[Property] = []
    profiled: dict[str, list[Property]] = {}
    for line, logical in _logical(text):
        if logical.startswith(("#---", "!---")):
            yield _section(rows, profile)
            rows = []
            continue
        key, value = _entry(logical)
        quarkus = re.match(r"%([\w-]+)\.(.+)", key)
        if quarkus:
            profiled.setdefault(quarkus.group(1), []).append(Property(quarkus.group(2), value, line))
        elif key:
            rows.append(Property(key, value, line))
    yield _section(rows[:_MOST], profile)
    for name, found in profiled.items():
        yield Section(name, tuple(found))


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations joined; comments left out but for document marks."""
    held, started = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip() if not held else line.lstrip()
        if not held and (not stripped or (stripped[0] in "#!" and not stripped.startswith(("#---", "!---")))):
            continue
        started = started if held else number
        body = stripped.rstrip("\\")
        if (len(stripped) - len(body)) % 2:
            held += stripped[:-1]
            continue
        yield started, held + stripped
        held = ""
    if held:
        yield started, held


def _entry(line: str) -> tuple[str, str]:
    match = re.match(r"((?:\\.|[^\\=:\s])*)\s*[=:\s]?\s*(.*)", line, re.DOTALL)
    if match is None:
        return "", ""
    value = _BUILD.sub(BUILD, f"={match.group(2)}")[1:]
    return _unescaped(match.group(1)), _unescaped(value)


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text

    def read(match: re.Match[str]) -> str:
        found = match.group(1)
        return chr(int(found[1:], 16)) if len(found) > 1 else _ESCAPES.get(found, found)

    return _ESCAPE.sub(read, text)
