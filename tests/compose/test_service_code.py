"""Which services a changed file restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from testmesh.compose.service_code import code_folders, services_of
from testmesh.environments.settings import from_toml
from testmesh.workspaces.files import parse_project

TOML = """
[services.cart]
root = "services/cart"

[environments.local]
engine = "processes"
services.cart = { run = "${PYTHON} -m services.cart", ready = "http://127.0.0.1:${cart.port}/" }
services.mail = { run = "${PYTHON} mail.py", cwd = "mail" }
services.site = { run = "${PYTHON} -m site" }
parts.postgres = { variable = "DATABASE_URL", migrations = ["mail/migrations/*.sql"] }

[environments.there]
engine = "running"
services.mail = { cwd = "mail" }
"""


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [
        (["services/cart/app.py"], ("cart",)),
        (["mail/mail.py"], ("mail", "cart", "site")),
        (["services/cart/app.py", "mail/mail.py"], ("cart", "mail", "site")),
        (["common/words.py"], ("cart", "site")),
        (["mail/migrations/001.sql"], ()),
        (["services/cart/app.py", "../elsewhere.py"], ()),
    ],
)
def test_a_changed_file_restarts_the_services_whose_code_it_is(
    tmp_path: Path, changed: list[str], restarted: tuple[str, ...]
) -> None:
    path = tmp_path / "testmesh.toml"
    project = parse_project(TOML, tmp_path, path)
    settings = from_toml("local", project.environments["local"])
    paths = [(tmp_path / name).resolve() for name in changed]
    assert set(services_of(paths, settings, project, tmp_path)) == set(restarted)


def test_the_code_of_services_that_somebody_else_runs_is_not_watched(tmp_path: Path) -> None:
    project = parse_project(TOML, tmp_path, tmp_path / "testmesh.toml")
    assert tmp_path.resolve() in code_folders(project, "local")
    assert code_folders(project, "there") == code_folders(project, "nowhere") == ()
