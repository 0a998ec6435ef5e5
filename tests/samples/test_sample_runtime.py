"""Real services with the real OpenTelemetry SDK: what runs is in the code, edge by edge, and nothing else is seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from fixtures.build import build
from flows.runner.options import RunOptions
from graph.observed import observed
from graph.queries.dead import dead
from graph.queries.shadow import shadow
from testmesh.compose.graphs import open_checkout, open_store
from testmesh.compose.refreshing import refresh
from testmesh.compose.systems import System, observe_run, run_flows_in
from testmesh.telemetry.kept import spans_of
from testmesh.workspaces.files import load_project

pytestmark = pytest.mark.timeout(180)
SHOP = [
    "orders calls payments:POST /payments",
    "orders publishes to kafka:order.created",
    "notifications consumes from kafka:order.created",
]


@pytest.mark.parametrize(("system", "least", "told"), [("shop", 15, SHOP), ("depot", 9, [])])
def test_no_edge_is_seen_that_the_code_does_not_have(
    tmp_path: Path, system: str, least: int, told: Sequence[str]
) -> None:
    root = tmp_path / system
    build(system, root)
    checkout = open_checkout(root)
    refresh(checkout)
    project = load_project(root)
    with System(project, "local") as up:
        ran = run_flows_in(up, RunOptions(paths=(str(root / "flows"),), root=root))
        passed = [flow.file for flow in ran.run.flows if flow.verdict == "passed"]
        assert len(passed) >= len(ran.run.flows) - 1, [flow.file for flow in ran.run.flows if flow.file not in passed]
        assert ran.troubles == ()
        observe_run(checkout, ran)
    store = open_store(checkout)
    try:
        seen, unseen, both = shadow(store), dead(store), observed(store)
    finally:
        store.close()
    assert [row.text for row in seen.shadows] == []
    assert seen.confirmed >= least
    assert set(told) <= {both.sentence(claim) for claim in both.seen}
    assert [row.text for row in unseen.dead] == []
    assert unseen.seen == seen.confirmed
    assert len(spans_of(root, ran.run.id)) == len(ran.spans) > 100
