"""Secrets from the environment, files and a keyring; what is missing is said with every place that was looked at."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from flows.engine.masking import Masks
from flows.events import event_data, run_to_json, to_json
from flows.language.errors import NotEvaluable
from flows.language.masked_text import MASK
from flows.runner.secrets import learn_named, masked_secret, secret_source
from graph.runs import Event
from testmesh.cli import dispatch
from tests.flows.support import Web, only, run_text


class FolderKeyring(KeyringBackend):
    """A keyring in a folder, through keyring's own seam for backends."""

    priority = 1.0  # pyright: ignore[reportAssignmentType]
    folder: Path

    def get_password(self, service: str, username: str) -> str | None:
        """The entry, or None."""
        if username == "locked":
            raise KeyringLocked("locked")
        path = self.folder / f"{service}.{username}"
        return path.read_text() if path.is_file() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keeps an entry."""
        (self.folder / f"{service}.{username}").write_text(password)

    def delete_password(self, service: str, username: str) -> None:
        """Removes an entry."""
        (self.folder / f"{service}.{username}").unlink()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[None]:
    """A working keyring for the length of a test."""
    before = keyring.get_keyring()
    found = FolderKeyring()  # type: ignore[no-untyped-call]
    found.folder = tmp_path
    keyring.set_keyring(found)
    yield
    keyring.set_keyring(before)


@pytest.fixture
def no_backend() -> Iterator[None]:
    """A machine without any keyring."""
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def secret_file(root: Path, name: str, data: bytes) -> None:
    folder = root / ".testmesh" / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


@pytest.mark.usefixtures("backend")
def test_the_environment_goes_before_a_file_and_a_file_before_the_keyring(tmp_path: Path) -> None:
    keyring.set_password("testmesh", "TOKEN", "from-the-keyring")
    assert secret_source(tmp_path, {})("TOKEN") == "from-the-keyring"
    secret_file(tmp_path, "TOKEN", b"from-a-file\n")
    assert secret_source(tmp_path, {})("TOKEN") == "from-a-file"
    assert secret_source(tmp_path, {"TOKEN": "from-the-environment"})("TOKEN") == "from-the-environment"


@pytest.mark.usefixtures("backend")
def test_a_flow_uses_a_keyring_entry_and_no_output_shows_it(tmp_path: Path, web: Web) -> None:
    keyring.set_password("testmesh", "ORDERS_TOKEN", "kept-in-a-keyring")
    web.on("GET /a", 200, {})
    run = run_text(
        tmp_path,
        f"""
        flow:
          name: keyring
          steps:
            - id: a
              action: http_request
              config: {{url: "{web.url}/a", auth: {{bearer: "${{secret('ORDERS_TOKEN')}}"}}}}
              assert: [status == 200]
        """,
    )
    assert only(run).verdict == "passed"
    assert web.seen[-1].headers["authorization"] == "Bearer kept-in-a-keyring"
    assert "kept-in-a-keyring" not in run_to_json(run)


@pytest.mark.usefixtures("no_backend")
def test_a_machine_without_a_keyring_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(NotEvaluable) as problem:
        masked_secret(secret_source(tmp_path, {}), Masks())("TOKEN")
    assert problem.value.message == (
        "secret('TOKEN') is not set: no environment variable TOKEN, no file .testmesh/secrets/TOKEN, "
        "this machine has no keyring"
    )


@pytest.mark.usefixtures("backend")
def test_a_locked_keyring_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotEvaluable, match="the keyring refused: KeyringLocked: locked"):
        masked_secret(secret_source(tmp_path, {}), Masks())("locked")


@pytest.mark.usefixtures("no_backend")
def test_what_cannot_be_a_secret_is_an_error_that_names_it(tmp_path: Path) -> None:
    find = secret_source(tmp_path, {"EMPTY": ""})
    secret_file(tmp_path, "binary", b"\xff\xfe")
    secret_file(tmp_path, "blank", b"\n")
    secret_file(tmp_path, "huge", b"x" * 70_000)
    for name, reason in {
        "EMPTY": "environment variable EMPTY is empty",
        "binary": "is not UTF-8",
        "blank": "is empty",
        "huge": "larger than 64 KiB",
    }.items():
        with pytest.raises(NotEvaluable, match=reason):
            find(name)
    for name in ("../secrets/binary", "..", "", "a\0b"):
        assert find(name) is None


@pytest.mark.usefixtures("no_backend")
def test_secrets_that_a_flow_names_are_known_before_its_first_step(tmp_path: Path) -> None:
    masks = Masks()
    text = 'a: "${secret(\'A_TOKEN\')}"\nb: \'${secret("B_TOKEN")}\'\nc: "${secret(\\"C_TOKEN\\")}" # secret(name)'
    found = {"A_TOKEN": "first-token", "B_TOKEN": "second-token", "C_TOKEN": "third-token"}
    learn_named([text], secret_source(tmp_path, found), masks)
    assert masks.text("first-token second-token third-token") == f"{MASK} {MASK} {MASK}"


EARLY = """
    flow:
      name: early and late
      steps:
        - id: before
          action: http_request
          config: {url: "${WEB}/before"}
          assert: [status == 200]
        - id: login
          action: http_request
          config: {url: "${WEB}/login"}
          output: {session_token: body.given}
        - id: a
          action: http_request
          config: {url: "${WEB}/a", auth: {bearer: "${secret('ORDERS_TOKEN')}"}, headers: {X-Key: "${session_token}"}}
          assert: [status == 200]
    """


def test_what_a_late_step_gives_away_is_masked_in_the_evidence_of_early_ones(tmp_path: Path, web: Web) -> None:
    web.on("GET /before", 200, {"echo": "kept-in-the-environment", "later": "made-by-the-server"})
    web.on("GET /login", 200, {"given": "made-by-the-server"})
    web.on("GET /a", 200, {})
    events: list[Event] = []
    process = {"WEB": web.url, "ORDERS_TOKEN": "kept-in-the-environment"}
    run = run_text(tmp_path, EARLY, events=events, process=process)
    assert only(run).verdict == "passed"
    assert web.seen[-1].headers["x-key"] == "made-by-the-server"
    said = "".join(to_json(event_data(event)) for event in events)
    assert "kept-in-the-environment" not in said + run_to_json(run)
    assert "made-by-the-server" not in run_to_json(run)
    login = next(to_json(event_data(event)) for event in events if "StepFinished" in str(event_data(event)["type"])
                 and "login" in to_json(event_data(event)))  # fmt: skip
    assert "made-by-the-server" not in login


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_secrets_are_kept_in_files_that_only_their_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("-C", str(tmp_path))
    typed(monkeypatch, "kept-by-command\n")
    assert dispatch(["secret", "set", "API_TOKEN", *where]) == 0
    path = tmp_path / ".testmesh" / "secrets" / "API_TOKEN"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("kept-by-command", 0o600)
    assert (tmp_path / ".testmesh" / ".gitignore").read_text() == "*\n"
    assert secret_source(tmp_path, {})("API_TOKEN") == "kept-by-command"
    assert dispatch(["secret", "list", *where]) == 0
    assert capsys.readouterr().out == "API_TOKEN\n"
    assert dispatch(["secret", "rm", "API_TOKEN", *where]) == 0
    assert not path.exists()
    assert dispatch(["secret", "rm", "API_TOKEN", *where]) == 2
    for name, text in (("../x", "v"), ("", "v"), ("EMPTY", "\n")):
        typed(monkeypatch, text)
        assert dispatch(["secret", "set", name, *where]) == 2


@pytest.mark.usefixtures("backend")
def test_secrets_are_kept_in_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "kept-in-the-keyring")
    assert dispatch(["secret", "set", "K", "--keyring", "-C", str(tmp_path)]) == 0
    assert secret_source(tmp_path, {})("K") == "kept-in-the-keyring"
    assert dispatch(["secret", "rm", "K", "--keyring", "-C", str(tmp_path)]) == 0
    assert secret_source(tmp_path, {})("K") is None


@pytest.mark.usefixtures("no_backend")
def test_a_machine_without_a_keyring_keeps_nothing_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "not-to-be-shown")
    assert dispatch(["secret", "set", "K", "--keyring", "-C", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "the keyring refused: NoKeyringError" in said
    assert "not-to-be-shown" not in said


def test_the_documented_flow_runs(tmp_path: Path, web: Web) -> None:
    page = (Path(__file__).parents[2] / "docs" / "flows.md").read_text()
    text = page.partition("## 11. Secrets\n```yaml\n")[2].partition("```")[0]
    web.on("GET /orders", 200, [])
    run = run_text(tmp_path, text, process={"ORDERS_URL": web.url, "ORDERS_TOKEN": "of-the-documentation"})
    assert only(run).verdict == "passed"
    assert web.seen[0].headers["authorization"] == "Bearer of-the-documentation"
    assert "of-the-documentation" not in run_to_json(run)


def test_the_terminal_shows_no_secret_not_even_one_that_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CANARY_OF_TERMINAL", "open-sesame-please")
    (tmp_path / "flow.yaml").write_text(
        'flow:\n  name: "says open-sesame-please"\n  steps:\n'
        "    - {id: a, action: log, config: {message: \"${secret('CANARY_OF_TERMINAL')}\"}}\n"
        "    - {id: b, action: assert, config: {assertions: ['1 == 2']}}\n"
    )
    assert dispatch(["run", str(tmp_path / "flow.yaml"), "-C", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "says ***" in out
    assert "left 1, right 2" in out
    assert "open-sesame-please" not in out
