"""A changed word of code, wherever it stands in a file of any language, is a changed thing; comments are none."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from evals.traps.cases import traps
from graph.change import FileChange
from scanners.changed_items import Versions, items
from scanners.hunks import hunks
from scanners.readers import Readers, built_in

_WORD = re.compile(r"[A-Za-z_]\w*|\d+|'[^'\n]*'|\"[^\"\n]*\"")
_COMMENT = re.compile(r"\s*(//|#|\*|/\*|$)|.*#")
_SUFFIXES = {"python": ".py", "typescript": ".ts", "java": ".java", "go": ".go", "csharp": ".cs"}
_EVERY, _MOST = 5, 120
_KEYWORDS = re.compile(
    "import|from|using|package|namespace|class|def|func|function|return|new|public|private|const|var|let|async|await"
    "|static|void|export|default|interface|type|struct|override|final|in|if|else|for|not|and|or|is|as|this|with"
    "|readonly|protected|abstract|record|extends|implements|go|range|defer|yield|lambda|base|enum|virtual|partial"
    "|throws|super|try|catch|except|raise|while|map|chan"
)


def files(suffix: str) -> list[tuple[str, str]]:
    """Path and text of the different code files of a language."""
    found = {}
    for trap in traps():
        for path, text in trap.files.items():
            if path.endswith(suffix) and text.strip():
                found[text] = path
    return sorted((path, text) for text, path in found.items())


def edits(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, word, text with another word) for every so many words."""
    lines, count = text.split("\n"), 0
    for number, line in enumerate(lines):
        for found in () if _COMMENT.match(line) else _WORD.finditer(line):
            word = found.group()
            keyword = _KEYWORDS.fullmatch(word) is not None
            count += not keyword
            if keyword or count % _EVERY:
                continue
            other = f"{word[:-1]}q{word[-1]}" if word[-1] in "\"'" else f"{word}9"
            changed = line[: found.start()] + other + line[found.end() :]
            yield number + 1, word, "\n".join([*lines[:number], changed, *lines[number + 1 :]])


@pytest.mark.parametrize("language", sorted(_SUFFIXES))
def test_no_changed_word_is_silent(language: str) -> None:
    readers: Readers = built_in()
    silent, count = [], 0
    for path, text in files(_SUFFIXES[language]):
        for line, word, new in edits(text):
            if count >= _MOST:
                break
            count += 1
            before, after = text.encode(), new.encode()
            change = FileChange(path, path, "modified", hunks(before, after))
            if not items(readers, Versions(change, before, after)):
                silent.append(f"{path}:{line} {word}")
    assert count == _MOST
    assert silent == []


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("app/a.ts", "import './one'\nexport const a = 1\n", "import './two'\nexport const a = 1\n"),
        ("app/a.cs", "namespace One;\npublic class A { }\n", "namespace Two;\npublic class A { }\n"),
        ("app/a.go", "package one\n\nfunc A() {}\n", "package two\n\nfunc A() {}\n"),
        ("app/A.java", "package one;\nclass A { }\n", "package two;\nclass A { }\n"),
    ],
)
def test_what_a_file_is_part_of_and_loads_counts(path: str, old: str, new: str) -> None:
    before, after = old.encode(), new.encode()
    found = items(built_in(), Versions(FileChange(path, path, "modified", hunks(before, after)), before, after))
    assert [item.kind for item in found] == ["module"]
