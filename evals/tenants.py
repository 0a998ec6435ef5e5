"""Two workspaces and every route of the service: does anything of one ever reach the other?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from evals.tenant_things import Things, a_recording, fill
from graph.codec import dumps, to_tagged
from graph.runs import Run, RunFinished
from testmesh.guard.process import Command, run
from testmesh.kernel.workspace import Workspace
from testmesh.workspaces.tenants import Kept

if TYPE_CHECKING:
    from fastapi import FastAPI
    from httpx2 import Response
    from starlette.testclient import TestClient

    from api.services import Services

OPEN = ("/health", "/ready", "/metrics", "/login", "/logout", "/static/{name}", "/api/v1/openapi.json")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


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
    "/api/v1/impact": lambda t: f"?repository={t.mark}-repo&base=HEAD~1",
    "/api/v1/coverage": lambda t: f"?repository={t.mark}-repo",
    "/api/v1/search": lambda _: "?q=svc",
    "/api/v1/graph/nodes": lambda _: "?kind=Service",
    "/api/v1/graph/queries/{name}": lambda t: f"?node={t.node}",
    "/changes": lambda t: f"?repository={t.mark}-repo&base=HEAD~1",
    "/changes.json": lambda t: f"?repository={t.mark}-repo&base=HEAD~1",
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
    ("POST", "/api/v1/runs"): lambda t: dumps(a_recording(t.mark)),
    # The end of a run, so that whoever follows it is not kept waiting.
    ("POST", "/api/v1/runs/{run_id}/events"): lambda _: json.dumps(
        {"events": [{"seq": 2, "body": to_tagged(RunFinished(Run("x", "now", "now", "passed", ())))}]}
    ),
    ("POST", "/api/v1/repositories"): lambda t: json.dumps({"name": f"{t.mark}-repo", "source": "/nowhere"}),
    ("POST", "/api/v1/tokens"): lambda _: json.dumps({"label": "x", "role": "viewer"}),
    ("POST", "/v1/traces"): lambda _: "{}",
    ("POST", "/api/v1/impact"): lambda t: json.dumps({"repository": f"{t.mark}-repo", "base": "HEAD~1"}),
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
    """The product as `testmesh serve` starts it, with the real engines."""
    from api.app import create_app
    from testmesh.compose.serving import ServeOptions, serving

    with serving(ServeOptions(folder / "data", (str(folder),))) as started:
        services = started.services

        def tenant(name: str) -> tuple[Kept, str]:
            kept = services.directory.open(services.directory.create(Workspace(name)))
            return kept, kept.tokens.add(f"{name} admin", "admin").text

        yield create_app(services), services, tenant


def _repository(folder: Path, mark: str) -> str:
    """A git repository of two commits that names its workspace everywhere."""
    folder.mkdir()
    service = "from fastapi import FastAPI\napp = FastAPI()\n\n\n@app.get('/{0}')\ndef {0}():\n    return {1}\n"
    flow = "name: {0}\nsteps:\n  - id: step\n    action: http_request\n    url: http://localhost:1/{0}\n"
    (folder / f"{mark}.yaml").write_text(flow.format(mark))
    for number in (1, 2):
        (folder / f"{mark}.py").write_text(service.format(mark, number))
        for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", mark)):
            run(Command(("git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments), cwd=folder))
    return str(folder)


def examine(app: FastAPI, services: Services, tenants: Sequence[tuple[Kept, str]], sources: Sequence[str]) -> Report:
    """Fill two workspaces and probe every route with the token of the first and the ids of the second.

    Args:
        app: the service.
        services: its seams.
        tenants: two workspaces, each with an admin token.
        sources: the repository of each, in allowed folders.
    """
    from starlette.testclient import TestClient

    from api.auth import COOKIE

    (ours, our_token), (theirs, their_token) = tenants
    fill(ours, services, sources[0])
    things = fill(theirs, services, sources[1])

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
            names = ("ours", "zebra")
            sources = [_repository(folder / name, name) for name in names]
            report = examine(app, services, [tenant(name) for name in names], sources)
    if options.json:
        Path(options.json).write_text(dumps(report))
    print(f"routes {report.covered} of {report.routes}, leaks {len(report.leaks)}, blind probes {len(report.blind)}")
    for line in (*report.leaks, *report.blind):
        print(f"  {line}")
    return 1 if report.leaks or report.blind or report.covered < report.routes else 0


if __name__ == "__main__":
    sys.exit(main())
