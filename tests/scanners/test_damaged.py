"""Every reader on damaged copies of its own fixture: none fails, and each reads what is left of the file."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from graph.facts import SourceFile, encode_fact
from scanners.readers import built_in
from tests.scanners.golden import FIXTURES, readers, sources

_EACH = 3
_BRACKETS = {"{": "}", "[": "]", "(": ")"}


def damaged(data: bytes, seed: str) -> Iterator[tuple[str, bytes]]:
    """A handful of damages a file may have, the same ones every time.

    Args:
        data: the whole file.
        seed: of the random choices.
    """
    dice = random.Random(seed)
    lines = data.splitlines(keepends=True)
    for _ in range(_EACH):
        yield "cut off", data[: dice.randrange(len(data) + 1)]
    for _ in range(_EACH):
        at = dice.randrange(len(data) + 1)
        yield (
            "garbage",
            data[:at] + dice.choice((b"\xff\xfe", b"\t", b"}", b"{{", b'"', b"'", b": ", b"*&", b"<")) + data[at + 1 :],
        )
    for _ in range(_EACH):
        mixed = list(lines)
        dice.shuffle(mixed)
        yield "shuffled", b"".join(mixed)
    for opening, closing in _BRACKETS.items():
        at = dice.randrange(len(data) + 1)
        yield "nested", data[:at] + (opening * 300 + closing * 300).encode() + data[at:]
    yield "doubled", data + data
    yield "empty", b""


@pytest.mark.parametrize("name", sorted(n for n in readers() if (FIXTURES / n).is_dir()))
def test_damage_costs_no_reader_more_than_the_damaged_part(name: str) -> None:
    for source in sources(name)[:3]:
        for what, data in damaged(source.data, f"{name} {source.path}"):
            found = built_in().facts(SourceFile(source.path, data))
            failed = [f.get("message") for f in found if f.get("rule") == "scan/reader-failed"]
            assert not failed, f"{source.path} {what}: {failed}"
            for fact in found:
                encode_fact(fact)


@pytest.mark.parametrize("name", sorted(built_in().bundles))
def test_damage_costs_no_bundle_more_than_the_damaged_part(name: str) -> None:
    bundle = built_in().bundles[name]
    files = {s.path: s for s in sources(name)} if (FIXTURES / name).is_dir() else {}
    members = sorted(bundle.members(sorted(files)))
    for path in members[:4]:
        for what, data in damaged(files[path].data, f"{name} {path}"):
            changed = {p: SourceFile(p, data) if p == path else files[p] for p in members}
            found = built_in().together(bundle, changed)
            failed = [f.get("message") for f in found if f.get("rule") == "scan/reader-failed"]
            assert not failed, f"{path} {what}: {failed}"
