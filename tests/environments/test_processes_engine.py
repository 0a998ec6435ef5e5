"""The engine `processes`: services come up on free ports, are seen to live, and never outlive us."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from testmesh.environments.environment import Environment, open_environment
from testmesh.environments.launching import listening
from testmesh.environments.settings import from_toml
from testmesh.kernel.errors import UnavailableError, UserError
from tests.environments import toy
from tests.environments.test_guard_process import eventually, gone


@pytest.fixture
def toy_environment(tmp_path: Path) -> Iterator[Environment]:
    environment = open_environment(toy.settings(), tmp_path / "state")
    yield environment
    environment.down()


def port_of(url: str) -> int:
    return httpx.URL(url).port or 0


def test_a_service_answers_and_then_is_gone(toy_environment: Environment, tmp_path: Path) -> None:
    addresses = toy_environment.up(toy.tree(tmp_path / "tree"))
    url = addresses.variables["TOY_URL"]
    assert httpx.get(url).text == "hello"
    assert addresses.unavailable == {}
    toy_environment.down()
    assert not listening(port_of(url))


def test_down_twice_and_up_again(toy_environment: Environment, tmp_path: Path) -> None:
    tree = toy.tree(tmp_path / "tree")
    toy_environment.up(tree)
    with pytest.raises(UserError, match="already up"):
        toy_environment.up(tree)
    toy_environment.down()
    toy_environment.down()
    assert httpx.get(toy_environment.up(tree).variables["TOY_URL"]).text == "hello"


def test_a_service_starts_anew_with_its_code_as_it_is_now_at_the_same_address(
    toy_environment: Environment, tmp_path: Path
) -> None:
    tree = toy.tree(tmp_path / "tree")
    url = toy_environment.up(tree).variables["TOY_URL"]
    server = tree / "app" / "server.py"
    server.write_text(server.read_text().replace('"hello"', '"good day"'))
    assert httpx.get(url).text == "hello"
    assert toy_environment.restart(["toy"])
    assert httpx.get(url).text == "good day"
    assert toy_environment.troubles() == {}
    server.write_text("this is no Python")
    with pytest.raises(UnavailableError, match="toy"):
        toy_environment.restart(["toy"])
    toy_environment.down()
    assert not toy_environment.restart(["toy"])


def test_two_instances_of_one_tree_do_not_meet(tmp_path: Path) -> None:
    tree = toy.tree(tmp_path / "tree")
    one, two = (open_environment(toy.settings(), tmp_path / name) for name in ("one", "two"))
    try:
        urls = {one.up(tree).variables["TOY_URL"], two.up(tree).variables["TOY_URL"]}
        assert len(urls) == 2
    finally:
        one.down()
        two.down()


def test_logs_have_services_times_and_a_beginning(toy_environment: Environment, tmp_path: Path) -> None:
    url = toy_environment.up(toy.tree(tmp_path / "tree")).variables["TOY_URL"]
    since = datetime.now(UTC)
    httpx.get(url + "/marked")
    toy_environment.down()
    lines = toy_environment.logs(since).lines
    assert ("toy", "asked for /marked") in [(line.service, line.text) for line in lines]
    assert "starting" not in [line.text for line in lines]
    whole = toy_environment.logs(datetime(2020, 1, 1, tzinfo=UTC)).lines
    assert whole[0].text == "starting"


def test_a_service_that_dies_says_its_last_words(tmp_path: Path) -> None:
    program = "import sys; print('no config'); sys.exit('cannot start: PORT is odd')"
    environment = open_environment(toy.settings(), tmp_path / "state")
    with pytest.raises(UnavailableError) as raised:
        environment.up(toy.tree(tmp_path / "tree", program))
    assert "toy: ended with exit code 1 before it was ready" in raised.value.message
    assert "cannot start: PORT is odd" in (raised.value.hint or "")


def test_a_service_that_never_gets_ready_is_ended(tmp_path: Path) -> None:
    program = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    environment = open_environment(toy.settings(timeout=0.7), tmp_path / "state")
    tree = toy.tree(tmp_path / "tree", program)
    with pytest.raises(UnavailableError, match=r"not ready after 1 s: nothing answers at 127\.0\.0\.1:\d+"):
        environment.up(tree)
    assert gone(int((tree / "app" / "pid").read_text()))


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = open_environment(toy.settings(port=port), tmp_path / "state")
        with pytest.raises(UserError, match=f"port {port}, which toy needs, is in use"):
            environment.up(toy.tree(tmp_path / "tree"))
    assert not list((tmp_path / "state" / "logs").glob("*.log"))


def test_a_missing_program_makes_the_service_unavailable_with_the_reason(tmp_path: Path) -> None:
    table = {
        "engine": "processes",
        "variables": {"TOY_URL": "http://127.0.0.1:${toy.port}"},
        "services": {
            "toy": {"cwd": "app", "run": "${PYTHON} server.py", "ready": "${TOY_URL}/"},
            "rust": {"run": "rust-server", "requires": ["no-such-program>=3"]},
            "future": {"run": "git", "requires": ["git>=99"]},
        },
    }
    environment = open_environment(from_toml("local", table), tmp_path / "state")
    try:
        addresses = environment.up(toy.tree(tmp_path / "tree"))
        assert httpx.get(addresses.variables["TOY_URL"]).status_code == 200
    finally:
        environment.down()
    assert addresses.unavailable["rust"].startswith("needs no-such-program>=3, and there is no 'no-such-program'")
    assert addresses.unavailable["future"].startswith("needs git>=99, and the one on the path is 2")


def test_a_process_that_left_its_group_is_ended_too(tmp_path: Path) -> None:
    escape = "import subprocess\nchild = subprocess.Popen(['sleep', '61'], start_new_session=True)\n"
    escape += "open('child', 'w').write(str(child.pid))\n"
    tree = toy.tree(tmp_path / "tree", escape + toy.SERVER)
    environment = open_environment(toy.settings(), tmp_path / "state")
    environment.up(tree)
    child = int((tree / "app" / "child").read_text())
    assert not gone(child)
    environment.down()
    assert eventually(lambda: gone(child))


def test_nothing_survives_when_we_are_killed(tmp_path: Path) -> None:
    tree = toy.tree(tmp_path / "tree", "import os\nopen('pid', 'w').write(str(os.getpid()))\n" + toy.SERVER)
    (tree / "testmesh.toml").write_text(
        '[environments.local]\nengine = "processes"\nvariables.TOY_URL = "http://127.0.0.1:${toy.port}"\n'
        'services.toy = { cwd = "app", run = "${PYTHON} server.py", ready = "${TOY_URL}/" }\n'
    )
    argv = [sys.executable, "-m", "testmesh.environments", "up", "--tree", str(tree), "--folder", str(tmp_path / "s")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        for line in holder.stdout:
            if line.startswith("up in"):
                break
        service = int((tree / "app" / "pid").read_text())
        assert not gone(service)
        os.kill(holder.pid, signal.SIGKILL)
    assert eventually(lambda: gone(service))


def test_settings_reach_the_service_and_secrets_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_API_KEY", "sk-123")
    monkeypatch.setenv("LICENCE", "abc")
    program = toy.SERVER.replace('os.environ.get("GREETING", "hello")', "repr(sorted(os.environ.items()))")
    own = {"OWN": "${TOY_URL}/x"}
    table = {
        "engine": "processes",
        "inherit": ["LICENCE"],
        "variables": {"TOY_URL": "http://127.0.0.1:${toy.port}", "GREETING": "hi from ${instance}"},
        "services": {"toy": {"cwd": "app", "run": "${PYTHON} server.py", "ready": "${TOY_URL}/", "env": own}},
    }
    settings = from_toml("local", table)
    environment = open_environment(settings, tmp_path / "state", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    try:
        url = environment.up(toy.tree(tmp_path / "tree", program)).variables["TOY_URL"]
        seen = dict(ast.literal_eval(httpx.get(url).text))
    finally:
        environment.down()
    assert "MODEL_API_KEY" not in seen
    assert seen["LICENCE"] == "abc"
    assert seen["OWN"] == f"{url}/x"
    assert seen["GREETING"].startswith("hi from ")
    assert seen["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:1"


def test_names_that_do_not_exist_are_told(tmp_path: Path) -> None:
    environment = open_environment(toy.settings(ready="${TOI_URL}/"), tmp_path / "state")
    with pytest.raises(UserError, match=r"nothing is called '\$\{TOI_URL\}'"):
        environment.up(toy.tree(tmp_path / "tree"))


def test_install_is_done_once_per_content_and_build_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tree = toy.tree(tmp_path / "tree", "import sys\nprint('made', open(sys.argv[1]).read())\n" + toy.SERVER)
    (tree / "app" / "lock").write_text("v1")
    code = "import time, pathlib; pathlib.Path('made').write_text(str(time.time_ns()))"
    settings = toy.settings(
        install={"run": ["${PYTHON}", "-c", code], "inputs": ["lock"]},
        build=["${PYTHON}", "-c", "import shutil, sys; shutil.copy(*sys.argv[1:])", "${INSTALL}/made", "${STATE}/made"],
        run=["${PYTHON}", "server.py", "${STATE}/made"],
    )

    def made() -> str:
        environment = open_environment(settings, tmp_path / "state")
        environment.up(tree)
        environment.down()
        lines = environment.logs(datetime(2020, 1, 1, tzinfo=UTC)).lines
        return next(line.text for line in lines if line.text.startswith("made "))

    first = made()
    assert made() == first
    (tree / "app" / "lock").write_text("v2")
    assert made() != first


def test_a_failed_install_leaves_no_half_filled_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tree = toy.tree(tmp_path / "tree")
    (tree / "app" / "lock").write_text("v1")
    code = "open('half', 'w').close(); raise SystemExit('registry is away')"
    settings = toy.settings(install={"run": ["${PYTHON}", "-c", code], "inputs": ["lock"]})
    environment = open_environment(settings, tmp_path / "state")
    unavailable = environment.up(tree).unavailable
    environment.down()
    assert unavailable["toy"].startswith("its packages cannot be installed: ")
    assert unavailable["toy"].endswith("failed: registry is away")
    assert not [p for p in (tmp_path / "cache" / "testmesh" / "installs").iterdir() if p.is_dir()]


def test_a_service_that_does_not_build_says_why(tmp_path: Path) -> None:
    settings = toy.settings(build=["${PYTHON}", "-c", "raise SystemExit('server.ts:3: unexpected }')"])
    with pytest.raises(UnavailableError, match=r"toy: its build failed: server.ts:3: unexpected \}"):
        open_environment(settings, tmp_path / "state").up(toy.tree(tmp_path / "tree"))


def test_revision_is_the_commit_and_says_when_files_differ(toy_environment: Environment, tmp_path: Path) -> None:
    tree = toy.tree(tmp_path / "tree")
    assert toy_environment.revision() == "unknown"
    git = [shutil.which("git") or "git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    toy_environment.up(tree)
    assert toy_environment.revision() == head
    toy_environment.down()
    with (tree / "app" / "server.py").open("a") as file:
        file.write("\n")
    toy_environment.up(tree)
    first = toy_environment.revision()
    assert first.startswith(f"{head}+")
    toy_environment.down()
    (tree / "new.txt").write_text("x")
    toy_environment.up(tree)
    assert toy_environment.revision() not in (head, first)


def test_a_tree_outside_git_has_no_revision(toy_environment: Environment, tmp_path: Path) -> None:
    toy_environment.up(toy.tree(tmp_path / "tree"))
    assert toy_environment.revision() == "unknown"


def test_reset_before_up_is_reported_as_not_checked(toy_environment: Environment) -> None:
    assert toy_environment.reset().not_checked == "environment 'local' is not up"


def test_an_unknown_engine_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        open_environment(from_toml("local", {"engine": "kubernetes"}), tmp_path)
    assert raised.value.hint == "engines: compose, processes, running"


def test_a_running_system_is_only_looked_at(tmp_path: Path, toy_environment: Environment) -> None:
    url = toy_environment.up(toy.tree(tmp_path / "tree")).variables["TOY_URL"]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        table = {
            "engine": "running",
            "variables": {"TOY_URL": url},
            "services": {"toy": {"ready": url}, "other": {"ready": f"http://127.0.0.1:{closed.getsockname()[1]}"}},
        }
        elsewhere = open_environment(from_toml("shared", table), tmp_path / "elsewhere")
        addresses = elsewhere.up(tmp_path)
    assert addresses.variables == {"TOY_URL": url}
    assert list(addresses.unavailable) == ["other"]
    assert elsewhere.reset().not_checked
    assert elsewhere.logs(datetime.now(UTC)).not_checked
    assert elsewhere.revision() == "unknown"
    elsewhere.down()
    assert httpx.get(url).status_code == 200
