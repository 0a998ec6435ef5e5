"""A system that others run: who answers, which revision it is, where its lines are, what is reset or not checked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testmesh.environments.environment import Environment, open_environment
from testmesh.environments.settings import from_toml
from testmesh.kernel.errors import UnavailableError, UserError
from tests.flows.support import Web, raw_server, unused_port


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


def running(folder: Path, url: str, service: dict[str, object], **more: object) -> Environment:
    table = {"engine": "running", "variables": {"URL": url}, "services": {"toy": service}, **more}
    return open_environment(from_toml("staging", table), folder)


def test_who_does_not_answer_is_unavailable_with_the_reason(web: Web, tmp_path: Path) -> None:
    web.on("GET /ok")
    web.on("GET /bad", 503)
    port = unused_port()
    with raw_server(lambda connection: connection.sendall(b"!! no\r\n\r\n")) as strange:
        cases = {
            f"{web.url}/ok": {},
            f"tcp://127.0.0.1:{web.url.rpartition(':')[2]}": {},
            f"{web.url}/bad": {"toy": f"answers 503 at {web.url.removeprefix('http://')}/bad"},
            f"http://127.0.0.1:{port}/": {"toy": f"nothing answers at 127.0.0.1:{port}"},
            f"tcp://127.0.0.1:{port}": {"toy": f"nothing answers at 127.0.0.1:{port}"},
            f"https://{web.url.removeprefix('http://')}/": {"toy": "TLS with"},
            f"http://127.0.0.1:{strange}/": {"toy": f"what answers at 127.0.0.1:{strange} is not HTTP"},
            "ftp://x": {"toy": "is not an address"},
        }
        for ready, expected in cases.items():
            found = running(tmp_path, web.url, {"ready": ready}).up(tmp_path).unavailable
            assert set(found) == set(expected), ready
            assert all(reason in found[name] for name, reason in expected.items()), found


def test_of_several_instances_one_is_enough_and_the_others_are_named(web: Web, tmp_path: Path) -> None:
    web.on("GET /ok")
    down = f"http://127.0.0.1:{unused_port()}/"
    environment = running(tmp_path, web.url, {"ready": [f"{web.url}/ok", down]})
    assert environment.up(tmp_path).unavailable == {}
    assert environment.troubles() == {}
    web.on("GET /ok", 500)
    assert environment.troubles()["toy"].startswith("2 of 2 instances: answers 500")


def test_a_service_that_dies_meanwhile_is_noticed_and_named(web: Web, tmp_path: Path) -> None:
    web.on("GET /ok")
    environment = running(tmp_path, web.url, {"ready": "${URL}/ok"})
    assert environment.up(tmp_path).unavailable == {}
    web.routes.clear()
    assert "answers 404" in environment.troubles()["toy"]


@pytest.mark.parametrize(
    ("revision", "found", "trouble"),
    [
        ({"url": "${URL}/version", "path": "$.git.commit"}, "abc1234", ""),
        ({"url": "${URL}/version", "path": "builds[1]['the id']"}, "v2", ""),
        ({"url": "${URL}/version", "path": "$.nothing"}, "unknown", "has nothing at $.nothing"),
        ({"url": "${URL}/version", "path": "git[0]"}, "unknown", "has nothing at git[0]"),
        ({"url": "${URL}/version", "header": "X-Revision"}, "r42", ""),
        ({"url": "${URL}/version", "header": "X-Other"}, "unknown", "no header 'X-Other'"),
        ({"url": "${URL}/plain"}, "v1.2.3+5", ""),
        ({"url": "${URL}/plain", "path": "a"}, "unknown", "is not JSON"),
        ({"url": "${URL}/gone"}, "unknown", "answers 404"),
        ({"url": "${URL}/page"}, "unknown", "what should be its revision is '<html>'"),
        ({"url": "http://127.0.0.1:1/"}, "unknown", "cannot be asked at http://127.0.0.1:1/"),
        ({"command": [sys.executable, "-c", "print('c0ffee')"]}, "c0ffee", ""),
        ({"command": [sys.executable, "-c", "raise SystemExit('down')"]}, "unknown", "failed: down"),
    ],
)
def test_the_deployed_revision(web: Web, tmp_path: Path, revision: dict[str, object], found: str, trouble: str) -> None:
    said = {"git": {"commit": "abc1234"}, "builds": [{}, {"the id": "v2"}]}
    web.on("GET /version", 200, said, X_Revision="r42")
    web.on("GET /plain", 200, b"v1.2.3+5\n")
    web.on("GET /page", 200, b"<html>")
    environment = running(tmp_path, web.url, {"revision": revision})
    environment.up(tmp_path)
    assert environment.revisions() == {"toy": found}
    assert environment.revision() == found
    assert trouble in environment.troubles().get("toy", "")


def test_a_path_that_is_none_is_the_users(web: Web, tmp_path: Path) -> None:
    web.on("GET /version", 200, {})
    environment = running(tmp_path, web.url, {"revision": {"url": "${URL}/version", "path": "a b"}})
    environment.up(tmp_path)
    with pytest.raises(UserError, match="is not a path to a revision"):
        environment.revisions()


def test_reset_runs_what_is_named_and_says_what_failed(tmp_path: Path) -> None:
    plain = running(tmp_path, "x", {})
    assert plain.reset().not_checked == "engine 'running' resets nothing without 'reset' commands"
    program = "import os; open('done', 'a').write(os.environ['URL'])"
    named = running(tmp_path, "here", {}, reset=[[sys.executable, "-c", program], f"{sys.executable} -c pass"])
    named.up(tmp_path)
    assert named.reset().done
    assert (tmp_path / "done").read_text() == "here"
    failing = running(tmp_path, "x", {}, reset=f"{sys.executable} -c \"raise SystemExit('locked')\"")
    failing.up(tmp_path)
    with pytest.raises(UnavailableError, match="failed: locked"):
        failing.reset()


def test_logs_are_read_where_named_and_else_not_checked(tmp_path: Path) -> None:
    since = datetime.now(UTC)
    plain = running(tmp_path, "x", {})
    plain.up(tmp_path)
    assert "reads no logs" in str(plain.logs(since).not_checked)
    named = running(tmp_path, "x", {"logs": {"file": "a.log"}}, inherit=[])
    named.up(tmp_path)
    assert named.logs(since).not_checked == f"toy: there is no file {tmp_path}/a.log"
    (tmp_path / "a.log").write_text("said\n")
    assert [(line.service, line.text) for line in named.logs(since).lines] == [("toy", "said")]
