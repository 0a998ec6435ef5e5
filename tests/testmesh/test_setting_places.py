"""A mistake in testmesh.toml is shown at its line, however the key is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from testmesh.compose.systems import System
from testmesh.kernel.errors import DiagnosticsError
from testmesh.workspaces.files import load_project
from testmesh.workspaces.places import place_of

TEXT = """# services.web in a comment
[environments.local]
engine = "running"
services.web = { ready = "http://x", timeot = 5 }
[environments.local.services."the api"]
ready = [
  "http://y",
]
port = 0
[[edges]]
from = "a"
[telemetry]
jaeger = "x"
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("environments", "local", "engine"), (3, 1, 6)),
        (("environments", "local", "services", "web", "timeot"), (4, 38, 6)),
        (("environments", "local", "services", "web", "logs"), (4, 1, 3)),
        (("environments", "local", "services", "the api", "port"), (9, 1, 4)),
        (("environments", "local", "services", "the api", "nothing"), (5, 2, 7)),
        (("environments", "local", "variables"), (2, 2, 5)),
        (("telemetry", "jaeger"), (13, 1, 6)),
        (("nothing",), (1, 1, 1)),
    ],
)
def test_where_a_key_stands(path: tuple[str, ...], place: tuple[int, int, int]) -> None:
    assert place_of(TEXT, path) == place


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[environments.e]\nengine = "running"\nengin = 1\n', 3, "has an unknown key 'engin'"),
        (
            '[environments.e]\nengine = "running"\n[environments.e.services.web]\nport = 99999\n',
            4,
            "is not a port number",
        ),
        (
            '[environments.e]\nengine = "running"\nservices.web = { logs = { file = "a", command = "b" } }\n',
            3,
            "exactly one of",
        ),
        ('[environments.e]\nengine = "running"\nservices.web = { otlp = "grcp" }\n', 3, "none of http, grpc, off"),
        ('[environments.e]\nengine = "running"\nservices.web = { revision = { path = "$.a" } }\n', 3, "exactly one of"),
        ('[environments.e]\nengine = "running"\nreset = [[]]\n', 3, "must not be empty"),
        ('[environments.e]\n\nvariables = 7\nengine = "running"\n', 3, "must be a table"),
        ("[environments.e]\nservices = {}\n", 1, "has no 'engine'"),
    ],
)
def test_a_mistake_in_an_environment_is_shown_at_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    (tmp_path / "testmesh.toml").write_text(text)
    with pytest.raises(DiagnosticsError) as raised:
        System(load_project(tmp_path), "e")
    (found,) = raised.value.diagnostics
    assert (found.file, found.line) == (str(tmp_path / "testmesh.toml"), line)
    assert says in found.message


def test_a_mistake_about_telemetry_is_shown_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "testmesh.toml").write_text('[environments.e]\nengine = "running"\n\n[telemetry]\njaeger = "x"\n')
    with pytest.raises(DiagnosticsError) as raised:
        System(load_project(tmp_path), "e").__enter__()
    assert raised.value.diagnostics[0].line == 5
