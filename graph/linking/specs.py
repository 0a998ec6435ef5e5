"""API descriptions: merged with the code that implements them, or the only source where code cannot be read."""

from __future__ import annotations

from collections import defaultdict
from posixpath import basename, dirname

from graph.linking.corpus import FileKey, Placed
from graph.linking.offers import Offer
from graph.linking.paths import below, named, template
from graph.linking.schemas import add_schema
from graph.linking.state import Linking
from graph.linking.transcoding import gateways
from graph.schema import Resolution


def operations(state: Linking) -> None:
    """Endpoints described by specs, merged with code when the service has code for them.

    Args:
        state: the link run.
    """
    by_file: dict[FileKey, list[Placed]] = defaultdict(list)
    generated = gateways(state)
    for placed in state.corpus.of("operation"):
        through = str(placed.fact.get("through", "") or "")
        if placed.fact.get("protocol") != "grpc" and through.rpartition("/")[0] not in generated:
            by_file[placed.file].append(placed)
    for file, found in by_file.items():
        for service in _services(state, file, found):
            coded = any(o.protocol == (found[0].fact.get("protocol") or "http") for o in state.offers.of(service))
            for placed in found:
                _operation(state, placed, _Described(service, coded))


class _Described:
    __slots__ = ("coded", "service")

    def __init__(self, service: str, coded: bool) -> None:
        self.service, self.coded = service, coded


def _services(state: Linking, file: FileKey, found: list[Placed]) -> tuple[str, ...]:
    """Whose spec a file is: of the folder it is in, else the service it shares most operations with, else by name."""
    direct = state.owners(file)
    names = list(state.services.by_name)
    if len(direct) == 1:
        return direct
    shared = {name: sum(_known(state, name, p) is not None for p in found) for name in direct or names}
    best = max(shared.values(), default=0)
    chosen = [name for name, count in shared.items() if count == best and best > 0]
    if len(chosen) == 1:
        return tuple(chosen)
    words = {basename(dirname(file[1])).lower(), basename(file[1]).split(".")[0].lower()}
    return tuple(n for n in names if state.services.by_name[n].declared.lower() in words)[:1]


def _known(state: Linking, service: str, placed: Placed) -> Offer | None:
    """The operation in code that a described one is, whatever base path the spec or the code leaves out."""
    fact = placed.fact
    protocol = fact.get("protocol", "http") or "http"
    path = template(fact.get("path", "")) if protocol == "http" else fact.get("path", "")
    offers = [o for o in state.offers.of(service, protocol) if o.method in (fact.get("method"), "ANY") and o.sure]
    exact = [o for o in offers if o.path == path]
    return exact[0] if exact else None


def _operation(state: Linking, placed: Placed, described: _Described) -> None:
    fact = placed.fact
    service = described.service
    protocol = fact.get("protocol", "http") or "http"
    written = below("", fact.get("path", ""))
    known = _known(state, service, placed)
    path = template(written) if protocol == "http" else fact.get("path", "")
    offer = known or Offer(service, protocol, fact.get("method", ""), path, sure=not described.coded)
    evidence = [state.corpus.evidence(placed)]
    returns = fact.get("returns") or {}
    asked = tuple(fact.get("query", ()) or ())
    props = {
        "template": named(written) if protocol == "http" else None,
        "statuses": sorted(returns) or None,
        "errors": sorted(s for s in returns if s[:1] in "45") or None,
        "query": asked or None,
        "described": [*(f"status {s}" for s in sorted(returns)), *(f"query {name}" for name in asked)] or None,
    }
    node = state.builder.node(*offer.node, evidence, props)
    if known is None:
        state.offers.add(offer)
        sure = Resolution("resolved", "spec", "described by its spec; its code shows no operations")
        open_end = Resolution("candidate", "spec", "described by its spec, but its code does not show it")
        owner = ("Service", (service,))
        state.builder.edge("OWNS", (owner, node), open_end if described.coded else sure, evidence)
    role = "described " if known is not None else ""
    accepts = state.shapes.whole(fact.get("accepts"), placed.file)
    if accepts is not None:
        add_schema(state, node, ("ACCEPTS", f"{role}request"), accepts, evidence)
    for status, shape in sorted(returns.items()):
        if shape is not None:
            whole = state.shapes.whole(shape, placed.file)
            add_schema(state, node, ("RETURNS", f"{role}response {status}"), whole, evidence)
