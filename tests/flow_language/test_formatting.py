"""`fmt` changes how a flow looks, never what it says, and a second time changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.formatting import formatted
from flows.language.writing import document
from testmesh.guard.yaml import parse, plain, read
from testmesh.kernel.errors import DiagnosticsError, UserError

HERE = Path(__file__).parent
FOLDERS = [HERE, HERE / "mistakes", *sorted(Path("fixtures/repos").glob("*/flows"))]
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))]
CORPUS = [path for path in FILES if not read(path.read_text(), path.name).findings]
ODD = """\
---
# top

flow:   # why
    # about the name
    name:   'plain words'   # trailing
    env: &e
        A: "no"
        'B': "x: y"
        D: "tab\\there"
        E: &anchor {a: 1,  b: "two"}
        F: *anchor


    steps:
    # before the first
    -   # odd
        # about the assertions
        assert:
        - "status == 200"   # ok
        - 'body.x == "y"'

        # about the action
        action: http
        config:
            body: |
                line one
                  two

                three
            url: "http://x/${A}"
            headers: {A: "b",   C: "d, e"}
        # about the id
        id: first
      # between
    - {action: log, id: b, config: {message: "hi"}}   # in one line
    - id: c
      action: log
      config:
        message: >-
              folded
              text
        # after the message
    # after c
# end
"""
TIDY = """\
---
# top

flow: # why
  # about the name
  name: plain words  # trailing
  env: &e
    A: "no"
    B: "x: y"
    D: "tab\\there"
    E: &anchor {a: 1, b: two}
    F: *anchor


  steps:
    # before the first
    # odd
    # about the assertions
    # about the id
    - id: first

      # about the action
      action: http
      config:
        body: |
          line one
            two

          three
        url: http://x/${A}
        headers: {A: b, C: "d, e"}
      assert:
        - status == 200  # ok
        - body.x == "y"
    # between
    - {id: b, action: log, config: {message: hi}}  # in one line
    - id: c
      action: log
      config:
        message: >-
          folded
          text
        # after the message
    # after c
# end
"""


def test_one_layout() -> None:
    assert formatted(ODD, "odd.yaml") == TIDY
    assert formatted(TIDY, "tidy.yaml") == TIDY


def test_a_question_mark_inside_brackets_is_quoted() -> None:
    # YAML 1.1 readers without libyaml end a plain text there
    assert formatted("a: ['x ?? y', 'b?']\n", "f.yaml") == 'a: ["x ?? y", "b?"]\n'


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_second_time_changes_nothing(path: Path) -> None:
    once = formatted(path.read_text(), path.name)
    assert formatted(once, path.name) == once
    assert plain(parse(once, path.name)) == plain(parse(path.read_text(), path.name))


def test_broken_yaml_is_left_alone() -> None:
    with pytest.raises(DiagnosticsError):
        formatted("flow: [", "x.yaml")


def test_what_cannot_be_laid_out_safely_is_left_alone() -> None:
    with pytest.raises(UserError, match="between a key and its value"):
        formatted("flow:\n  name:\n    # here?\n    a\n  steps: []\n", "x.yaml")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
SCALARS = st.one_of(
    WORDS,
    st.sampled_from(
        ["", "no", "12", "1e3", "a: b", "#x", "a #b", "- a", "x\ny\n", " x", "a\n\n b", "${x}", "~", "---"]
    ),
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS.filter(bool), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(value=st.dictionaries(WORDS.filter(bool), VALUES, max_size=5))
def test_a_written_value_reads_back_and_is_laid_out_already(value: dict[str, object]) -> None:
    if not value:
        return
    text = document(value)
    assert plain(parse(text, "x.yaml")) == value
    once = formatted(text, "x.yaml")
    assert formatted(once, "x.yaml") == once


@settings(max_examples=150)
@given(
    path=st.sampled_from(CORPUS),
    notes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12), st.booleans()), min_size=1, max_size=6),
)
def test_comments_anywhere_stay(path: Path, notes: list[tuple[int, int, bool]]) -> None:
    lines = path.read_text().splitlines()
    for number, (at, indent, blank) in enumerate(notes):
        lines.insert(at % (len(lines) + 1), "" if blank else " " * indent + f"# note {number}")
    text = "\n".join(lines) + "\n"
    if read(text, "x.yaml").findings:
        return
    try:
        once = formatted(text, "x.yaml")
    except UserError:
        return
    assert formatted(once, "x.yaml") == once
    for number, (_, _, blank) in enumerate(notes):
        assert blank or f"# note {number}" in once
