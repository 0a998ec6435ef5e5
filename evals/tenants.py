"""Two workspaces and every route of the service: does anything of one ever reach the other?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graph.codec import dumps, to_tagged
from graph.runs import FlowRun, Run, RunFinished, RunStarted, StepRun
from graph.schema import Edge, Evidence, GraphData, node
from graph.spans import Span
from graph.store import Bucket
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.tenants import Dismissal, EventRow, Kept, ModelRoute, Repository

if TYPE_CHECKING:
    from fastapi import FastAPI
    from httpx2 import Response
    from starlette.testclient import TestClient

    from api.services import Services

OPEN = ("/health", "/ready", "/metrics", "/login", "/logout", "/static/{name}", "/api/v1/openapi.json")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_TRACE = "f" * 32


@dataclass(frozen=True, slots=True)
class Probe:
    """One request that names another workspace's things.

    Args:
        method: HTTP method.
        route: path template.
        url: with the other workspace's ids in it.
        body: JSON, text or bytes, None for none.
        headers: further headers.
        names: whether the request names a thing of the other workspace, so that only 404 is right.
    """

    method: str
    route: str
    url: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    names: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What the probes found.

    Args:
        routes: (method, path) pairs of the app.
        covered: those that were probed.
        leaks: what went wrong, one sentence each.
        blind: probes whose own workspace could not see the thing either, so that they prove nothing.
    """

    routes: int
    covered: int
    leaks: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Things:
    """The ids of everything one workspace was filled with.

    Args:
        mark: in every text of it.
        values: path parameter or `route parameter` to value.
        node: label of a node.
    """

    mark: str
    values: Mapping[str, str]
    node: str


def fill(kept: Kept, services: Services, source: str) -> Things:
    """Put one of everything into a workspace, its name in every text.

    Args:
        kept: whose.
        services: for its graph and spans.
        source: an allowed folder.
    """
    mark = kept.workspace.id
    step = StepRun("step", "steps", "http_request", "failed", f"{mark} message", trace_id=_TRACE)
    flow = FlowRun(f"{mark}.yaml", mark, None, "failed", 1.0, (step,))
    run = Run(
        f"{mark}-run", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", "failed", (flow,), environment=mark
    )
    kept.runs.save(run)
    kept.events.append(f"{mark}-live", [EventRow(1, to_tagged(RunStarted(mark, "now", (mark,), 1)))])
    repository = Repository(f"{mark}-repo", source)
    kept.repositories.put(repository)
    kept.secrets.put(f"{mark}_secret", mark)
    kept.settings.route(ModelRoute("chat", f"{mark}-agent", (mark,)))
    kept.settings.dismiss(Dismissal("edge", f"{mark}-subject", mark, mark, ""))
    token = kept.tokens.add(f"{mark} token", "viewer").token
    job = kept.jobs.add("scan", f"{mark} job")
    said = (Evidence("code", mark, f"{mark}.py", 1),)
    one, two = node(mark, "Service", (f"{mark}-svc",), evidence=said), node(mark, "External", (mark,), evidence=said)
    edge = Edge("CALLS", one.uid, two.uid, evidence=said)
    content = GraphData({one.uid: one, two.uid: two}, {edge.id: edge})
    with closing(services.graph(kept.workspace)) as graph:
        graph.replace(Bucket("links", f"{mark}-repo"), content)
    trace = f"{int.from_bytes(mark.encode()[-16:], 'big') or 1:032x}"
    services.spans(kept.workspace).add([Span(trace, "1" * 16, "", mark, "server", mark, 1, 1)])
    fix = _answers(kept, services, run, repository)
    values = {
        "run_id": run.id,
        "fix_id": fix,
        "token_id": token.id,
        "job_id": job.id,
        "trace_id": trace,
        "uid": one.uid,
        "subject": f"{mark}-subject",
        "kind": "edge",
        "purpose": "chat",
        "agent": f"{mark}-agent",
        "/api/v1/secrets/{name} name": f"{mark}_secret",
        "/api/v1/repositories/{name} name": repository.name,
        "/api/v1/repositories/{name}/scan name": repository.name,
        "/api/v1/graph/queries/{name} name": "neighbours",
        "/static/{name} name": "page.css",
    }
    return Things(mark, values, one.label)


def _answers(kept: Kept, services: Services, run: Run, repository: Repository) -> str:
    from graph.answers import Diagnosis, Fix

    mark = kept.workspace.id
    diagnosis = Diagnosis(run.id, f"{mark}.yaml", "step", "flaky", mark)
    kept.answers.save_diagnosis(diagnosis)
    return kept.answers.save_fix(Fix(run.id, "suggestion", "x", mark, mark, diagnosis=diagnosis)).id


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every (method, path) the app answers, sorted; generated, so that a new route is probed or fails the test.

    Args:
        app: the service.
    """
    from fastapi.routing import iter_route_contexts

    found = {
        (method, context.path or "")
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if method != "HEAD"
    }
    return sorted(found, key=lambda pair: (pair[0] == "DELETE", pair[1], pair[0]))


def probe(method: str, path: str, things: Things) -> Probe:
    """The request of a route that names another workspace's things.

    Args:
        method: HTTP method.
        path: template.
        things: of the other workspace.

    Raises:
        KeyError: a parameter nobody wrote a value for.
    """
    url, names = path, False
    for name in _parameters(path):
        value = things.values.get(f"{path} {name}") or things.values[name]
        url = url.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
        names = names or things.mark in value or name in ("fix_id", "token_id", "job_id", "trace_id", "uid")
    query = _QUERIES[path](things) if path in _QUERIES else ""
    body = _BODIES[method, path](things) if (method, path) in _BODIES else None
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if path == "/login":
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Probe(method, path, url + query, body, headers, names or things.mark in query)


def _parameters(path: str) -> list[str]:
    return [part.partition("}")[0].partition(":")[0] for part in path.split("{")[1:]]


_QUERIES: Mapping[str, Callable[[Things], str]] = {
    "/api/v1/impact": lambda t: f"?repository={t.mark}-repo",
    "/api/v1/coverage": lambda t: f"?repository={t.mark}-repo",
    "/api/v1/search": lambda _: "?q=svc",
    "/api/v1/graph/nodes": lambda _: "?kind=Service",
    "/api/v1/graph/queries/{name}": lambda t: f"?node={t.node}",
    "/changes": lambda t: f"?repository={t.mark}-repo",
    "/changes.json": lambda t: f"?repository={t.mark}-repo",
    "/api/v1/repositories/{name}/scan": lambda _: "?wait=20",
}
# Not about anybody's things: whoever may write may write these into their own workspace.
_OWN = {
    ("POST", "/api/v1/runs"),
    ("POST", "/api/v1/runs/{run_id}/events"),
    ("POST", "/api/v1/repositories"),
    ("POST", "/api/v1/tokens"),
    ("POST", "/v1/traces"),
    ("PUT", "/api/v1/secrets/{name}"),
    ("PUT", "/api/v1/model-routes/{purpose}/{agent}"),
    ("PUT", "/api/v1/dismissals/{kind}/{subject:path}"),
    ("GET", "/api/v1/traces/{trace_id}"),
}
_BODIES: Mapping[tuple[str, str], Callable[[Things], Any]] = {
    ("POST", "/api/v1/runs"): lambda t: dumps(Run(t.values["run_id"], "2026-02-01", "2026-02-01", "passed", ())),
    # The end of a run, so that whoever follows it is not kept waiting.
    ("POST", "/api/v1/runs/{run_id}/events"): lambda _: json.dumps(
        {"events": [{"seq": 2, "body": to_tagged(RunFinished(Run("x", "now", "now", "passed", ())))}]}
    ),
    ("POST", "/api/v1/repositories"): lambda t: json.dumps({"name": f"{t.mark}-repo", "source": "/nowhere"}),
    ("POST", "/api/v1/tokens"): lambda _: json.dumps({"label": "x", "role": "viewer"}),
    ("POST", "/v1/traces"): lambda _: "{}",
    ("POST", "/api/v1/impact"): lambda t: json.dumps({"repository": f"{t.mark}-repo"}),
    ("PUT", "/api/v1/secrets/{name}"): lambda _: json.dumps({"value": "x"}),
    ("PUT", "/api/v1/model-routes/{purpose}/{agent}"): lambda _: json.dumps({"models": ["x:y"]}),
    ("PUT", "/api/v1/dismissals/{kind}/{subject:path}"): lambda _: json.dumps({"reason": "x"}),
    ("PUT", "/api/v1/fixes/{fix_id}/outcome"): lambda _: json.dumps({"outcome": "merged"}),
    ("POST", "/login"): lambda _: "token=tm_wrong&next=/",
}


@dataclass(slots=True)
class Examination:
    """Probes an app with the token of one workspace and the ids of another.

    Args:
        app: the service.
        ours: asks with our admin token, in the header and for pages as the cookie.
        theirs: the same for the other workspace.
        nobody: asks without.
        things: of the other workspace.
    """

    app: FastAPI
    ours: TestClient
    theirs: TestClient
    nobody: TestClient
    things: Things
    leaks: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)

    def report(self) -> Report:
        """Probe every route."""
        known = routes(self.app)
        probes = [probe(method, path, self.things) for method, path in known]
        before = {p.url: self._seen(p) for p in probes if p.method == "GET"}
        # What may create things of the same name in our own workspace comes last, or a later 404 would not be one.
        for one in sorted(probes, key=lambda p: (p.method, p.route) in _OWN):
            self._attack(one)
        for one in probes:
            if one.method == "GET" and self._seen(one) != before[one.url] and one.route not in OPEN:
                self.leaks.append(f"{one.method} {one.route}: the other workspace sees something else afterwards")
        for one in probes:
            self._control(one)
        return Report(len(known), len(probes), tuple(self.leaks), tuple(self.blind))

    def _ask(self, client: TestClient, one: Probe) -> Response:
        return client.request(one.method, one.url, content=one.body, headers=dict(one.headers), follow_redirects=False)

    def _seen(self, one: Probe) -> tuple[int, str]:
        answer = self._ask(self.theirs, one)
        if one.route not in OPEN and answer.status_code >= 300:
            self.blind.append(f"{one.method} {one.route}: its own workspace gets {answer.status_code}")
        return answer.status_code, answer.text

    def _attack(self, one: Probe) -> None:
        where = f"{one.method} {one.route}"
        without = self._ask(self.nobody, one)
        if one.route not in OPEN and without.status_code not in (401, 403):
            self.leaks.append(f"{where}: {without.status_code} without a token")
        answer = self._ask(self.ours, one)
        if self.things.mark in self._told(one, without) + self._told(one, answer):
            self.leaks.append(f"{where}: the answer names the other workspace")
        own = (one.method, one.route) in _OWN or not one.names
        if not own and answer.status_code not in (404, 403):
            self.leaks.append(f"{where}: {answer.status_code} for another workspace's id")

    def _told(self, one: Probe, answer: Response) -> str:
        """What an answer says beyond the names the request itself held."""
        told = f"{answer.text} {dict(answer.headers)}"
        for name in (one.url, quote(one.url, safe=""), *self.things.values.values(), self.things.node):
            if name in one.url or name in str(one.body):
                told = told.replace(name, "")
        return told.lower()

    def _control(self, one: Probe) -> None:
        """The same request by its own workspace must work, else the probe proved nothing."""
        if one.method in _WRITES and one.route not in OPEN:
            answer = self._ask(self.theirs, one)
            refused = one.route == "/api/v1/repositories" and answer.status_code == 400
            if answer.status_code >= 400 and not refused:
                self.blind.append(f"{one.method} {one.route}: its own workspace gets {answer.status_code}")


@contextmanager
def _service(folder: Path) -> Iterator[tuple[FastAPI, Services, Callable[[str], tuple[Kept, str]]]]:
    """The product's own service over an embedded PostgreSQL in a folder."""
    from api.app import create_app
    from testmesh.workspaces.sql.credentials import Sealer
    from testmesh.workspaces.sql.database import Database
    from testmesh.workspaces.sql.server import start_postgres
    from testmesh.workspaces.sql.store import SqlDirectory
    from tests.api.seams import services_over

    server = start_postgres(folder / "data")
    database = Database(server.url)
    try:
        directory = SqlDirectory(database, Sealer(bytes(32)))
        services, _ = services_over(directory, folder)

        def tenant(name: str) -> tuple[Kept, str]:
            kept = directory.open(directory.create(Workspace(name)))
            return kept, kept.tokens.add(f"{name} admin", "admin").text

        yield create_app(services), services, tenant
        services.jobs.close()
    finally:
        database.close()
        server.stop()


def examine(app: FastAPI, services: Services, tenants: Sequence[tuple[Kept, str]], source: str) -> Report:
    """Fill two workspaces and probe every route with the token of the first and the ids of the second.

    Args:
        app: the service.
        services: its seams.
        tenants: two workspaces, each with an admin token.
        source: an allowed folder for repositories.
    """
    from starlette.testclient import TestClient

    from api.auth import COOKIE

    (ours, our_token), (theirs, their_token) = tenants
    fill(ours, services, source)
    things = fill(theirs, services, source)

    def client(token: str) -> TestClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        cookies = {COOKIE: token} if token else {}
        return TestClient(app, headers=headers, cookies=cookies, raise_server_exceptions=False)

    return Examination(app, client(our_token), client(their_token), client(""), things).report()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print routes covered and leaks; exit 1 when there is a leak.

    Args:
        arguments: command line, the process's own when None.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the report there")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="testmesh-tenants-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _service(folder) as (app, services, tenant):
            report = examine(app, services, (tenant("ours"), tenant("zebra")), str(folder / "allowed"))
    if options.json:
        Path(options.json).write_text(dumps(report))
    print(f"routes {report.covered} of {report.routes}, leaks {len(report.leaks)}, blind probes {len(report.blind)}")
    for line in (*report.leaks, *report.blind):
        print(f"  {line}")
    return 1 if report.leaks or report.blind or report.covered < report.routes else 0


if __name__ == "__main__":
    sys.exit(main())
