"""The compose engine: command lines and answers by Docker's published forms, and a real engine where one can be had."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testmesh.environments.containers import Container, Engines, Project, inspected, listed, reachable, telemetry_file
from testmesh.environments.environment import Environment, open_environment
from testmesh.environments.settings import from_toml
from testmesh.kernel.errors import UnavailableError, UserError
from tests.servers.engine import DockerEngine

RECORDED = Path(__file__).parent / "recorded"
FILE = """
services:
  toy:
    image: IMAGE
    ports: ["8001"]
    environment: {GREETING: "${GREETING}"}
"""
TABLE = {
    "engine": "compose",
    "variables": {"TOY_URL": "http://127.0.0.1:${toy.port}", "GREETING": "good day"},
    "services": {"toy": {"port": 8001, "ready": "${TOY_URL}/health", "timeout": 20}},
}


def project() -> Project:
    return Project(Engines(("docker", "compose"), Path("/t"), {}), "p1", (Path("/t/a.yml"), Path("/t/b.yml")), ("dev",))


def test_every_command_names_its_project_files_and_profiles() -> None:
    expected = "docker compose --project-name p1 --file /t/a.yml --file /t/b.yml --profile dev ps --all --format json"
    assert " ".join(project().command("ps", "--all", "--format", "json")) == expected
    assert project().variables() == {"COMPOSE_PROJECT_NAME": "p1", "COMPOSE_FILE": "/t/a.yml:/t/b.yml"}


def test_what_compose_lists_is_understood_in_both_its_forms() -> None:
    lines = (RECORDED / "compose_2_40_ps.ndjson").read_text()
    (found,) = listed(lines)
    assert found == Container("orders", "ecb26a00d093", "running", "starting", 0, ((8001, 46005),))
    assert listed(json.dumps([json.loads(lines)])) == (found,)
    assert listed("") == ()
    for nonsense in ("{", '{"Service": 1}', "[7]"):
        with pytest.raises(UnavailableError, match="not known"):
            listed(nonsense)


@pytest.mark.parametrize(
    ("container", "trouble"),
    [
        (Container("a", "1", "running"), ""),
        (Container("a", "1", "running", "unhealthy"), "is not healthy"),
        (Container("a", "1", "exited", exit_code=137), "ended with exit code 137"),
        (Container("a", "1", "exited", exit_code=0), ""),
        (Container("a", "1", "restarting"), "is restarting"),
    ],
)
def test_what_is_wrong_with_a_container(container: Container, trouble: str) -> None:
    assert container.trouble == trouble


def test_labels_come_from_inspect_by_short_id() -> None:
    text = json.dumps(
        [{"Id": "abcdef0123", "Config": {"Labels": {"r": "1"}}}, {"Id": "ff", "Config": {"Labels": None}}]
    )
    assert inspected(text, ["abcdef", "ff", "gone"]) == {"abcdef": {"r": "1"}, "ff": {}}
    assert inspected("no", ["a"]) == {}


def test_services_are_told_where_to_send_spans_only_when_they_can_reach_it() -> None:
    assert not reachable("http://127.0.0.1:4318")
    assert not reachable("")
    assert reachable("http://0.0.0.0:4318")
    told = telemetry_file(["toy"], {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://0.0.0.0:4318", "TESTMESH_X": "1"})
    assert told["services"]["toy"] == {
        "environment": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://host.docker.internal:4318"},
        "extra_hosts": ["host.docker.internal:host-gateway"],
    }


def test_without_an_engine_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="no 'docker' on the path"):
        open_environment(from_toml("local", TABLE), tmp_path / "s").up(tmp_path)


def test_parts_belong_into_the_compose_file(tmp_path: Path) -> None:
    settings = from_toml("local", {**TABLE, "parts": {"redis": {"variable": "REDIS_URL"}}})
    with pytest.raises(UserError, match="starts no parts"):
        open_environment(settings, tmp_path)


@pytest.fixture
def system(docker: DockerEngine, tmp_path: Path) -> Iterator[tuple[Environment, Path]]:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "compose.yaml").write_text(FILE.replace("IMAGE", docker.image))
    reset = ["docker compose exec -T toy /app nothing"]
    table = {**TABLE, "reset": reset, "inherit": ["DOCKER_HOST", "DOCKER_CONFIG"]}
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://0.0.0.0:4318"}
    environment = open_environment(from_toml("local", table), tmp_path / "s", variables)
    yield environment, tree
    environment.down()


@pytest.mark.server("docker")
def test_a_real_engine_from_up_to_down(system: tuple[Environment, Path]) -> None:
    environment, tree = system
    since = datetime.now(UTC)
    addresses = environment.up(tree)
    with urllib.request.urlopen(f"{addresses.variables['TOY_URL']}/orders") as answer:
        assert answer.read() == b"hello"
    assert environment.revision() == "abc1234"
    assert environment.revisions() == {"toy": "abc1234"}
    assert environment.troubles() == {}
    lines = [line.text for line in environment.logs(since).lines]
    assert "starting good day http://host.docker.internal:4318" in lines
    assert "asked for /orders" in lines
    with pytest.raises(OSError):  # noqa: PT011
        urllib.request.urlopen(f"{addresses.variables['TOY_URL']}/die")
    deadline = time.monotonic() + 10
    while not environment.troubles() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert environment.troubles() == {"toy": "ended with exit code 3; its last line: I am dying"}
    environment.down()
    assert environment.logs(since).not_checked == "environment 'local' is not up"


@pytest.mark.server("docker")
def test_a_real_engine_that_cannot_bring_it_up_says_why_and_leaves_nothing(
    docker: DockerEngine, tmp_path: Path
) -> None:
    (tmp_path / "compose.yaml").write_text("services: {toy: {image: 7, nonsense: x}}")
    environment = open_environment(
        from_toml("local", TABLE), tmp_path / "s", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://0.0.0.0:1"}
    )
    with pytest.raises(UserError, match="compose file cannot be used"):
        environment.up(tmp_path)
    (tmp_path / "compose.yaml").write_text("services: {toy: {image: localhost/no/such:1, pull_policy: never}}")
    with pytest.raises(UnavailableError, match="did not come up"):
        environment.up(tmp_path)
    (tmp_path / "compose.yaml").write_text(FILE.replace("IMAGE", docker.image).replace('ports: ["8001"]', ""))
    with pytest.raises(UserError, match="publishes no port 8001"):
        environment.up(tmp_path)
    assert environment.troubles() == {}
