"""What gateway configurations share: path templates, prefixes taken off, expressions that rewrite a path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

REST = "/**"
_GROUP = re.compile(r"\((?:\?P?<\w+>|\?:)?[^()]*\)|\[[^\]]*\][*+]?|\.[*+]\??|\\[dw][*+]?")
_REST_GROUP = re.compile(r"/?(?:\((?:\?P?<(\w+)>)?/?\.[*+]\??\)|\.\*)\??\$?$")
_OPTIONAL_REST = re.compile(r"\((?:\?:)?/\|\$\)\(\.\*\)\$?$|\(/\.\*\)\?\$?$|/\?\(\.\*\)\$?$|\(\?:\(?/\|\$\).*$")
_CHOICE = re.compile(r"\((?:\?:)?([\w.~-]+(?:\|[\w.~-]+)+)\)")
_WORD = re.compile(r"\((?:\?:)?([\w.~-]+)\)")
_OPENED = re.compile(r"\((?!\?:)[^()]*\)?")
_MOST_WORDS = 40
_REFERENCE = re.compile(r"\$\{?(\w+)\}?|\\(\d)")


def below(prefix: str) -> str:
    """The template of everything under a prefix.

    Args:
        prefix: as configured, with or without its last slash.
    """
    return "/" + prefix.strip("/") + REST if prefix.strip("/") else REST


def without(template: str, prefix: str) -> str:
    """A template with a prefix taken off; itself when it does not begin with it.

    Args:
        template: as served.
        prefix: what the gateway takes off.
    """
    bare = "/" + prefix.strip("/")
    if bare != "/" and (template == bare or template.startswith((bare + "/", bare + REST))):
        return template[len(bare) :] or "/"
    return template


def onto(template: str, prefix: str) -> str:
    """A template with a prefix put before it.

    Args:
        template: as passed on so far.
        prefix: what the gateway puts before.
    """
    bare = prefix.strip("/")
    return f"/{bare}{template}" if bare and template != "/" else f"/{bare}" if bare else template


def of_expression(expression: str) -> str:
    """The template of a regular expression over paths.

    Args:
        expression: as configured; `^`, `$` optional.
    """
    if expression[:1] not in ("^", "/", "("):
        return REST
    bare = _WORD.sub(r"\1", expression.lstrip("^"))
    tail = _OPTIONAL_REST.search(bare) or _REST_GROUP.search(bare)
    rest = tail is not None or not bare.endswith("$")
    head = bare[: tail.start()] if tail is not None else bare.rstrip("$")
    plain = _GROUP.sub("{}", head).replace("\\", "").replace("?", "")
    return below(plain) if rest else "/" + plain.strip("/")


def alternatives(expression: str) -> list[str]:
    """An expression for each word of its first plain choice, `(orders|carts)`; itself when it has none.

    Args:
        expression: as configured.
    """
    choice = _CHOICE.search(expression)
    words = choice[1].split("|") if choice is not None else []
    if choice is None or len(words) > _MOST_WORDS:
        return [expression]
    return [expression[: choice.start()] + f"({word})" + expression[choice.end() :] for word in words]


def replaced(template: str, expression: str, replacement: str) -> str:
    """Where a rewrite leads: the replacement with the rest of the path in the place of its last reference.

    Args:
        template: as served.
        expression: what is rewritten.
        replacement: with `$1`, `${name}` or `\\1`.
    """
    target = replacement.split("?", 1)[0]
    if "(" not in expression:
        bare = expression.lstrip("^").rstrip("$")
        changed = without(template, bare)
        return onto(changed, target) if changed != template or bare in ("", "/") else template
    words = {str(n): m[1] for n, g in enumerate(_OPENED.finditer(expression), 1) if (m := _WORD.match(g[0]))}
    target = _REFERENCE.sub(lambda m: words.get(m[1] or m[2], m[0]), target)
    references = list(_REFERENCE.finditer(target))
    if not references:
        return target or "/"
    matched = of_expression(expression)
    tail = matched.endswith(REST) and references[-1].end() == len(target)
    text = target[: references[-1].start()] if tail else target
    head = "/" + _REFERENCE.sub("{}", text).strip("/")
    if not tail:
        return head
    known = matched.removesuffix(REST)
    rest = template[len(known) :] if "{" not in known and template.startswith(known + "/") else REST
    return head.rstrip("/") + rest


@dataclass(frozen=True, slots=True)
class Passed:
    """A path a gateway passes on.

    Args:
        path: template as served.
        to: host, URL or service.
        to_path: template as passed on.
        method: only this method, empty for all.
        host: only requests to this host, empty for all.
    """

    path: str
    to: str
    to_path: str
    method: str = ""
    host: str = ""

    def fields(self, gateway: str) -> dict[str, object]:
        """Fields of a `route` fact.

        Args:
            gateway: service, or empty for the one whose folder the file is in.
        """
        found: dict[str, object] = {"gateway": gateway, "path": self.path, "to": self.to, "to_path": self.to_path}
        found |= {"method": self.method} if self.method else {}
        return found | ({"host": self.host} if self.host else {})


_MATCHER = re.compile(r"(!?)\s*+(?<!\w)(\w++)\(\s*+((?:[`\"'][^`\"']*[`\"']\s*,?\s*)*)\)")
_QUOTED = re.compile(r"[`\"']([^`\"']*)[`\"']")


@dataclass(frozen=True, slots=True)
class TraefikRule:
    """What a Traefik rule selects.

    Args:
        hosts: names.
        paths: templates.
        method: the one method it is for, or empty.
    """

    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    method: str


def traefik_rule(text: str) -> TraefikRule:
    """A rule such as ``Host(`a`) && PathPrefix(`/api`)``; what is negated is left out.

    Args:
        text: as configured.
    """
    found: dict[str, list[str]] = {}
    for negated, name, written in _MATCHER.findall(text):
        if not negated:
            found.setdefault(name.lower(), []).extend(_QUOTED.findall(written))
    paths = [below(p) for p in found.get("pathprefix", ())] + [_traefik_path(p) for p in found.get("path", ())]
    paths += [of_expression(p) for p in found.get("pathregexp", ())]
    methods = found.get("method", [])
    return TraefikRule(tuple(found.get("host", ())), tuple(paths), methods[0].upper() if len(methods) == 1 else "")


def _traefik_path(path: str) -> str:
    return re.sub(r"\{(\w+)(?::[^}]*)?\}", r"{\1}", path) or "/"


def traefik_target(template: str, middlewares: Iterable[tuple[str, Mapping[str, object]]]) -> str:
    """Where a path leads after the middlewares of a router.

    Args:
        template: as served.
        middlewares: sort in lower case and options, in order.
    """
    for sort, options in middlewares:
        for prefix in _texts(options.get("prefixes")) if sort == "stripprefix" else ():
            template = without(template, prefix)
        if sort == "stripprefixregex":
            for expression in _texts(options.get("regex")):
                template = _stripped(template, expression)
        elif sort == "addprefix":
            template = onto(template, _text(options.get("prefix")))
        elif sort == "replacepath":
            template = _text(options.get("path")) or template
        elif sort == "replacepathregex":
            template = replaced(template, _text(options.get("regex")), _text(options.get("replacement")))
    return template


def _stripped(template: str, expression: str) -> str:
    head = of_expression(expression).removesuffix(REST).strip("/").split("/")
    parts = template.strip("/").split("/")
    fits = len(parts) >= len(head) and all(h in ("{}", p) for h, p in zip(head, parts, strict=False))
    return "/" + "/".join(parts[len(head) :]) if fits else template


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (part.strip() for part in value.split(",") if part.strip())
    elif isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, str))
