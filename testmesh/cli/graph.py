"""`testmesh graph QUERY`: every declared query of the graph, with its parameters as options."""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, counted, print_json
from testmesh.kernel.discovery import declared
from testmesh.kernel.errors import EXIT_FAILED, EXIT_OK, UserError

if TYPE_CHECKING:
    from graph.contracts.findings import Check
    from graph.queries.unresolved import Cause
    from graph.query import Query
    from testmesh.compose.graphs import Checkout

_TYPES: dict[str, type] = {"text": str, "number": int}


def _queries() -> dict[str, Query]:
    from graph.query import Query

    found = declared("graph.queries", "QUERY", Query)
    return {query.name: query for query in found.values() if query.name not in ("impact", "coverage")}


def _arguments(parser: argparse.ArgumentParser) -> None:
    queries = _queries()
    chosen = parser.add_subparsers(dest="query", required=True, metavar="QUERY")
    for name, query in sorted(queries.items()):
        sub = chosen.add_parser(name, help=query.about, description=query.about, allow_abbrev=False)
        for parameter, about in query.parameters.items():
            _add(sub, parameter, about)
        if query.compares:
            sub.add_argument("range", help="BASE..HEAD, compared from the merge base")
        if query.may_compare:
            sub.add_argument("range", nargs="?", default="", help="BASE..HEAD: only what this change breaks")
            sub.add_argument("--all", action="store_true", help="list every side that is not known")
        if name == "unresolved":
            sub.add_argument("--write", action="store_true", help="put the annotations into testmesh.toml")
        add_folder(sub)
        add_json(sub)


def _add(parser: argparse.ArgumentParser, name: str, parameter: Any) -> None:
    if parameter.required:
        parser.add_argument(name, help=parameter.about, nargs="+" if name == "text" else None)
    elif parameter.type == "flag":
        parser.add_argument(f"--{name}", action="store_true", help=parameter.about)
    elif parameter.type == "texts":
        parser.add_argument(f"--{name}", action="append", help=parameter.about)
    else:
        parser.add_argument(f"--{name}", type=_TYPES[parameter.type], default=parameter.default, help=parameter.about)


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.graphs import open_checkout
    from testmesh.compose.questions import ask

    checkout = open_checkout(options.dir)
    query = _queries()[options.query]
    given = {name: getattr(options, name) for name in query.parameters}
    if isinstance(given.get("text"), list):
        given["text"] = " ".join(given["text"])
    answer = ask(checkout, query, given, getattr(options, "range", ""))
    if getattr(options, "write", False):
        return _write(checkout, answer)
    if query.name == "check":
        return _checked(checkout, answer, options)
    if options.json:
        print_json(answer)
    else:
        print("\n".join(_shown(query.name, answer)))
    return EXIT_OK


def _checked(checkout: Checkout, answer: Check, options: argparse.Namespace) -> int:
    from scanners.changes import split_range
    from testmesh.cli._check import shown
    from testmesh.compose.checking import pinpointed

    found = pinpointed(checkout, answer, split_range(options.range)[1] if options.range else None)
    if options.json:
        print_json(found)
    else:
        print("\n".join(shown(found, options.all)))
    return EXIT_FAILED if any(f.severity == "breaking" for f in found.findings) else EXIT_OK


def _shown(name: str, answer: Any) -> Iterator[str]:
    if name == "unresolved":
        yield from _unresolved(answer)
        return
    if name in ("shadow", "dead"):
        from testmesh.cli._drift import shown_dead, shown_shadow

        yield from shown_shadow(answer) if name == "shadow" else shown_dead(answer)
        return
    from graph.codec import to_json

    rows = list(outline(to_json(answer), 0))
    yield from rows or ["nothing"]


def outline(data: Any, depth: int) -> Iterator[str]:
    """JSON-shaped data as indented lines, one line for a record of scalars.

    Args:
        data: JSON-shaped.
        depth: indentation.
    """
    space = "  " * depth
    if isinstance(data, dict):
        flat = {k: v for k, v in data.items() if not isinstance(v, (dict, list)) and v not in ("", None)}
        if flat:
            yield space + "  ".join(
                str(v) if k in ("label", "name") else f"{k}={v}" for k, v in flat.items() if k != "uid"
            )
        for key, value in data.items():
            if isinstance(value, (dict, list)) and value:
                yield f"{space}{key}:"
                yield from outline(value, depth + 1)
    elif isinstance(data, list):
        for item in data:
            yield from outline(item, depth)
    else:
        yield f"{space}{data}"


def _unresolved(answer: Any) -> Iterator[str]:
    if not answer.causes:
        yield "every link is resolved"
    for cause in answer.causes:
        yield f"{cause.settles}: {counted(cause.references, 'reference')} ({cause.edge}): {cause.reason}"
        yield from (f"  {place}" for place in cause.places[:5])
        if len(cause.places) > 5:
            yield f"  and {len(cause.places) - 5} more"
        if cause.annotation:
            yield "  settled by testmesh.toml:"
            yield from (f"    {line}" for line in cause.annotation.splitlines())


def _write(checkout: Checkout, answer: Any) -> int:
    from testmesh.workspaces.annotating import with_hosts
    from testmesh.workspaces.files import write_annotations

    hosts = settled_hosts(answer.causes)
    if not hosts:
        raise UserError("no loose end has an annotation that names one service and can be added to testmesh.toml",
                        hint="see 'testmesh graph unresolved' and write the lines that fit by hand")  # fmt: skip
    by_hand: list[str] = []

    def changed(text: str) -> str:
        text, left = with_hosts(text, hosts)
        by_hand.extend(left)
        return text

    path: Path = write_annotations(checkout.project.root, changed)
    added = sum(len(found) for name, found in hosts.items() if name not in by_hand)
    print(f"{path}: {counted(added, 'host')} added; scan again to use them")
    for name in by_hand:
        print(f"by hand, services.{name} is not written as a table: hosts = {json.dumps(hosts[name])}")
    return EXIT_OK


def settled_hosts(causes: Iterable[Cause]) -> dict[str, list[str]]:
    """Hosts that belong to one service for certain enough to be written.

    Args:
        causes: of the unresolved query.
    """
    services: dict[str, set[str]] = {}
    for cause in causes:
        services.setdefault(cause.settles, set()).add(cause.service)
    hosts: dict[str, list[str]] = {}
    for cause in causes:
        if not cause.service or len(services[cause.settles]) != 1 or not cause.annotation.startswith("[services."):
            continue
        for host in tomllib.loads(cause.annotation)["services"].get(cause.service, {}).get("hosts", ()):
            if host not in hosts.setdefault(cause.service, []):
                hosts[cause.service].append(host)
    return hosts


COMMAND = Command(
    "ask the graph: check, neighbours, paths, search, unresolved, shadow, dead, diff, conflicts",
    _arguments,
    _run,
    "Graph",
    brief=True,
)
