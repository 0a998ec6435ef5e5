"""What runs in Java without being called by name: event listeners, aspects, anonymous classes handed out as beans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact
from scanners.idioms.java import Mark, items
from scanners.idioms.java_noise import HEADS, foreign, words
from scanners.idioms.java_scopes import base_nodes

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_LISTENERS = words(
    """EventListener TransactionalEventListener ApplicationModuleListener EventHandler CommandHandler QueryHandler
    EventSourcingHandler SagaEventHandler ExceptionHandler Subscribe Observes ObservesAsync DomainEventHandler"""
)
_IMPLEMENTED = {"ApplicationListener": "onApplicationEvent", "ExceptionMapper": "toResponse"}
_ADVICE = ("Around", "Before", "After", "AfterReturning", "AfterThrowing")
_ANNOTATED = re.compile(r"@(?:annotation|within|target)\(\s*([\w.]+)\s*\)")
_EXECUTED = re.compile(r"(?:execution|within)\(\s*(?:[\w.*<>\[\]]+\s+)*?([a-z][\w.]*\.[A-Z]\w*)(?:\.[\w*]+)?\s*[(\)]")
_POINTCUT = re.compile(r"\b(\w+)\(\)")


def facts(code: JavaCode) -> Iterator[Fact]:
    """Every `around` fact of a file.

    Args:
        code: the file.
    """
    yield from _listeners(code)
    if "Aspect" in code.marks:
        yield from _aspects(code)
    yield from _annotated(code)
    yield from _anonymous(code)


def _around(code: JavaCode, node: Node, what: str, runs: str) -> Fact:
    return Fact("around", {"what": what, "runs": runs, "symbol": ""}, code.at(node))


def _listeners(code: JavaCode) -> Iterator[Fact]:
    """A listener runs whenever an event of the type it takes is made."""
    for name in sorted(_LISTENERS & code.marks.keys()):
        for mark in code.marks[name]:
            if mark.scope.sort == "method":
                for event in _events(code, mark):
                    yield _around(code, mark.node, event, mark.scope.name)
    for scope in code.scopes[1:]:
        for base in base_nodes(scope.node) if scope.sort == "class" and scope.bases else ():
            args = code.type_args(base)
            method = _IMPLEMENTED.get(code.type_text(base))
            if method and args:
                yield _around(code, scope.node, code.type_text(args[0]), f"{scope.name}.{method}")


def _events(code: JavaCode, mark: Mark) -> list[str]:
    listed = [code.text(n).removesuffix(".class") for n in items(mark.arg("value", "classes", "condition"))]
    named = [n for n in listed if n[:1].isupper() and n.replace(".", "").isidentifier()]
    if named:
        return named
    params = code.params.get(mark.scope.name, ())
    taken = [p for p in params if p.name == mark.member] if mark.member else list(params[:1])
    return [t for p in taken if (t := code.type_text(p.type))[:1].isupper() and t not in HEADS]


def _aspects(code: JavaCode) -> Iterator[Fact]:
    pointcuts = {m.scope.name.rsplit(".", 1)[-1]: code.string(m.arg("value")) for m in code.marks.get("Pointcut", ())}
    for name in _ADVICE:
        for mark in code.marks.get(name, ()):
            text = code.string(mark.arg("value", "pointcut"))
            text += " ".join(pointcuts.get(called, "") for called in _POINTCUT.findall(text))
            params = {p.name: code.type_text(p.type) for p in code.params.get(mark.scope.name, ())}
            for found in (*_ANNOTATED.findall(text), *_EXECUTED.findall(text)):
                yield _around(code, mark.node, _short(code, params.get(found) or found), mark.scope.name)


def _short(code: JavaCode, full: str) -> str:
    """A full class name as this file can look it up: without a package that is its own."""
    package, _, simple = full.rpartition(".")
    return simple if package and package == code.package else full


def _annotated(code: JavaCode) -> Iterator[Fact]:
    """What an annotation of ours marks: aspects of that annotation run with it."""
    stars = any(foreign(star) for star in code.stars)
    for name, marks in code.marks.items():
        found = code.imports.get(name)
        if (found is None and (stars or name not in _ours(code))) or (found is not None and foreign(found.module)):
            continue
        for mark in marks:
            if not mark.member and mark.scope.name and not foreign(mark.full):
                yield _around(code, mark.node, mark.scope.name, mark.name)


def _ours(code: JavaCode) -> frozenset[str]:
    """Annotations that may be of the file's own package: all but the language's."""
    return frozenset(code.marks) - {"Override", "Deprecated", "SuppressWarnings", "FunctionalInterface", "SafeVarargs"}


def _anonymous(code: JavaCode) -> Iterator[Fact]:
    """``new Price() { int of(...) {...} }``: calls of Price.of may run the code around the anonymous class."""
    for node in code.inline:
        body = node.parent
        made = body.parent if body is not None else None
        if made is not None and made.type == "enum_constant":
            owner = code.scope_at(node.start_byte).name
            yield _around(code, node, f"{owner}.{code.text(node.child_by_field_name('name'))}", owner)
            continue
        declared = made.child_by_field_name("type") if made is not None else None
        written = code.type_text(declared)
        found = code.imports.get(written.partition(".")[0])
        if not written or written in HEADS or (found is not None and foreign(found.module)):
            continue
        runs = code.scope_at(node.start_byte).name
        if runs:
            yield _around(code, node, f"{written}.{code.text(node.child_by_field_name('name'))}", runs)
