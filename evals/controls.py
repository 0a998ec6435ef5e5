"""No link where only names agree, and every link where it is real: ``python -m evals.controls --json FILE``.

Five services, one a language, share paths, ports, variable names, topic, table and class names. Deployed apart (five
repositories, and one with five unrelated folders) there is nothing between them; wired together there is a ring of
calls, one topic and one table. The second keeps an empty graph from passing the first.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.systems import Files, Shelf, workspace
from graph.schema import Edge, GraphData, Node

DATA = Path(__file__).with_name("data") / "controls.toml"
_MESSAGES, _DATA = ("PUBLISHES", "CONSUMES"), ("READS", "WRITES")
_LINKS = ("CALLS", "ROUTES_TO")


@dataclass(frozen=True, slots=True)
class Team:
    """One of the services.

    Args:
        language: its language.
        service: its name.
        files: path to text, relative to its own folder.
    """

    language: str
    service: str
    files: Files


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Two services that a graph brings together.

    Args:
        kind: calls, topic or dataset.
        source: one service, with its repository.
        target: the other.
        what: endpoint, topic or dataset.
        status: the surest resolution.
    """

    kind: str
    source: str
    target: str
    what: str
    status: str


def teams(path: Path = DATA) -> list[Team]:
    """The services of the control.

    Args:
        path: its data.
    """
    data = tomllib.loads(path.read_text(encoding="utf-8"))["services"]
    return [Team(name, row["service"], row["files"]) for name, row in data.items()]


def links(graph: GraphData) -> list[Link]:
    """Everything that brings two services together: calls between them, topics and datasets both use.

    Args:
        graph: of the workspace.
    """
    owners = _owners(graph)
    found: dict[tuple[str, ...], Link] = {}
    for link in (*_calls(graph, owners), *_shared(graph, owners)):
        key = link.kind, link.source, link.target, link.what
        if key not in found or link.status == "resolved":
            found[key] = link
    return sorted(found.values())


def _owners(graph: GraphData) -> Mapping[str, list[str]]:
    owners: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges.values():
        if edge.kind == "OWNS":
            owners[edge.target].append(_name(graph.nodes[edge.source]))
    for node in graph.nodes.values():
        if node.kind == "Service":
            owners[node.uid].append(_name(node))
    return owners


def _name(service: Node) -> str:
    return service.key[0]


def _calls(graph: GraphData, owners: Mapping[str, list[str]]) -> Iterator[Link]:
    for edge in graph.edges.values():
        if edge.kind in _LINKS:
            for source in owners.get(edge.source, ()):
                for target in owners.get(edge.target, ()):
                    if source != target:
                        yield Link("calls", source, target, graph.nodes[edge.target].label, edge.resolution.status)


def _shared(graph: GraphData, owners: Mapping[str, list[str]]) -> Iterator[Link]:
    users: dict[str, dict[str, Edge]] = defaultdict(dict)
    for edge in graph.edges.values():
        if edge.kind in (*_MESSAGES, *_DATA) and graph.nodes[edge.target].kind in ("Topic", "Dataset"):
            for service in owners.get(edge.source, ()):
                users[edge.target][service] = edge
    for uid, by_service in users.items():
        node = graph.nodes[uid]
        for source in sorted(by_service):
            for target in sorted(by_service):
                if source < target:
                    sure = all(by_service[s].resolution.status == "resolved" for s in (source, target))
                    status = "resolved" if sure else "candidate"
                    yield Link(node.kind.lower(), source, target, node.label, status)


def apart(folder: Path) -> GraphData:
    """A workspace of five repositories that have nothing to do with each other; each deploys a service `api`.

    Args:
        folder: for the repositories.
    """
    sources = []
    for team in teams():
        shelf = Shelf(folder / team.service, team.service)
        compose = _compose([_entry("api", ".", _outside("kafka", "db")), *_backing("kafka", "db")])
        sources.append(shelf.facts(shelf.commit({**team.files, "docker-compose.yml": compose})))
    return workspace(sources)


def folders(folder: Path) -> GraphData:
    """One repository with five unrelated services in folders, each with a compose file, broker and database of its own.

    Args:
        folder: for the repository.
    """
    files: dict[str, str] = {}
    for team in teams():
        own, broker, store = team.service, f"{team.service}-kafka", f"{team.service}-db"
        compose = _compose([_entry(own, ".", _outside(broker, store)), *_backing(broker, store)])
        files |= {f"{own}/{path}": text for path, text in team.files.items()}
        files[f"{own}/docker-compose.yml"] = compose
    shelf = Shelf(folder / "folders", "folders")
    return workspace([shelf.facts(shelf.commit(files))])


def wired(folder: Path) -> GraphData:
    """The positive twin: the same services in one deployment, each calling the next, on one broker and one database.

    Args:
        folder: for the repository.
    """
    made, all_teams = _backing("kafka", "db"), teams()
    files: dict[str, str] = {}
    for number, team in enumerate(all_teams):
        following = all_teams[(number + 1) % len(all_teams)].service
        address = f"http://{following}:8080"
        env = {"API_URL": address, "SERVICE_URL": address, **_backed("kafka", "db")}
        made.append(_entry(team.service, f"./{team.service}", env))
        files |= {f"{team.service}/{path}": text for path, text in team.files.items()}
    shelf = Shelf(folder / "wired", "wired")
    return workspace([shelf.facts(shelf.commit({**files, "docker-compose.yml": _compose(made)}))])


def expected() -> list[tuple[str, str, str, str]]:
    """What the wired twin must show: (kind, source, target, what)."""
    found, names = [], [t.service for t in teams()]
    for number, name in enumerate(names):
        following = names[(number + 1) % len(names)]
        found += [("calls", name, following, f"{following}:GET {path}") for path in ("/api/orders", "/users/{}")]
    for kind in ("topic", "dataset"):
        what = "orders" if kind == "topic" else "users"
        found += [(kind, a, b, what) for a in sorted(names) for b in sorted(names) if a < b]
    return found


def _outside(broker: str, store: str) -> dict[str, str]:
    return {"API_URL": "https://api.partner.example", **_backed(broker, store)}


def _backed(broker: str, store: str) -> dict[str, str]:
    return {"KAFKA_BROKERS": f"{broker}:9092", "DATABASE_URL": f"postgresql://{store}:5432/app"}


def _entry(name: str, build: str, env: Mapping[str, str]) -> str:
    lines = [f"  {name}:", f"    build: {build}", '    ports: ["8080:8080"]', "    environment:"]
    return "\n".join([*lines, *(f"      {key}: {value}" for key, value in env.items())])


def _backing(broker: str, store: str) -> list[str]:
    return [f"  {broker}:\n    image: apache/kafka:3.8.0", f"  {store}:\n    image: postgres:16"]


def _compose(entries: Sequence[str]) -> str:
    return "\n".join(["services:", *entries, ""])


def missing(found: Sequence[Link]) -> list[str]:
    """Expected links of the wired twin that are not there.

    Args:
        found: links of its graph.
    """
    have = [(link.kind, {link.source, link.target}, link.what) for link in found]
    lost = []
    for kind, source, target, what in expected():
        if not any(k == kind and pair == {source, target} and _same(w, what, kind) for k, pair, w in have):
            lost.append(f"{kind} {source} -> {target} {what}")
    return lost


def _same(shown: str, wanted: str, kind: str) -> bool:
    return shown == wanted if kind == "calls" else re.split(r"[:/.]", shown)[-1] == wanted


def measured(folder: Path) -> dict[str, Any]:
    """The report.

    Args:
        folder: for the repositories.
    """
    controls = {"apart": links(apart(folder)), "folders": links(folders(folder))}
    twin = links(wired(folder))
    lost = missing(twin)
    wrong = [f"{name}: {_told(link)}" for name, found in controls.items() for link in found]
    total = len(expected())
    return {
        "edges_between_unrelated": len(wrong),
        "resolved_between_unrelated": sum(link.status == "resolved" for found in controls.values() for link in found),
        "wrong": wrong,
        "twin": {"expected": total, "found": total - len(lost), "missing": lost},
        "links": {name: [asdict(link) for link in found] for name, found in (*controls.items(), ("wired", twin))},
    }


def _told(link: Link) -> str:
    return f"{link.kind} {link.source} - {link.target}: {link.what} ({link.status})"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command.

    Args:
        arguments: of the command line, without the program.
    """
    parser = argparse.ArgumentParser(prog="python -m evals.controls", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        report = measured(Path(folder))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    twin = report["twin"]
    print(f"edges between unrelated services: {report['edges_between_unrelated']}")
    print("\n".join(f"  {line}" for line in report["wrong"]))
    print(f"links of the wired twin: {twin['found']} of {twin['expected']}")
    print("\n".join(f"  missing: {line}" for line in twin["missing"]))
    return 0 if not report["wrong"] and not twin["missing"] else 1


if __name__ == "__main__":
    sys.exit(main())
