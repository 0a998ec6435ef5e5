"""Queries and filters of Hurl as expressions of the flow language, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from flows.importers.draft import NotCarried, literal
from flows.importers.hurl_grammar import Word
from flows.importers.naming import TEMPLATE, Names, safe
from flows.importers.paths import dotted, in_body, segments, whole
from flows.language.errors import SyntaxProblem
from flows.language.expressions.expression import compile_path
from testmesh.guard.regex import compile_pattern
from testmesh.kernel.errors import UserError

FUNCTIONS = {"newUuid": "uuid()", "newDate": "TIMESTAMP"}
SINGLE = frozenset({"content-type", "content-length", "content-encoding", "location", "etag", "date", "last-modified",
                    "expires", "retry-after", "age"})  # fmt: skip
_INDEX = re.compile(r"\[['\"]?\{\{\s*([^{}]+?)\s*\}\}['\"]?\]")
_ISO_FORMATS = frozenset({"%+", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%z",
                          "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%S%.f%:z"})  # fmt: skip
_UTF8 = ("utf-8", "utf8")


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
    if word.kind == "number":
        return repr(float(word.text)) if "." in word.text else word.text
    if word.text in ("true", "false", "null"):
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
    if kind in _NAMED:
        return _NAMED[kind](next(found, Word("text", "")), names)
    raise NotCarried(_REASONS.get(kind, f"'{kind}' is no query that is known here"))


def _jsonpath(word: Word, names: Names) -> str:
    path = word.text
    if TEMPLATE.search(path):
        return _put_together(path, names)
    if not path.startswith("$"):
        raise NotCarried("this is no JSONPath")
    try:
        compile_path(whole(path))
    except SyntaxProblem as problem:
        raise NotCarried(f"this is no JSONPath of RFC 9535: {problem.message}") from None
    return in_body(path)


def _put_together(path: str, names: Names) -> str:
    """``$.items[{{at}}].id``: the path to one place, with a variable for an index or a name."""
    found = "body"
    position = 0
    for index in [*_INDEX.finditer(path), None]:
        piece = path[position : index.start() if index is not None else len(path)]
        parts = segments(piece if position == 0 else f"${piece}")
        if parts is None:
            raise NotCarried("only a JSONPath to one place can be put together from variables")
        found = dotted(found, parts)
        if index is not None:
            found += f"[{names.expression(index[1])}]"
            position = index.end()
    return found


def _header(word: Word, names: Names) -> str:
    if TEMPLATE.search(word.text):
        return f"headers[{names.operand(word.text)}]"
    return dotted("headers", [word.text])


def _cookie(word: Word, names: Names) -> str:
    name, bracket, attribute = word.text.partition("[")
    if not bracket:
        return dotted("cookies", [name])
    attribute = attribute.removesuffix("]").lower()
    if attribute == "value":
        return dotted("cookies", [name])
    begin = f"(?mi)^{re.escape(name)}=[^\\n]*; *"
    if attribute in ("secure", "httponly"):
        pattern = f"{begin}({attribute}) *(?:;|$)"
    elif attribute in ("domain", "path", "samesite", "max-age"):
        pattern = f"{begin}{attribute}=([^;\\n]*)"
    else:
        raise NotCarried(f"the attribute '{attribute}' of a cookie is not seen as Hurl sees it")
    return f'regex_find(join(headers_all["set-cookie"], "\\n"), {literal(pattern)})'


def _regex(word: Word, names: Names) -> str:
    return f"regex_find(body, {pattern_text(word)})"


_PLAIN = {"status": "status", "version": "http_version", "url": "url", "duration": "duration_ms", "body": "body"}
_NAMED: Mapping[str, Callable[[Word, Names], str]] = {
    "jsonpath": _jsonpath,
    "header": _header,
    "cookie": _cookie,
    "regex": _regex,
    "variable": lambda word, names: names.expression(word.text),
}
_REASONS = {
    "xpath": "XML and HTML are text here; there is no XPath",
    "sha256": "the bytes of a body are not seen",
    "md5": "the bytes of a body are not seen",
    "bytes": "the bytes of a body are not seen",
    "rawbytes": "the bytes of a body are not seen",
    "certificate": "the server's certificate is not seen",
    "ip": "the server's address is not seen",
    "redirects": "the redirects on the way are not seen",
}


def checked_pattern(word: Word) -> str:
    """A pattern that RE2 can compile.

    Args:
        word: a regex or a text.

    Raises:
        NotCarried: it is none.
    """
    if word.kind not in ("regex", "text"):
        raise NotCarried("a regex is expected")
    try:
        compile_pattern(word.text)
    except UserError as problem:
        raise NotCarried(f"this regex cannot be used: {problem.message}") from None
    return word.text


def pattern_text(word: Word) -> str:
    """A pattern as a literal of an expression.

    Args:
        word: a regex or a text.
    """
    return safe(literal(checked_pattern(word)))


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
    while at < len(found) and is_filter(found[at]):
        name = found[at].text
        if name == "base64Decode" and at + 1 < len(found):
            at, left = _decoded(left, found, at)
            continue
        if name in _OTHER_FILTERS:
            raise NotCarried(f"there is no function for the filter '{name}'")
        count, apply = _FILTERS[name]
        arguments = found[at + 1 : at + 1 + count]
        if len(arguments) < count:
            raise NotCarried(f"the filter '{name}' needs a value")
        left = apply(left, arguments, names)
        at += 1 + count
    return left, found[at:]


def _decoded(left: str, found: list[Word], at: int) -> tuple[int, str]:
    """``base64Decode`` gives bytes there; a text only where the next filter makes one of them."""
    following, *rest = found[at + 1 :]
    if following.text == "utf8Decode":
        return at + 2, f"base64_decode({left})"
    if following.text in ("decode", "charsetDecode") and rest and rest[0].text.lower() in _UTF8:
        return at + 3, f"base64_decode({left})"
    raise NotCarried("bytes have no place in an expression")


def is_filter(word: Word) -> bool:
    """Whether a word is the name of a filter.

    Args:
        word: of a line.
    """
    return word.kind == "name" and word.text in (*_FILTERS, *_OTHER_FILTERS)


def _nth(left: str, arguments: list[Word], names: Names) -> str:
    return f"{left}[{value_of(arguments[0], names)}]"


def _inner_path(left: str, arguments: list[Word], names: Names) -> str:
    if left == "body":
        return _jsonpath(arguments[0], names)
    parts = segments(arguments[0].text)
    if parts is None:
        raise NotCarried("a JSONPath with a choice only goes into the body")
    return dotted(f"json({left})", parts)


def _find(left: str, arguments: list[Word], names: Names) -> str:
    return f"regex_find({left}, {pattern_text(arguments[0])})"


def _escaped(left: str, arguments: list[Word], names: Names) -> str:
    for plain, coded in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;")):
        left = f"replace({left}, {literal(plain)}, {literal(coded)})"
    return left


def _date(left: str, arguments: list[Word], names: Names) -> str:
    if arguments[0].text not in _ISO_FORMATS:
        raise NotCarried("there is no function for the filter 'toDate'; only ISO dates are read")
    return f"date({left})"


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
    "regex": (1, _find),
    "toInt": (0, _call("int")),
    "toFloat": (0, _call("float")),
    "toString": (0, _call("string")),
    "toDate": (1, _date),
    "base64Encode": (0, _call("base64")),
    "htmlEscape": (0, _escaped),
    "jsonpath": (1, _inner_path),
}
_OTHER_FILTERS = frozenset(
    {
        *("replaceRegex", "urlEncode", "urlDecode", "htmlUnescape", "decode", "format", "dateFormat", "toHex"),
        *("xpath", "base64Decode", "base64UrlSafeDecode", "base64UrlSafeEncode", "daysAfterNow", "daysBeforeNow"),
        *("location", "urlQueryParam", "utf8Decode", "utf8Encode", "charsetDecode"),
    }
)
