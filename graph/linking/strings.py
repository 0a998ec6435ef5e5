"""String functions whose effect on a URL, topic or key is known: joins, trims and quoting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from graph.linking.outcomes import Text, joined
from graph.linking.texts import as_member
from graph.values import Call, Concat, Lit, Member, Scalar, Value

_SAME = frozenset(
    """
    toString ToString trim Trim strip unicode_string encode decode get_secret_value toUriString toURL toUri encoded
    orElse AbsoluteUri OriginalString String toASCIIString getHost
    """.split()  # noqa: SIM905  -- a list of words reads better as words
)
_IDENTITY = frozenset(
    """
    str String encodeURI HttpUrl AnyUrl AnyHttpUrl httpx.URL yarl.URL URL new.URL int os.path.expandvars
    kombu.Exchange kombu.Queue faststream.rabbit.RabbitExchange faststream.rabbit.RabbitQueue
    faststream.redis.StreamSub faststream.redis.ListSub faststream.redis.PubSub
    pydantic.HttpUrl pydantic.AnyHttpUrl fastapi.Depends Depends functools.partial
    java.net.URI.create java.net.URI java.net.URL URI.create URI java.lang.String.valueOf String.valueOf
    java.util.Objects.requireNonNull java.util.Optional.of java.util.Optional.ofNullable Uri System.Uri
    Uri.EscapeDataString System.Uri.EscapeDataString url.PathEscape url.QueryEscape strings.TrimSpace
    net/url.PathEscape net/url.QueryEscape strconv.Itoa okhttp3.HttpUrl.parse okhttp3.HttpUrl.get
    """.split()  # noqa: SIM905  -- a list of words reads better as words
)
_JOINS = frozenset(
    {
        *("urllib.parse.urljoin", "urljoin", "posixpath.join", "os.path.join", "path.join", "urlJoin", "url-join"),
        *("path.Join", "url.JoinPath", "net/url.JoinPath", "path/filepath.Join", "filepath.Join"),
    }
)
_URLS = frozenset({"URL", "new.URL", "httpx.URL", "yarl.URL"})
_BASE_FIRST = frozenset({"Uri", "System.Uri", "java.net.URL"})
_LOWERED = {"strings.ToLower": "lower", "strings.ToUpper": "upper"}

ENVIRONMENT = frozenset({"os.Getenv", "os.LookupEnv", "syscall.Getenv", "IConfiguration.GetValue", "process.env"})
"""Functions that read an environment variable or setting whose name code computes; a second argument is its default."""

OBJECT = "{}"
"""What an object literal is a call of: its keys are the named arguments."""

BROWSER = {
    "window.location.protocol": "http:",
    "window.location.hostname": "localhost",
    "window.location.host": "",
    "window.location.origin": "",
    "location.protocol": "http:",
    "location.hostname": "localhost",
    "location.host": "",
    "location.origin": "",
}
"""What a page knows about where it came from: the serving host, on this machine when a port is put behind it."""


_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\s_-]+")


def _worded(between: str) -> Callable[[str], str]:
    return lambda text: between.join(_WORDS.split(text)).lower()


def _numbered(between: str) -> Callable[[str], str]:
    """iancoleman/strcase and lodash part words at numbers, too."""
    return lambda text: _worded(between)(re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", between, text))


_CASES: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("ToSnake", "snakeCase"), _numbered("_")),
    **dict.fromkeys(("SnakeCase", "toSnakeCase", "Underscore"), _worded("_")),
    **dict.fromkeys(("ToKebab", "kebabCase"), _numbered("-")),
    **dict.fromkeys(("KebabCase", "toKebabCase", "Kebaberize", "paramCase"), _worded("-")),
    "dotCase": _worded("."),
}


def text_method(name: str, args: Sequence[Scalar]) -> Callable[[Text], Text] | None:
    """What calling a method of a string does to it, or None when unknown.

    Args:
        name: method name.
        args: its literal arguments.
    """
    if name in _SAME:
        return lambda text: text
    if name in ("getUri", "GetUri"):
        return lambda text: text if "://" in text.template else joined(("http://", *text.parts))
    if name in ("lower", "toLowerCase", "ToLower", "ToLowerInvariant"):
        return _each(str.lower)
    if name in ("upper", "toUpperCase", "ToUpper", "ToUpperInvariant"):
        return _each(str.upper)
    if name in _CASES:
        return _each(_CASES[name])
    if name in ("rstrip", "removesuffix", "trimEnd", "TrimEnd"):
        return _at_end(str(args[0]) if args else " ")
    if name in ("lstrip", "removeprefix", "trimStart", "TrimStart"):
        return _at_start(str(args[0]) if args else " ")
    if name in ("replace", "Replace", "replaceAll") and len(args) == 2:
        return _each(lambda part: part.replace(str(args[0]), str(args[1])))
    return None


def _each(change: Callable[[str], str]) -> Callable[[Text], Text]:
    return lambda text: joined(tuple(change(p) if isinstance(p, str) else p for p in text.parts))


def _at_end(chars: str) -> Callable[[Text], Text]:
    def change(text: Text) -> Text:
        last = text.parts[-1] if text.parts else ""
        return joined((*text.parts[:-1], last.rstrip(chars))) if isinstance(last, str) else text

    return change


def _at_start(chars: str) -> Callable[[Text], Text]:
    def change(text: Text) -> Text:
        first = text.parts[0] if text.parts else ""
        return joined((first.lstrip(chars), *text.parts[1:])) if isinstance(first, str) else text

    return change


def external_call(name: str, call: Call) -> Value | None:
    """The value a call of a known library function passes on, or None when unknown.

    Args:
        name: dotted external name.
        call: its arguments.
    """
    if name in _URLS and len(call.args) == 2:
        return Concat((call.args[1], call.args[0]))
    if name in _BASE_FIRST and len(call.args) == 2:
        return Concat((call.args[0], Lit("/"), call.args[1]))
    if name in _LOWERED and call.args:
        return Call(Member(call.args[0], _LOWERED[name]))
    if name in _JOINS and call.args:
        pieces: list[Value] = []
        for number, arg in enumerate(call.args):
            pieces += [arg] if not number else [Lit("/"), arg]
        return Concat(tuple(pieces))
    if name in _IDENTITY and call.args:
        return call.args[0]
    return None


_INSTANCES = frozenset({"getInstances", "getNextServerFromEureka", "GetInstances"})
_OF_INSTANCES = frozenset(
    {"get", "stream", "findFirst", "findAny", "orElseThrow", "orElse", "iterator", "next", "block"}
)


def discovered(call: Call) -> str:
    """The discovery name behind a look-up of a service's instances, or behind one of them; empty for other calls.

    Args:
        call: ``client.getInstances("orders")``, maybe followed by ``.get(0)`` and the like.
    """
    for _ in range(8):
        member = as_member(call.callee)
        if member is None:
            return ""
        first = call.args[0] if call.args else None
        if member.name in _INSTANCES and isinstance(first, Lit):
            return str(first.value)
        if member.name not in _OF_INSTANCES or not isinstance(member.base, Call):
            return ""
        call = member.base
    return ""
