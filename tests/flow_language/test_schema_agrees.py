"""The editor's schema and the checker say the same about the form of a flow: both come from one table."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flows.actions import catalogue
from flows.language.check import load_flow
from flows.language.files import NotAtHand
from flows.language.schema import json_schema
from testmesh.guard.yaml import plain, read

HERE = Path(__file__).parent
VALID = [HERE / "example_of_flows_md.yaml", HERE / "everything.yaml", *Path("evals/mistakes/valid").glob("*.yaml")]
SAMPLES = sorted(Path("fixtures/repos").glob("*/flows/*.yaml"))
MISTAKES = sorted((HERE / "mistakes").glob("*.yaml")) + sorted(Path("evals/mistakes").glob("*.yaml"))
FORM = {
    "flow/unknown-key",
    "flow/missing-key",
    "flow/type",
    "flow/duration",
    "flow/choice",
    "flow/unknown-action",
    "flow/range",
    "flow/bad-id",
    "flow/bad-name",
    "flow/conflict",
}
EMPTY = ("name_empty", "steps_empty", "empty_steps", "yaml_not_utf8")
INFERRED_TYPE = "the type of an expression is not written in the file"
BEYOND = {"for_each_items_type": INFERRED_TYPE, "for_each_items_number": INFERRED_TYPE}
CATALOGUE = catalogue().complete()
VALIDATOR = Draft202012Validator(json_schema(CATALOGUE))


class Anything:
    """Every file may exist: the schema knows nothing of files."""

    def read(self, name: str) -> bytes:
        raise NotAtHand(name)

    def look(self, name: str) -> None:
        raise NotAtHand(name)


def form_of(text: str, name: str = "x.yaml") -> list[str]:
    found = load_flow(text, name, CATALOGUE, Anything()).findings
    return [f"{f.line}:{f.column} {f.rule} {f.message}" for f in found if f.severity == "error" and f.rule in FORM]


def seen_by_editor(text: str, name: str = "x.yaml") -> list[str] | None:
    parsed = read(text, name)
    if parsed.findings or not parsed.roots:
        return None
    return [error.message[:200] for error in VALIDATOR.iter_errors(plain(parsed.roots[0]))]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json_schema(CATALOGUE))


@pytest.mark.parametrize("path", [*VALID, *SAMPLES], ids=lambda path: path.stem)
def test_no_editor_marks_a_valid_flow(path: Path) -> None:
    text = path.read_text()
    assert form_of(text) == []
    assert seen_by_editor(text) == []


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_an_editor_marks_a_mistake_of_form_and_nothing_else(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    seen = seen_by_editor(text)
    if seen is not None and path.stem not in BEYOND:
        assert bool(seen) == bool(form_of(text) or path.stem in EMPTY), (seen, form_of(text))


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(document: object, path: tuple[str | int, ...], edit: tuple[str, object]) -> object:
    found = copy.deepcopy(document)
    at: object = found
    for part in path[:-1]:
        at = at[part]  # type: ignore[index]
    last, (how, value) = path[-1], edit
    if how == "delete":
        del at[last]  # type: ignore[attr-defined]
    elif how == "rename" and isinstance(at, dict):
        at[f"{last}{value}"] = at.pop(last)
    else:
        at[last] = value  # type: ignore[index]
    return found


DOCUMENTS = [plain(read(path.read_text(), path.name).roots[0]) for path in [*VALID, *SAMPLES]]
PLACES = [(document, path) for document in DOCUMENTS for path in places(document)]
VALUES: list[object] = [None, 5, 0, 2.5, "word", "", "5s", "0s", "7", "${n}", [], [1], ["a"], {}, {"a": 1}, True]
EDITS = [("delete", None), ("rename", "x"), *(("set", value) for value in VALUES)]
INFERRED = ("a list is expected here", "is neither one of timeout")


@settings(max_examples=400)
@given(place=st.sampled_from(PLACES), edit=st.sampled_from(EDITS))
def test_a_change_of_form_is_seen_by_both_or_by_neither(
    place: tuple[object, tuple[str | int, ...]], edit: tuple[str, object]
) -> None:
    text = json.dumps(changed(*place, edit))
    seen = seen_by_editor(text)
    if seen is None:
        return
    found = load_flow(text, "x.yaml", CATALOGUE, Anything())
    if seen:
        assert found.errors, (edit, place[1], seen)
    form = [message for message in form_of(text) if not any(known in message for known in INFERRED)]
    if form:
        assert seen, (edit, place[1], form)
