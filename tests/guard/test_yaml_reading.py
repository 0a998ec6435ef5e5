"""YAML is typed by the 1.2 core schema, every node knows its place, and hostile text stops at a limit."""

from __future__ import annotations

import pytest

from testmesh.guard.yaml import FLOW, FOREIGN, MapNode, Node, ScalarNode, YamlLimits, parse, parse_all, plain, read
from testmesh.kernel.errors import DiagnosticsError

SCALARS = [
    ("no", "no"),
    ("on", "on"),
    ("yes", "yes"),
    ("2024-01-01", "2024-01-01"),
    ("12:30:45", "12:30:45"),
    ("012", 12),
    ("-7", -7),
    ("+7", 7),
    ("0o14", 12),
    ("0x1F", 31),
    ("1_000", "1_000"),
    ("1.5", 1.5),
    (".5", 0.5),
    ("1.", 1.0),
    ("1e3", 1000.0),
    ("true", True),
    ("FALSE", False),
    ("True", True),
    ("tRue", "tRue"),
    ("null", None),
    ("~", None),
    ("", None),
    ("Null", None),
    ("=", "="),
    ("'5'", "5"),
    ('"true"', "true"),
    ("!!str 5", "5"),
    ("!!int 5", 5),
    ("! 5", "5"),
    ("1.2.3", "1.2.3"),
    ("|\n  5\n", "5\n"),
    (">-\n  a\n  b\n", "a b"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[text for text, _ in SCALARS])
def test_a_scalar_has_its_core_schema_value(text: str, value: object) -> None:
    found = plain(parse(f"key: {text}\n", "x.yaml"))
    assert found == {"key": value}
    assert type(found["key"]) is type(value) if isinstance(found, dict) else False


def test_keys_are_the_text_that_was_written() -> None:
    assert plain(parse("200: a\nno: b\n012: c\n", "x.yaml")) == {"200": "a", "no": "b", "012": "c"}


HOSTILE = [
    ("a:\n\tb: 1\n", "yaml/tab", (2, 1)),
    ("a: [\n\t1]\n", "yaml/tab", (2, 1)),
    ("a: 1\na: 2\n", "yaml/duplicate-key", (2, 1)),
    ("a: {b: 1, b: 2}\n", "yaml/duplicate-key", (1, 11)),
    ("a: &x {b: 1}\nc: {<<: *x}\n", "yaml/merge-key", (2, 5)),
    ("a: &x [*x]\n", "yaml/recursive-alias", (1, 8)),
    ("a: *nope\n", "yaml/unknown-anchor", (1, 4)),
    ("a: 1\n---\nb: 2\n", "yaml/documents", (2, 1)),
    ("", "yaml/root", (1, 1)),
    ("# only a comment\n", "yaml/root", (1, 1)),
    ("- a\n", "yaml/root", (1, 1)),
    ("text\n", "yaml/root", (1, 1)),
    ("a: " + "[" * 45 + "]" * 45, "yaml/too-deep", (1, 43)),
    ("a:\n" + "".join("  " * n + "- \n" for n in range(1, 60)), "yaml/too-deep", None),
    ("a: [" + "1," * 60_000 + "]", "yaml/too-many-nodes", None),
    ("a: &x 1\nb: [" + "*x," * 60 + "]", "yaml/too-many-aliases", None),
    ("a: " + "x" * 1_100_000, "file/too-large", (1, 1)),
    ("a: [" + "[" * 1_000_000, "yaml/too-deep", None),
    ("? [a]\n: b\n", "yaml/key", (1, 3)),
    ("a: !custom 1\n", "yaml/tag", (1, 4)),
    ("a: !!python/object:os.system x\n", "yaml/tag", (1, 4)),
    ("a: !!int x\n", "yaml/number", (1, 4)),
    ("a: .inf\n", "yaml/number", (1, 4)),
    ("a: 1e999\n", "yaml/number", (1, 4)),
    ("a: " + "9" * 500, "yaml/number", (1, 4)),
    ("a: 'open\n", "yaml/syntax", None),
    ("a: b: c\n", "yaml/syntax", (1, 5)),
    ("a: [1\n", "yaml/syntax", None),
    ("a: \x01\n", "yaml/character", (1, 4)),
    ("a: é\x07\n", "yaml/character", (1, 5)),
    ("a: x\x85y\n", "yaml/character", (1, 5)),
    ("%YAML 3.0\n---\na: 1\n", "yaml/syntax", None),
]


@pytest.mark.parametrize(
    ("text", "rule", "at"), HOSTILE, ids=[f"{rule}-{index}" for index, (_, rule, _) in enumerate(HOSTILE)]
)
def test_hostile_text_is_one_finding_at_its_place(text: str, rule: str, at: tuple[int, int] | None) -> None:
    findings = read(text, "x.yaml").findings
    assert [finding.rule for finding in findings] == [rule]
    assert at is None or (findings[0].line, findings[0].column) == at


@pytest.mark.parametrize(
    ("data", "at"), [(b"a: \xff", (1, 4)), (b"a: 1\nb\xc3", (2, 2)), ("a: 1".encode("utf-16"), (1, 1))]
)
def test_bytes_that_are_not_utf8_are_pointed_at(data: bytes, at: tuple[int, int]) -> None:
    (finding,) = read(data, "x.yaml").findings
    assert (finding.rule, finding.line, finding.column) == ("file/encoding", *at)


def test_a_byte_order_mark_is_no_character_of_the_file() -> None:
    root = parse(b"\xef\xbb\xbfa: 1\n", "x.yaml")
    assert isinstance(root, MapNode)
    assert root.entries["a"].key.at == (1, 1)


def test_the_billion_laughs_stop_at_the_node_limit() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 5)}]" for n in range(1, 9)]
    assert [finding.rule for finding in read("\n".join(lines), "x.yaml").findings] == ["yaml/too-many-nodes"]


def test_all_duplicates_are_reported_and_name_the_first() -> None:
    findings = read("a: 1\nb: 2\na: 3\nb: 4\n", "x.yaml").findings
    assert [(finding.line, finding.column) for finding in findings] == [(3, 1), (4, 1)]
    assert "line 1, column 1" in findings[0].message


def test_a_tab_that_is_no_indentation_is_fine() -> None:
    assert plain(parse('a:\t1\nb: "x\ty"\nc: |\n  y\n  \tz\nd: "e\n\tf"\n', "x.yaml")) == {
        "a": 1,
        "b": "x\ty",
        "c": "y\n\tz\n",
        "d": "e f",
    }


POSITIONS = [
    ("key: plain", 2, (1, 8)),
    ("key: 'it''s'", 3, (1, 11)),
    ('key: "a\\tb"', 2, (1, 10)),
    ('key: "\\u00e9b"', 1, (1, 13)),
    ("key: |\n  one\n  two\n", 5, (3, 4)),
    ("key: |2\n    one\n  two\n", 0, (2, 3)),
    ("key: >\n  one\n  two\n", 4, (3, 3)),
    ("key: |\n\n  one\n", 1, (3, 3)),
    ("key: one\n  two\n", 4, (2, 3)),
    ("é: ü x", 2, (1, 6)),
    ("key: |\r\n  one\r\n  two\r\n", 4, (3, 3)),
    ("key: 'a\r\n  b'\r\n", 2, (2, 3)),
]


@pytest.mark.parametrize(("text", "offset", "at"), POSITIONS, ids=[text for text, *_ in POSITIONS])
def test_a_character_of_a_value_is_found_where_it_was_written(text: str, offset: int, at: tuple[int, int]) -> None:
    root = parse(text, "x.yaml")
    assert isinstance(root, MapNode)
    value: Node | None = next(iter(root.entries.values())).value
    assert isinstance(value, ScalarNode)
    assert value.position(offset) == at
    row = text.split("\n")[at[0] - 1]
    if "\\" not in row:
        assert row[at[1] - 1] == value.text[offset]


def test_foreign_files_may_merge_repeat_documents_and_use_tags() -> None:
    text = "base: &b {x: 1, y: 2}\nd: {<<: *b, y: 3}\nl: {<<: [*b, {z: 4}]}\nr: !Ref abc\n---\nsecond: 1\n"
    first, second = parse_all(text, "compose.yml", FOREIGN)
    assert plain(first) == {
        "base": {"x": 1, "y": 2},
        "d": {"y": 3, "x": 1},
        "l": {"x": 1, "y": 2, "z": 4},
        "r": "abc",
    }
    assert plain(second) == {"second": 1}


def test_foreign_files_are_bounded_too() -> None:
    lines = ["a0: &a0 {x: 1, y: 2, z: 3}"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert [finding.rule for finding in read("\n".join(lines), "x", FOREIGN).findings] == ["yaml/too-many-nodes"]


def test_limits_are_values_of_the_caller() -> None:
    tight = YamlLimits(size=10, mapping=False)
    assert read("a: 1", "x", tight).findings == ()
    assert [finding.rule for finding in read("a: 123456789", "x", tight).findings] == ["file/too-large"]


def test_parse_raises_every_finding_at_once() -> None:
    with pytest.raises(DiagnosticsError) as caught:
        parse("a: 1\na: 2\na: 3\n", "x.yaml", FLOW)
    assert len(caught.value.diagnostics) == 2


def test_an_empty_foreign_file_is_null() -> None:
    assert plain(parse("", "x", FOREIGN)) is None
