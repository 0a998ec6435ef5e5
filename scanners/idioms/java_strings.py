"""Java library calls whose result is text we can follow: formatting, joining, builders of strings and of URIs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graph.values import Call, Choice, Concat, Config, Env, Format, Lit, Name, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.java import bare, items
from scanners.idioms.java_noise import HEADS, foreign, words
from scanners.idioms.java_values import value

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_PERCENT = re.compile(r"%(?:(\d+)\$)?[-#+ 0,(]*\d*(?:\.\d+)?[a-zA-Z]")
_BRACED = re.compile(r"\{(\d+)[^}]*\}")
_WRAPS = words(
    """URI.create String.valueOf Objects.requireNonNull Objects.toString HttpUrl.parse HttpUrl.get Paths.get Path.of
    Optional.of Optional.ofNullable URLEncoder.encode UriUtils.encode UriUtils.encodePath Integer.valueOf Long.valueOf
    Integer.toString Long.toString Objects.requireNonNullElse String.copyValueOf Mono.just Uri.create"""
)
_MADE = words("URI URL String StringBuilder StringBuffer StringJoiner UriTemplate GenericUrl")
_SAME = words(
    """toString trim strip toUri toUriString intern toASCIIString toURL toURI toExternalForm stripIndent
    orElseThrow stripTrailing stripLeading"""
)
_URI_ROOTS = words("UriComponentsBuilder ServletUriComponentsBuilder UriBuilder URIBuilder HttpUrl.Builder")
_URI_STARTS = words("fromHttpUrl fromUriString fromUri fromPath fromUrl uriString of")
_URI_ASIDE = words(
    """queryParam queryParams queryParamIfPresent replaceQueryParam replaceQuery query fragment encode build toUri
    toUriString buildAndExpand expand toString uriVariables addQueryParameter addParameter setParameter setParameters
    buildFromEncoded resolveTemplate newBuilder userInfo toURL toUriComponents addEncodedQueryParameter
    removeQueryParameter buildFromMap addParameters toUriComponent"""
)
_TEXTS = words("URI URL UUID CharSequence StringBuffer StringBuilder Object HttpUrl var URIBuilder UriBuilder")
_PROPERTY = words("getProperty getRequiredProperty resolvePlaceholders")


def special(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """The Value of a library call we know, None for any other call.

    Args:
        code: the file.
        site: the call.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if site.node.type == "object_creation_expression":
        return _made(code, site, scope, depth)
    known = _static(code, site, scope, depth) or _environment(code, site, scope, depth)
    if known is not None or site.receiver is None:
        return known
    if uri_builder(code, site):
        return _uri(code, site, scope, depth)
    return _text_method(code, site, scope, depth)


def _made(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    name = site.method.rsplit(".", 1)[-1]
    known = code.imports.get(name)
    if name not in _MADE or (known is not None and not known.module.startswith(("java.", "org.springf"))):
        return None
    if name == "URL" and len(site.args) > 1:
        return None
    if name == "URI" and len(site.args) > 1:
        return _long_uri(code, site, scope, depth)
    if not site.args or site.args[0].type == "decimal_integer_literal":
        return Lit("")
    return value(code, site.args[0], scope, depth)


def _long_uri(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """``new URI(scheme, userInfo, host, port, path, query, fragment)``."""
    if len(site.args) != 7:
        return None
    scheme, _, host, port, path, _, _ = (value(code, a, scope, depth) for a in site.args)
    return concat([scheme, Lit("://"), host, Lit(":"), port, path])


def _static(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    dotted, args = site.dotted, site.args
    if dotted in _WRAPS and args:
        return value(code, args[0], scope, depth)
    if dotted in ("String.format", "format") and args and (site.receiver is not None or "format" in code.imports):
        return formatted(code, args, scope, depth)
    if dotted == "MessageFormat.format" and args:
        return _message(code, args, scope, depth)
    if dotted == "String.join" and len(args) > 1:
        return _joined(code, args, scope, depth)
    owner = dotted.removesuffix(".valueOf")
    if owner != dotted and owner[:1].isupper() and owner not in HEADS and len(args) == 1:
        return Call(Name(owner))
    if dotted in ("Optional.empty", "Mono.empty"):
        return Lit(None)
    return None


def _environment(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    if site.dotted == "System.getenv" and site.args:
        name = code.string(site.args[0])
        return Env(name) if name else Unknown("an environment variable picked at run time")
    if site.method not in _PROPERTY or site.receiver is None or not site.args:
        return None
    key = code.string(site.args[0])
    if not key:
        return None
    default = value(code, site.args[1], scope, depth) if len(site.args) > 1 and not _is_class(site.args[1]) else None
    if len(site.args) > 2:
        default = value(code, site.args[2], scope, depth)
    if site.dotted == "System.getProperty":
        return Config(key, default)
    made = code.made_by(site.receiver, scope).rsplit(".", 1)[-1]
    named = code.dotted(site.receiver).lower().endswith(("env", "environment"))
    return Config(key, default) if named or made in ("Environment", "ConfigurableEnvironment") else None


def _is_class(node: Node) -> bool:
    return node.type == "class_literal"


def formatted(code: JavaCode, args: Sequence[Node], scope: Scope, depth: int) -> Value | None:
    """A format string with its arguments; the string itself may be a constant.

    Args:
        code: the file.
        args: format and arguments.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    text = value(code, args[0], scope, depth)
    rest = [value(code, a, scope, depth) for a in args[1:]]
    if isinstance(text, Lit) and isinstance(text.value, str):
        return _percent(text.value, rest)
    if isinstance(text, Concat):
        return _percent_parts(text, rest)
    if isinstance(text, Unknown):
        return text
    return Call(Name("String.format"), (text, *rest))


def _percent(template: str, rest: list[Value]) -> Value:
    parts: list[Value] = []
    at, used = 0, 0
    for match in _PERCENT.finditer(template):
        parts.append(Lit(template[at : match.start()]))
        at = match.end()
        if match.group().endswith(("n", "%")):
            parts.append(Lit("\n"))
            continue
        index = int(match.group(1)) - 1 if match.group(1) else used
        used += 0 if match.group(1) else 1
        parts.append(rest[index] if index < len(rest) else Unknown("a missing argument"))
    return concat([*parts, Lit(template[at:].replace("%%", "%"))])


def _percent_parts(text: Concat, rest: list[Value]) -> Value:
    out: list[Value] = []
    left = list(rest)
    for part in text.parts:
        if isinstance(part, Lit) and isinstance(part.value, str):
            count = len(_PERCENT.findall(part.value))
            out.append(_percent(part.value, left[:count]))
            left = left[count:]
        else:
            out.append(part)
    return concat(out)


def _message(code: JavaCode, args: Sequence[Node], scope: Scope, depth: int) -> Value | None:
    text = value(code, args[0], scope, depth)
    if not isinstance(text, Lit) or not isinstance(text.value, str):
        return None
    rest = tuple(value(code, a, scope, depth) for a in args[1:])
    template = _BRACED.sub(r"{\1}", text.value)
    named = tuple((str(i), v) for i, v in enumerate(rest))
    return Format(template, (), named)


def _joined(code: JavaCode, args: Sequence[Node], scope: Scope, depth: int) -> Value:
    separator = value(code, args[0], scope, depth)
    pieces = items(args[1]) if len(args) == 2 else list(args[1:])
    parts: list[Value] = []
    for index, item in enumerate(pieces):
        parts += [separator] if index else []
        parts.append(value(code, item, scope, depth))
    return concat(parts)


def _of_ours(code: JavaCode, receiver: Node | None, scope: Scope) -> bool:
    """Whether an object is of a class of ours, whose methods mean what they say themselves."""
    inner = bare(receiver)
    if inner is not None and inner.type == "object_creation_expression":
        made = code.origin(code.type_text(inner.child_by_field_name("type")))
        known = made.rsplit(".", 1)[-1] in _MADE or made.rsplit(".", 1)[-1] in _URI_ROOTS
        return not known and not foreign(made)
    dotted = code.dotted(inner)
    declared = code.type_of(dotted, scope) if dotted else ""
    return bool(declared) and not foreign(declared) and declared not in HEADS and declared not in _TEXTS


def _balancer(code: JavaCode, site: CallSite) -> bool:
    """``loadBalancer.choose("orders")`` is an instance of a service, as one of DiscoveryClient's is."""
    made = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    return made.rsplit(".", 1)[-1] in ("LoadBalancerClient", "ReactiveLoadBalancer", "BlockingLoadBalancerClient")


def class_name(code: JavaCode, written: str) -> str:
    """The full name of a class of this file, its package or its imports.

    Args:
        code: the file.
        written: as the file names it.
    """
    if written.partition(".")[0] in code.imports:
        return code.origin(written)
    return f"{code.package}.{written}" if code.package and "." not in written else written


def _text_method(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    method, args, receiver = site.method, site.args, site.receiver
    if receiver is not None and receiver.type == "class_literal" and method in ("getName", "getSimpleName"):
        written = code.type_text(receiver.named_children[0])
        return Lit(class_name(code, written) if method == "getName" else written.rsplit(".", 1)[-1])
    if method in _SAME and not args and not _of_ours(code, receiver, scope):
        return value(code, receiver, scope, depth)
    if method == "choose" and args and _balancer(code, site):
        found = Name("discovery.getInstances")
        return Call(found, (value(code, args[0], scope, depth),))
    if method == "formatted" and receiver is not None:
        return formatted(code, (receiver, *args), scope, depth)
    if method in ("concat", "append") and len(args) == 1:
        before = value(code, receiver, scope, depth)
        return concat([before, value(code, args[0], scope, depth)])
    if method in ("orElse", "orElseGet", "defaultIfEmpty") and len(args) == 1:
        first = value(code, receiver, scope, depth)
        other = bare(args[0])
        if other is not None and other.type == "lambda_expression":
            other = other.child_by_field_name("body")
        second = value(code, other, scope, depth)
        if isinstance(first, Env | Config) and first.default is None:
            return Env(first.name, second) if isinstance(first, Env) else Config(first.key, second)
        return Choice((first, second))
    return None


def uri_builder(code: JavaCode, site: CallSite) -> bool:
    """Whether a call is part of a chain that builds a URI.

    Args:
        code: the file.
        site: a call with a receiver.
    """
    if site.method not in _URI_ASIDE and site.method not in _URI_STARTS and site.method not in _STEPS:
        return False
    root: CallSite = site
    for inner in code.before(site):
        root = inner
    if root.node.type == "object_creation_expression":
        return root.method in _URI_ROOTS
    dotted = code.dotted(root.receiver)
    if dotted in _URI_ROOTS or dotted == "HttpUrl":
        return True
    if dotted.lower().endswith(("uribuilder", "urlbuilder")) or dotted == "builder":
        made = code.type_of(dotted, site.scope).rsplit(".", 1)[-1]
        return made in _URI_ROOTS or (not made and dotted != "builder")
    return code.type_of(dotted, site.scope).rsplit(".", 1)[-1] in _URI_ROOTS if dotted else False


def _uri(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value:
    if site.method in _URI_STARTS and code.site(site.receiver) is None if site.receiver is not None else False:
        return value(code, site.args[0], scope, depth) if site.args else Lit("")
    if site.method in ("newInstance", "fromCurrentContextPath", "fromCurrentRequest", "fromCurrentRequestUri"):
        return Lit("")
    before = _receiver(code, site, scope, depth)
    step = _STEPS.get(site.method)
    if step is None or not site.args:
        return before
    return step(code, site, scope, before)


def _receiver(code: JavaCode, site: CallSite, scope: Scope, depth: int) -> Value:
    inner = bare(site.receiver)
    if inner is None:
        return Lit("")
    dotted = code.dotted(inner)
    last = dotted.rsplit(".", 1)[-1]
    if dotted in _URI_ROOTS or (dotted and last in scope.bound and code.assigned(scope, last) == []):
        return Lit("")
    return value(code, inner, scope, depth)


def _path(code: JavaCode, site: CallSite, scope: Scope, before: Value) -> Value:
    return concat([before, code.value(site.args[0], scope)])


def _segments(code: JavaCode, site: CallSite, scope: Scope, before: Value) -> Value:
    parts = [before]
    for arg in site.args:
        given = code.value(arg, scope)
        text = given.value if isinstance(given, Lit) else None
        parts += [given] if isinstance(text, str) and text.startswith("/") else [Lit("/"), given]
    return concat(parts)


def _scheme(code: JavaCode, site: CallSite, scope: Scope, before: Value) -> Value:
    return concat([code.value(site.args[0], scope), Lit("://"), before])


def _host(code: JavaCode, site: CallSite, scope: Scope, before: Value) -> Value:
    known = isinstance(before, Lit) and str(before.value).endswith("://")
    return concat([before if known else Lit("http://"), code.value(site.args[0], scope)])


def _port(code: JavaCode, site: CallSite, scope: Scope, before: Value) -> Value:
    return concat([before, Lit(":"), code.value(site.args[0], scope)])


_STEPS = {
    "path": _path,
    "encodedPath": _path,
    "setPath": _path,
    "replacePath": _path,
    "pathSegment": _segments,
    "segment": _segments,
    "addPathSegment": _segments,
    "addPathSegments": _segments,
    "addEncodedPathSegment": _segments,
    "setPathSegments": _segments,
    "scheme": _scheme,
    "setScheme": _scheme,
    "host": _host,
    "setHost": _host,
    "port": _port,
    "setPort": _port,
}


def built_uri(code: JavaCode, node: Node, scope: Scope) -> Value:
    """The URI a lambda builds with the builder it is given: ``b -> b.path("/x").queryParam("q", q).build()``.

    Args:
        code: the file.
        node: the lambda.
        scope: where it is.
    """
    body = node.child_by_field_name("body")
    if body is not None and body.type == "block":
        last = body.named_children[-1] if body.named_child_count else None
        body = last.named_children[0] if last is not None and last.type == "return_statement" else None
    inner = bare(body)
    site = code.site(inner) if inner is not None else None
    if site is None:
        return code.value(inner, scope)
    made: Value = Lit("")
    for step in reversed([site, *code.before(site)]):
        apply = _STEPS.get(step.method)
        if apply is not None and step.args:
            made = apply(code, step, scope, made)
    return made
