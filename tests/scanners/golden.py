"""What readers say about their golden fixtures; written down again with ``python tests/scanners/golden.py NAME``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from graph.facts import Bundle, Language, Manifest, Pack, SourceFile, encode_fact
from scanners.readers import built_in

FIXTURES = Path(__file__).parents[2] / "fixtures" / "repos"
EXPECTED = "expected.json"


def sources(name: str) -> list[SourceFile]:
    """The files of a fixture, sorted by path.

    Args:
        name: of the reader.
    """
    folder = FIXTURES / name
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != EXPECTED and "__pycache__" not in p.parts)
    return [SourceFile(p.relative_to(folder).as_posix(), p.read_bytes()) for p in files]


def said(name: str, reader: Language | Pack | Manifest | Bundle) -> dict[str, list[Any]]:
    """Facts by file, in their JSON form.

    Args:
        name: of the reader.
        reader: the reader.
    """
    found: dict[str, list[Any]] = {}
    if isinstance(reader, Bundle):
        return _together(name, reader)
    for source in sources(name):
        facts = _facts(reader, source)
        found[source.path] = json.loads(json.dumps([encode_fact(f) for f in facts]))
    return found


def _together(name: str, reader: Bundle) -> dict[str, list[Any]]:
    every = {source.path: source for source in sources(name)}
    members = set(reader.members(sorted(every)))
    found: dict[str, list[Any]] = {path: [] for path in every}
    for fact in reader.facts({path: source for path, source in every.items() if path in members}):
        found[fact.at.file].append(json.loads(json.dumps(encode_fact(fact))))
    return found


def _facts(reader: Language | Pack | Manifest, source: SourceFile) -> list[Any]:
    if isinstance(reader, Language):
        return list(reader.facts(reader.parse(source)))
    if isinstance(reader, Pack):
        language = built_in().language(source.path)
        if language is None:
            return []
        marked = any(marker in source.data for marker in reader.markers)
        return list(reader.facts(language.parse(source))) if marked else []
    return list(reader.facts(source)) if reader.matches(source.path) else []


def readers() -> dict[str, Language | Pack | Manifest | Bundle]:
    """Every language, pack and manifest by name."""
    known = built_in()
    return {**known.languages, **known.packs, **known.manifests, **known.bundles}


def written(facts: dict[str, list[Any]]) -> str:
    """One fact a line, so that a difference is readable.

    Args:
        facts: by file.
    """
    files = []
    for path, rows in facts.items():
        lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
        files.append(f" {json.dumps(path)}: [\n  {lines}\n ]" if rows else f" {json.dumps(path)}: []")
    return "{\n" + ",\n".join(files) + "\n}\n"


if __name__ == "__main__":
    for chosen in sys.argv[1:] or sorted(readers()):
        (FIXTURES / chosen / EXPECTED).write_text(written(said(chosen, readers()[chosen])))
