"""What steps on gRPC services and stores exercise in the graph."""

from __future__ import annotations

import pytest

from flows.facts import flow_facts
from graph.values import Lit

Touched = tuple[str, str, object, str]


@pytest.mark.parametrize(
    ("step", "touched"),
    [
        ("grpc, config: {service: a.B, method: C, request: {x: 1}}", [("rpc", "grpc", Lit("a.B/C"), "write")]),
        ("grpc, config: {method: a.B/C}", [("rpc", "grpc", Lit("a.B/C"), "write")]),
        ("s3.get, config: {bucket: b, key: k}", [("dataset", "s3", Lit("b"), "read")]),
        ("minio.put, config: {bucket: b, key: k}", [("dataset", "s3", Lit("b"), "write")]),
        ("mongodb, config: {collection: c}", [("dataset", "mongodb", Lit("c"), "read")]),
        ("mongodb.aggregate, config: {collection: c, pipeline: []}", [("dataset", "mongodb", Lit("c"), "read")]),
        (
            "mongodb.aggregate, config: {collection: c, pipeline: [{$merge: x}]}",
            [("dataset", "mongodb", Lit("c"), "write")],
        ),
        ("mongodb.delete_one, config: {collection: c}", [("dataset", "mongodb", Lit("c"), "write")]),
        ("mongodb.command, config: {command: ping}", []),
        (
            "neo4j, config: {query: 'MATCH (a:A {k: 1})-[:R]->(:`B b`) RETURN a'}",
            [("dataset", "neo4j", Lit("A"), "read"), ("dataset", "neo4j", Lit("B b"), "read")],
        ),
        ("neo4j, config: {query: 'CREATE (:A)'}", [("dataset", "neo4j", Lit("A"), "write")]),
        ("mock_server_start, config: {endpoints: []}", []),
    ],
)
def test_a_step_exercises_what_its_settings_name(step: str, touched: list[Touched]) -> None:
    facts = flow_facts(f"flow:\n  name: n\n  steps:\n    - {{id: a, action: {step}}}\n", "f.yaml")
    assert not [fact for fact in facts if fact.kind == "problem"], facts
    found = [
        (fact.get("target"), fact.get("kind"), fact.get("url"), fact.get("mode"))
        for fact in facts
        if fact.kind == "touch"
    ]
    assert found == touched


def test_the_fields_of_documents_that_a_flow_checks_are_known() -> None:
    step = "mongodb.find, config: {collection: c}, assert: ['documents[0].total == 1', document.state == \"x\"]"
    facts = flow_facts(f"flow:\n  name: n\n  steps:\n    - {{id: a, action: {step}}}\n", "f.yaml")
    assert [fact.get("reads") for fact in facts if fact.kind == "touch"] == [["state", "total"]]
