"""Smaller task queues: RQ, Dramatiq, arq, Huey and taskiq, each as a row of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Value
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.messages import listed
from scanners.idioms.python_tasks import mapping, module_name, parameters_shape, sent, task_facts, task_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode


@dataclass(frozen=True, slots=True)
class _Queue:
    """A library whose tasks are decorated functions.

    Args:
        broker: kind of topic.
        mark: what must occur in the file.
        decorators: last part of a decorator.
        name: keyword of the task's name.
        sends: methods that send a task with its own arguments.
    """

    broker: str
    mark: bytes
    decorators: tuple[str, ...]
    name: str
    sends: tuple[str, ...]


_QUEUES = (
    _Queue("dramatiq", b"dramatiq", ("actor",), "actor_name", ("send", "send_with_options", "message")),
    _Queue("huey", b"huey", ("task", "periodic_task"), "name", ("schedule",)),
    _Queue("taskiq", b"taskiq", ("task",), "task_name", ("kiq",)),
    _Queue("procrastinate", b"procrastinate", ("task",), "name", ("defer", "defer_async")),
)
_RQ = ("enqueue", "enqueue_in", "enqueue_at", "enqueue_call")
_RQ_JOB = ("rq.decorators.job", "django_rq.job", "django_rq.decorators.job")
_RQ_OWN = ("job_timeout", "result_ttl", "failure_ttl", "ttl", "depends_on", "job_id", "retry", "on_success", "meta")


class TaskQueues:
    """RQ, Dramatiq, arq, Huey, taskiq, procrastinate."""

    name: str = "task_queues"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (
        b"dramatiq",
        b"huey",
        b"taskiq",
        b"procrastinate",
        b".enqueue",
        b"arq",
        b"rq",
        b"actor",
        b".kiq",
        b"task",
    )

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Tasks and their senders.

        Args:
            parsed: a Python file.
        """
        for queue in _QUEUES:
            if queue.mark in parsed.data or parsed.called(*queue.sends):
                yield from _library(parsed, queue)
        yield from _rq(parsed)
        yield from _arq(parsed)


def _library(code: PyCode, queue: _Queue) -> Iterator[Fact]:
    names: set[str] = set()
    for scope in code.scopes:
        if scope.sort == "function" and queue.mark in code.data:
            for decorator in py.decorators(code, scope):
                site = code.site(decorator)
                dotted = site.dotted if site is not None else code.dotted(decorator)
                if dotted.rsplit(".", 1)[-1] in queue.decorators and _ours(code, dotted, scope, queue):
                    names.add(scope.name)
                    skip = int(site is not None and site.arg(-1, "pass_context") is not None)
                    yield from task_facts(code, scope, (queue.broker, _named(code, scope, site, queue)), skip)
    for site in code.called(*queue.sends):
        task = code.dotted(site.receiver) if site.receiver is not None else ""
        if task and (task in names or _imported_task(code, task, queue)):
            yield sent(code, site, (queue.broker, task_of(code, task)), _given(code, site))


def _ours(code: PyCode, dotted: str, scope: Scope, queue: _Queue) -> bool:
    """Whether a decorator is this library's, as far as the file says what it is a method of."""
    head = dotted.rpartition(".")[0]
    made_by = code.type_of(head, scope) if head else ""
    origin = made_by or code.origin(dotted)
    return queue.mark.decode() in origin.lower() or (not made_by and origin == dotted)


def _named(code: PyCode, scope: Scope, site: CallSite | None, queue: _Queue) -> Value:
    given = site.arg(-1, queue.name) if site is not None else None
    if given is not None:
        return code.value(given, scope.parent or scope)
    own = scope.name.rsplit(".", 1)[-1]
    return Lit(own if queue.broker == "dramatiq" else f"{module_name(code.path)}.{own}")


def _imported_task(code: PyCode, task: str, queue: _Queue) -> bool:
    """A task of another module: the sending method is the library's own, or the module is one of tasks."""
    found = code.imports.get(task.split(".", 1)[0])
    if found is None:
        return False
    where = f"{found.module}.{found.name}".lower()
    return queue.sends in (("kiq",), ("defer", "defer_async")) or any(m in where for m in ("task", "actor", "worker"))


def _given(code: PyCode, site: CallSite) -> tuple[list[Node], dict[str, Node]]:
    if site.method == "send_with_options":
        listed = site.arg(-1, "args")
        return (list(listed.named_children) if listed is not None else []), mapping(code, site.arg(-1, "kwargs"))
    return list(site.args), dict(site.named)


def _rq(code: PyCode) -> Iterator[Fact]:
    """``queue.enqueue(function, args)``: the topic is the queue's name, as workers listen to queues."""
    for site in code.called(*_RQ):
        queue = _rq_queue(code, site)
        at = 1 if site.method in ("enqueue_in", "enqueue_at") else 0
        if queue is None or len(site.args) <= at:
            continue
        named = {n: v for n, v in site.named.items() if n not in _RQ_OWN}
        yield sent(code, site, ("rq", queue), (list(site.args[at + 1 :]), named))
    for site in code.called("Worker", "SimpleWorker"):
        if code.callee(site).startswith("rq") and site.args:
            for node in listed(code, site.args[0], site.scope):
                dotted = code.dotted(node)
                made = code.site(node) or (code.made_of(dotted, site.scope) if dotted else None)
                name = made.arg(0, "name") if made is not None and made.method == "Queue" else node
                topic = code.value(name, site.scope) if name is not None else Lit("default")
                fields = {"broker": "rq", "topic": topic, "symbol": site.scope.name}
                yield Fact("consume", fields, Location(code.path, site.line))
    yield from _rq_jobs(code)


def _rq_jobs(code: PyCode) -> Iterator[Fact]:
    """``@job("emails")``: the function works on that queue; ``delay`` puts one there."""
    queues: dict[str, Value] = {}
    for scope in code.scopes if b"job" in code.data and b"rq" in code.data else ():
        for decorator in py.decorators(code, scope) if scope.sort == "function" else ():
            site = code.site(decorator)
            if code.origin(site.dotted if site else code.dotted(decorator)) not in _RQ_JOB:
                continue
            name = site.arg(0, "queue") if site is not None else None
            queue = code.value(name, scope.parent or scope) if name is not None else Lit("default")
            queues[scope.name] = queue
            yield Fact("consume", {"broker": "rq", "topic": queue, "symbol": scope.name}, code.at(scope.node))
    for site in code.called("delay") if queues else ():
        task = code.dotted(site.receiver) if site.receiver is not None else ""
        if task in queues:
            yield sent(code, site, ("rq", queues[task]), (list(site.args), dict(site.named)))


def _rq_queue(code: PyCode, site: CallSite) -> Value | None:
    made_by = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    if not made_by.startswith(("rq.", "django_rq.")):
        return None
    dotted = code.dotted(site.receiver)
    made = (
        code.made_of(dotted, site.scope) if dotted else code.site(site.receiver) if site.receiver is not None else None
    )
    given = made.arg(0, "name") if made is not None else None
    return code.value(given, made.scope) if made is not None and given is not None else Lit("default")


def _arq(code: PyCode) -> Iterator[Fact]:
    """arq: ``redis.enqueue_job("download", url)`` and ``class WorkerSettings: functions = [download]``."""
    sorts = ("string", "identifier", "attribute") if b"arq" in code.data else ("string",)
    for site in code.called("enqueue_job"):
        if site.args and site.args[0].type in sorts:
            name = code.value(site.args[0], site.scope)
            yield sent(code, site, ("arq", name), (list(site.args[1:]), _plain(site)))
    for assign in code.assigns:
        if assign.target == "functions" and assign.scope.sort == "class" and b"arq" in code.data:
            for node in listed(code, assign.value, assign.scope):
                yield from _arq_task(code, node, assign.line)


def _plain(site: CallSite) -> dict[str, Node]:
    return {n: v for n, v in site.named.items() if not n.startswith("_")}


def _arq_task(code: PyCode, node: Node, line: int) -> Iterator[Fact]:
    name = code.dotted(node)
    if not name:
        return
    scope = code.scope(name)
    fields: dict[str, object] = {"broker": "arq", "topic": Lit(name.rsplit(".", 1)[-1]), "symbol": name}
    shape = parameters_shape(code, scope, 1) if scope is not None else None
    if shape is not None and shape.fields:
        fields["shape"] = shape
    yield Fact("consume", fields, Location(code.path, line))


PACK = TaskQueues()
