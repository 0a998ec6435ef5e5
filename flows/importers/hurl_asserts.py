"""Queries, filters and predicates of Hurl as expressions of the flow language, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from flows.importers.draft import NotCarried, literal
from flows.importers.hurl_grammar import Word, words
from flows.importers.naming import Names, safe
from flows.importers.paths import dotted, in_body, segments, whole
from flows.language.errors import SyntaxProblem
from flows.language.expressions.expression import compile_path
from testmesh.guard.regex import compile_pattern
from testmesh.kernel.errors import UserError

FUNCTIONS = {"newUuid": "uuid()", "newDate": "TIMESTAMP"}
_ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_IPV4 = r"^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])$"


def value_of(word: Word, names: Names) -> str:
    """A value that something is compared with.

    Args:
        word: of the line.
        names: of the file.

    Raises:
        NotCarried: bytes or a file.
    """
    if word.kind == "text":
        return names.operand(word.text)
    if word.kind == "template":
        return names.expression(word.text)
    if word.kind == "number" or word.text in ("true", "false", "null"):
        return word.text
    raise NotCarried("bytes and files have no place in an expression")


def query(found: Iterator[Word], names: Names) -> str:
    """What is looked at.

    Args:
        found: the line's words; the query's are taken.
        names: of the file.

    Raises:
        NotCarried: the flow language does not see it.
    """
    kind = next(found, Word("name", "")).text
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in ("jsonpath", "header", "variable", "cookie"):
        text = next(found, Word("text", "")).text
        return _NAMED[kind](text, names)
    raise NotCarried(_REASONS.get(kind, f"'{kind}' is no query that is known here"))


def _jsonpath(path: str, names: Names) -> str:
    if "{{" in path:
        raise NotCarried("a JSONPath cannot be put together from variables")
    if not path.startswith("$"):
        raise NotCarried("this is no JSONPath")
    try:
        compile_path(whole(path))
    except SyntaxProblem as problem:
        raise NotCarried(f"this is no JSONPath of RFC 9535: {problem.message}") from None
    return in_body(path)


def _header(name: str, names: Names) -> str:
    return dotted("headers", [name])


def _cookie(name: str, names: Names) -> str:
    if "[" in name:
        raise NotCarried("attributes of cookies are not seen, only their values")
    return dotted("cookies", [name])


_PLAIN = {"status": "status", "version": "http_version", "url": "url", "duration": "duration_ms", "body": "body"}
_NAMED: Mapping[str, Callable[[str, Names], str]] = {
    "jsonpath": _jsonpath,
    "header": _header,
    "cookie": _cookie,
    "variable": lambda name, names: names.expression(name),
}
_REASONS = {
    "xpath": "XML and HTML are text here; there is no XPath",
    "regex": "there are no capture groups; only 'exists' can be said of a regex",
    "sha256": "the bytes of a body are not seen",
    "md5": "the bytes of a body are not seen",
    "bytes": "the bytes of a body are not seen",
    "rawbytes": "the bytes of a body are not seen",
    "certificate": "the server's certificate is not seen",
    "ip": "the server's address is not seen",
    "redirects": "the redirects on the way are not seen",
}


def filtered(left: str, found: list[Word], names: Names) -> tuple[str, list[Word]]:
    """A query with its filters applied, and the words after them.

    Args:
        left: the query.
        found: words after it.
        names: of the file.

    Raises:
        NotCarried: there is no function for a filter.
    """
    at = 0
    while at < len(found) and found[at].kind == "name" and found[at].text in (*_FILTERS, *_OTHER_FILTERS):
        name = found[at].text
        if name in _OTHER_FILTERS:
            raise NotCarried(f"there is no function for the filter '{name}'")
        count, apply = _FILTERS[name]
        arguments = found[at + 1 : at + 1 + count]
        if len(arguments) < count:
            raise NotCarried(f"the filter '{name}' needs a value")
        left = apply(left, arguments, names)
        at += 1 + count
    return left, found[at:]


def _nth(left: str, arguments: list[Word], names: Names) -> str:
    return f"{left}[{arguments[0].text}]"


def _inner_path(left: str, arguments: list[Word], names: Names) -> str:
    if left == "body":
        return _jsonpath(arguments[0].text, names)
    parts = segments(arguments[0].text)
    if parts is None:
        raise NotCarried("a JSONPath with a choice only goes into the body")
    return dotted(f"json({left})", parts)


def _call(function: str) -> Callable[[str, list[Word], Names], str]:
    def apply(left: str, arguments: list[Word], names: Names) -> str:
        return f"{function}({', '.join([left, *(value_of(word, names) for word in arguments)])})"

    return apply


_FILTERS: Mapping[str, tuple[int, Callable[[str, list[Word], Names], str]]] = {
    "count": (0, _call("len")),
    "nth": (1, _nth),
    "first": (0, lambda left, arguments, names: f"{left}[0]"),
    "last": (0, lambda left, arguments, names: f"{left}[-1]"),
    "split": (1, _call("split")),
    "replace": (2, _call("replace")),
    "toInt": (0, _call("int")),
    "toFloat": (0, _call("float")),
    "toString": (0, _call("string")),
    "base64Encode": (0, _call("base64")),
    "jsonpath": (1, _inner_path),
}
_OTHER_FILTERS = frozenset(
    {
        *("regex", "replaceRegex", "urlEncode", "urlDecode", "htmlEscape", "htmlUnescape", "decode", "format"),
        *("dateFormat", "toDate", "toHex", "xpath", "base64Decode", "base64UrlSafeDecode", "base64UrlSafeEncode"),
        *("daysAfterNow", "daysBeforeNow", "location", "urlQueryParam", "utf8Decode", "utf8Encode", "charsetDecode"),
    }
)


def assertion(line: str, names: Names) -> str:
    """One line of ``[Asserts]`` as an expression.

    Args:
        line: as written.
        names: of the file.

    Raises:
        NotCarried: the flow language cannot say it.
    """
    listed = words(line)
    if listed is None:
        raise NotCarried("this line cannot be read")
    everything = list(listed)
    if everything[0].text == "regex" and len(everything) > 2:
        return _regex_exists(everything)
    stream = iter(everything)
    left = query(stream, names)
    rest = list(stream)
    if left.startswith('"') and rest:
        only_there = [word.text for word in rest] in (["exists"], ["not", "exists"])
        return _judged(left if only_there else coerced(left), rest, names)
    text = everything[0].text == "body" and bool(rest) and not _is_filter(rest[0])
    return _judged(left, rest, names, text_of_body=text)


def coerced(path: str) -> str:
    """What a JSONPath with a choice gives: its only result, else the list.

    Args:
        path: quoted.
    """
    return f"(len({path}) == 1 ? {path}[0] : {path})"


def _is_filter(word: Word) -> bool:
    return word.kind == "name" and word.text in (*_FILTERS, *_OTHER_FILTERS)


def _judged(left: str, rest: list[Word], names: Names, *, text_of_body: bool = False) -> str:
    left, rest = filtered(left, rest, names)
    negated = bool(rest) and rest[0].text == "not"
    if negated:
        rest = rest[1:]
    if not rest:
        raise NotCarried("a predicate is missing")
    name, *arguments = rest
    if text_of_body:
        left = _text_body(name.text, arguments)
    return _predicate(left, name.text, arguments, (names, negated))


def _regex_exists(found: list[Word]) -> str:
    if found[-1].text != "exists":
        raise NotCarried(_REASONS["regex"])
    needle = f"({_BODY_TEXT} matches {literal(_pattern(found[1]))})"
    return f"not {needle}" if found[-2].text == "not" else needle


_BODY_TEXT = "(body is string ? body : to_json(body))"
_NEEDS_TEXT = re.compile(r'[\s",:{}\[\]\\]')


def _text_body(predicate: str, arguments: list[Word]) -> str:
    """Hurl's `body` is the text as it came; ours is parsed when it is JSON."""
    if predicate in ("exists", "isEmpty"):
        return "body"
    plain = not arguments or not _NEEDS_TEXT.search(arguments[0].text)
    return _BODY_TEXT if plain and predicate != "==" else "body"


def _predicate(left: str, name: str, arguments: list[Word], how: tuple[Names, bool]) -> str:
    names, negated = how
    if name in _COMPARED:
        if len(arguments) != 1:
            raise NotCarried(f"'{name}' needs one value")
        right = _pattern_text(arguments[0]) if name == "matches" else value_of(arguments[0], names)
        if name in ("==", "!="):
            return _equal(left, right, different=negated != (name == "!="))
        found = f"{left} {_COMPARED[name]} {right}"
    elif name == "exists":
        return f"{left} not exists" if negated else f"{left} exists"
    elif name in _TESTS:
        found = _TESTS[name](left)
    else:
        raise NotCarried(f"there is no operator for the predicate '{name}'")
    return f"not ({found})" if negated else found


def _equal(left: str, right: str, *, different: bool) -> str:
    """Hurl finds different types unequal; here comparing them is an error."""
    if not different:
        return f"{left} == {right}"
    kind = _kind(right)
    return f"{left} is not {kind} or {left} != {right}" if kind else f"{left} != {right}"


def _kind(right: str) -> str | None:
    if right in ("true", "false"):
        return "boolean"
    if right == "null":
        return None
    if right[0] == '"' or right.startswith("text("):
        return "string"
    return "number" if right.lstrip("-")[0].isdigit() else None


def _pattern(word: Word) -> str:
    try:
        compile_pattern(word.text)
    except UserError as problem:
        raise NotCarried(f"this regex cannot be used: {problem.message}") from None
    return word.text


def _pattern_text(word: Word) -> str:
    if word.kind not in ("regex", "text"):
        raise NotCarried("a regex is expected")
    return safe(literal(_pattern(word)))


_COMPARED = {
    "==": "==", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<=", "contains": "contains", "includes": "contains",
    "startsWith": "startsWith", "endsWith": "endsWith", "matches": "matches", "equals": "==", "notEquals": "!=",
    "greaterThan": ">", "greaterThanOrEquals": ">=", "lessThan": "<", "lessThanOrEquals": "<=",
}  # fmt: skip
_TESTS: Mapping[str, Callable[[str], str]] = {
    "isBoolean": lambda left: f"{left} is boolean",
    "isNumber": lambda left: f"{left} is number",
    "isString": lambda left: f"{left} is string",
    "isList": lambda left: f"{left} is array",
    "isObject": lambda left: f"{left} is object",
    "isCollection": lambda left: f"({left} is array or {left} is object)",
    "isEmpty": lambda left: f"{left} is empty",
    "isInteger": lambda left: f'{left} is number and to_json({left}) matches "^-?[0-9]+$"',
    "isFloat": lambda left: f'{left} is number and to_json({left}) matches "[.eE]"',
    "isIsoDate": lambda left: f"{left} is string and {left} matches {literal(_ISO_DATE)}",
    "isUuid": lambda left: f"{left} is string and {left} matches {literal(_UUID)}",
    "isIpv4": lambda left: f"{left} is string and {left} matches {literal(_IPV4)}",
}


def capture(line: str, names: Names) -> tuple[str, str]:
    """The path of a capture, and the expression that its filters make of ``_`` (empty without filters).

    Args:
        line: after the name.
        names: of the file.

    Raises:
        NotCarried: the flow language cannot say it.
    """
    listed = words(line)
    if listed is None:
        raise NotCarried("this line cannot be read")
    everything = [word for word in listed if word.text != "redact" or word.kind != "name"]
    stream = iter(everything)
    path = query(stream, names)
    rest = list(stream)
    expression, left = filtered("_", rest, names)
    if left:
        raise NotCarried(f"'{left[0].text}' is no filter that is known here")
    if path.startswith('"'):
        path = path[1:-1].replace('\\"', '"')
    return path, "" if expression == "_" else expression
