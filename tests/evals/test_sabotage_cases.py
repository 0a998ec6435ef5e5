"""Every sabotage fits its sample, leaves valid code, and one is really carried out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from evals.impact import graph_of, subject
from evals.sabotage import DATA, SYSTEMS, Sabotage, _touching, sabotages
from evals.seeding import Edit, Seed, Trial, execute, seeded

REPOS = Path(__file__).parents[2] / "fixtures" / "repos"


@pytest.mark.parametrize("one", sabotages(), ids=lambda one: one.name.replace(" ", "-"))
def test_a_sabotage_fits_its_sample_once_and_leaves_valid_code(one: Sabotage) -> None:
    text = (REPOS / one.system / one.path).read_text()
    assert text.count(one.old) == 1
    ast.parse(text.replace(one.old, one.new))


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_effect_is_a_node_that_some_flow_looks_at_or_nobody_does(system: str) -> None:
    on = subject(system)
    graph = graph_of(on, on.commit)
    known = {node.key[-1] for node in graph.slice(("Topic", "Dataset"), ()).nodes.values()}
    assert {one.effect for one in sabotages(system)} <= known
    assert any(_touching(graph, one.effect) for one in sabotages(system))
    assert list((DATA / system).glob("*.yaml"))


@pytest.mark.server("postgres")
def test_a_sabotaged_service_makes_the_flow_fail_that_checks_it() -> None:
    one = next(found for found in sabotages("depot") if found.name == "a correction of stock is not stored")
    on = subject("depot")
    (commit,) = seeded(on.made, on.commit, [Seed(one.name, one.name, (Edit(one.path, one.old, one.new),))])
    run = execute(Trial(on.made, commit, flows=("flows/item-master-data.yaml",)))
    (flow,) = run.flows
    assert next(step for step in flow.steps if step.verdict == "failed").id == "count_up"
