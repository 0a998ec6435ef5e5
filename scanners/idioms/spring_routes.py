"""Gateway rules in Spring configuration: Spring Cloud Gateway routes with their filters, and Zuul routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from graph.values import Fact, Location
from scanners.idioms.java_values import spring
from scanners.idioms.spring_properties import Property, Section

_ROUTES = (
    "spring.cloud.gateway.routes",
    "spring.cloud.gateway.server.webflux.routes",
    "spring.cloud.gateway.mvc.routes",
    "spring.cloud.gateway.server.webmvc.routes",
    "spring.cloud.gateway.server.routes",
)
_LOCATORS = (
    "spring.cloud.gateway.discovery.locator.enabled",
    "spring.cloud.gateway.server.webflux.discovery.locator.enabled",
)
_GROUP = re.compile(
    r"^(?P<plain>[\w/.\-]*?)(?P<slash>/\?)?(?P<group>\((?:\?P?<\w+>)?(?P<inner>/\?)?\.[*+]\)|\.[*+])\$?$"
)
_NAMED = re.compile(r"\$\\?\{\w+\}|\$\d")


def routes(path: str, section: Section) -> Iterator[Fact]:
    """The gateway rules of one document of a configuration file.

    Args:
        path: the file.
        section: its properties.
    """
    for prefix in _ROUTES:
        general = filters_of(section, prefix.removesuffix("routes") + "default-filters")
        for rows in section.below(prefix).values():
            yield from _gateway(path, rows, general)
    if section.get(*_LOCATORS) == "true":
        item = section.find(*_LOCATORS)
        fields = {"gateway": "", "path": "/{service}/**", "to": "lb://{service}", "to_path": "/**"}
        yield Fact("route", fields, Location(path, item.line if item is not None else 1))
    yield from _zuul(path, section)


def _gateway(path: str, rows: Sequence[Property], general: Sequence[tuple[str, list[str]]]) -> Iterator[Fact]:
    to = next((p for p in rows if p.key == "uri"), None)
    if to is None:
        return
    own = Section("", tuple(rows))
    predicates, filters = filters_of(own, "predicates"), filters_of(own, "filters")
    patterns = [a for name, args in predicates if name == "Path" for a in args] or ["/**"]
    verbs = [a.upper() for name, args in predicates if name == "Method" for a in args] or [""]
    for pattern in patterns:
        for verb in verbs:
            fields: dict[str, object] = {"gateway": "", "path": tidy(pattern), **_to(to.text)}
            rewritten = apply(tidy(pattern), [*general, *filters])
            if rewritten != tidy(pattern):
                fields["to_path"] = rewritten
            if verb:
                fields["method"] = verb
            yield Fact("route", fields, Location(path, to.line))


def _to(text: str) -> dict[str, object]:
    """Where a rule leads, as text (``lb:http://orders`` is ``lb://orders``); with placeholders as a Value too."""
    text = re.sub(r"^lb:(https?|wss?)://", "lb://", text)
    return {"to": text, "target": spring(text, expression=False)} if "${" in text else {"to": text}


def tidy(pattern: str) -> str:
    """A path pattern with a slash in front; ``{segment}`` patterns for the rest are ``**``.

    Args:
        pattern: as written.
    """
    text = pattern.strip()
    text = re.sub(r"\{\*\w+\}$|\{\w+:\.[*+]\}$", "**", text)
    return text if text.startswith("/") else f"/{text}"


def filters_of(section: Section, key: str) -> list[tuple[str, list[str]]]:
    """Predicates or filters as name and arguments, from the short and the long form.

    Args:
        section: properties with keys such as ``filters[0]``, ``filters[0].name``, ``filters[0].args.parts``.
        key: in front of the index.
    """
    found: list[tuple[str, list[str]]] = []
    for rows in section.below(key).values():
        name, args = "", list[str]()
        for item in rows:
            if not item.key:
                name, _, text = item.text.partition("=")
                args = [part.strip() for part in text.split(",")] if text else []
            elif item.key == "name":
                name = item.text
            elif item.key.startswith("args"):
                args += [part.strip() for part in item.text.split(",")]
        found.append((name.strip(), args))
    return found


def apply(path: str, filters: Sequence[tuple[str, list[str]]]) -> str:
    """The path behind the gateway after its filters.

    Args:
        path: template as served.
        filters: name and arguments, in order.
    """
    for name, args in filters:
        if name == "StripPrefix":
            path = stripped(path, int(args[0]) if args and args[0].isdigit() else 1)
        elif name == "PrefixPath" and args:
            path = args[0].rstrip("/") + path
        elif name == "SetPath" and args:
            path = args[0]
        elif name == "RewritePath" and args:
            path = rewrite(path, args[0], args[1] if len(args) > 1 else "")
    return path


def stripped(path: str, count: int) -> str:
    """A template without its first parts; ``**`` is never taken off.

    Args:
        path: template.
        count: how many parts.
    """
    parts = path.strip("/").split("/")
    while count > 0 and parts and parts[0] != "**":
        parts = parts[1:]
        count -= 1
    return "/" + "/".join(parts)


def rewrite(path: str, pattern: str, replacement: str) -> str:
    """A template after a replacement by pattern; ``/**`` when the pattern is not a text with one rest behind it.

    Args:
        path: template.
        pattern: regular expression as written.
        replacement: with ``${name}`` or ``$1``.
    """
    match = _GROUP.match(pattern.strip().lstrip("^"))
    if match is None:
        fixed = pattern.strip().lstrip("^").rstrip("$")
        known = re.fullmatch(r"[\w/.\-]*", fixed) is not None
        return path.replace(fixed, replacement, 1) if known and fixed and fixed in path else "/**"
    plain = match.group("plain")
    if not path.startswith(plain):
        whole = path.removesuffix("/**")
        if plain.rstrip("/") != whole:
            return path
        plain = whole
    rest = path[len(plain) :]
    if match.group("slash"):
        rest = rest.lstrip("/")
    if "**" not in rest and "{" not in rest and rest.strip("/") and not _NAMED.search(replacement):
        return replacement
    out = _NAMED.sub(lambda _: rest, replacement.replace("\\", "")) if match.group("group")[0] == "(" else replacement
    return re.sub(r"/{2,}", "/", out if out.startswith("/") else f"/{out}")


def _zuul(path: str, section: Section) -> Iterator[Fact]:
    prefix = section.get("zuul.prefix")
    keeps = section.get("zuul.strip-prefix") == "false"
    for name, rows in section.below("zuul.routes").items():
        given = {p.key.replace("-", "").lower(): p for p in rows}
        short = given.get("")
        pattern = (short or given.get("path") or Property("", f"/{name}/**", rows[0].line)).text
        to = given.get("url") or given.get("serviceid")
        target = to.text if to is not None else name
        if to is None or "url" not in given:
            target = f"lb://{target}"
        served = tidy(pattern)
        strips = "stripprefix" not in given or given["stripprefix"].text != "false"
        inner = "/**" if strips and served.endswith("/**") else served
        fields: dict[str, object] = {"gateway": "", "path": f"{prefix}{served}", **_to(target)}
        behind = f"{prefix}{inner}" if keeps else inner
        if behind != fields["path"]:
            fields["to_path"] = behind
        yield Fact("route", fields, Location(path, rows[0].line))
