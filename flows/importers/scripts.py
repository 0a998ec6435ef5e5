"""Test scripts statement by statement: what they check, what they keep, and what cannot be said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flows.importers.chai import expectations
from flows.importers.draft import NotCarried, variable
from flows.importers.javascript import (
    JsValue,
    Scope,
    arguments_of,
    calls_on,
    dotted_name,
    function_of,
    named,
    parsed,
    part,
    string_of,
    text_of,
)
from flows.importers.js_expressions import ELEMENT, translated, truth

if TYPE_CHECKING:
    from tree_sitter import Node

BODY_TEXT = "(body is string ? body : to_json(body))"
_OWN = re.compile(r"\"(?:\\.|[^\"\\])*\"|(?<![\w.\"'])(body|status|headers|duration_ms|cookies|http_version)\b")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a tool calls things in its scripts.

    Args:
        test: dotted names of ``test(name, function)``.
        expect: dotted names of ``expect(value)``.
        response: beginning of chains about the response (``pm.response.to``), or empty.
        respond: assertions of such chains.
        sets: dotted names of functions that set a variable.
        asserts: dotted names of ``assert(condition, message)``.
        silent: dotted names of calls without meaning for a verdict.
        known: dotted name → expression.
        calls: dotted name → what a call of it is.
        checks: dotted names of functions that check something → the assertion.
        exports: object whose fields become variables, or empty.
    """

    test: frozenset[str]
    expect: frozenset[str]
    response: str
    respond: Callable[[list[tuple[str, list[Node] | None]], Scope], list[str]]
    sets: frozenset[str]
    asserts: frozenset[str]
    silent: frozenset[str]
    known: Mapping[str, JsValue]
    calls: Mapping[str, Callable[[list[Node], Scope], JsValue]]
    checks: Mapping[str, Callable[[list[Node], Scope], str]] = field(default_factory=dict)
    exports: str = ""


@dataclass(slots=True)
class Read:
    """What a script does.

    Args:
        checks: assertion and the name of its test.
        sets: variable → expression.
        refused: line in the script, the statement, and why it cannot be said.
    """

    checks: list[tuple[str, str]] = field(default_factory=list)
    sets: dict[str, JsValue] = field(default_factory=dict)
    refused: list[tuple[int, str, str]] = field(default_factory=list)


class Script:
    """Reads one script.

    Args:
        dialect: of its tool.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.found = Read()

    def read(self, text: str) -> Read:
        """Everything in it.

        Args:
            text: of the script.
        """
        root = parsed(text)
        if root.has_error:
            self.found.refused.append((1, text.strip().split("\n")[0], "this is no JavaScript"))
            return self.found
        scope = Scope(self.dialect.known, self.dialect.calls)
        self._block(root, scope, _Context())
        return self.found

    def _block(self, node: Node, scope: Scope, context: _Context) -> None:
        for statement in named(node):
            self._statement(statement, scope, context)

    def _statement(self, node: Node, scope: Scope, context: _Context) -> None:
        try:
            take = _STATEMENTS.get(node.type)
            if take is None:
                raise NotCarried("a statement of this kind has no counterpart")
            take(self, node, scope, context)
        except NotCarried as reason:
            self.found.refused.append((node.start_point[0] + 1, text_of(node), str(reason)))
        except IndexError:  # a call with fewer arguments than its function takes
            self.found.refused.append((node.start_point[0] + 1, text_of(node), "a value is missing"))

    def _declaration(self, node: Node, scope: Scope, context: _Context) -> None:
        for declared in named(node):
            name, value = part(declared, "name"), declared.child_by_field_name("value")
            if name.type != "identifier" or value is None:
                continue
            scope.names.pop(text_of(name), None)
            try:
                scope.names[text_of(name)] = translated(value, scope)
            except NotCarried:
                continue  # whoever uses the name is told

    def _if(self, node: Node, scope: Scope, context: _Context) -> None:
        condition = truth(translated(part(node, "condition"), scope))
        self._branch(part(node, "consequence"), scope, context.under(condition))
        other = node.child_by_field_name("alternative")
        if other is not None:
            self._branch(named(other)[0], scope, context.under(f"not ({condition})"))

    def _branch(self, node: Node, scope: Scope, context: _Context) -> None:
        if node.type == "statement_block":
            self._block(node, scope.inner(), context)
        else:
            self._statement(node, scope, context)

    def _expression(self, node: Node, scope: Scope, context: _Context) -> None:
        inner = named(node)[0]
        if inner.type == "await_expression":
            inner = named(inner)[0]
        if inner.type == "assignment_expression":
            self._assignment(inner, scope, context)
        elif inner.type == "string":
            return
        else:
            self._action(inner, scope, context)

    def _assignment(self, node: Node, scope: Scope, context: _Context) -> None:
        left, right = part(node, "left"), part(node, "right")
        if left.type == "subscript_expression" and text_of(part(left, "object")) == "tests":
            self._check(truth(translated(right, scope)), context.called(string_of(part(left, "index"))))
        elif self.dialect.exports and (dotted_name(left) or "").startswith(f"{self.dialect.exports}."):
            self._keep(text_of(part(left, "property")), translated(right, scope), scope, context)
        elif left.type == "identifier":
            scope.names[text_of(left)] = translated(right, scope)
        else:
            raise NotCarried("an assignment to this has no counterpart")

    def _action(self, node: Node, scope: Scope, context: _Context) -> None:
        dialect = self.dialect
        name = dotted_name(part(node, "function")) if node.type == "call_expression" else None
        if name is not None and self._named_call(name, node, scope, context):
            return
        if node.type == "call_expression" and text_of(node).startswith(tuple(f"{e}(" for e in dialect.expect)):
            self._expect(node, scope, context)
        elif dialect.response and text_of(node).startswith(dialect.response + "."):
            links = list(calls_on(node))[dialect.response.count(".") + 1 :]
            for expression in dialect.respond(links, scope):
                self._check(expression, context)
        elif node.type == "call_expression" and name is not None and name.endswith(".forEach"):
            self._each(node, scope, context)
        elif not self._is_expect(node, scope, context):
            raise NotCarried("this has no counterpart")

    def _named_call(self, name: str, node: Node, scope: Scope, context: _Context) -> bool:
        """A call of a function the tool is known to have."""
        dialect = self.dialect
        if name in dialect.silent:
            return True
        if name in dialect.test:
            self._test(arguments_of(node), scope, context)
        elif name in dialect.sets:
            self._set(arguments_of(node), scope, context)
        elif name in dialect.checks:
            self._check(dialect.checks[name](arguments_of(node), scope), context)
        elif name in dialect.asserts:
            self._assert(arguments_of(node), scope, context)
        else:
            return False
        return True

    def _is_expect(self, node: Node, scope: Scope, context: _Context) -> bool:
        """``pm.expect(x).to.be.true``: not a call at the end."""
        if not text_of(node).startswith(tuple(f"{name}(" for name in self.dialect.expect)):
            return False
        self._expect(node, scope, context)
        return True

    def _test(self, arguments: list[Node], scope: Scope, context: _Context) -> None:
        if len(arguments) < 2:
            raise NotCarried("a test needs a name and a function")
        title = text_of(arguments[0]) if arguments[0].type != "string" else string_of(arguments[0])
        _, body = function_of(arguments[1])
        inner = context.called(title)
        if body.type == "statement_block":
            self._block(body, scope.inner(), inner)
        else:
            self._action(body, scope, inner)

    def _expect(self, node: Node, scope: Scope, context: _Context) -> None:
        links = list(calls_on(node))
        at = next(at for at, (name, arguments) in enumerate(links) if name == "expect" and arguments is not None)
        arguments = links[at][1] or []
        if not arguments:
            raise NotCarried("nothing is expected")
        for expression in expectations(translated(arguments[0], scope), links[at + 1 :], scope):
            self._check(expression, context)

    def _assert(self, arguments: list[Node], scope: Scope, context: _Context) -> None:
        if not arguments:
            raise NotCarried("a condition is missing")
        said = string_of(arguments[1]) if len(arguments) > 1 and arguments[1].type == "string" else ""
        self._check(truth(translated(arguments[0], scope)), context.called(said) if said else context)

    def _set(self, arguments: list[Node], scope: Scope, context: _Context) -> None:
        if len(arguments) < 2:
            raise NotCarried("a name and a value are needed")
        self._keep(string_of(arguments[0]), translated(arguments[1], scope), scope, context)

    def _keep(self, written: str, value: JsValue, scope: Scope, context: _Context) -> None:
        if context.guards or context.over:
            raise NotCarried("a variable that is set only sometimes has no counterpart")
        name = variable(written)
        self.found.sets[name] = value
        scope.names[f"set {name}"] = value

    def _each(self, node: Node, scope: Scope, context: _Context) -> None:
        items = translated(part(part(node, "function"), "object"), scope)
        parameter, body = function_of(arguments_of(node)[0])
        inner = scope.inner()
        inner.names[parameter] = ELEMENT
        self._branch(body, inner, context.each(items.text))

    def _check(self, expression: str, context: _Context) -> None:
        if BODY_TEXT in expression and re.search(r'"[^"]*[\s,:{}\[\]\\][^"]*"', expression.replace(BODY_TEXT, "")):
            raise NotCarried("the text of a JSON body is not seen as it came")
        for items in reversed(context.over):
            expression = f"all({items}, {expression})"
        for guard in reversed(context.guards):
            expression = f"not ({guard}) or ({expression})"
        self.found.checks.append((expression, context.title))


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a statement stands: the test, the conditions, the loops around it."""

    title: str = ""
    guards: tuple[str, ...] = ()
    over: tuple[str, ...] = ()

    def called(self, title: str) -> _Context:
        return _Context(title, self.guards, self.over)

    def under(self, condition: str) -> _Context:
        if self.over:
            raise NotCarried("a condition inside a loop has no counterpart")
        return _Context(self.title, (*self.guards, condition), self.over)

    def each(self, items: str) -> _Context:
        if self.over:
            raise NotCarried("a loop inside a loop has no counterpart")
        return _Context(self.title, self.guards, (*self.over, items))


_STATEMENTS: Mapping[str, Callable[[Script, Node, Scope, _Context], None]] = {
    "lexical_declaration": Script._declaration,
    "variable_declaration": Script._declaration,
    "if_statement": Script._if,
    "expression_statement": Script._expression,
    "empty_statement": lambda script, node, scope, context: None,
    "statement_block": Script._branch,
}


def of_step(expression: str, step: str) -> str:
    """An expression about a step's own result, as a later step writes it.

    Args:
        expression: over ``body``, ``status``, ``headers``.
        step: id of the step.
    """
    return _OWN.sub(lambda found: f"{step}.{found[1]}" if found[1] else found[0], expression)


def value_or_template(expression: str, step: str) -> object:
    """What a `set` step writes for a value.

    Args:
        expression: over the step's own result, or a literal.
        step: id of the step.
    """
    try:
        value: object = json.loads(expression)
    except ValueError:
        return f"${{{of_step(expression, step)}}}"
    return value if not isinstance(value, str) else value.replace("${", "$${").replace("{{", '{{ "{{" }}')
