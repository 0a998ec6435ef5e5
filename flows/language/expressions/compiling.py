"""A tree becomes nested closures once, so that evaluating it four hundred times costs nothing to speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flows.language.errors import MissingField, NotEvaluable, SyntaxProblem, TypeMismatch, Undecided
from flows.language.expressions import tree as t
from flows.language.expressions.arithmetic import OPERATORS, negate
from flows.language.expressions.frame import Frame, Run
from flows.language.expressions.paths import field_of, item_of, slice_of
from flows.language.expressions.words import EFFECTS
from flows.language.masked_text import Masked, hiding
from flows.language.values import MAX_TEXT, as_text, described, type_name, typed_text

_PATHS = (t.Name, t.Member, t.Index, t.Element, t.Root, t.PathOf, t.Faker)


def compiled(tree: t.Tree) -> Run:
    """The closure that evaluates a tree.

    Args:
        tree: any node.

    Raises:
        SyntaxProblem: a path or pattern in it does not compile.
    """
    return _COMPILERS[type(tree)](tree)


def boolean(value: object, what: str) -> bool:
    """A condition's value.

    Args:
        value: what it evaluated to.
        what: how to call it in the message.

    Raises:
        TypeMismatch: not a boolean.
    """
    if value is True or value is False:
        return value
    raise TypeMismatch(f"{what} must be a boolean, not {described(value)}")


def _literal(tree: t.Literal) -> Run:
    value = tree.value
    return lambda frame: value


def _joined(tree: t.Joined) -> Run:
    parts = [part if isinstance(part, str) else compiled(part) for part in tree.parts]

    def run(frame: Frame) -> object:
        written = [part if isinstance(part, str) else as_text(part(frame)) for part in parts]
        text = "".join(written)
        frame.spend(len(text) // 1000)
        if len(text) > MAX_TEXT:
            raise NotEvaluable(f"text of more than {MAX_TEXT:,} characters")
        return hiding(text, written)

    return run


def _default(tree: t.Default) -> Run:
    from flows.language.errors import StepDidNotRun, UnknownName

    name = tree.name
    default = typed_text(tree.default)

    def run(frame: Frame) -> object:
        try:
            return frame.scope.lookup(name)
        except StepDidNotRun:
            raise
        except UnknownName:
            return default

    return run


def _name(tree: t.Name) -> Run:
    name = tree.name
    return lambda frame: frame.scope.lookup(name)


def _faker(tree: t.Faker) -> Run:
    provider = tree.provider
    return lambda frame: frame.scope.effect("faker", (provider,))


def _element(tree: t.Element) -> Run:
    return lambda frame: frame.element


def _root(tree: t.Root) -> Run:
    return lambda frame: frame.scope.document()


def _path_of(tree: t.PathOf) -> Run:
    from flows.language.jsonpath import compile_jsonpath

    try:
        path = compile_jsonpath(tree.path)
    except SyntaxProblem as problem:
        at = tree.start + 1 + problem.offset
        raise SyntaxProblem(problem.message, at, problem.length, rule="expr/path") from None

    return lambda frame: path.value(frame.scope.document())


def _member(tree: t.Member) -> Run:
    target = compiled(tree.target)
    name = tree.name

    def run(frame: Frame) -> object:
        value = target(frame)
        if type(value) is dict and name in value:
            return value[name]
        return field_of(value, name, tree)

    return run


def _index(tree: t.Index) -> Run:
    target = compiled(tree.target)
    index = compiled(tree.key)
    return lambda frame: item_of(target(frame), index(frame), tree)


def _slice(tree: t.Slice) -> Run:
    target = compiled(tree.target)
    lower = compiled(tree.lower) if tree.lower is not None else _nothing
    upper = compiled(tree.upper) if tree.upper is not None else _nothing
    return lambda frame: slice_of(target(frame), lower(frame), upper(frame))


def _nothing(frame: Frame) -> object:
    return None


def _call(tree: t.Call) -> Run:
    name = tree.function
    arguments = [compiled(argument) for argument in tree.arguments]
    if name in EFFECTS:
        return _effect(name, arguments)
    if name == "path":
        written = tree.arguments[0]
        if isinstance(written, t.Literal) and isinstance(written.value, str):
            return _path_of(t.PathOf(written.value, written.start, written.end))
        return _dynamic_path(arguments[0])
    if name == "regex_find" and isinstance(tree.arguments[1], t.Literal):
        check_pattern(tree.arguments[1])
    from flows.language.expressions.functions import PURE

    function, spent = PURE[name], _spent if name in _ANY_TEXT else _shown
    if len(arguments) == 1:
        only = arguments[0]
        return lambda frame: function(spent(frame, only(frame)))
    return lambda frame: function(*[spent(frame, argument(frame)) for argument in arguments])


_ANY_TEXT = frozenset({"string", "text", "to_json"})


def _shown(frame: Frame, value: Any) -> Any:
    """An argument that has to be known: what a function makes of a hidden text or number nobody can say."""
    if isinstance(value, Masked):
        raise Undecided
    return _spent(frame, value)


def _spent(frame: Frame, value: Any) -> Any:
    kind = type(value)
    if kind is list:
        frame.spend(len(value))
    elif kind is str:
        frame.spend(len(value) // 1000)
    return value


def _effect(name: str, arguments: list[Run]) -> Run:
    from flows.language.expressions.functions import date

    if name == "now":
        return lambda frame: date(frame.scope.effect("now", ()))
    return lambda frame: frame.scope.effect(name, [argument(frame) for argument in arguments])


def _dynamic_path(argument: Run) -> Run:
    from flows.language.jsonpath import compile_jsonpath

    def run(frame: Frame) -> object:
        text = argument(frame)
        if not isinstance(text, str):
            raise TypeMismatch(f"path() needs a string, not {described(text)}")
        try:
            return compile_jsonpath(text).value(frame.scope.document())
        except SyntaxProblem as problem:
            raise NotEvaluable(f"path '{text}': {problem.message}") from None

    return run


def _closure(tree: t.Closure) -> Run:
    from flows.language.expressions.closures import CLOSURE_LOOPS

    items = compiled(tree.items)
    body = compiled(tree.body)
    loop = CLOSURE_LOOPS[tree.function]
    name = tree.function

    def run(frame: Frame) -> object:
        values: Any = items(frame)
        if type_name(values) != "array":
            raise TypeMismatch(f"{name}() needs an array, not {described(values)}")
        outer = frame.element
        try:
            return loop(values, body, frame)
        finally:
            frame.element = outer

    return run


def _unary(tree: t.Unary) -> Run:
    operand = compiled(tree.operand)
    if tree.operator == "-":
        return lambda frame: negate(operand(frame))
    return lambda frame: not boolean(operand(frame), "what 'not' negates")


def _binary(tree: t.Binary) -> Run:
    if tree.operator == "??":
        return _coalesced(tree)
    left, right = compiled(tree.left), compiled(tree.right)
    if tree.operator == "&&":
        return lambda frame: boolean(left(frame), "left of 'and'") and boolean(right(frame), "right of 'and'")
    if tree.operator == "||":
        return lambda frame: boolean(left(frame), "left of 'or'") or boolean(right(frame), "right of 'or'")
    if tree.operator == "matches_schema":
        return _schema(left, right)
    operator = OPERATORS[tree.operator]
    if tree.operator == "matches" and isinstance(tree.right, t.Literal):
        check_pattern(tree.right)
    return lambda frame: operator(_spent(frame, left(frame)), _spent(frame, right(frame)))


def check_pattern(tree: t.Literal) -> None:
    """A written pattern compiles with RE2.

    Args:
        tree: the right side of ``matches``, or what ``regex_find`` looks for.

    Raises:
        SyntaxProblem: it does not.
    """
    from testmesh.guard.regex import compile_pattern
    from testmesh.kernel.errors import UserError

    if not isinstance(tree.value, str):
        return
    length = tree.end - tree.start
    if "\b" in tree.value:
        message = "the pattern holds a backspace; a word boundary is written '\\\\b'"
        raise SyntaxProblem(message, tree.start, length, rule="expr/regex")
    try:
        compile_pattern(tree.value)
    except UserError as problem:
        raise SyntaxProblem(problem.message, tree.start, length, rule="expr/regex") from None


def _schema(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> object:
        from flows.language.expressions.schemas import conforms

        schema = right(frame)
        if isinstance(schema, str):
            schema = frame.scope.effect("file", (schema,))
        return conforms(left(frame), schema)

    return run


def _coalesced(tree: t.Binary) -> Run:
    left, right = tolerant(tree.left), compiled(tree.right)

    def run(frame: Frame) -> object:
        try:
            value = left(frame)
        except MissingField:
            return right(frame)
        return right(frame) if value is None else value

    return run


def tolerant(tree: t.Tree) -> Run:
    """For the places where a missing field is no error: only the path itself may be missing, not what is inside it.

    Args:
        tree: the operand of ``exists`` or the left side of ``??``.
    """
    if isinstance(tree, t.Member):
        target, name, node = tolerant(tree.target), tree.name, tree
        return lambda frame: field_of(target(frame), name, node)
    if isinstance(tree, t.Index):
        of, index, item = tolerant(tree.target), _strict(compiled(tree.key)), tree
        return lambda frame: item_of(of(frame), index(frame), item)
    if isinstance(tree, _PATHS) or (isinstance(tree, t.Binary) and tree.operator == "??"):
        return compiled(tree)
    return _strict(compiled(tree))


def _strict(run: Run) -> Run:
    def strict(frame: Frame) -> object:
        try:
            return run(frame)
        except MissingField as problem:
            raise NotEvaluable(problem.message) from None

    return strict


def _exists(tree: t.Exists) -> Run:
    operand = tolerant(tree.operand)
    negated = tree.negated

    def run(frame: Frame) -> object:
        try:
            operand(frame)
        except MissingField:
            return negated
        return not negated

    return run


def _is(tree: t.Is) -> Run:
    operand = compiled(tree.operand)
    what, negated = tree.what, tree.negated
    test: Callable[[Any], bool] = _is_empty if what == "empty" else lambda value: type_name(value) == what
    return lambda frame: test(operand(frame)) is not negated


def _is_empty(value: Any) -> bool:
    if type_name(value) not in ("string", "array", "object"):
        raise TypeMismatch(f"only a string, array or object is empty or not, not {described(value)}")
    return len(value) == 0


def _conditional(tree: t.Conditional) -> Run:
    test, then, other = compiled(tree.test), compiled(tree.then), compiled(tree.other)
    return lambda frame: then(frame) if boolean(test(frame), "before '?'") else other(frame)


def _list_of(tree: t.ListOf) -> Run:
    items = [compiled(item) for item in tree.items]
    return lambda frame: [item(frame) for item in items]


def _map_of(tree: t.MapOf) -> Run:
    values = [compiled(value) for value in tree.values]
    return lambda frame: {key: value(frame) for key, value in zip(tree.keys, values, strict=True)}


_COMPILERS: Mapping[type, Callable[[Any], Run]] = {
    t.Literal: _literal,
    t.Joined: _joined,
    t.Default: _default,
    t.Name: _name,
    t.Faker: _faker,
    t.Element: _element,
    t.Root: _root,
    t.PathOf: _path_of,
    t.Member: _member,
    t.Index: _index,
    t.Slice: _slice,
    t.Call: _call,
    t.Closure: _closure,
    t.Unary: _unary,
    t.Binary: _binary,
    t.Exists: _exists,
    t.Is: _is,
    t.Conditional: _conditional,
    t.ListOf: _list_of,
    t.MapOf: _map_of,
}
