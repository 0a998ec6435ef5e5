"""How true the graph of a system is that somebody read by hand.

``python -m evals.scanning REPO_DIR TRUTH.json`` for one, ``python -m evals.scanning --all DIR_OF_MIRRORS`` for all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from os.path import splitext
from pathlib import Path
from typing import Any

from evals.scoring import CATEGORIES, Key, Row, compare, score
from evals.scoring_rows import Claims, TruthFile
from graph.linking.link import RepositoryFacts, link
from graph.schema import GraphData
from scanners.scan import ScanRequest, scan
from testmesh.kernel.errors import UserError

_CODE = frozenset(
    (".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".java", ".kt", ".go", ".cs", ".php", ".rb", ".rs", ".scala")
)


def scored(data: GraphData, truth: TruthFile) -> list[Row]:
    """Every row of every category, found, missed or wrongly claimed.

    Args:
        data: the graph.
        truth: the truth.
    """
    claims, excused = Claims(data, truth), truth.excuses()
    edges = truth.endpoint_edges()
    pairs = {
        "services": (claims.services(), truth.services()),
        "endpoints": (claims.endpoints(), truth.endpoints()),
        "service_edges": (claims.service_edges(), truth.service_edges()),
        "endpoint_edges": (claims.endpoint_edges(), edges),
        "publishes": (claims.topics("PUBLISHES"), truth.topics("publishes")),
        "consumes": (claims.topics("CONSUMES"), truth.topics("consumes")),
        "datasets": (claims.datasets(), truth.datasets()),
        "resolved": (claims.endpoint_edges(resolved=True), edges),
    }
    return [row for name in CATEGORIES for row in compare(name, *pairs[name], excused)]


def languages_read(data: GraphData) -> frozenset[str]:
    """Suffixes of the files whose code was read.

    Args:
        data: the graph.
    """
    return frozenset(splitext(n.key[1])[1] for n in data.nodes.values() if n.kind == "Symbol")


def report(rows: Sequence[Row], read: frozenset[str]) -> dict[str, Any]:
    """The JSON report.

    Args:
        rows: scored rows.
        read: suffixes of the files whose code was read; misses elsewhere say so.
    """
    business = [r for r in rows if not r.infrastructure]
    languages = sorted({r.language for r in business if r.language})
    out: dict[str, Any] = _figures(business)
    out["infrastructure"] = _figures([r for r in rows if r.infrastructure])
    out["by_language"] = {name: _figures([r for r in business if r.language == name]) for name in languages}
    absent = {r.key for r in rows if r.category == "endpoint_edges" and r.outcome == "fn"}
    out["misses"] = [_row(r) | {"why": _why(r, read, absent)} for r in rows if r.outcome == "fn"]
    out["false_alarms"] = [_row(r) for r in rows if r.outcome == "fp"]
    return out


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    return {name: score(rows, name).to_json() for name in CATEGORIES}


def _why(row: Row, read: frozenset[str], absent: set[Key]) -> str:
    suffix = splitext(row.place.rpartition(":")[0])[1]
    if suffix in _CODE and suffix not in read:
        return f"no scanner reads {suffix} files"
    return "a candidate only" if row.category == "resolved" and row.key not in absent else "not found"


def _row(row: Row) -> dict[str, Any]:
    return {
        "category": row.category,
        "row": list(row.key),
        "language": row.language,
        "infrastructure": row.infrastructure,
        "place": row.place,
    }


def table(figures: dict[str, Any], title: str) -> str:
    """A text table of one set of figures.

    Args:
        figures: of `report`, or one of its parts.
        title: first line.
    """
    lines = [title, f"  {'':16} {'tp':>4} {'fp':>4} {'fn':>4}  {'prec':>6} {'recall':>6} {'f1':>6}"]
    for name in CATEGORIES:
        row = figures[name]
        shown = ["   -  " if row[k] is None else f"{row[k]:6.3f}" for k in ("precision", "recall", "f1")]
        lines.append(f"  {name:16} {row['tp']:4} {row['fp']:4} {row['fn']:4}  {' '.join(shown)}")
    return "\n".join(lines)


def graph_of(folder: Path, revision: str | None) -> GraphData:
    """The graph of a repository at a revision, the work tree when it is None or not there.

    Args:
        folder: work tree or bare git directory.
        revision: 40 hex, or None.
    """
    try:
        found = scan(ScanRequest(folder, revision))
    except UserError:
        if revision is None or not (folder / ".git").exists():
            raise
        print(f"commit {revision} is not in {folder}; the work tree is scanned instead", file=sys.stderr)
        found = scan(ScanRequest(folder))
    return link([RepositoryFacts(found.repository, found.commit, found.facts)], "eval")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals.scanning", description=__doc__)
    parser.add_argument("repository", type=Path, nargs="?", help="work tree or bare git directory")
    parser.add_argument("truth", type=Path, nargs="?", help="truth file")
    parser.add_argument("--json", type=Path, help="write the whole report here")
    parser.add_argument("--worktree", action="store_true", help="scan the work tree, not the truth's commit")
    parser.add_argument("--all", type=Path, metavar="DIR", help="score every truth whose repository is fetched here")
    parser.add_argument("--truths", type=Path, nargs="+", help="folders with truth files, for --all")
    parser.add_argument("--judged", action="store_true", help="store the counts per rule in the product, for --all")
    return parser


def _every(chosen: argparse.Namespace) -> int:
    from evals.scanning_all import TRUTHS, lines, run

    result = run(chosen.all, chosen.truths or TRUTHS, chosen.json, write_judged=chosen.judged)
    print("\n".join(lines(result)))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command.

    Args:
        arguments: of the command line, without the program.
    """
    chosen = _parser().parse_args(arguments)
    if chosen.all is not None:
        return _every(chosen)
    if chosen.repository is None or chosen.truth is None:
        raise UserError("a repository and its truth file are needed, or --all", hint="see --help")
    data = json.loads(chosen.truth.read_text(encoding="utf-8"))
    truth = TruthFile(data)
    graph = graph_of(chosen.repository, None if chosen.worktree else data.get("commit"))
    result = report(scored(graph, truth), languages_read(graph))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(table(result, f"{data['repo']} — business rows"))
    print(table(result["infrastructure"], "infrastructure and operational rows"))
    for language, figures in result["by_language"].items():
        print(table(figures, f"{language} rows"))
    for name in ("misses", "false_alarms"):
        print(f"{name.replace('_', ' ')}: {len(result[name])}")
        for row in result[name]:
            mark = " (infrastructure)" if row["infrastructure"] else ""
            why = f": {row['why']}" if "why" in row else ""
            print(f"  {row['category']:15} {' '.join(row['row'])}  [{row['language']}] {row['place']}{mark}{why}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""), file=sys.stderr)
        sys.exit(error.exit_code)
