"""Variables, env files and data rows as a checked flow carries them."""

from __future__ import annotations

import pytest

from flows.language.check import CheckedFlow, load_flow
from flows.language.dotenv import EnvFileProblem, parse_dotenv
from flows.language.expressions import MappingScope
from flows.language.files import GivenFiles
from tests.flow_language.actions_of_flows_md import CATALOGUE

STEPS = '  steps:\n    - {id: a, action: http, config: {url: "http://x/${sku}"}, assert: [status == 200]}\n'


def load(head: str, files: dict[str, bytes] | None = None) -> CheckedFlow:
    return load_flow(f"flow:\n  name: n\n{head}{STEPS}", "x.yaml", CATALOGUE, GivenFiles(files or {}))


def rows(checked: CheckedFlow) -> list[object]:
    assert checked.flow is not None
    assert checked.flow.data is not None
    return [row.render(MappingScope({"X": "y"})) for row in checked.flow.data.rows]


def test_inline_rows_keep_their_types_and_may_hold_templates() -> None:
    checked = load('  env: {X: y}\n  data:\n    - {sku: "007", n: 1}\n    - {sku: "${X}", n: null}\n')
    assert checked.findings == ()
    assert rows(checked) == [{"sku": "007", "n": 1}, {"sku": "y", "n": None}]


def test_csv_cells_are_typed_only_when_they_print_back() -> None:
    checked = load("  data: {file: rows.csv}\n", {"rows.csv": b'sku,n,t\n007,1,"a,b"\n${X},1.5,true\n'})
    assert checked.findings == ()
    assert rows(checked) == [{"sku": "007", "n": 1, "t": "a,b"}, {"sku": "${X}", "n": 1.5, "t": True}]


def test_json_rows_keep_their_types() -> None:
    checked = load("  data: {file: rows.json}\n", {"rows.json": b'[{"sku": "7", "m": {"a": [1, "{{x}}"]}}]'})
    assert checked.findings == ()
    assert rows(checked) == [{"sku": "7", "m": {"a": [1, "{{x}}"]}}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", b""),
        ("rows.csv", b"sku\n"),
        ("rows.csv", b"sku,n\n1\n"),
        ("rows.csv", b"sku,sku\n1,2\n"),
        ("rows.csv", b'sku\n"open\n'),
        ("rows.csv", b"sku\n\xff\n"),
        ("rows.json", b"{}"),
        ("rows.json", b"[1]"),
        ("rows.json", b"[]"),
        ("rows.json", b"[{"),
        ("rows.json", b'[{"sku": NaN}]'),
        ("rows.json", b"[" * 100_000),
    ],
)
def test_a_bad_data_file_is_a_finding_at_its_name(name: str, content: bytes) -> None:
    checked = load(f"  data: {{file: {name}}}\n", {name: content})
    assert [(finding.rule, finding.line, finding.column) for finding in checked.findings] == [("flow/bad-file", 3, 16)]


def test_the_env_file_and_the_environment_supply_what_the_flow_refers_to() -> None:
    checked = load('  env_file: .env\n  env: {BASE: "${HOST:h}/${FROM_FILE}", PORT: 80}\n', {".env": b"FROM_FILE=1\n"})
    flow = checked.flow
    assert flow is not None
    assert flow.env_file is not None
    assert flow.env_file.values == {"FROM_FILE": "1"}
    assert set(flow.references) == {"HOST", "sku"}
    assert flow.defaulted == {"HOST"}
    assert [(variable.name, variable.plain, variable.type) for variable in flow.env] == [
        ("BASE", False, None),
        ("PORT", True, "number"),
    ]


def test_env_values_see_only_earlier_names() -> None:
    checked = load('  env: {A: "${B}", B: "${sku}"}\n')
    assert checked.flow is not None
    assert set(checked.flow.references) == {"B", "sku"}


DOTENV = """
# comment
PLAIN=value # trailing
export EXPORTED = spaced
QUOTED="a # b\\n\\"c\\""
SINGLE='no $HOME \\n'
EMPTY=
HASH=a#b
MULTI="one
two"
DOLLAR=$HOME/x
PLAIN=last
"""


def test_an_env_file_is_read_without_evaluating_anything() -> None:
    assert parse_dotenv(DOTENV) == {
        "PLAIN": "last",
        "EXPORTED": "spaced",
        "QUOTED": 'a # b\n"c"',
        "SINGLE": "no $HOME \\n",
        "EMPTY": "",
        "HASH": "a#b",
        "MULTI": "one\ntwo",
        "DOLLAR": "$HOME/x",
    }


@pytest.mark.parametrize(
    ("text", "line"), [("A=1\nnot an assignment\n", 2), ("A='open\n", 1), ("A='x' y\n", 1), ("1A=x", 1)]
)
def test_a_line_that_is_no_assignment_is_pointed_at(text: str, line: int) -> None:
    with pytest.raises(EnvFileProblem) as caught:
        parse_dotenv(text)
    assert caught.value.line == line


PARENT = (
    "flow:\n  name: n\n  steps:\n    - id: a\n      action: run_flow\n"
    "      config: {flow: sub/child.yaml, input: {order_id: 5}}\n"
)
CHILD = "flow:\n  name: c\n  env_file: own.env\n  steps:\n    - {id: orders_id, action: log, config: {message: '%s'}}\n"


def parent(files: dict[str, bytes]) -> list[tuple[str, int, int]]:
    checked = load_flow(PARENT, "parent.yaml", CATALOGUE, GivenFiles(files))
    return [(finding.rule, finding.line, finding.column) for finding in checked.findings]


def test_a_flow_that_is_run_by_another_is_checked_with_what_it_is_given() -> None:
    child = {"sub/child.yaml": (CHILD % "${order_id}").encode(), "sub/own.env": b"A=1\n"}
    assert parent(child) == []


def test_a_mistake_in_a_flow_that_is_run_is_reported_at_its_name() -> None:
    child = {"sub/child.yaml": (CHILD % "${nosuch.id}").encode(), "sub/own.env": b"A=1\n"}
    assert parent(child) == [("flow/bad-file", 6, 22)]
    assert parent({"sub/child.yaml": (CHILD % "x").encode()}) == [("flow/bad-file", 6, 22)]
    assert parent({}) == [("flow/missing-file", 6, 22)]


def test_flows_that_run_each_other_would_never_end() -> None:
    other = PARENT.replace("sub/child.yaml", "parent.yaml")
    files = {"other.yaml": other.encode(), "parent.yaml": PARENT.replace("sub/child", "other").encode()}
    checked = load_flow(files["parent.yaml"], "x/parent.yaml", CATALOGUE, GivenFiles(files))
    assert [(found.rule, found.line) for found in checked.findings] == [("flow/bad-file", 6)]
    assert "parent.yaml runs itself again through other.yaml" in checked.findings[0].message


def test_a_flow_may_run_itself_where_something_decides() -> None:
    text = PARENT.replace("sub/child.yaml", "parent.yaml").replace(
        "    - id: a\n", "    - id: a\n      when: DEPTH < 3\n"
    )
    checked = load_flow(text, "x/parent.yaml", CATALOGUE, GivenFiles({"parent.yaml": text.encode()}))
    assert "flow/cycle" not in [found.rule for found in checked.findings]
    assert "when:" in text
