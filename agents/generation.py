"""Writes a flow for a gap: text that validates and runs, which its reader then makes precise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from graph.answers import CoverageRow
from graph.queries.coverage.reading import Reading, passed, read, written
from graph.schema import Json, Node
from graph.store import GraphStore, Subgraph

_HOLE = re.compile(r"\{([^{}]*)\}")
_NAMED_HOLE = re.compile(r"\{(\w*)[^{}]*\}|<(?:\w+:)?(\w+)>|:(\w+)")
_VARIABLE = re.compile(r"^\$\{(\w+)\}$")
_LOCAL = re.compile(r"^(localhost|127\.0\.0\.1):\d+$")
_WORD = re.compile(r"[^A-Za-z0-9]+")
_SQL = ("sql", "postgresql", "mysql", "mariadb", "sqlite", "mssql", "oracle")
_SAMPLES: Mapping[str, Json] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}
_OF_ERRORS = ("message", "error", "errors", "detail")
_EASY = ("404", "400", "422", "200", "201")
_DEEP = 6


def skeletons(store: GraphStore) -> Callable[[CoverageRow], str]:
    """A writer of flows for the gaps of one graph; it gives an empty text where no action can reach the gap.

    Args:
        store: the graph the gaps are of.
    """
    system = _System(read(store), store.slice((), ("ACCEPTS", "RETURNS")))
    return system.flow


@dataclass(slots=True)
class _Text:
    """A flow file under construction.

    Args:
        name: flow name.
        env: variable to its text.
        steps: step blocks, as lines.
    """

    name: str
    env: dict[str, str] = field(default_factory=dict)
    steps: list[list[str]] = field(default_factory=list)

    def step(self, id: str, action: str, config: Mapping[str, Json], **more: list[str]) -> None:
        lines = [f"    - id: {id}", f"      action: {action}", "      config:"]
        lines += [f"        {key}: {_scalar(value)}" for key, value in config.items()]
        for name, entries in more.items():
            if entries:
                lines += [f"      {'assert' if name == 'checks' else name}:", *(f"        {e}" for e in entries)]
        self.steps.append(lines)

    def text(self) -> str:
        lines = ["flow:", f"  name: {_scalar(self.name)}", "  tags: [generated]"]
        if self.env:
            lines += ["  env:", *(f"    {name}: {_scalar(value)}" for name, value in self.env.items())]
        return "\n".join([*lines, "  steps:", *(line for step in self.steps for line in step)]) + "\n"


def _scalar(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _System:
    reading: Reading
    payloads: Subgraph

    def flow(self, row: CoverageRow) -> str:
        node = self.reading.graph.nodes.get(row.uid)
        if node is None:
            return ""
        out = _Text(f"Covers {row.label}")
        if row.dimension in ("endpoint", "status class", "error branch"):
            wanted = "" if row.dimension == "endpoint" else row.label.rpartition(" ")[2]
            done = self._call(out, node, "call", wanted)
        elif row.dimension == "edge":
            done = self._edge(out, node, row)
        else:
            done = self._trigger(out, node) and self._look(out, node)
        return out.text() if done else ""

    def _edge(self, out: _Text, source: Node, row: CoverageRow) -> bool:
        """Enter where the way over the call begins."""
        for door in self._endpoints():
            if source.uid in passed(self.reading, [door.uid]):
                return self._call(out, door, "call", "")
        target = next((e for e in self._endpoints() if row.label.endswith(f"-> {e.label}")), None)
        return target is not None and self._call(out, target, "call", "")

    def _endpoints(self) -> list[Node]:
        found = [e for e in self.reading.of("Endpoint") if e.key[1] == "http" and not e.props.get("operational")]
        return sorted(found, key=lambda e: ("{" in e.key[3], e.label))

    def _trigger(self, out: _Text, target: Node) -> bool:
        """Something that makes the topic or dataset change, where one is known."""
        for door in self._endpoints():
            if any(target.uid in uids for uids in written(self.reading, door.uid).values()):
                return self._call(out, door, "cause", "")
        return True

    def _look(self, out: _Text, node: Node) -> bool:
        if node.kind == "Topic":
            return self._listen(out, node.key[0], node.key[1])
        store, name = node.key[0], node.key[2]
        if store in _SQL:
            query = f"SELECT * FROM {name} LIMIT 5"
            out.step("look", "database_query", {"query": query}, checks=["- result.count >= 1"])
        elif store in ("redis", "valkey"):
            out.step("look", "redis", {"command": "KEYS", "args": [_HOLE.sub("*", name)]}, checks=["- count >= 1"])
        else:
            return False
        return True

    def _listen(self, out: _Text, broker: str, name: str) -> bool:
        if broker == "kafka":
            out.step("look", "kafka_consumer", {"topic": name, "timeout": "10s"}, checks=["- count >= 1"])
        elif "stream" in broker:
            out.step("look", "redis", {"command": "XRANGE", "args": [name, "-", "+"]}, checks=["- count >= 1"])
        elif broker in ("redis", "valkey"):
            out.step("look", "redis_subscribe", {"channel": name, "timeout": "10s"}, checks=["- count >= 1"])
        else:
            return False
        return True

    def _call(self, out: _Text, door: Node, id: str, wanted: str) -> bool:
        """A request to an endpoint, after another one that makes what its path names.

        `wanted` is a status, a class such as 4xx, or empty for success.
        """
        if door.key[1] != "http":
            return False
        wanted = self._concrete(door, wanted)
        method = "GET" if door.key[2] == "ANY" else door.key[2]
        base = self._address(out, door.key[0])
        missing = wanted in ("404", "410")
        path = self._filled(out, door, "" if missing else f"{id}_needs", base)
        config: dict[str, Json] = {"method": method, "url": f"${{{base}}}{path}"}
        query = door.props.get("query") or ()
        if query and wanted not in ("400", "422"):
            config["query"] = dict.fromkeys(map(str, query), "text")
        shape = self._shape(door, "ACCEPTS")
        if method in ("POST", "PUT", "PATCH"):
            config["body"] = {} if wanted in ("400", "422") else _sample(shape)
        out.step(id, "http_request", config, checks=self._checks(door, wanted))
        return True

    def _concrete(self, door: Node, wanted: str) -> str:
        """A status of a wanted class that the operation is known to answer; the one easiest to bring about first."""
        said = sorted(str(s) for s in (*(door.props.get("statuses") or ()), *(door.props.get("errors") or ())))
        of_class = [s for s in said if wanted.endswith("xx") and s[:1] == wanted[0] and s.isdigit()]
        return min(of_class, key=lambda s: (s not in _EASY, s), default=wanted)

    def _checks(self, door: Node, wanted: str) -> list[str]:
        said = sorted(str(s) for s in door.props.get("statuses") or () if str(s).isdigit())
        if wanted.endswith("xx"):
            low = int(wanted[0]) * 100
            return [f"- status >= {low}", f"- status < {low + 100}"]
        if wanted.isdigit():
            return [f"- status == {wanted}"]
        success = next((s for s in said if s.startswith("2")), "")
        checks = [f"- status == {success}" if success else "- status < 400"]
        shape = self._shape(door, "RETURNS")
        names = [f["name"] for f in (shape or {}).get("fields", ()) if f.get("required") is not False]
        return checks + [f"- body.{name} exists" for name in names if name.isidentifier() and name not in _OF_ERRORS]

    def _filled(self, out: _Text, door: Node, maker: str, base: str) -> str:
        """The path with each hole filled by what was made before, a variable, or a value nothing has."""
        template = str(door.props.get("template") or door.key[3])
        names = iter(["".join(found) for found in _NAMED_HOLE.findall(template)])
        path = door.key[3]
        parent = path.partition("/{")[0]
        made = self._maker(door, parent) if maker else None
        made_id = self._identity(made) if made is not None else ""
        if made is not None and made_id:
            config: dict[str, Json] = {"method": "POST", "url": f"${{{base}}}{parent}"}
            config["body"] = _sample(self._shape(made, "ACCEPTS"))
            out.step(maker, "http_request", config, output=[f"made_id: $.body.{made_id}"])
        values = iter([f"${{{maker}.made_id}}"] if made_id else [])

        def fill(_: re.Match[str]) -> str:
            name, known = next(names, ""), next(values, "")
            return known or (_variable(out, name) if maker else "${RANDOM_ID}")

        return _HOLE.sub(fill, path)

    def _maker(self, door: Node, parent: str) -> Node | None:
        return next(
            (e for e in self._endpoints() if e.key[0] == door.key[0] and e.key[2:] == ("POST", parent)),
            None,
        )

    def _identity(self, made: Node) -> str:
        shape = self._shape(made, "RETURNS") or {}
        names = [str(f["name"]) for f in shape.get("fields", ())]
        fitting = [n for n in names if n in ("id", "uuid", "key")] or [n for n in names if n.endswith("id")]
        return fitting[0] if fitting else ""

    def _shape(self, door: Node, kind: str) -> dict[str, Json] | None:
        """The payload of an operation; of several answers, that of the lowest status."""
        ends = [e for e in self.payloads.edges if e[0] == kind and e[1] == door.uid]
        nodes = sorted((self.payloads.nodes[e[2]] for e in ends), key=lambda n: n.label)
        shapes = [n.props.get("shape") for n in nodes]
        return next((s for s in shapes if isinstance(s, dict) and s.get("type") == "object"), None)

    def _address(self, out: _Text, service: str) -> str:
        """A variable with the service's base URL: the environment's own where the service says so."""
        name = _WORD.sub("_", service).strip("_").upper() or "SERVICE"
        name = name if name[0].isalpha() else f"S_{name}"
        hosts = [str(h) for s in self.reading.of("Service") if s.key[0] == service for h in s.props.get("hosts") or ()]
        variables = [m[1] for h in hosts if (m := _VARIABLE.match(h))]
        variable = min(variables, key=lambda v: (v == name, v), default=f"{name}_URL")
        local = next((h for h in hosts if _LOCAL.match(h)), "localhost:8080")
        if variable == name:
            name = f"{name}_BASE"
        out.env.setdefault(name, f"${{{variable}:http://{local}}}")
        return name


def _variable(out: _Text, name: str) -> str:
    """A variable for a value that only the system's people know; `--var` or the file sets it."""
    variable = _WORD.sub("_", name.rsplit(":", maxsplit=1)[-1]).strip("_").upper() or "ID"
    out.env.setdefault(variable, "1")
    return f"${{{variable}}}"


def _sample(shape: Json, deep: int = 0) -> Json:
    """A value of a shape, the same every time.

    Args:
        shape: JSON form of a Shape, or None.
        deep: nesting so far.
    """
    if not isinstance(shape, dict) or deep > _DEEP:
        return {} if deep == 0 else "text"
    kind = shape.get("type")
    if kind == "object":
        return {f["name"]: _member(f, deep) for f in shape.get("fields", ()) if f.get("required") is not False}
    if kind == "array":
        return [_sample(shape["item"], deep + 1)] if "item" in shape else []
    return _SAMPLES.get(str(kind), "text")


def _member(field_: Mapping[str, Json], deep: int) -> Json:
    enum = field_.get("enum")
    return enum[0] if enum else _sample(field_.get("shape"), deep + 1)
