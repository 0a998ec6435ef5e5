"""What every engine promises: up, look, reset, logs and down behave alike whoever starts the system."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testmesh.environments.environment import UNKNOWN_REVISION, Environment, open_environment
from testmesh.environments.settings import from_toml
from testmesh.kernel.errors import UserError
from tests.environments import toy
from tests.flows.support import Web
from tests.servers.engine import DockerEngine

COMPOSE = 'services:\n  toy:\n    image: IMAGE\n    ports: ["8001"]\n'


@dataclass(frozen=True, slots=True)
class Case:
    """A system and an engine for it.

    Args:
        environment: not up.
        tree: its folder.
        starts: the engine starts it itself.
    """

    environment: Environment
    tree: Path
    starts: bool


def _processes(folder: Path, request: pytest.FixtureRequest) -> Case:
    return Case(open_environment(toy.settings(), folder / "s"), toy.tree(folder / "tree"), True)


def _running(folder: Path, request: pytest.FixtureRequest) -> Case:
    web = Web()
    request.addfinalizer(web.close)
    web.on("GET /health", 200, "hello")
    service = {"ready": "${TOY_URL}/health", "logs": {"file": "toy.log"}}
    table = {"engine": "running", "variables": {"TOY_URL": web.url}, "services": {"toy": service}}
    (folder / "toy.log").write_text("")
    return Case(open_environment(from_toml("local", table), folder / "s"), folder, False)


def _compose(folder: Path, request: pytest.FixtureRequest) -> Case:
    docker: DockerEngine = request.getfixturevalue("docker")
    (folder / "compose.yaml").write_text(COMPOSE.replace("IMAGE", docker.image))
    table = {
        "engine": "compose",
        "variables": {"TOY_URL": "http://127.0.0.1:${toy.port}"},
        "services": {"toy": {"port": 8001, "ready": "${TOY_URL}/health", "timeout": 20}},
    }
    return Case(open_environment(from_toml("local", table), folder / "s"), folder, True)


ENGINES: dict[str, Callable[[Path, pytest.FixtureRequest], Case]] = {
    "processes": _processes,
    "running": _running,
    "compose": _compose,
}


@pytest.fixture(
    params=["processes", "running", pytest.param("compose", marks=pytest.mark.server("docker"))], ids=lambda name: name
)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    found = ENGINES[request.param](tmp_path, request)
    yield found
    found.environment.down()


def test_from_up_to_down_and_once_more(case: Case) -> None:
    for _ in range(2):
        addresses = case.environment.up(case.tree)
        assert addresses.unavailable == {}
        with urllib.request.urlopen(f"{addresses.variables['TOY_URL']}/health") as answer:
            assert answer.status == 200
        assert case.environment.troubles() == {}
        assert case.environment.revision()
        assert set(case.environment.revisions().values()) <= {case.environment.revision(), UNKNOWN_REVISION, "abc1234"}
        case.environment.down()
        case.environment.down()


def test_what_is_up_is_not_brought_up_again(case: Case) -> None:
    case.environment.up(case.tree)
    if not case.starts:
        assert case.environment.up(case.tree).unavailable == {}
        return
    with pytest.raises(UserError, match="already up"):
        case.environment.up(case.tree)


def test_before_up_and_after_down_nothing_is_made_up(case: Case) -> None:
    since = datetime.now(UTC)
    for _ in range(2):
        assert case.environment.troubles() == {} or not case.starts
        reset = case.environment.reset()
        assert reset.done is False
        assert reset.not_checked
        assert case.environment.logs(since).lines == () or case.starts
        case.environment.up(case.tree)
        case.environment.down()


def test_lines_are_in_order_and_none_is_older_than_asked_for(case: Case) -> None:
    addresses = case.environment.up(case.tree)
    since = datetime.now(UTC)
    urllib.request.urlopen(f"{addresses.variables['TOY_URL']}/health").close()
    lines = case.environment.logs(since).lines
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert all(line.service == "toy" for line in lines)
    assert all(line.at[:19] >= since.isoformat()[:19] for line in lines)
