"""The graph of a workspace: its nodes, and every question that `graph.queries` declares."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.answers import Cursor, Limit, answer
from api.auth import Viewer
from api.errors import Problem, Refused
from graph.query import Asked, Parameter
from graph.query import Query as Question
from graph.schema import NODES, Node
from graph.store import Page
from testmesh.kernel.discovery import declared
from testmesh.kernel.errors import NotFoundError

router = APIRouter(prefix="/graph", tags=["graph"])
PACKAGE = "graph.queries"
Uid = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Kind = Annotated[str, Query(pattern=f"^({'|'.join(NODES)})$", examples=["Endpoint"])]
QuestionName = Annotated[str, Path(pattern=r"^[a-z][a-z_]{0,40}$", examples=["neighbours"])]
_LARGEST = 10_000
_LONGEST = 1000


@router.get("", response_model=None)
def overview(caller: Viewer) -> Response:
    """Its version, the buckets that fill it, and the questions it answers."""
    questions = {
        name: {"about": question.about, "parameters": question.parameters} for name, question in _questions().items()
    }
    with closing(caller.services.graph(caller.access.workspace)) as graph:
        return answer({"version": graph.version(), "buckets": list(graph.buckets()), "queries": questions})


@router.get("/nodes", response_model=None)
def nodes(caller: Viewer, kind: Kind, limit: Limit = 100, after: Cursor = "") -> Response:
    """Nodes of a kind, by uid."""
    with closing(caller.services.graph(caller.access.workspace)) as graph:
        found = graph.find(kind, page=Page(after, limit))
    return answer({"items": [_node(node) for node in found.nodes], "next": found.next})


@router.get("/nodes/{uid}", response_model=None)
def node(caller: Viewer, uid: Uid) -> Response:
    """One node with all its evidence."""
    with closing(caller.services.graph(caller.access.workspace)) as graph:
        found = graph.get([uid]).get(uid)
    if found is None:
        raise NotFoundError(f"no node '{uid}'")
    return answer(_node(found))


@router.get("/queries/{name}", response_model=None)
def ask(caller: Viewer, request: Request, name: QuestionName) -> Response:
    """A question to the graph: neighbours, paths, search, unresolved and whatever else is declared."""
    question = _questions().get(name)
    if question is None:
        raise NotFoundError(f"no question '{name}'", hint=f"one of: {', '.join(_questions())}")
    arguments = _arguments(request, question)
    with closing(caller.services.graph(caller.access.workspace)) as graph:
        return answer(question.run(Asked(graph, arguments)))


def _questions() -> Mapping[str, Question]:
    """Those that need one graph; comparing two revisions is what `/impact` is for."""
    found = declared(PACKAGE, "QUERY", Question)
    return {question.name: question for question in found.values() if not question.compares}


def _arguments(request: Request, question: Question) -> dict[str, Any]:
    given = request.query_params
    unknown = sorted(set(given) - set(question.parameters))
    if unknown:
        hint = f"it takes: {', '.join(question.parameters) or 'nothing'}"
        raise Refused(Problem(422, "validation", f"'{question.name}' does not take '{unknown[0]}'", hint))
    missing = [name for name, one in question.parameters.items() if one.required and not given.get(name)]
    if missing:
        raise Refused(Problem(422, "validation", f"'{question.name}' needs '{missing[0]}'"))
    return {name: _typed(name, question.parameters[name], given.getlist(name)) for name in given}


def _typed(name: str, parameter: Parameter, values: list[str]) -> Any:
    if any(len(value) > _LONGEST or "\0" in value for value in values):
        raise Refused(Problem(422, "validation", f"'{name}' is too long or holds a NUL"))
    if parameter.type == "texts":
        return tuple(values)
    if parameter.type == "flag":
        return values[-1].lower() in ("1", "true", "yes")
    if parameter.type != "number":
        return values[-1]
    if not values[-1].isascii() or not values[-1].isdigit() or int(values[-1]) > _LARGEST:
        raise Refused(Problem(422, "validation", f"'{name}' must be a number up to {_LARGEST}"))
    return int(values[-1])


def _node(node: Node) -> dict[str, object]:
    return {
        "uid": node.uid,
        "kind": node.kind,
        "label": node.label,
        "key": node.key,
        "props": node.props,
        "evidence": node.evidence,
    }
