"""`testmesh scan`: read one or several repositories into the graph."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_json, counted, print_json
from testmesh.kernel.errors import EXIT_OK, UserError
from testmesh.kernel.output import animated

if TYPE_CHECKING:
    from graph.store import GraphStore
    from testmesh.compose.graphs import Checkout
    from testmesh.compose.refreshing import Scanned

SHOWN_PROBLEMS = 20
_REDRAW = 0.1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", type=Path, default=[],
                        help="exactly these (default: this repository and those scanned with it before)")  # fmt: skip
    parser.add_argument("--revision", help="scan this commit, branch or tag instead of the work tree")
    add_json(parser)


class Bar:
    """A progress bar on a terminal, silent elsewhere."""

    def __init__(self) -> None:
        self._on = animated(sys.stderr)
        self._drawn = 0.0

    def __call__(self, done: int, total: int, label: str) -> None:
        """Draw at most ten times a second."""
        now = time.monotonic()
        if self._on and total and (now - self._drawn > _REDRAW or done == total):
            self._drawn = now
            filled = 30 * done // total
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} {label[-40:]:<40}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove it from the terminal."""
        if self._on and self._drawn:
            sys.stderr.write("\r\x1b[K")


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.graphs import open_checkout, open_store
    from testmesh.compose.refreshing import refresh

    paths: list[Path] = options.paths or [Path()]
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist", hint="give the path of a repository")
    checkout = open_checkout(paths[0], paths[1:] if options.paths else None)
    bar = Bar()
    scanned = refresh(checkout, options.revision, bar)
    bar.clear()
    store = open_store(checkout)
    try:
        counts = kind_counts(store)
    finally:
        store.close()
    if options.json:
        print_json(as_json(scanned, counts))
    else:
        print(as_text(checkout, scanned, counts))
    return EXIT_OK


def kind_counts(store: GraphStore) -> dict[str, int]:
    """How many nodes of each kind people ask about.

    Args:
        store: any graph.
    """
    from graph.store import Page

    kinds = ("Service", "Endpoint", "Topic", "Dataset", "External", "Flow", "Unresolved")
    return {kind: len(store.find(kind, None, Page(limit=1_000_000)).nodes) for kind in kinds}


def as_json(scanned: Scanned, counts: dict[str, int]) -> dict[str, object]:
    """The published form.

    Args:
        scanned: what was found.
        counts: nodes by kind.
    """
    return {
        "repositories": [
            {
                "name": r.repository,
                "commit": r.commit,
                "files": r.files,
                "read": r.read,
                "cached": r.cached,
                "problems": [p.as_json() for p in r.problems],
            }
            for r in scanned.results
        ],
        "nodes": scanned.nodes,
        "edges": scanned.edges,
        "kinds": counts,
        "changed": scanned.changed,
        "seconds": round(scanned.seconds, 3),
    }


def as_text(checkout: Checkout, scanned: Scanned, counts: dict[str, int]) -> str:
    """What a person sees.

    Args:
        checkout: what was scanned.
        scanned: what was found.
        counts: nodes by kind.
    """
    lines = []
    for result, project in zip(scanned.results, checkout.all, strict=True):
        lines.append(
            f"{result.repository} @ {result.commit[:12]}: {counted(result.files, 'file')}, {result.read} read"
            f" ({result.cached} unchanged)"
        )
        lines += [f"  {project.root / p.file}:{p.line}: {p.severity}: {p.message} [{p.rule}]"
                  for p in result.problems[:SHOWN_PROBLEMS]]  # fmt: skip
        if len(result.problems) > SHOWN_PROBLEMS:
            by_rule = Counter(p.rule for p in result.problems[SHOWN_PROBLEMS:])
            lines.append("  and " + ", ".join(f"{n} × {rule}" for rule, n in sorted(by_rule.items())))
    found = ", ".join(counted(n, kind.lower()) for kind, n in counts.items() if n and kind != "Unresolved")
    lines.append(f"graph: {found or 'nothing that is a service'} ({scanned.nodes} nodes, {scanned.edges} edges)")
    if counts["Unresolved"]:
        lines.append(f"{counted(counts['Unresolved'], 'loose end')}: testmesh graph unresolved")
    lines.append(f"{'updated' if scanned.changed else 'unchanged'} in {scanned.seconds:.2f} s")
    return "\n".join(lines)


COMMAND = Command("read repositories into the system graph", _arguments, _run, "Graph", brief=True)
