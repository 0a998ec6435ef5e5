"""The samples' own flows are checked without findings and pass against the live systems, several at once."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from fixtures.build import REPOS
from flows.runner import RunOptions, discover, run_flows
from graph.runs import FlowRun, Run
from testmesh.compose.systems import without
from tests.samples.conftest import Live

FEWEST = {"shop": 12, "depot": 8}


def run(system: str, live: Live, root: Path) -> Run:
    """All flows that can run here."""
    flows = root / "flows"
    shutil.copytree(REPOS / system / "flows", flows)
    for file in without(live.addresses.unavailable, discover(("flows",), root), root):
        (root / file).unlink()
    live.environment.reset()
    options = RunOptions(("flows",), root, environment_variables=live.addresses.variables, parallel=3)
    return asyncio.run(run_flows(options))


def told(flow: FlowRun) -> str:
    """Why a flow did not pass."""
    steps = [f"{step.id}: {step.message}" for step in flow.steps if step.verdict != "passed"]
    return f"{flow.file}: {flow.verdict} {flow.message} {steps} {flow.problems}"


def test_flows_of_a_service_that_cannot_run_here_are_named_with_the_reason() -> None:
    reason = "needs node>=20, and the one on the path is 18.1"
    found = without({"storefront": reason}, discover(("flows",), REPOS / "shop"), REPOS / "shop")
    assert set(found) == {"flows/storefront_catalog.yaml", "flows/storefront_checkout.yaml"}
    assert set(found.values()) == {f"needs service 'storefront': {reason}"}


@pytest.mark.parametrize("system", ["shop", "depot"])
def test_all_flows_pass(system: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    live: Live = request.getfixturevalue(f"live_{system}")
    found = run(system, live, tmp_path)
    assert [told(flow) for flow in found.flows if flow.verdict != "passed" or flow.problems] == []
    unavailable = 2 * len(live.addresses.unavailable)
    assert len(found.flows) >= FEWEST[system] - unavailable
