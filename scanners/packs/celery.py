"""Celery: tasks, and where they are sent from, by function, by name and by schedule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Unknown, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.python_tasks import mapping, module_name, sent, task_facts, task_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_BROKER = "celery"
_MARKS = ("task", "shared_task", "periodic_task")
_SENDS = ("delay", "apply_async", "delay_on_commit", "apply_async_on_commit")
_SIGNATURES = ("s", "si", "signature", "subtask", "signature_from_request")
_BY_NAME = ("send_task", "signature")
_SCHEDULES = ("beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE")
_OTHERS = ("huey", "prefect", "airflow", "invoke", "luigi", "taskiq", "dramatiq", "procrastinate", "fabric", "locust")


class Celery:
    """The Celery task queue."""

    name: str = "celery"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"celery", b"Celery", b".delay", b".apply_async", b"send_task", b"CELERY", b"_task")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Tasks and their senders.

        Args:
            parsed: a Python file.
        """
        names: set[str] = set()
        for scope in parsed.scopes:
            if scope.sort in ("function", "method"):
                for decorator in py.decorators(parsed, scope):
                    yield from _task(parsed, scope, decorator, names)
            elif scope.sort == "class" and any(b.rsplit(".", 1)[-1] == "Task" for b in scope.bases):
                yield from _task_class(parsed, scope)
        for site in parsed.called(*_SENDS, *_SIGNATURES, "send_task"):
            yield from _sent(parsed, site, names)
        yield from _scheduled(parsed)


def _task(code: PyCode, scope: Scope, decorator: Node, names: set[str]) -> Iterator[Fact]:
    site = code.site(decorator)
    dotted = site.dotted if site is not None else code.dotted(decorator)
    head, _, last = dotted.rpartition(".")
    if last not in _MARKS or (last == "task" and not _is_app(code, head, scope)):
        return
    if code.origin(dotted).startswith(_OTHERS):
        return
    given = site.arg(0 if last != "shared_task" else -1, "name") if site is not None else None
    name = code.value(given, scope.parent or scope) if given is not None else _default(code, scope)
    bound = site is not None and code.text(site.named.get("bind")) == "True"
    names.add(scope.name)
    yield from task_facts(code, scope, (_BROKER, name), 1 if bound else 0)


def _is_app(code: PyCode, head: str, scope: Scope) -> bool:
    """Whether ``head.task`` is Celery's: a Celery object, or a name for one of another module."""
    if not head:
        return False
    made_by = code.type_of(head, scope)
    if made_by:
        return "elery" in made_by or made_by.rsplit(".", 1)[-1] in ("Celery", "create_celery", "make_celery")
    origin = code.origin(head)
    return not origin.startswith(_OTHERS) and ("elery" in origin or head.rsplit(".", 1)[-1] in ("app", "capp", "queue"))


def _default(code: PyCode, scope: Scope) -> Value:
    return Lit(f"{module_name(code.path)}.{scope.name}")


def _task_class(code: PyCode, scope: Scope) -> Iterator[Fact]:
    run = code.scope(f"{scope.name}.run")
    if run is None or b"elery" not in code.data:
        return
    named = [a.value for a in code.assigned(scope, "name") if a.value is not None]
    yield from task_facts(code, run, (_BROKER, code.value(named[0], scope) if named else _default(code, scope)))


def _sent(code: PyCode, site: CallSite, names: set[str]) -> Iterator[Fact]:
    if site.method in _BY_NAME and site.args and _called_by_name(code, site):
        name = code.value(site.arg(0, "name", "varies"), site.scope)
        yield sent(code, site, (_BROKER, name), _packed(code, site, 1))
        return
    task = code.dotted(site.receiver) if site.receiver is not None else ""
    chained = code.site(site.receiver) if site.receiver is not None and not task else None
    if chained is not None and chained.method in _SIGNATURES:
        return
    if not task or (site.method in _SIGNATURES and not _is_task(code, task, names)):
        return
    if site.method in ("delay", "delay_on_commit", "s", "si"):
        given = (list(site.args), dict(site.named))
    else:
        given = _packed(code, site, 0)
    if task in ("self", "cls") or _is_canvas(code, task, site.scope):
        return
    yield sent(code, site, (_BROKER, task_of(code, task)), given)


def _is_canvas(code: PyCode, name: str, scope: Scope) -> bool:
    """Whether a name holds signatures, whose tasks were told where they were made."""
    made = code.made_of(name, scope)
    return made is not None and (made.method in _SIGNATURES or made.method in ("chain", "group", "chord", "chunks"))


def _called_by_name(code: PyCode, site: CallSite) -> bool:
    return (
        site.method == "send_task"
        or code.origin(site.dotted).startswith("celery")
        or (site.method == "signature" and site.args[0].type == "string")
    )


def _is_task(code: PyCode, task: str, names: set[str]) -> bool:
    found = code.imports.get(task.split(".", 1)[0])
    return task in names or (found is not None and "task" in f"{found.module}.{found.name}".lower())


def _packed(code: PyCode, site: CallSite, at: int) -> tuple[list[Node], dict[str, Node]]:
    """Arguments given as ``args=[...]`` and ``kwargs={...}``."""
    listed = site.arg(at, "args")
    args = list(listed.named_children) if listed is not None and listed.type in ("list", "tuple") else []
    return args, mapping(code, site.arg(at + 1, "kwargs"))


def _scheduled(code: PyCode) -> Iterator[Fact]:
    """``app.conf.beat_schedule = {"nightly": {"task": "tasks.clean", ...}}``."""
    found = [
        (a.value, a.scope) for a in code.assigns if a.target.rsplit(".", 1)[-1] in _SCHEDULES and a.value is not None
    ]
    found += [
        (s.named[n], s.scope) for s in code.called("update", "config_from_object") for n in _SCHEDULES if n in s.named
    ]
    for node, scope in found:
        for entry in mapping(code, node).values():
            parts = mapping(code, entry)
            task = code.value(parts["task"], scope) if "task" in parts else Unknown("a schedule without a task")
            fields = {"broker": _BROKER, "topic": task, "symbol": scope.name}
            yield Fact("publish", fields, Location(code.path, int(entry.start_point[0]) + 1))


PACK = Celery()
