"""From what differs in the files to where the graph begins to differ; the unplaceable counts for all near it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from graph.answers import Boundary, Hop
from graph.change import Change, ChangedItem, FileChange
from graph.linking.roles import aside
from graph.queries.impact.callers import callers_of, doors
from graph.queries.impact.outside import outside, root_of, services_of_repository, within
from graph.queries.impact.rules import CHANGED, DIFFERS, FED, SERVING
from graph.queries.impact.settings import told_of
from graph.queries.impact.spread import Seed
from graph.queries.impact.world import World
from graph.schema import Node

_CONSTRUCTORS = ("__init__", "constructor")
_UNDECORATED = (".py", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx")


@dataclass(slots=True)
class Start:
    """Where a change begins in the graph.

    Args:
        seeds: nodes that differ.
        flows: uid of a flow that changed itself, or whose own files did, to the hop that says so.
        loops: code that runs by itself and that the change concerns.
        ambient: the change is in effect whatever a flow does: a table differs.
        unknown: changes no rule could place.
        notes: what was left out, and why.
    """

    seeds: list[Seed] = field(default_factory=list)
    flows: dict[str, tuple[Hop, bool]] = field(default_factory=dict)
    loops: list[Seed] = field(default_factory=list)
    ambient: bool = False
    unknown: list[Boundary] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def starts(world: World, change: Change) -> Start:
    """Every seed of a change.

    Args:
        world: both revisions.
        change: what differs in the files.
    """
    start = Start()
    files = {f.path: f for f in change.files}
    for item in change.items:
        place = _Placing(world, change, item, files.get(item.file))
        _KINDS.get(item.kind, _file)(place, start)
    return start


@dataclass(frozen=True, slots=True)
class _Placing:
    world: World
    change: Change
    item: ChangedItem
    file: FileChange | None

    def hop(self, target: str, note: str = "", *, certain: bool = True) -> Hop:
        item = self.item
        what = item.detail or f"{item.kind} {item.name or item.file} {item.action}"
        status = "resolved" if certain else "candidate"
        return Hop("CHANGED", what, target, f"{item.file}:{item.line}", status, "diff", note)

    def paths(self) -> list[str]:
        old = self.file.old_path if self.file else self.item.file
        return list(dict.fromkeys([self.item.file, old]))

    def seed(self, node: Node, *modes: str, certain: bool = True) -> list[Seed]:
        return [Seed(node.uid, mode, self.hop(node.label, certain=certain), certain) for mode in modes]


def _symbol(place: _Placing, start: Start) -> None:
    repository, item = place.change.repository, place.item
    found = [n for n in (place.world.symbol(repository, p, item.name) for p in place.paths()) if n is not None]
    if _leads_nowhere(place, start):
        return
    if not found:
        _file(place, start)
        return
    if item.action == "modified" and _same_tokens(place):
        start.notes.append(f"{item.file}:{item.line}: only comments or layout of {item.name or 'the module'} differ")
        return
    whole = place.file is not None and place.file.status in ("added", "deleted")  # frameworks load files by their place
    if item.action != "modified" and not whole and all(_unused(place.world, n) for n in found):
        start.notes.append(f"{item.file}:{item.line}: nothing uses the function {item.name}")
        return
    for node in found:
        start.seeds += place.seed(node, CHANGED)
    if any(n.props.get("sort") == "class" for n in found):
        _members(place, found, start)
        for table in [d for d in place.world.of("Dataset") if any(_declares(n, d) for n in found)]:
            _users(place, table, start)


def _leads_nowhere(place: _Placing, start: Start) -> bool:
    """Whether no service runs the file; generated and copied code counts for the services it lies in."""
    why = outside(place.world, place.change, place.item.file)
    if why:
        start.notes.append(f"{place.item.file}: {why}")
    elif aside(place.item.file):
        _whole_services(place, start, certain=False)
    return bool(why)


def _unused(world: World, node: Node) -> bool:
    """A function that came or went and that nothing calls, names, registers or subscribes; what did, changed too."""
    named = "." not in node.key[2] and node.key[2] != "default"
    plain = node.props.get("sort") == "function" and not node.props.get("decorated") and named
    users = [*world.back(node.uid, "CALLS", "HANDLED_BY"), *world.out(node.uid, "CONSUMES")]
    return plain and not users and node.key[1].endswith(_UNDECORATED)


def _same_tokens(place: _Placing) -> bool:
    """Whether a symbol has the same tokens on both sides; moving its file is a change, and so is what people name."""
    if not place.change.base or (place.file is not None and place.file.status == "renamed"):
        return False
    repository, name = place.change.repository, place.item.name
    sides = []
    for nodes in place.world.sides(repository, frozenset(place.paths())):
        sides.append({n.props.get("digest") for n in nodes if n.key[2] == name})
    return sides[0] == sides[1] and len(sides[0]) == 1 and None not in sides[0] and "" not in sides[0]


def _members(place: _Placing, found: list[Node], start: Start) -> None:
    """A class's own body changed: its methods differ, and so does whatever only names the class as a type."""
    for owner in found:
        for name, node in place.world.symbols(owner.key[0], owner.key[1]).items():
            if name.startswith(f"{owner.key[2]}."):
                start.seeds += place.seed(node, CHANGED)


def _declares(owner: Node, table: Node) -> bool:
    """Whether a table is described in the body of a class: it is its model, or runs its queries."""
    first = int(owner.props.get("line") or 0)
    last = int(owner.props.get("end_line") or first)
    return any(e.file == owner.key[1] and first <= e.line <= last for e in table.evidence)


def _module(place: _Placing, start: Start) -> None:
    item = place.item
    if _leads_nowhere(place, start):
        return
    if item.action == "modified" and _same_tokens(place):
        start.notes.append(f"{item.file}:{item.line}: only comments or layout of the module differ")
        return
    for path in place.paths():
        for node in place.world.symbols(place.change.repository, path).values():
            start.seeds += place.seed(node, CHANGED)
    _whole_services(place, start, certain=False)


def _operation(place: _Placing, start: Start) -> None:
    method, _, path = place.item.name.partition(" ")
    matching = [n for n in place.world.of("Endpoint") if n.key[2] == method and _template(n, path)]
    here = [n for n in matching if any(e.file in place.paths() for e in n.evidence)]
    for node in here or matching:
        start.seeds += place.seed(node, SERVING, certain=False)
    if not matching:
        _file(place, start)


def _template(node: Node, path: str) -> bool:
    return path in (node.key[3], node.props.get("template")) or _holes(path) == _holes(node.key[3])


def _holes(path: str) -> list[str]:
    return ["{}" if part.startswith(("{", ":", "<")) else part for part in path.strip("/").split("/")]


def _table(place: _Placing, start: Start) -> None:
    name = place.item.name.rpartition(".")[2].strip('"`').lower()
    tables = [n for n in place.world.of("Dataset") if n.key[2].rpartition(".")[2].lower() == name]
    for table in tables:
        _users(place, table, start)
    if not tables and _runners(place, start):
        start.ambient = True
        return
    if place.item.detail.endswith(" is created") and _nobody_uses(place, tables):
        start.notes.append(f"{place.item.file}:{place.item.line}: nothing reads or writes the new table {name}")
        return
    start.ambient = True
    if not tables:
        _file(place, start)


def _users(place: _Placing, table: Node, start: Start) -> None:
    """A table differs, and so does all code that reads or writes it."""
    start.seeds += place.seed(table, DIFFERS)
    for number, user in place.world.back(table.uid, "READS", "WRITES"):
        mode = SERVING if user.kind == "Endpoint" else CHANGED
        sure = place.world.edge(number).resolution.status == "resolved"
        start.seeds += place.seed(user, mode, certain=sure)


def _runners(place: _Placing, start: Start) -> bool:
    """Who runs a function, procedure or trigger of the database: uses of tables that it stands in between."""
    found = False
    for table in place.world.of("Dataset"):
        for number, user in place.world.back(table.uid, "READS", "WRITES"):
            edge = place.world.edge(number)
            if any(e.file in place.paths() and e.line == place.item.line for e in edge.evidence):
                mode = SERVING if user.kind == "Endpoint" else CHANGED
                start.seeds += place.seed(user, mode, certain=edge.resolution.status == "resolved")
                start.seeds += place.seed(table, DIFFERS) if number[0] == "WRITES" else []
                found = True
    return found


def _nobody_uses(place: _Placing, tables: list[Node]) -> bool:
    """Whether a table surely has no users: its service's other tables have some, and no user's table is unknown."""
    world = place.world
    if any(world.back(table.uid, "READS", "WRITES") for table in tables):
        return False
    near = {s.uid for s in services_at(world, place.change.repository, place.item.file)}
    users = [u for d in world.of("Dataset") for _, u in world.back(d.uid, "READS", "WRITES")]
    seen = any(s.uid in near for u in users for s in world.services(u.uid))
    return seen and not world.open_ends("READS") and not world.open_ends("WRITES")


def _config(place: _Placing, start: Start) -> None:
    """Whoever reads a setting; the whole service where nobody is seen reading it, as frameworks do."""
    found = [n for n in place.world.of("Config") if n.key[1] == place.item.name]
    for config in found:
        readers = [r for r in place.world.back(config.uid, "CONFIGURED_BY") if r[1].kind != "Service"]
        for _, user in readers:
            for part in _reading(place.world, user):
                start.seeds += place.seed(part, CHANGED)
        if readers and all(place.world.edge(number).resolution.status == "resolved" for number, _ in readers):
            continue
        for service in place.world.of("Service"):
            if service.key[0] == config.key[0]:
                _service(place, start, service, certain=True)
    if not found:
        _file(place, start)


def _reading(world: World, user: Node) -> list[Node]:
    """A reader; a class that a framework makes is what its methods do with what it was given."""
    inside = f"{user.key[2]}." if user.props.get("sort") == "class" else ""
    everything = world.symbols(user.key[0], user.key[1]).items() if inside else ()
    methods = [n for name, n in everything if name.startswith(inside) and name[len(inside) :] not in _CONSTRUCTORS]
    return methods if methods and not callers_of(world, user) else [user, *methods]


def _deploy(place: _Placing, start: Start) -> None:
    services = [s for s in place.world.of("Service") if s.key[0] == place.item.name]
    stores = [s for s in place.world.of("Store") if s.key[1] == place.item.name]
    users = [s for d in (*services, *stores) for _, s in place.world.back(d.uid, "DEPENDS_ON")]
    if not services and not stores:
        _config(place, start)
        return
    for service in [*services, *users]:
        _service(place, start, service, certain=True)
    if stores or all(s.props.get("sort") == "infrastructure" for s in services):
        _kept(place, start, [*services, *stores], users)


def _kept(place: _Placing, start: Start, stores: list[Node], users: list[Node]) -> None:
    """A store or a broker differs: whoever uses what it keeps, and whoever is told of it and not seen using it."""
    world, name = place.world, place.item.name
    start.ambient = True
    kinds = {s.key[0] for s in stores if s.kind == "Store"}
    keeps = [d for d in world.of("Dataset") if d.key[1] == name]
    keeps += [t for t in world.of("Topic") if t.key[0] in kinds or (not kinds and not keeps)]
    seen = {s.uid for s in users}
    for thing in keeps:
        start.seeds += place.seed(thing, DIFFERS)
        for number, user in world.back(thing.uid, "READS", "WRITES", "PUBLISHES", "CONSUMES"):
            sure = world.edge(number).resolution.status == "resolved"
            start.seeds += place.seed(user, SERVING if user.kind == "Endpoint" else CHANGED, certain=sure)
            seen.update(s.uid for s in world.services(user.uid))
    hosts = {name, *(str(h) for s in stores for h in s.props.get("hosts") or ())}
    told = [s for s in told_of(world, hosts) if s.uid not in seen]
    for service in told or ([] if seen else services_of_repository(world, place.change.repository)):
        _service(place, start, service, certain=False)


def _dependency(place: _Placing, start: Start) -> None:
    _whole_services(place, start, certain=True)


def _flow(place: _Placing, start: Start) -> None:
    for node in place.world.of("Flow"):
        if node.key[0] == place.change.repository and node.key[1] in place.paths():
            start.flows[node.uid] = place.hop(node.label), True
    for step in place.world.of("Step"):
        for _, flow in place.world.back(step.uid, "CONTAINS") if step.props.get("action") == "run_flow" else ():
            start.flows.setdefault(flow.uid, (place.hop(flow.label, "runs other flows, maybe the changed one"), False))
    for flow in _naming(place):
        start.flows[flow.uid] = place.hop(flow.label, "runs the changed flow"), True


def _naming(place: _Placing) -> list[Node]:
    """Flows that name the changed file, directly or through flows they name."""
    ours = {f.key[1]: f for f in place.world.of("Flow") if f.key[0] == place.change.repository}
    users: dict[str, list[Node]] = {}
    for flow in ours.values():
        for name in flow.props.get("files") or ():
            users.setdefault(str(name), []).append(flow)
    found: dict[str, Node] = {}
    waiting = place.paths()
    while waiting:
        fresh = [f for f in users.get(waiting.pop(), []) if f.uid not in found]
        found.update({f.uid: f for f in fresh})
        waiting += [f.key[1] for f in fresh]
    return list(found.values())


def _annotation(place: _Placing, start: Start) -> None:
    start.notes.append(f"{place.item.file}: what testmesh.toml declares is already in the graph compared")


def _file(place: _Placing, start: Start) -> None:
    path = place.item.file
    ours = [f for f in place.world.of("Flow") if f.key[0] == place.change.repository]
    naming = _naming(place)
    for flow in naming:
        start.flows[flow.uid] = place.hop(flow.label, f"reads {path}, which changed"), True
    for flow in [f for f in ours if f.key[1] in place.paths()]:
        start.flows[flow.uid] = place.hop(flow.label), True
    near = [f for f in ours if _beside(f.key[1], path)]
    for flow in near:
        start.flows.setdefault(flow.uid, (place.hop(flow.label, "lies beside the flow and may be read by it"), False))
    if near or naming:
        return
    why = outside(place.world, place.change, path)
    if why:
        start.notes.append(f"{path}: {why}")
    else:
        start.unknown.append(Boundary(f"{path}:{place.item.line}", "no rule says what this part of the file does"))
        _whole_services(place, start, certain=False)


def _beside(flow: str, path: str) -> bool:
    folder = flow.rpartition("/")[0]
    return folder != "" and path.startswith(f"{folder}/")


def _whole_services(place: _Placing, start: Start, certain: bool) -> None:
    for service in services_at(place.world, place.change.repository, place.item.file):
        _service(place, start, service, certain)


def _service(place: _Placing, start: Start, service: Node, certain: bool) -> None:
    """A whole service differs: its operations and subscriptions, and what it runs by itself."""
    start.seeds += place.seed(service, CHANGED, certain=certain)
    for _, owned in place.world.out(service.uid, "OWNS"):
        if owned.kind == "Symbol" and not place.world.back(owned.uid, "CALLS") and not doors(place.world, owned.uid):
            start.loops += place.seed(owned, FED, certain=False)


def services_at(world: World, repository: str, path: str) -> list[Node]:
    """The services whose folder holds a path, those with the longest folder; all of the repository when none does.

    Args:
        world: both revisions.
        repository: repository name.
        path: repository-relative.
    """
    inside = within(world, repository, path)
    longest = max((len(root_of(s)) for s in inside), default=0)
    return [s for s in inside if len(root_of(s)) == longest] or services_of_repository(world, repository)


_Placer = Callable[[_Placing, Start], None]
_KINDS: Mapping[str, _Placer] = {
    "symbol": _symbol,
    "module": _module,
    "config": _config,
    "operation": _operation,
    "table": _table,
    "deploy": _deploy,
    "dependency": _dependency,
    "flow": _flow,
    "annotation": _annotation,
    "file": _file,
}
