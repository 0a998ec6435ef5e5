"""What testmesh.toml says about environments becomes values, and mistakes are named."""

from __future__ import annotations

import tomllib

import pytest

from testmesh.environments.settings import EnvironmentSettings, Requirement, from_toml
from testmesh.kernel.errors import UserError

DESIGN_EXAMPLE = """
[environments.local]
engine = "processes"
variables = { ORDERS_URL = "http://localhost:8001" }
services.orders = { run = "python -m orders", ready = "http://localhost:8001/health" }
"""


def parsed(text: str, name: str = "local") -> EnvironmentSettings:
    return from_toml(name, tomllib.loads(text)["environments"][name])


def test_the_example_of_the_design_is_understood() -> None:
    found = parsed(DESIGN_EXAMPLE)
    assert (found.name, found.engine) == ("local", "processes")
    assert dict(found.variables) == {"ORDERS_URL": "http://localhost:8001"}
    (orders,) = found.services
    assert orders.run == ("python", "-m", "orders")
    assert orders.ready == ("http://localhost:8001/health",)


def test_everything_a_service_and_a_part_may_say() -> None:
    found = parsed("""
        [environments.local]
        engine = "processes"
        inherit = ["LICENCE_KEY"]
        parts.postgres = { variable = "DB", database = "shop", migrations = ["m/*.sql"], seed = ["s.sql"] }
        parts.kafka = { variable = "KAFKA_BROKERS", topics = ["a", "b"] }
        [environments.local.services.web]
        run = ["node", "a b.js"]
        cwd = "services/web"
        port = 8080
        requires = ["node>=20.1", "git"]
        install = { run = "npm ci", inputs = ["package-lock.json"] }
        build = "npm run build"
        env = { WORKERS = 2, DEBUG = false }
        timeout = 5
    """)
    postgres, kafka = found.parts
    assert (postgres.variable, postgres.database, postgres.migrations) == ("DB", "shop", ("m/*.sql",))
    assert kafka.topics == ("a", "b")
    (web,) = found.services
    assert web.run == ("node", "a b.js")
    assert web.requires == (Requirement("node", (20, 1)), Requirement("git"))
    assert web.install is not None
    assert web.install.inputs == ("package-lock.json",)
    assert dict(web.env or {}) == {"WORKERS": "2", "DEBUG": "false"}
    assert (web.port, web.timeout, web.build) == (8080, 5.0, ("npm", "run", "build"))
    assert found.inherit == ("LICENCE_KEY",)


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("variables = {}", "[environments.local] has no 'engine'", None),
        ('engine = "processes"\nservces = {}', "has an unknown key 'servces'", "did you mean 'services'?"),
        ("engine = 3", "[environments.local].engine must be text", None),
        ('engine = "p"\nservices.a = { run = 3 }', "services.a.run must be text", None),
        ('engine = "p"\nservices.a = { run = "\'" }', "services.a.run: No closing quotation", None),
        ('engine = "p"\nservices.a = { cwd = "../b" }', "'../b' leaves the tree", "use a path below testmesh.toml"),
        ('engine = "p"\nservices.a = { cwd = "/b" }', "'/b' leaves the tree", "use a path below testmesh.toml"),
        ('engine = "p"\nservices.a = { port = 70000 }', "70000 is not a port number", None),
        ('engine = "p"\nservices.a = { port = true }', "services.a.port must be a port number", None),
        ('engine = "p"\nservices.a = { requires = ["node => 20"] }', "'node => 20' is not a requirement", None),
        ('engine = "p"\nservices.a = { timeout = 0 }', "timeout must be a number of seconds", None),
        ('engine = "p"\nservices.a = { install = { run = "x" } }', "needs both 'run' and 'inputs'", None),
        ('engine = "p"\nservices."a/b" = {}', "'a/b' is not a name", None),
        ('engine = "p"\nparts.redis = {}', "parts.redis has no 'variable'", None),
        ('engine = "p"\nvariables = { A = [1] }', "variables.A must be text", None),
    ],
)
def test_mistakes_are_named(text: str, complaint: str, hint: str | None) -> None:
    with pytest.raises(UserError) as raised:
        parsed(f"[environments.local]\n{text}")
    assert complaint in raised.value.message
    if hint is not None:
        assert raised.value.hint == hint
