"""API descriptions against code: an operation in one only, a parameter or a status that only one side knows."""

from __future__ import annotations

from collections.abc import Iterator

from graph.contracts.findings import Finding
from graph.schema import Node
from graph.store import Subgraph

_AUTOMATIC = frozenset({"default", "500", "5xx", "5XX", "4XX", "4xx"})


def described(graph: Subgraph) -> Iterator[Finding]:
    """Where a service's description and its code differ; services without an operation in both are left out.

    When no described operation is in the code, the code is made from the description, and nothing is missing.

    Args:
        graph: with Endpoints and HANDLED_BY.
    """
    handled = {e[1] for e in graph.edges if e[0] == "HANDLED_BY"}
    doors = [n for n in graph.nodes.values() if n.kind == "Endpoint"]
    layers = {n.uid: {e.layer for e in n.evidence} for n in doors}
    told = {(n.key[0], n.key[1]) for n in doors if "spec" in layers[n.uid] and n.uid in handled}
    for node in sorted(doors, key=lambda n: n.label):
        owner = (node.key[0], node.key[1])
        if layers[node.uid] == {"spec"} and node.uid not in handled and owner in told:
            text = f"the API description of {node.key[0]} promises {node.label}; its code does not offer it"
            yield Finding("spec-without-code", "warning", node.label, "", text, node.key[0], _place(node, "spec"))
        elif node.uid in handled and "spec" not in layers[node.uid] and owner in told and not _aside(node):
            text = f"{node.label} is in the code, and the API description of {node.key[0]} does not know it"
            yield Finding("code-without-spec", "warning", node.label, "", text, node.key[0], _place(node, "code"))
        elif node.uid in handled and "spec" in layers[node.uid]:
            yield from _details(node)


def _aside(node: Node) -> bool:
    return bool(node.props.get("operational")) or node.key[2] == "ANY" or node.key[3] == "/"


def _details(node: Node) -> Iterator[Finding]:
    sides = [_said(node.props.get(name)) for name in ("coded", "described")]
    places = _place(node, "code"), _place(node, "spec")
    for what, word in (("query", "query parameter"), ("status", "status")):
        mine, theirs = (side.get(what, frozenset()) for side in sides)
        for value in sorted(mine - theirs - _AUTOMATIC):
            if not _covered(value, theirs):
                text = f"the code of {node.label} has {word} {value}; its API description does not"
                yield Finding(f"{what}-without-spec", "warning", node.label, value, text, node.key[0], places[0])
        for value in sorted(theirs - mine - _AUTOMATIC) if what == "query" and _names_each(mine, places[0]) else ():
            text = f"the API description of {node.label} has {word} {value}; its code does not read it"
            yield Finding(f"{what}-without-code", "warning", node.label, value, text, node.key[0], places[1])
        yield from _promised(node, mine, theirs) if what == "status" else ()


def _names_each(mine: frozenset[str], place: str) -> bool:
    """Whether code that reads query parameters names each of them: C# and Go often bind them to an object."""
    return bool(mine) and not place.rpartition(":")[0].endswith((".cs", ".go"))


def _promised(node: Node, mine: frozenset[str], theirs: frozenset[str]) -> Iterator[Finding]:
    """Success statuses that are promised while the code, which says its own, answers others."""
    real = sorted(v for v in mine if v[:1] == "2")
    for value in sorted(v for v in theirs if v[:1] == "2" and v.isdigit()) if real else ():
        if value not in real:
            text = f"the API description of {node.label} promises status {value}; its code answers {', '.join(real)}"
            yield Finding("status-without-code", "warning", node.label, value, text, node.key[0], _place(node, "spec"))


def _covered(value: str, others: frozenset[str]) -> bool:
    """``201`` is covered by ``2XX``, and by ``default``."""
    return any(o.lower() == f"{value[:1]}xx" or o == "default" for o in others)


def _said(texts: object) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for text in texts if isinstance(texts, list | tuple) else ():
        what, _, value = str(text).partition(" ")
        found.setdefault(what, set()).add(value)
    return {what: frozenset(values) for what, values in found.items()}


def _place(node: Node, layer: str) -> str:
    return next((e.place() for e in node.evidence if e.layer == layer), "")
