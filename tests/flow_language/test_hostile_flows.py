"""Whatever a flow file says, checking it ends in findings inside the file, never in an exception."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.check import load_flow
from flows.language.files import GivenFiles
from tests.flow_language.actions_of_flows_md import CATALOGUE

HERE = Path(__file__).parent
TEXTS = [path.read_text() for path in sorted(HERE.glob("mistakes/*.yaml"))]
TEXTS += [(HERE / "example_of_flows_md.yaml").read_text(), (HERE / "everything.yaml").read_text()] * 20
SNIPPETS = st.sampled_from(
    [
        "",
        "null",
        "[]",
        "{}",
        "- ",
        "\n",
        "  ",
        ": ",
        "5",
        "true",
        '"',
        "'",
        "${",
        "}",
        "{{ x }}",
        "${x.y}",
        "&a ",
        "*a",
        "!!str ",
        "? ",
        "|\n",
        "$..a",
        "$.a[?@.b]",
        "x exists",
        "[1, {a: 2}]",
        "{a: [1]}",
        "\u2028",
        "\x00",
        "é",
    ]
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), SNIPPETS), min_size=1, max_size=4)


@settings(max_examples=100)
@given(st.sampled_from(TEXTS), EDITS)
def test_a_damaged_flow_gives_findings_inside_the_file(text: str, edits: list[tuple[float, int, str]]) -> None:
    for where, removed, inserted in edits:
        at = int(where * len(text))
        text = text[:at] + inserted + text[at + removed :]
    checked = load_flow(text, "damaged.yaml", CATALOGUE, GivenFiles())
    rows = text.removeprefix("\ufeff").split("\n")
    for finding in checked.findings:
        assert 1 <= finding.line <= len(rows) + 1
        assert 1 <= finding.column <= len(rows[finding.line - 1] if finding.line <= len(rows) else "") + 1
        assert finding.message
    assert (checked.flow is None) == bool(checked.errors)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_with_a_finding(data: bytes) -> None:
    assert load_flow(data, "noise.yaml", CATALOGUE, GivenFiles()).errors
