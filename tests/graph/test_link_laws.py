"""Laws of linking: the order of facts and hash seeds do not matter, stages follow their needs, names stay apart."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.linking.build import GraphBuilder, united
from graph.linking.link import RepositoryFacts, link
from graph.linking.stages import Stage, in_order
from graph.schema import GraphData, Resolution
from graph.values import Field, Lit, Name, Shape
from tests.graph.link_facts import FileFacts, labels
from tests.graph.test_link_two_services import client, deploy, orders, payments

FACTS = tuple(fact for file in (orders(), client(), payments(), deploy()) for fact in file.facts)


def text(data: GraphData) -> str:
    """Canonical bytes of a graph."""
    return json.dumps([[asdict(n) for n in data.nodes.values()], [asdict(e) for e in data.edges.values()]])


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_facts_of_different_places_does_not_matter(chance: random.Random) -> None:
    shuffled = list(FACTS)
    chance.shuffle(shuffled)
    same = link([RepositoryFacts("shop", "c", tuple(shuffled))], "w")
    assert text(same) == text(link([RepositoryFacts("shop", "c", FACTS)], "w"))


def test_the_same_bytes_come_out_under_every_hash_seed() -> None:
    code = """
import json
from dataclasses import asdict
from tests.graph.test_link_two_services import system
data = system()
print(json.dumps([[asdict(n) for n in data.nodes.values()], [asdict(e) for e in data.edges.values()]]))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_stages_run_after_what_they_need_and_cycles_are_named() -> None:
    def nothing(_: list[str]) -> None:
        return None

    stages = [Stage("c", nothing, frozenset({"b"})), Stage("b", nothing, frozenset({"a"})), Stage("a", nothing)]
    assert [s.name for s in in_order(stages)] == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"a -> b -> a|b -> a -> b"):
        in_order([Stage("a", nothing, frozenset({"b"})), Stage("b", nothing, frozenset({"a"}))])
    with pytest.raises(ValueError, match="not declared"):
        in_order([Stage("a", nothing, frozenset({"x"}))])


def test_two_repositories_with_one_service_name_keep_them_apart() -> None:
    def api(repository: str) -> RepositoryFacts:
        file = (
            FileFacts("api/app.py")
            .say("router", name="app")
            .say("endpoint", protocol="http", method="GET", path=Lit("/x"), router=Name("app"))
        )
        deployed = FileFacts("compose.yaml").say("service", name="api", root="api")
        return RepositoryFacts(repository, "c", (*file.facts, *deployed.facts))

    data = link([api("one"), api("two")], "w")
    assert labels(data, "Service") == {"one/api", "two/api"}
    assert labels(data, "Endpoint") == {"one/api:GET /x", "two/api:GET /x"}


def test_the_surest_resolution_of_an_edge_wins_and_lists_are_united() -> None:
    builder = GraphBuilder("w")
    ends = (("Symbol", ("r", "f", "a")), ("Endpoint", ("s", "http", "GET", "/")))
    for kind, key in ends:
        builder.node(kind, key, [])
    builder.edge("CALLS", ends, Resolution("candidate", "z"), [], {"reads": ["b"]})
    builder.edge("CALLS", ends, Resolution("resolved", "a"), [], {"reads": ["a"]})
    (made,) = builder.data().edges.values()
    assert (made.resolution.status, made.props["reads"]) == ("resolved", ["a", "b"])
    with pytest.raises(ValueError, match="does not join"):
        builder.edge("OWNS", ends, Resolution(), [])


def test_a_field_missing_from_one_payload_is_not_required_in_the_union() -> None:
    one = Shape("object", (Field("id", Shape("string"), True), Field("a", Shape("string"), True)), open=False)
    other = Shape("object", (Field("id", Shape("string"), True),), open=False)
    union = united(one, other)
    assert [(f.name, f.required) for f in union.fields] == [("id", True), ("a", False)]


def test_no_facts_make_an_empty_graph() -> None:
    assert link([RepositoryFacts("r", "c", ())], "w") == GraphData()
