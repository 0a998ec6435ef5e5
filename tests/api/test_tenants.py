"""Nothing of one workspace reaches another over any route; and the examination would notice if it did."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.auth import Viewer
from api.services import Services
from evals.tenants import Report, examine, routes
from testmesh.workspaces.records import Workspace
from testmesh.workspaces.sql.store import SqlDirectory, SqlKept
from tests.api.conftest import Service


def examined(service: Service, app: FastAPI, services: Services) -> Report:
    tenants = []
    for name in ("ours", "zebra"):
        kept = service.directory.open(service.directory.create(Workspace(name)))
        tenants.append((kept, kept.tokens.add(f"{name} admin", "admin").text))
    return examine(app, services, tenants, [str(service.folder / "allowed")] * 2)


def test_no_route_leaks_and_every_route_is_probed(service: Service) -> None:
    services: Services = service.app.state.services
    report = examined(service, service.app, services)
    assert report.leaks == ()
    assert report.blind == ()
    assert report.covered == report.routes >= 50


@dataclass(frozen=True, slots=True)
class Careless:
    """A directory that opens the last workspace made, whoever asks."""

    real: SqlDirectory

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def open(self, workspace: Workspace) -> SqlKept:
        return self.real.open(self.real.list()[-1])


def test_a_directory_that_mixes_up_workspaces_is_noticed(service: Service) -> None:
    services: Services = service.app.state.services
    careless = replace(services, directory=Careless(service.directory))  # type: ignore[arg-type]
    report = examined(service, create_app(careless), services)
    found = " ".join(report.leaks)
    for route in ("GET /api/v1/runs:", "GET /runs/{run_id}:", "DELETE /api/v1/tokens/{token_id}", "GET /api/v1/jobs"):
        assert route in found


def test_a_graph_shared_by_workspaces_is_noticed(service: Service) -> None:
    services: Services = service.app.state.services
    mixed = replace(services, graph=lambda _: service.rooms.graph(Workspace("zebra")))
    report = examined(service, create_app(mixed), mixed)
    assert any("graph/nodes" in leak for leak in report.leaks)


def test_a_new_route_without_a_probe_is_noticed(service: Service) -> None:
    @service.app.get("/api/v1/new/{thing}")
    def new(caller: Viewer, thing: str) -> str:
        return thing

    services: Services = service.app.state.services
    assert ("GET", "/api/v1/new/{thing}") in routes(service.app)
    with pytest.raises(KeyError, match="thing"):
        examined(service, service.app, services)
