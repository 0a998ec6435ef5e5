"""Bugs made by rule in any Python service: one small edit each, with a message that gives nothing away."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evals.failures import FailedRun
from evals.seeding import Edit, Sample, Seed, seeded
from fixtures.build import history
from testmesh.guard.git import Repository

MESSAGES = ("Small clean-up", "Simplify a bit", "Follow-up to review", "Less code", "Prepare the next step")
_LARGEST = 1 << 20
_SKIPPED = ("tracing", "telemetry", "__main__", "settings", "config")


@dataclass(frozen=True, slots=True)
class Spot:
    """One place a rule may change.

    Args:
        rule: name of the rule.
        path: file.
        start: (1-based line, 0-based column).
        end: the same, behind the last character.
        text: what comes there.
    """

    rule: str
    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def spots(path: str, source: str) -> Iterator[Spot]:
    """Every place of a file that some rule changes.

    Args:
        path: of the file.
        source: its text.
    """
    tree = ast.parse(source)
    modules = _imported(tree)
    for node in ast.walk(tree):
        for name, rule in _RULES.items():
            found = rule(node)
            if found is not None and not (name == "misspelt attribute" and found[1].partition(".")[0] in modules):
                place, text = found
                end = (place.end_lineno or place.lineno, place.end_col_offset or place.col_offset)
                yield Spot(name, path, (place.lineno, place.col_offset), end, text)


def _imported(tree: ast.Module) -> set[str]:
    """Names of modules and classes: misspelling those breaks the start, which no flow sees."""
    found = {"self", "cls"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign) and node.col_offset == 0:
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return found


_Found = tuple[ast.expr | ast.stmt, str] | None


def _renamed_key(node: ast.AST) -> _Found:
    if isinstance(node, ast.Dict) and len(node.keys) > 1:
        for key in node.keys[1:]:
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier():
                return key, f'"{key.value}_value"'
    return None


def _changed_status(node: ast.AST) -> _Found:
    other = {200: 202, 201: 200, 204: 200, 400: 422, 402: 400, 404: 400, 409: 400}
    if isinstance(node, ast.Call):
        for value in (*node.args, *(k.value for k in node.keywords)):
            if isinstance(value, ast.Constant) and type(value.value) is int and value.value in other:
                return value, str(other[value.value])
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        last = node.value.elts[-1]
        if isinstance(last, ast.Constant) and type(last.value) is int and last.value in other:
            return last, str(other[last.value])
    return None


_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.Gt: ">=",
    ast.LtE: "<",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
}


def _flipped(node: ast.AST) -> _Found:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SIGNS and len(node.ops) == 1:
        left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
        return node, f"{left} {_SIGNS[type(node.ops[0])]} {right}"
    return None


def _dropped_call(node: ast.AST) -> _Found:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = ast.unparse(node.value.func)
        if not called.startswith(("log", "super", "print", "threading", "signal")):
            return node, "pass"
    return None


def _misspelt(node: ast.AST) -> _Found:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
        return node, f"{node.value.id}.{node.attr}s"
    return None


def _miscounted(node: ast.AST) -> _Found:
    signs: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+"}
    numbers = isinstance(node, ast.BinOp) and not any(
        isinstance(n, ast.JoinedStr | ast.Constant) for n in ast.walk(node)
    )
    if isinstance(node, ast.BinOp) and numbers and type(node.op) in signs:
        return node, f"{ast.unparse(node.left)} {signs[type(node.op)]} {ast.unparse(node.right)}"
    return None


def _wrong_key(node: ast.AST) -> _Found:
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return None
    key = node.slice
    if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier():
        return key, f'"{key.value}_"'
    return None


_RULES: dict[str, Callable[[ast.AST], _Found]] = {
    "renamed key": _renamed_key,
    "changed status": _changed_status,
    "flipped comparison": _flipped,
    "dropped call": _dropped_call,
    "misspelt attribute": _misspelt,
    "miscounted": _miscounted,
    "wrong key": _wrong_key,
}


def by_rule(made: Sample, count: int, seed: int = 5) -> Iterator[FailedRun]:
    """Bugs on top of the whole history, spread over the rules.

    Args:
        made: the sample.
        count: how many.
        seed: of the choice.
    """
    newest = made.hashes[history(made.system).main[-1].id]
    sources = _python(made, newest)
    found = [spot for path, text in sorted(sources.items()) for spot in spots(path, text)]
    random.Random(seed).shuffle(found)
    chosen = _spread(found, count)
    for number, spot in enumerate(chosen):
        message = MESSAGES[number % len(MESSAGES)]
        text = sources[spot.path]
        edit = Edit(spot.path, text, applied(text, spot))
        head = seeded(made, newest, [Seed(f"rule {number}", message, (edit,))])[-1]
        name = f"{made.system}/rule/{spot.rule} {spot.path.rpartition('/')[2]}:{spot.start[0]}"
        yield FailedRun(name, made, "product regression", made.hashes["base"], head, culprit=head)


def _spread(found: list[Spot], count: int) -> list[Spot]:
    """Equally many of each rule as far as there are, one a line."""
    queues = {rule: [s for s in found if s.rule == rule] for rule in _RULES}
    chosen: list[Spot] = []
    while len(chosen) < count and any(queues.values()):
        for queue in queues.values():
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    return chosen


def _python(made: Sample, commit: str) -> dict[str, str]:
    repository = Repository(made.path)
    entries = {
        e.oid: e.path
        for e in repository.tree(commit)
        if e.path.endswith(".py") and not any(part in e.path for part in _SKIPPED)
    }
    blobs = repository.blobs(entries, limit=_LARGEST)
    return {entries[b.oid]: b.data.decode() for b in blobs if b.data}


def applied(text: str, spot: Spot) -> str:
    """The text with a spot changed.

    Args:
        text: of the file.
        spot: what to change.
    """
    lines = text.split("\n")
    first, last = lines[spot.start[0] - 1], lines[spot.end[0] - 1]
    head, tail = first.encode()[: spot.start[1]].decode(), last.encode()[spot.end[1] :].decode()
    return "\n".join([*lines[: spot.start[0] - 1], head + spot.text + tail, *lines[spot.end[0] :]])
