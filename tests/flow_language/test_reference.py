"""The reference of actions says what the actions declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.actions import catalogue
from flows.language import reference
from flows.language.config import fields_of
from testmesh.cli import dispatch


@pytest.mark.parametrize("spec", catalogue().complete().specs, ids=lambda spec: spec.name)
def test_every_key_name_and_field_of_an_action_is_in_its_reference(spec: object) -> None:
    found = next(known for known in catalogue().complete().specs if known is spec)
    text = reference.described(found)
    for key, field in fields_of(found.config).items():
        assert found.open_config or f"| `{key}` |" in text
        assert all(choice in text for choice in field.option.choices)
    assert all(f"`{alias.name}`" in text for alias in found.aliases)
    assert found.fields_from is not None or all(f"`{name}` (" in text for name in found.result.fields or {})


def test_one_action_is_told_by_its_alias(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["actions", "redis.get"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("## redis\n")
    assert "`redis.get` (command: GET)" in told
    assert "REDIS_URL" in told


def test_an_action_that_is_none_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["actions", "http_requst"]) == 2
    assert "did you mean 'http_request'?" in capsys.readouterr().err


def test_the_reference_page_is_what_the_actions_declare() -> None:
    page = Path(__file__).parents[2] / "docs" / "actions.md"
    assert page.read_text() == reference.page(catalogue().complete().specs), (
        "write it anew: testmesh actions --markdown > docs/actions.md"
    )
