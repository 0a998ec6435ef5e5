"""Impact asked of small systems, and what it selects."""

from __future__ import annotations

from dataclasses import replace

from graph.answers import Impact
from graph.change import ChangedItem
from graph.overlay import Overlay
from graph.queries.impact import affected
from graph.schema import Evidence, GraphData
from tests.graph.systems import REPO, System, change, with_digest


def asked(system: System, *items: ChangedItem) -> Impact:
    places = {f"{n.key[1]}::{n.key[2]}": name for name, n in system.named.items()}
    names = [places[f"{i.file}::{i.name}"] for i in items if f"{i.file}::{i.name}" in places]
    before = Overlay(None, GraphData(dict(system.nodes), dict(system.edges)))
    return affected(before, with_digest(system, names, "new").store(), change(*items))


def selected(impact: Impact) -> dict[str, str]:
    return {f.file.removesuffix(".yaml"): f.selection for f in impact.flows}


def deployed(system: System, service: str) -> System:
    uid = next(u for u, n in system.nodes.items() if n.kind == "Service" and n.key == (service,))
    system.nodes[uid] = replace(system.nodes[uid], evidence=(Evidence("deploy", "compose", "compose.yml", 1, REPO),))
    return system
