"""Which value a variable has, and of what type (FLOWS §2, §4)."""

from __future__ import annotations

import re
from pathlib import Path

from flows.runner import exit_code
from tests.flows.support import only, run_text, step, verdicts, write

SHOW = """
        flow:
          name: vars
          {head}
          steps:
            - {{id: s, action: set, config: {{x: "${{X}}"}}}}
"""


def test_the_nearest_source_of_a_variable_wins(tmp_path: Path) -> None:
    (tmp_path / "vars.env").write_text("export X='from file' # note\n")
    head = 'env: {X: "${Y:from env}"}'
    both = head + "\n          env_file: vars.env"
    rows = both + "\n          data: [{X: from row}]"

    def value(text: str, **options: object) -> object:
        return step(run_text(tmp_path, SHOW.format(head=text), **options), "s").result["x"]

    assert value(head) == "from env"
    assert value(head, process={"Y": "other"}) == "other"
    assert value(both) == "from file"
    assert value(both, process={"X": "from process"}) == "from process"
    named = {"process": {"X": "from process"}, "environment_variables": {"X": "from environment"}}
    assert value(both, **named) == "from environment"
    assert value(rows, **named) == "from row"
    assert value(rows, **named, variables={"X": "from option"}) == "from option"


def test_the_process_environment_does_not_override_a_plain_value(tmp_path: Path) -> None:
    run = run_text(tmp_path, SHOW.format(head="env: {X: plain}"), process={"X": "other", "PATH": "/bin"})
    assert step(run, "s").result == {"x": "plain"}
    assert only(run).variables == {}


def test_text_becomes_a_number_only_when_it_prints_back_the_same(tmp_path: Path) -> None:
    for text, value in (("200", 200), ("00501", "00501"), ("1e3", "1e3"), ("true", True), ("null", None), ("x", "x")):
        run = run_text(tmp_path, SHOW.format(head="env: {}"), variables={"X": text})
        assert step(run, "s").result == {"x": value}


def test_rows_and_inputs_that_have_types_keep_them(tmp_path: Path) -> None:
    write(tmp_path, '[{"X": "12"}]', "rows.json")
    write(tmp_path, "X\n12\n", "rows.csv")
    for data, value in (('[{X: "12"}]', "12"), ("{file: rows.json}", "12"), ("{file: rows.csv}", 12)):
        assert step(run_text(tmp_path, SHOW.format(head=f"data: {data}")), "s").result == {"x": value}
    declared = 'env: {X: 1}\n          data: [{X: "12"}]'
    assert step(run_text(tmp_path, SHOW.format(head=declared)), "s").result == {"x": 12}
    write(tmp_path, SHOW.format(head="description: child"), "child.yaml")
    text = """
        flow:
          name: parent
          steps:
            - {id: kid, action: run_flow, config: {flow: child.yaml, input: {X: "12"}}, assert: ['s.x == "12"']}
        """
    assert verdicts(run_text(tmp_path, text)) == {"kid": "passed", "s": "passed"}


def test_a_row_sees_what_is_outside_of_it(tmp_path: Path) -> None:
    text = SHOW.format(head="env: {B: '${A}/b', N: '${P}'}\n          data: [{X: '${B}/x', P: 1}, {X: '${N}', P: 2}]")
    run = run_text(tmp_path, text, process={"A": "a"})
    assert [flow.verdict for flow in run.flows] == ["passed", "error"]
    assert run.flows[0].steps[0].result == {"x": "a/b/x"}
    assert run.flows[1].problems[0]["message"] == "a data row needs 'N', which is not set and has no default"
    assert exit_code(run) == 2


def test_a_declared_name_converts_to_its_type_or_is_refused(tmp_path: Path) -> None:
    run = run_text(tmp_path, SHOW.format(head='env: {X: "1"}'), variables={"X": "2"})
    assert step(run, "s").result == {"x": "2"}
    run = run_text(tmp_path, SHOW.format(head="env: {X: 1}"), variables={"X": "many"})
    assert exit_code(run) == 2
    assert only(run).problems[0]["rule"] == "flow/variable-type"


def test_an_unset_variable_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    run = run_text(tmp_path, SHOW.format(head="env: {}"))
    (problem,) = only(run).problems
    assert (problem["rule"], problem["line"]) == ("flow/unset-variable", 6)
    assert (run.verdict, exit_code(run)) == ("error", 2)


def test_what_a_child_needs_of_the_environment_is_missed_before_anything_is_sent(tmp_path: Path) -> None:
    write(tmp_path, SHOW.format(head="env: {}"), "child.yaml")
    parent = """
        flow:
          name: parent
          env: {{X: its own}}
          steps:
            - {{id: kid, action: run_flow, {when}config: {{flow: child.yaml}}}}
    """
    run = run_text(tmp_path, parent.format(when=""))
    (problem,) = only(run).problems
    assert (problem["rule"], problem["line"]) == ("flow/unset-variable", 6)
    assert exit_code(run) == 2
    assert run_text(tmp_path, parent.format(when=""), process={"X": "1"}).verdict == "passed"
    assert run_text(tmp_path, parent.format(when="when: 1 == 2, ")).verdict == "passed"


def test_data_rows_are_runs_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "n,name\n1,a\n2,b\n3,c\n", "rows.csv")
    text = """
        flow:
          name: rows
          {config}
          data: {{file: rows.csv}}
          steps:
            - {{id: c, action: assert, config: {{assertions: [n != 2]}}}}
        """
    run = run_text(tmp_path, text.format(config="tags: [a]"))
    assert [(flow.row, flow.verdict) for flow in run.flows] == [(0, "passed"), (1, "failed"), (2, "passed")]
    assert run.verdict == "failed"
    run = run_text(tmp_path, text.format(config="config: {fail_fast: true}"), parallel=4)
    assert [(flow.row, flow.verdict) for flow in run.flows] == [(0, "passed"), (1, "failed"), (2, "cancelled")]


def test_built_ins_are_one_value_per_execution_and_reproducible_by_seed(tmp_path: Path) -> None:
    text = """
        flow:
          name: built in
          data: [{n: 1}, {n: 2}]
          steps:
            - id: s
              action: set
              config: {id: "${RANDOM_ID}", number: "${RANDOM_INT}", word: "${RANDOM_STRING}", name: "${FLOW_NAME}",
                       at: "${TIMESTAMP}", mail: "${FAKER.internet.email}", other: "${FAKER.internet.email}",
                       u: "${uuid()}", v: "${uuid()}"}
            - {id: same, action: assert, config: {assertions: [s.id == UUID, s.number == RANDOM_INT]}}
        """
    first = run_text(tmp_path, text, seed=7)
    again = run_text(tmp_path, text, seed=7)
    other = run_text(tmp_path, text, seed=8)
    assert first.verdict == "passed"
    a, b = (flow.steps[0].result for flow in first.flows)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", a["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", a["at"])
    assert a["mail"] != a["other"]
    assert a["u"] != a["v"]
    assert a["id"] != b["id"]
    stable = ("id", "number", "word", "mail", "other", "u", "v")
    assert {key: a[key] for key in stable} == {key: again.flows[0].steps[0].result[key] for key in stable}
    assert a["id"] != other.flows[0].steps[0].result["id"]


def test_a_missing_name_at_run_time_is_an_error_and_nothing_is_sent(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        """
        flow:
          name: missing
          steps:
            - {id: a, action: set, when: 1 == 2, config: {x: 1}}
            - {id: b, action: set, config: {y: "${a.x}"}}
        """,
    )
    assert verdicts(run) == {"a": "skipped", "b": "error"}
    assert "step 'a' did not run" in step(run, "b").message


def test_transform_and_set_give_fields_and_variables(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        """
        flow:
          name: transform
          steps:
            - id: t
              action: transform
              config:
                input: {items: [{price: 2, n: 3}, {price: 5, n: 1}]}
                transforms:
                  prices: "$.items[*].price"
                  total: sum(map(items, .price * .n))
            - {id: s, action: set, config: {double: "${t.total * 2}"}}
            - {id: c, action: assert, config: {assertions: ["t.prices == [2, 5]", t.total == 11, double == 22]}}
        """,
    )
    assert verdicts(run) == {"t": "passed", "s": "passed", "c": "passed"}
