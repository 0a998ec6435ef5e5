"""Models named in testmesh.toml word a diagnosis: a text is taken only when the evidence carries it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testmesh.compose.diagnosing import Asked, diagnosed
from testmesh.compose.graphs import open_checkout
from testmesh.compose.models import embedder_for, router_for, routes_of
from testmesh.kernel.errors import UserError
from testmesh.routing import ModelRef, parse_routes
from tests.e2e.cli import FLOW, answered
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo

Script = list[dict[str, str]]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository whose latest run could not reach its service."""
    repo = made(tmp_path_factory.mktemp("models") / "good")
    repo.commit({"flows/good.yaml": FLOW})
    answered(repo.path, "run", code=3)
    return repo


def route(repo: Repo, *models: str, agent: bool = True) -> None:
    table = "[models.agents.diagnosis]" if agent else "[models]"
    repo.write({"testmesh.toml": f"{table}\nchat = {json.dumps(list(models))}\n"})


def summary(repo: Repo) -> str:
    return diagnosed(open_checkout(repo.path), Asked("latest")).summary


def script(folder: Path, *lines: dict[str, str]) -> str:
    file = folder / "script.json"
    file.write_text(json.dumps(lines))
    return f"scripted:{file}"


def says(text: str) -> dict[str, str]:
    return {"say": json.dumps({"text": text})}


@pytest.fixture
def ours(failed: Repo) -> str:
    """The text without any model."""
    (failed.path / "testmesh.toml").unlink(missing_ok=True)
    return summary(failed)


@pytest.mark.parametrize("agent", [True, False], ids=["of the agent", "of the workspace"])
def test_words_the_evidence_carries_are_taken(failed: Repo, ours: str, tmp_path: Path, agent: bool) -> None:
    route(failed, script(tmp_path, says("The service was not up, so the step get could not reach it.")), agent=agent)
    assert summary(failed) == "The service was not up, so the step get could not reach it."
    assert summary(failed) != ours


def test_invented_places_are_rejected_once_and_then_dropped(failed: Repo, ours: str, tmp_path: Path) -> None:
    lines = (says("See invented.py:42."), says("See other.py:7."), says("never asked"))
    route(failed, script(tmp_path, *lines))
    assert summary(failed) == ours


def test_a_corrected_second_text_is_taken(failed: Repo, ours: str, tmp_path: Path) -> None:
    reason = {"when": "invented.py:42 is not in the evidence", **says("Nothing answered.")}
    route(failed, script(tmp_path, says("See invented.py:42."), reason))
    assert summary(failed) == "Nothing answered."


def test_a_model_that_fails_or_speaks_nonsense_changes_nothing(failed: Repo, ours: str, tmp_path: Path) -> None:
    for lines in ([{"say": "no JSON"}] * 5, [{"say": "", "fail": "final"}], [{"when": "never", "say": "x"}]):
        route(failed, script(tmp_path, *lines))
        assert summary(failed) == ours


def test_the_next_model_answers_when_the_first_fails(failed: Repo, ours: str, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    first = script(tmp_path / "first", {"say": "", "fail": "final"})
    route(failed, first, script(tmp_path, says("Nothing answered.")))
    assert summary(failed) == "Nothing answered."


def test_an_unknown_provider_is_named_with_those_there_are(failed: Repo) -> None:
    route(failed, "nonsense:model")
    with pytest.raises(UserError, match="no model provider 'nonsense'") as caught:
        summary(failed)
    for name in ("anthropic", "ollama", "openai", "scripted"):
        assert name in str(caught.value.hint)


def test_a_model_that_cannot_be_had_is_said_and_the_answer_is_ours(
    failed: Repo, ours: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    route(failed, f"scripted:{tmp_path / 'nowhere.json'}")
    assert summary(failed) == ours
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "is not a script of model answers" in record.getMessage()


def test_an_agent_without_a_route_has_no_model(failed: Repo) -> None:
    route(failed, "scripted:x")
    routes = routes_of(open_checkout(failed.path))
    assert router_for(routes, "repair", lambda name: "", lambda call: None) is None
    assert router_for(routes, "diagnosis", lambda name: "", lambda call: None) is not None


def test_the_static_embedder_is_the_default_and_a_model_can_be_named() -> None:
    assert len(embedder_for([]).embed(["a word"])) == 1
    named = embedder_for([parse_routes({"embed": ["ollama:some-model"]}, "testmesh.toml")])
    assert ModelRef("ollama", "some-model").model == named.model  # type: ignore[attr-defined]
