"""Two versions of a file in, the named things that changed out; what no rule explains is said as the file itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from graph.change import ChangedItem, FileChange, Hunk, ItemKind
from graph.facts import SourceFile, encode_fact
from graph.values import Fact
from scanners.idioms.noise import sort_of
from scanners.readers import Readers
from scanners.unread import unread

_DOCUMENTS = (".md", ".rst", ".txt", ".adoc", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf")
_NAMELESS = re.compile(rb"""(?:\xef\xbb\xbf)?\s*(import\s*['"]|require\(['"]|package\s+\w|namespace\s+\w)""")
_PLACE = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:package|namespace)\s")
_DOCUMENT_NAMES = ("LICENSE", "NOTICE", "AUTHORS", "CODEOWNERS", ".gitignore", ".editorconfig", ".gitattributes")


@dataclass(frozen=True, slots=True)
class Versions:
    """A changed file with both of its contents.

    Args:
        change: what happened to it.
        old: bytes on the base side, None when it is not there or not read.
        new: bytes on the head side, None when it is not there or not read.
    """

    change: FileChange
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class _Thing:
    """A named thing on one side: how it looks without positions, the lines it covers, what is done to it."""

    kind: ItemKind
    name: str
    looks: str
    line: int
    last: int
    done: str = ""


_NAMED = re.compile(r"'named': '([^']+)'")


def _service(fact: Fact) -> str:
    return str(fact.get("service") or fact.get("gateway") or fact.get("name") or fact.get("root") or "")


_NAMES: dict[str, tuple[ItemKind, Callable[[Fact], str]]] = {
    "env_value": ("config", lambda f: str(f.get("key", ""))),
    "operation": ("operation", lambda f: f"{f.get('method')} {f.get('path')}"),
    "table": ("table", lambda f: str(f.get("dataset", ""))),
    "service": ("deploy", _service),
    "route": ("deploy", _service),
    "depends": ("deploy", _service),
    "env_file": ("deploy", _service),
    "root": ("deploy", _service),
    "dependency": ("dependency", lambda f: str(f.get("name", ""))),
    "flow": ("flow", lambda f: str(f.get("name", ""))),
    "declared_service": ("annotation", lambda f: str(f.get("name", ""))),
    "declared_edge": ("annotation", lambda f: f"{f.get('source')} -> {f.get('to')}"),
    "dismissed": ("annotation", lambda f: f"{f.get('source')} -> {f.get('to')}"),
    "ignore": ("annotation", lambda f: str(f.get("match", ""))),
}


def items(readers: Readers, versions: Versions) -> list[ChangedItem]:
    """What changed in a file.

    Args:
        readers: what reads it.
        versions: both sides.
    """
    change = versions.change
    aside = _aside(change.path, versions.new or versions.old or b"")
    if aside and not readers.is_extra(change.path):
        return [_whole(change, change.hunks, aside)]
    old = _facts(readers, change.old_path, versions.old)
    new = _facts(readers, change.path, versions.new)
    if any(f.kind == "symbol" for f in (*old, *new)):
        return _code(versions, old, new)
    path = change.old_path
    silent = unread(versions.old, versions.new, change.hunks, lambda data: _read_of(_facts(readers, path, data)))
    return _described(change, old, new, (silent, _statements(versions, old, new)))


def _read_of(facts: Sequence[Fact]) -> dict[tuple[str, str], str]:
    return {key: thing.looks for key, thing in _things(facts).items()}


def _statements(versions: Versions, old: Sequence[Fact], new: Sequence[Fact]) -> dict[Hunk, ChangedItem]:
    """SQL: what of a statement that makes a table is not read (a default, a check) is still about that table."""
    change, found = versions.change, {}
    if not change.path.endswith(".sql") or versions.old is None or versions.new is None:
        return {}
    for side, data, facts in (("old", versions.old, old), ("new", versions.new, new)):
        lines = data.splitlines()
        for fact in facts:
            if fact.kind != "table" or fact.get("sort"):
                continue
            first = fact.at.line
            last = next((n for n, line in enumerate(lines[first - 1 :], first) if b";" in line), 0)
            for hunk in change.hunks:
                start, count = (hunk.old_start, hunk.old_lines) if side == "old" else (hunk.new_start, hunk.new_lines)
                if count and first <= start and start + count - 1 <= last:
                    name = str(fact.get("dataset", ""))
                    found[hunk] = ChangedItem("table", "modified", change.path, first, name, "", (hunk,))
    return found


def _aside(path: str, data: bytes) -> str:
    """Why a file's change cannot reach the deployed system, empty when it can."""
    name = path.rsplit("/", 1)[-1]
    if (path.lower().endswith(_DOCUMENTS) and not name.startswith("requirements")) or name in _DOCUMENT_NAMES:
        return "documentation"
    sort = sort_of(path, data[:4096])
    return sort if sort in ("test", "example", "vendored") else ""


def _facts(readers: Readers, path: str, data: bytes | None) -> list[Fact]:
    return [f for f in readers.facts(SourceFile(path, data)) if f.kind != "problem"] if data is not None else []


def _code(versions: Versions, old: Sequence[Fact], new: Sequence[Fact]) -> list[ChangedItem]:
    change, before, after = versions.change, _symbols(old), _symbols(new)
    found = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was is not None and now is not None and was.get("digest") == now.get("digest"):
            continue
        if name == "" and (was is None or now is None) and not _only_module(before if now is None else after):
            continue
        found.append(_symbol_item(change, name, was, now))
    if not any(i.kind == "module" for i in found):
        found += _rebound(change, old, new) or _replaced(versions)
    found += _described(change, old, new)
    if change.status == "renamed" and not any(i.kind == "module" for i in found):
        found.append(ChangedItem("module", "modified", change.path, 1, "", f"moved from {change.old_path}"))
    return found


def _rebound(change: FileChange, old: Sequence[Fact], new: Sequence[Fact]) -> list[ChangedItem]:
    """Names that are imported from somewhere else now: every user of them may differ though its text does not."""
    before, after = _imported(old), _imported(new)
    used = {str(f.get("name")).split(".", 1)[0] for f in new if f.kind == "use"}
    used |= {
        name.split(".", 1)[0] for f in new if f.kind == "call" for name in [str(getattr(f.get("callee"), "name", ""))]
    }
    for local, (origins, line) in sorted(after.items()):
        moved = local in before and before[local][0] != origins
        side_effect = local not in before and _may_act(change, local, used)
        if moved or side_effect:
            detail = f"import of {local} changed" if moved else f"imports {', '.join(sorted(origins))}"
            inside = tuple(h for h in change.hunks if _touches(h, line, line, "new"))
            return [ChangedItem("module", "modified", change.path, line, "", detail, inside)]
    return []


def _replaced(versions: Versions) -> list[ChangedItem]:
    """Statements that name nothing and yet decide what the file is part of, or runs when it is loaded."""
    change = versions.change
    sides = [(versions.old or b"").splitlines(), (versions.new or b"").splitlines()]
    for hunk in change.hunks:
        old = sides[0][hunk.old_start - 1 : hunk.old_start - 1 + hunk.old_lines]
        new = sides[1][hunk.new_start - 1 : hunk.new_start - 1 + hunk.new_lines]
        told = [line for line in (*old, *new) if _NAMELESS.match(line)]
        if versions.old is None or versions.new is None:  # a whole file that comes or goes moves nothing else
            told = [line for line in told if not _PLACE.match(line)]
        if told:
            shown = told[-1].strip()[:80].decode("utf-8", "replace")
            return [ChangedItem("module", "modified", change.path, hunk.new_start, "", f"`{shown}` differs", (hunk,))]
    return []


def _may_act(change: FileChange, local: str, used: set[str]) -> bool:
    """Whether a new import may do something by itself; where imports only name, only unnamed ones of a new file."""
    if change.status == "added" and change.path.endswith((".java", ".kt", ".cs", ".go")):
        return local in ("*", "_", ".")
    return local == "*" or local not in used


def _imported(facts: Sequence[Fact]) -> dict[str, tuple[frozenset[str], int]]:
    found: dict[str, tuple[frozenset[str], int]] = {}
    for fact in facts:
        if fact.kind == "import":
            origins, line = found.get(str(fact.get("local")), (frozenset(), fact.at.line))
            origin = f"{fact.get('module')}.{fact.get('name')}" if fact.get("name") else str(fact.get("module"))
            found[str(fact.get("local"))] = (origins | {origin}, line)
    return found


def _only_module(symbols: dict[str, Fact]) -> bool:
    return set(symbols) == {""}


def _symbols(facts: Iterable[Fact]) -> dict[str, Fact]:
    return {str(f.get("name")): f for f in facts if f.kind == "symbol"}


def _symbol_item(change: FileChange, name: str, was: Fact | None, now: Fact | None) -> ChangedItem:
    shown = now or was
    if shown is None:
        raise ValueError("a symbol without sides")
    kind: ItemKind = "symbol" if name else "module"
    if was is None or now is None:
        action = "added" if was is None else "removed"
        detail = f"new {shown.get('sort')}" if was is None else f"{shown.get('sort')} is gone"
    else:
        action = "modified"
        same = was.get("params") == now.get("params")
        detail = "its body changed" if same else f"parameters changed to ({', '.join(now.get('params', ()))})"
    sides = [(f, side) for f, side in ((was, "old"), (now, "new")) if f is not None]
    inside = tuple(
        h for h in change.hunks if any(_touches(h, f.at.line, f.at.end_line or f.at.line, s) for f, s in sides)
    )
    return ChangedItem(kind, action, shown.at.file, shown.at.line, name, detail, inside)  # type: ignore[arg-type]


def _last(fact: Fact) -> int:
    return fact.at.end_line or fact.at.line


def _touches(hunk: Hunk, first: int, last: int, side: str) -> bool:
    start, lines = (hunk.old_start, hunk.old_lines) if side == "old" else (hunk.new_start, hunk.new_lines)
    return first <= start + max(lines, 1) - 1 and start <= last


_Leftovers = tuple[frozenset[Hunk], Mapping[Hunk, ChangedItem]]


def _described(
    change: FileChange, old: Sequence[Fact], new: Sequence[Fact], leftovers: _Leftovers | None = None
) -> list[ChangedItem]:
    before, after = _things(old), _things(new)
    found: list[ChangedItem] = []
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was is not None and now is not None and was.looks == now.looks:
            continue
        found.append(_thing_item(change, was, now))
    if leftovers is None:
        return found
    silent, stated = leftovers
    explained = {h for item in found for h in item.hunks} - silent
    found += [item for hunk, item in stated.items() if hunk not in explained]
    explained |= stated.keys()
    rest = tuple(h for h in change.hunks if h not in explained)
    absorbed = any(i.kind in ("operation", "flow") for i in found)
    if rest and not absorbed:
        found.append(_whole(change, rest, _unread(old, new)))
    elif not found:
        found.append(_whole(change, change.hunks, _unread(old, new)))
    return found


def _unread(old: Sequence[Fact], new: Sequence[Fact]) -> str:
    return "nothing that scanners read in it changed" if old or new else "no scanner reads it"


def _things(facts: Sequence[Fact]) -> dict[tuple[str, str], _Thing]:
    """Things by kind and name; several facts about one thing are taken together."""
    known = sorted((f for f in facts if f.kind in _NAMES), key=lambda f: f.at.line)
    flow = next((f for f in known if f.kind == "flow"), None)
    if flow is not None:
        looks = "\n".join(_looks(f) for f in facts)
        return {("flow", str(flow.get("name"))): _Thing("flow", str(flow.get("name")), looks, 1, 1 << 30)}
    found: dict[tuple[str, str], _Thing] = {}
    types = {str(f.get("name")): f for f in facts if f.kind == "type"}
    for index, fact in enumerate(known):
        kind, naming = _NAMES[fact.kind]
        name = naming(fact)
        following = next((f.at.line for f in known[index + 1 :] if f.at.line > fact.at.line), 1 << 30)
        last = max(fact.at.end_line, following - 1)
        earlier = found.get((kind, name))
        looks, done = _looks(fact) + _carried(fact, types), str(fact.get("op") or "")
        if earlier is not None:
            looks, line, last = f"{earlier.looks}\n{looks}", earlier.line, max(earlier.last, last)
            done = done if done == earlier.done else "alter"
        else:
            line = fact.at.line
        found[(kind, name)] = _Thing(kind, name, looks, line, last, done)
    return found


def _carried(fact: Fact, types: Mapping[str, Fact]) -> str:
    """How the messages look that an operation carries by name, those inside them included."""
    looks: list[str] = []
    todo = [_looks(fact)] if fact.kind in ("operation", "channel") and types else []
    seen: set[str] = set()
    while todo:
        for name in _NAMED.findall(todo.pop()):
            if name in types and name not in seen:
                seen.add(name)
                looks.append(_looks(types[name]))
                todo.append(looks[-1])
    return "\n".join(looks)


def _looks(fact: Fact) -> str:
    return repr(encode_fact(fact)[:2])


def _thing_item(change: FileChange, was: _Thing | None, now: _Thing | None) -> ChangedItem:
    shown = now or was
    if shown is None:
        raise ValueError("a thing without sides")
    action = "added" if was is None else "removed" if now is None else "modified"
    file = change.path if now is not None else change.old_path
    inside = tuple(
        h
        for h in change.hunks
        if any(t is not None and _touches(h, t.line, t.last, side) for t, side in ((was, "old"), (now, "new")))
    )
    detail = f"{shown.name} is created" if action == "added" and shown.done == "create" else ""
    return ChangedItem(shown.kind, action, file, shown.line, shown.name, detail, inside)  # type: ignore[arg-type]


def _whole(change: FileChange, hunks: tuple[Hunk, ...], detail: str) -> ChangedItem:
    action = {"added": "added", "deleted": "removed"}.get(change.status, "modified")
    line = hunks[0].new_start if hunks else 1
    if change.status == "renamed":
        detail = f"{detail}; moved from {change.old_path}"
    return ChangedItem("file", action, change.path, max(1, line), change.path, detail, hunks)  # type: ignore[arg-type]
