"""`testmesh search WORDS`: services, endpoints, topics, tables, code and flows by name and meaning."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, add_server, print_json
from testmesh.kernel.errors import EXIT_OK, UserError

if TYPE_CHECKING:
    from testmesh.compose.searching import Hit


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", help="what you look for")
    parser.add_argument("--like", metavar="LABEL", help="things that read like this one, e.g. flows like a flow's file")
    parser.add_argument("--limit", type=int, default=10, help="most hits (default 10)")
    add_folder(parser)
    add_json(parser)
    add_server(parser)


def _run(options: argparse.Namespace) -> int:
    words = " ".join(options.words)
    if bool(words) == bool(options.like):
        raise UserError("say what you look for", hint="testmesh search WORDS, or testmesh search --like LABEL")
    hits = _asked(options, words)
    if options.json:
        print_json(hits)
    else:
        for hit in hits:
            print(f"{hit.score:.2f} {hit.how:<7} {hit.kind:<9} {hit.label}  {hit.place}")
        if not hits:
            print("nothing is named or means that")
    return EXIT_OK


def _asked(options: argparse.Namespace, words: str) -> list[Hit]:
    if options.server:
        if options.like:
            raise UserError("--like is answered here, not by a service", hint="leave --server out")
        from testmesh.compose.remote import Remote

        return Remote(options.server).search(words, options.limit)
    from testmesh.compose.graphs import open_checkout, state_folder
    from testmesh.compose.models import routes_of
    from testmesh.compose.questions import stored_graph
    from testmesh.compose.searching import found, similar

    checkout = open_checkout(options.dir)
    file, routes = state_folder(checkout.project) / "vectors.npz", routes_of(checkout)
    with stored_graph(checkout) as store:
        if options.like:
            return similar(store, file, options.like, options.limit, routes)
        return found(store, file, words, options.limit, routes)


COMMAND = Command("find things by name and meaning", _arguments, _run, "Graph", brief=True)
