"""One file in, its facts out: which language, packs and manifests read it, and what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from graph import facts as codec
from graph.facts import Bundle, Language, Manifest, Pack, SourceFile
from graph.values import Fact, Location
from scanners.idioms.noise import sort_of
from scanners.idioms.parsing import TooHard, first_error
from testmesh.kernel.discovery import declared

if TYPE_CHECKING:
    from tree_sitter import Node

MIB = 1024 * 1024
SOURCE_LIMIT = MIB
MANIFEST_LIMIT = 4 * MIB
_LINE_LIMIT = 20_000
_SNIFFED = 8192
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNDEPLOYED = ("test", "example")


@dataclass(frozen=True)
class Readers:
    """Everything that can read a file.

    Args:
        languages: by name.
        packs: by name.
        manifests: by name.
        extra: manifests another part of the product hands in, such as flow files.
        bundles: what reads several files together, by name.
    """

    languages: Mapping[str, Language]
    packs: Mapping[str, Pack]
    manifests: Mapping[str, Manifest]
    extra: Sequence[Manifest] = ()
    bundles: Mapping[str, Bundle] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Changes whenever what is said about a file may change: names, versions and the code itself."""
        hashed = hashlib.sha256(f"{codec.VERSION}".encode())
        things: tuple[Language | Pack | Manifest | Bundle, ...] = (
            *self.languages.values(),
            *self.packs.values(),
            *self.manifests.values(),
            *self.extra,
            *self.bundles.values(),
        )
        for thing in things:
            hashed.update(f"{type(thing).__name__} {thing.name} {thing.version}\n".encode())
        for stamp in code_stamps():
            hashed.update(stamp.encode())
        return hashed.hexdigest()[:16]

    @cached_property
    def _by_suffix(self) -> Mapping[str, Language]:
        return {suffix: language for language in self.languages.values() for suffix in language.suffixes}

    def language(self, path: str) -> Language | None:
        """The language of a file, None when it is not code.

        Args:
            path: relative to the repository.
        """
        dot = path.rfind(".")
        return self._by_suffix.get(path[dot:]) if dot > path.rfind("/") else None

    def for_path(self, path: str) -> tuple[Manifest, ...]:
        """Manifests that may read a file.

        Args:
            path: relative to the repository.
        """
        sort = sort_of(path)
        if sort == "vendored":
            return ()
        found = [m for m in self.extra if m.matches(path)]
        if sort not in _UNDEPLOYED or "docs/" in path:
            found += [m for m in self.manifests.values() if m.matches(path)]
        return tuple(found)

    def is_extra(self, path: str) -> bool:
        """Whether a manifest that was handed in reads a file.

        Args:
            path: relative to the repository.
        """
        return any(m.matches(path) for m in self.extra)

    def certain(self, path: str) -> bool:
        """Whether something reads a file for its name alone; other readers look into it first, as into any JSON.

        Args:
            path: relative to the repository.
        """
        named = "openapi" in path.lower() or "swagger" in path.lower()
        sure = any(not getattr(m, "sniffs", False) for m in self.for_path(path))
        return sure or named or self.language(path) is not None

    def wants(self, path: str) -> int:
        """Bytes of a file that are worth reading, 0 when nothing reads it.

        Args:
            path: relative to the repository.
        """
        if self.for_path(path):
            return MANIFEST_LIMIT
        return SOURCE_LIMIT if self.language(path) is not None and sort_of(path) != "vendored" else 0

    def facts(self, source: SourceFile) -> list[Fact]:
        """What a file says; a reader that fails gives a problem and never stops the others.

        Args:
            source: within the limit of :meth:`wants`.
        """
        out: list[Fact] = list(_shape_problems(source))
        if any(p.get("rule") == "scan/binary" for p in out):
            return out
        for manifest in self.for_path(source.path):
            out += _well_formed(_guarded(source, manifest.name, partial(manifest.facts, source)))
        language = self.language(source.path)
        if language is not None and sort_of(source.path) != "vendored":
            out += _guarded(source, language.name, partial(self._code, language, source))
        return out

    def together(self, bundle: Bundle, sources: Mapping[str, SourceFile]) -> list[Fact]:
        """What files say together; a bundle that fails gives a problem and never stops the rest.

        Args:
            bundle: one of ours.
            sources: its members, by path.
        """
        first = next(iter(sources.values()), SourceFile("", b""))
        return _well_formed(_guarded(first, bundle.name, partial(bundle.facts, sources)))

    def _code(self, language: Language, source: SourceFile) -> Iterator[Fact]:
        if any(len(line) > _LINE_LIMIT for line in source.data.splitlines()):
            yield problem(
                source.path, 1, "scan/long-lines", f"a line is longer than {_LINE_LIMIT:,} bytes; not read as code"
            )
            return
        parsed = language.parse(source)
        yield from _syntax(source, parsed.root)
        sort = sort_of(source.path, source.data[:4096])
        if sort in _UNDEPLOYED:
            yield from (f for f in language.facts(parsed) if f.kind == "symbol")
            return
        yield from language.facts(parsed)
        for pack in self.packs.values():
            if sort == "generated" and not getattr(pack, "generated", False):
                continue
            if language.name in pack.language and any(marker in source.data for marker in pack.markers):
                yield from _guarded(source, pack.name, partial(pack.facts, parsed))


def _guarded(source: SourceFile, reader: str, facts: Callable[[], Iterable[Fact]]) -> list[Fact]:
    """All facts of one reader, or those before it failed and the problem."""
    out: list[Fact] = []
    try:
        for fact in facts():
            out.append(fact)
    except TooHard as limit:
        out.append(problem(source.path, 1, limit.rule, str(limit)))
    except RecursionError:
        out.append(problem(source.path, 1, "scan/too-deep", f"nested too deeply for the {reader} reader"))
    except Exception as error:  # a reader's bug in one file must not cost the other files (DESIGN §11)
        text = f"the {reader} reader failed: {type(error).__name__}: {error}"
        fields = {"rule": "scan/reader-failed", "message": text, "severity": "error"}
        out.append(Fact("problem", fields, Location(source.path, 1)))
    return out


def _well_formed(facts: list[Fact]) -> list[Fact]:
    """Facts without lone surrogates, which escapes in JSON and YAML can make and nothing can store."""
    text = json.dumps([codec.encode_fact(f) for f in facts], ensure_ascii=False)
    if _SURROGATE.search(text) is None:
        return facts
    return [codec.decode_fact(f) for f in json.loads(_SURROGATE.sub("\ufffd", text))]


def problem(path: str, line: int, rule: str, message: str, hint: str = "") -> Fact:
    """A warning about a file that could not be read whole.

    Args:
        path: file.
        line: 1-based.
        rule: stable id.
        message: what is wrong.
        hint: what to do.
    """
    fields = {"rule": rule, "message": message, "severity": "warning"}
    if hint:
        fields["hint"] = hint
    return Fact("problem", fields, Location(path, line))


def _shape_problems(source: SourceFile) -> Iterable[Fact]:
    if b"\0" in source.data[:_SNIFFED]:
        yield problem(source.path, 1, "scan/binary", "the file is binary; not read")
        return
    try:
        source.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.data.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{source.data[error.start]:02x} is not valid UTF-8; read with a replacement character"
        yield problem(source.path, line, "scan/encoding", message, hint="save the file as UTF-8")


def _syntax(source: SourceFile, root: Node) -> Iterator[Fact]:
    if not root.has_error:
        return
    node = first_error(root)
    line = int(node.start_point[0]) + 1
    yield problem(source.path, line, "scan/syntax", "syntax error; the rest of the file was read as far as it goes")


@cache
def built_in() -> Readers:
    """The readers this distribution declares."""
    return Readers(
        languages=declared("scanners.languages", "LANGUAGE", Language),  # type: ignore[type-abstract]
        packs=declared("scanners.packs", "PACK", Pack),  # type: ignore[type-abstract]
        manifests=declared("scanners.manifests", "MANIFEST", Manifest),  # type: ignore[type-abstract]
        bundles=declared("scanners.manifests", "BUNDLE", Bundle),  # type: ignore[type-abstract]
    )


@cache
def code_stamps() -> tuple[str, ...]:
    """Size and time of every file whose code decides what facts look like."""
    here = Path(__file__).parent
    files = [*here.rglob("*.py"), *(here.parent / "graph").glob("*.py")]
    stats = ((f, f.stat()) for f in sorted(files))
    return tuple(f"{f.name} {s.st_size} {s.st_mtime_ns}" for f, s in stats)
