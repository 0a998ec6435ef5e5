"""Asserts and captures of Hurl as expressions of the flow language, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flows.importers.draft import NotCarried, literal
from flows.importers.hurl_grammar import Word, words
from flows.importers.hurl_queries import SINGLE, filtered, is_filter, pattern_text, query, value_of
from flows.importers.naming import Names

HERE = "\u0001"
_ISO_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_IPV4 = r"^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])$"
_IPV6 = (
    r"(?i)^(([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|([0-9a-f]{1,4}:){1,7}:|([0-9a-f]{1,4}:){1,6}(:[0-9a-f]{1,4}){1}|"
    r"([0-9a-f]{1,4}:){1,5}(:[0-9a-f]{1,4}){1,2}|([0-9a-f]{1,4}:){1,4}(:[0-9a-f]{1,4}){1,3}|([0-9a-f]{1,4}:){1,3}"
    r"(:[0-9a-f]{1,4}){1,4}|([0-9a-f]{1,4}:){1,2}(:[0-9a-f]{1,4}){1,5}|[0-9a-f]{1,4}:(:[0-9a-f]{1,4}){1,6}|"
    r":((:[0-9a-f]{1,4}){1,7}|:))$"
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
    if everything[0].text == "sha256":
        return _hash(everything[1:])
    stream = iter(everything)
    left = query(stream, names)
    rest = list(stream)
    only_there = [word.text for word in rest] in (["exists"], ["not", "exists"])
    if left.startswith('"') and rest and not only_there:
        left = coerced(left)
    if everything[0].text == "header" and not only_there and everything[1].text.lower() not in SINGLE:
        return _of_header(left.replace("headers", "headers_all", 1), rest, names)
    text = everything[0].text == "body" and bool(rest) and not is_filter(rest[0])
    return _judged(left, rest, names, text_of_body=text)


def _hash(rest: list[Word]) -> str:
    """A body that is text has the hash of that text."""
    how, wanted = [word.text for word in rest[:-1]], rest[-1].text if rest else ""
    if how not in (["=="], ["not", "=="]) or not wanted.startswith("hex,"):
        raise NotCarried("of a hash, only the whole can be compared")
    found = wanted.removeprefix("hex,").removesuffix(";").strip().lower()
    return f"sha256(body) {'!=' if len(how) > 1 else '=='} {literal(found)}"


def _of_header(every: str, rest: list[Word], names: Names) -> str:
    """A header that came several times is a list there."""
    predicate = [word.text for word in rest[:-1]]
    if predicate in (["=="], ["!="], ["not", "=="]) and rest[-1].kind in ("text", "template"):
        return f"{every} {'==' if predicate == ['=='] else '!='} [{value_of(rest[-1], names)}]"
    return _judged(f"(len({every}) == 1 ? {every}[0] : {every})", rest, names)


def coerced(path: str) -> str:
    """What a JSONPath with a choice gives: its only result, else the list.

    Args:
        path: quoted.
    """
    return f"(len({path}) == 1 ? {path}[0] : {path})"


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
    if "regex_find(" in left:
        return _of_match(left, name, arguments, (names, negated))
    return _predicate(left, name.text, arguments, (names, negated))


def _of_match(left: str, name: Word, arguments: list[Word], how: tuple[Names, bool]) -> str:
    """Of what is not there, only ``not exists`` holds."""
    if name.text == "exists":
        return f"{left} {'is' if how[1] else 'is not'} null"
    if left.endswith((r"(secure) *(?:;|$)\")", r"(httponly) *(?:;|$)\")")):
        raise NotCarried("of this attribute, only whether it is there is seen")
    if arguments and arguments[0].kind == "number" and "(?mi)^" in left:
        left = f"int({left})"
    return f"{left} is not null and ({_predicate(left, name.text, arguments, how)})"


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
        right = pattern_text(arguments[0]) if name == "matches" else value_of(arguments[0], names)
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
    "isIpv6": lambda left: f"{left} is string and {left} matches {literal(_IPV6)}",
    "isIpv4": lambda left: f"{left} is string and {left} matches {literal(_IPV4)}",
}


def capture(line: str, names: Names) -> tuple[str, str]:
    """The path of a capture, and the expression that its filters make of ``HERE`` (empty without filters).

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
    expression, left = filtered(HERE, rest, names)
    if left:
        raise NotCarried(f"'{left[0].text}' is no filter that is known here")
    if path.startswith("regex_find("):
        looked = "body" if path.startswith("regex_find(body,") else 'headers_all["set-cookie"]'
        path, expression = looked, expression.replace(HERE, path.replace(looked, HERE, 1), 1)
    if path.startswith('"'):
        path = path[1:-1].replace('\\"', '"')
    return path, "" if expression == HERE else expression
