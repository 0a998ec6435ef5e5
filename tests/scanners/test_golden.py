"""Every language, pack and manifest says exactly what its fixture expects."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
golden = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(golden)

READERS = golden.readers()


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_reader_says_what_its_fixture_expects(name: str) -> None:
    expected = json.loads((golden.FIXTURES / name / golden.EXPECTED).read_text())

    said = golden.said(name, READERS[name])

    assert said.keys() == expected.keys()
    for path, facts in said.items():
        assert facts == expected[path], path


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_fixture_shows_something(name: str) -> None:
    assert any(golden.said(name, READERS[name]).values())
