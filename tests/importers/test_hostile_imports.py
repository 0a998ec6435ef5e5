"""Broken and hostile files: every importer gives flows that validate, or says what is wrong, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.importers import files_of, formats
from flows.importers import Source, importers
from testmesh.kernel.errors import UserError
from tests.importers.support import texts

IMPORTERS = importers()
SPECS = [("openapi", path) for path in sorted(Path("fixtures/repos").glob("*/**/openapi*.yaml"))]
FILES = [*((form, path) for form in formats() for path in files_of(form)), *SPECS]
JUNK = [
    "",
    "{",
    "}",
    "{{",
    "}}",
    "[",
    "]",
    '"',
    "'",
    "\\",
    "\0",
    "\n",
    "\t",
    "$ref",
    "${x}",
    "0",
    "-",
    ": ",
    "null",
    "🙂",
    "%",
    "a" * 300,
]


def taken(form: str, text: str) -> None:
    """Imports a text; what cannot be imported is said."""
    try:
        texts(IMPORTERS[form].read(Source("x", text)), "x")
    except UserError:
        return


@settings(max_examples=250)
@given(
    file=st.sampled_from(FILES),
    edits=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 40), st.sampled_from(JUNK)), min_size=1, max_size=4),
)
def test_damaged_files(file: tuple[str, Path], edits: list[tuple[int, int, str]]) -> None:
    form, path = file
    text = path.read_text()
    for at, length, junk in edits:
        at %= len(text) + 1
        text = text[:at] + junk + text[at + length :]
    taken(form, text)


@pytest.mark.parametrize("form", sorted(IMPORTERS))
@pytest.mark.parametrize(
    "text",
    ["", "\0", "[]", "{}", "null", "5", "[" * 50_000, "{" * 50_000, "a: " * 5_000, "\ufeff", "{{" * 5_000, "<" * 5_000],
    ids=lambda text: f"{text[:6]!r}x{len(text)}",
)
def test_nonsense(form: str, text: str) -> None:
    taken(form, text)


def test_references_in_a_circle_end() -> None:
    text = (
        "openapi: 3.1.0\ninfo: {title: x, version: 1}\npaths:\n  /a:\n    post:\n      requestBody:\n"
        "        content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}\n"
        "      responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}\n"
        "components:\n  schemas:\n    A: {type: object, required: [a, b], properties:"
        " {a: {$ref: '#/components/schemas/A'}, b: {$ref: '#/components/schemas/B'}}}\n"
        "    B: {$ref: '#/components/schemas/B'}\n"
    )
    assert len(texts(IMPORTERS["openapi"].read(Source("x.yaml", text)), "x.yaml")) == 1


@pytest.mark.timeout(30)
@pytest.mark.parametrize("line", ["a" + "\\." * 200, "{{a}}" * 60], ids=["escapes", "templates"])
def test_a_line_of_hurl_without_a_colon_is_read_once(line: str) -> None:
    for text in (f"GET http://h/x\n{line}\n", f"POST http://h/x\nA: b\n[Query]\n{line}\n"):
        taken("hurl", text)
