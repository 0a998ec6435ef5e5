"""`graphql` against a real executor (graphql-core over HTTP), and what is found before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import build_schema, graphql_sync

from tests.conformance.actions import SECRET, Check, failing_servers, keeps_the_secret, passes
from tests.flows.support import Reply, Seen, Web, run_text, step
from tests.flows.web_steps import config, steps_of

CONNECTED = {
    "graphql": lambda port: f'{{url: "http://u:{SECRET}@127.0.0.1:{port}/", query: "{{ user(id: 1) {{ name }} }}"}}',
    "http_request": lambda port: f'{{url: "http://127.0.0.1:{port}/", auth: {{bearer: {SECRET}}}}}',
}
SCHEMA = build_schema("type User { id: ID! name: String } type Query { user(id: ID!): User } "
                      "type Mutation { rename(id: ID!, name: String!): User }")  # fmt: skip
USER = "query One($id: ID!) { user(id: $id) { id name } }"
RENAME = "mutation Rename($id: ID!, $name: String!) { rename(id: $id, name: $name) { name } }"


class Users:
    """The root of the schema."""

    def __init__(self) -> None:
        self.names = {"7": "Ada"}

    def user(self, info: object, id: str) -> dict[str, str]:
        """One user; others are an error."""
        return {"id": id, "name": self.names[id]}

    def rename(self, info: object, id: str, name: str) -> dict[str, str]:
        """Changes a name."""
        self.names[id] = name
        return {"name": name}


@failing_servers(CONNECTED)
def test_a_failing_server_is_a_verdict_that_names_it(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


@pytest.fixture
def web() -> Iterator[Web]:
    """A real HTTP server."""
    server = Web()
    yield server
    server.close()


@pytest.fixture
def users(web: Web) -> str:
    """URL of a GraphQL server."""
    root = Users()

    def answer(seen: Seen) -> Reply:
        asked = seen.json
        found = graphql_sync(
            SCHEMA,
            asked["query"],
            root,
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
        )
        return Reply(200, dict(found.formatted), {"x-auth": seen.headers.get("authorization", "")})

    web.routes["POST /graphql"] = answer
    return f"{web.url}/graphql"


def test_queries_mutations_and_errors_are_results(tmp_path: Path, users: str, web: Web) -> None:
    both = f"{USER} {RENAME}"
    run = run_text(
        tmp_path,
        steps_of(
            config(
                "first", "graphql", {"url": users, "query": USER, "variables": {"id": 7}}, "data.user.name == 'Ada'"
            ),
            config(
                "renamed",
                "graphql",
                {
                    "url": users,
                    "query": both,
                    "operationName": "Rename",
                    "variables": {"id": "7", "name": "Ada L."},
                    "auth": {"bearer": SECRET},
                },
                "data.rename.name == 'Ada L.'",
                "response.status == 200",
                "errors is empty",
                "headers.x-auth exists",
            ),
            config(
                "unknown",
                "graphql",
                {"url": users, "query": USER, "variables": {"id": "8"}},
                "data.user is null",
                "len(errors) == 1",
                "errors[0].path[0] == 'user'",
                "body.errors[0].message contains '8'",
            ),
        ),
    )
    passes(run)
    assert web.seen[0].headers["accept"].startswith("application/graphql-response+json")
    assert web.seen[0].headers["content-type"] == "application/json"
    keeps_the_secret(run)


def test_a_query_without_assertions_warns_and_an_unknown_field_is_the_server_s_to_say(
    tmp_path: Path, users: str
) -> None:
    run = run_text(
        tmp_path,
        steps_of(config("a", "graphql", {"url": users, "query": "{ nobody }"}, "data is null", "errors is array")),
    )
    passes(run)
    assert "nobody" in str((step(run, "a").result or {})["errors"])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"query": "{ user(id: 1) { name }"}, "not GraphQL: Expected Name, found <EOF>. (line 1"),
        ({"query": "fragment F on User { id }"}, "the document has no query and no mutation"),
        ({"query": f"{USER} {RENAME}"}, "the document has 2 operations; 'operation_name' says which (One, Rename)"),
        ({"query": USER, "operation_name": "Oen", "variables": {"id": 1}}, "no operation 'Oen'; did you mean 'One'?"),
        ({"query": USER}, "the operation needs the variable '$id'"),
        ({"query": USER, "variables": {"id": None}}, "the operation needs the variable '$id'"),
        ({"query": USER, "variables": {"id": 1, "idd": 2}}, "declares no variable '$idd'; did you mean '$id'?"),
        ({"query": "subscription { user }"}, "a subscription needs a stream: use 'websocket' or 'sse'"),
        ({"query": "{ a }", "auth": {"baisc": {}}}, "'auth' has no form 'baisc'"),
        ({"query": "{ a }", "auth": {"basic": {"user": "u"}}}, "'auth.basic' has no key 'user'"),
    ],
)
def test_what_is_wrong_with_a_document_is_found_before_anything_is_sent(
    tmp_path: Path, settings: dict[str, object], says: str
) -> None:
    ask = config("a", "graphql", {"url": "http://127.0.0.1:9/", **settings}, "status == 200")
    problems = run_text(tmp_path, steps_of(ask)).flows[0].problems
    assert says in " ".join(str(problem["message"]) for problem in problems), problems
