"""An HTTP request as another tool wrote it, and the step that sends the same."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode

from flows.engine.masking import is_secret_key
from flows.importers import Source
from flows.importers.draft import DraftStep, NotCarried, escape_all, escaped
from flows.importers.secrets import Secrets
from flows.language.values import parse_json, to_json
from testmesh.kernel.errors import UserError

FORM = "application/x-www-form-urlencoded"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_PATH = re.compile(r"([a-z]+://[^/?#]*|\{\{[^{}]*\}\})(/[^?#]*)(.*)\Z", re.DOTALL)
Pairs = list[tuple[str, object]]


@dataclass(slots=True)
class WebRequest:
    """A request, nothing of it escaped or hidden yet.

    Args:
        method: as written.
        url: absolute.
        headers: in order, names as written.
        body: text; None = none.
        form: fields of an urlencoded form, instead of a body.
        multipart: parts of a multipart form, instead of a body.
        cookies: name and value.
        settings: further settings of `http_request`, as they are.
    """

    method: str = "GET"
    url: str = ""
    headers: Pairs = field(default_factory=list)
    query: Pairs = field(default_factory=list)
    body: object = None
    form: Pairs | None = None
    multipart: Pairs | None = None
    cookies: Pairs = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case.

        Args:
            name: lower case.
        """
        return next((str(value) for key, value in self.headers if key.lower() == name), None)

    def without(self, *names: str) -> None:
        """Drops headers.

        Args:
            names: lower case.
        """
        self.headers = [(key, value) for key, value in self.headers if key.lower() not in names]


def filled(step: DraftStep, request: WebRequest, secrets: Secrets | None = None) -> None:
    """Makes a step send a request.

    Args:
        step: an `http_request`.
        request: whose texts are meant literally, unless `secrets` is None: then they may be templates already.
        secrets: names what must not stand in a flow; None = nothing is hidden or escaped.
    """
    raw = secrets is None
    hide = secrets or Secrets()
    config = step.config
    method = request.method if "$" in request.method else request.method.upper()
    if method != "GET":
        config["method"] = method
    config["url"] = request.url if raw else hide.in_fields(escaped(request.url))
    _authorised(config, request, None if raw else hide)
    for key, pairs in (("query", request.query), ("headers", request.headers), ("cookies", request.cookies)):
        if pairs:
            config[key] = _map(pairs, None if raw else hide, always=key == "cookies")
    if request.multipart is not None:
        config["multipart"] = _map(request.multipart, None if raw else hide)
    elif request.form is not None:
        config["form"] = _map(request.form, None if raw else hide)
    elif request.body is not None:
        config["body"] = request.body if raw else _hidden_body(request, hide)
    config.update(request.settings if raw else _hidden_settings(request.settings, hide))


def _hidden_settings(settings: Mapping[str, object], secrets: Secrets) -> dict[str, object]:
    """Settings without the passwords of proxies, keys and logins."""
    found = {key: secrets.hidden(escape_all(value), key) for key, value in settings.items()}
    proxy = re.match(r"(\w+://[^/@]*?:)([^/@]+)@(.*)\Z", str(settings.get("proxy", "")))
    if proxy is not None:
        found["proxy"] = f"{proxy[1]}{secrets.named('proxy_password', proxy[2])}@{proxy[3]}"
    return found


def _hidden_body(request: WebRequest, secrets: Secrets) -> object:
    body = escape_all(request.body)
    if isinstance(body, str) and FORM in (request.header("content-type") or ""):
        return secrets.in_fields(body)
    return secrets.hidden(body)


def _map(pairs: Pairs, secrets: Secrets | None, *, always: bool = False) -> dict[str, object]:
    """Pairs as a map; a name that comes several times gets a list."""
    found: dict[str, object] = {}
    for name, value in pairs:
        shown = value if secrets is None else escape_all(value)
        if secrets is not None and isinstance(shown, str) and shown and (always or is_secret_key(name)):
            shown = secrets.named(name, shown) if not shown.startswith("${") else shown
        if name in found:
            before = found[name]
            found[name] = [*before, shown] if isinstance(before, list) else [before, shown]
        else:
            found[name] = shown
    return found


def _authorised(config: dict[str, object], request: WebRequest, secrets: Secrets | None) -> None:
    value = request.header("authorization")
    if value is None or "auth" in request.settings:
        return
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "bearer" and rest:
        config["auth"] = {"bearer": secrets.named("token", rest) if secrets else rest}
        request.without("authorization")
    login = _login(rest) if scheme.lower() == "basic" else None
    if login is not None:
        password = secrets.named("password", login[1]) if secrets and login[1] else login[1]
        user = escaped(login[0]) if secrets else login[0]
        config["auth"] = {"basic": {"username": user, "password": password}}
        request.without("authorization")


def _login(coded: str) -> tuple[str, str] | None:
    try:
        user, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def with_text_body(request: WebRequest, text: str) -> None:
    """Gives a request the body that a text is, in the clearest form that sends the same.

    Args:
        request: its content type decides.
        text: as it was sent.
    """
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind.endswith("json"):
        value = exact_json(text)
        if value is not None:
            request.body = value
            if kind == "application/json":
                _drop_plain_type(request)
            return
    fields = form_fields(text) if kind == FORM else None
    if fields is not None:
        request.form = fields
        if (request.header("content-type") or "").strip().lower() == FORM:
            request.without("content-type")
        return
    request.body = text


def _drop_plain_type(request: WebRequest) -> None:
    value = (request.header("content-type") or "").replace(" ", "").lower()
    if value in ("application/json", "application/json;charset=utf-8"):
        request.without("content-type")


def exact_json(text: str) -> object | None:
    """The map or list a text is, when it is sent again with the same meaning; else None.

    Args:
        text: perhaps JSON.
    """
    try:
        value = parse_json(text)
    except ValueError:
        return None
    if not isinstance(value, Mapping | list):
        return None
    return value if parse_json(to_json(value)) == value else None


def form_fields(text: str) -> Pairs | None:
    """The fields of an urlencoded text, when encoding them gives that text again; else None.

    Args:
        text: as it was sent.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    same = urlencode(pairs) in (text, text.replace("%20", "+"))
    grouped = [name for name, _ in pairs]
    adjacent = all(grouped.index(name) + grouped.count(name) - 1 >= at for at, name in enumerate(grouped))
    return list(pairs) if same and adjacent else None


def file_text(source: Source, name: str) -> str:
    """A file that a test sends or expects as a whole.

    Args:
        source: the test's file.
        name: relative to it.

    Raises:
        NotCarried: it is not there, or no text.
    """
    try:
        found = source.beside(name)
    except UserError:
        raise NotCarried(f"the file {name} is no text") from None
    if found is None:
        raise NotCarried(f"the file {name} is not there")
    return found


def without_dots(url: str) -> str:
    """A URL without ``.`` and ``..`` in its path, as libcurl sends it (RFC 3986 §5.2.4).

    Args:
        url: perhaps with templates.
    """
    match = _PATH.match(url)
    if match is None or "/." not in match[2]:
        return url
    kept: list[str] = []
    for part in match[2].split("/"):
        if part == "..":
            kept[1:] = kept[1:-1]
        elif part != ".":
            kept.append(part)
    if match[2].endswith(("/.", "/..")):
        kept.append("")
    return match[1] + "/".join(kept) + match[3]


def userinfo_moved(request: WebRequest) -> None:
    """Takes user and password out of a URL (RFC 3986 §3.2.1): they are sent as authorisation.

    Args:
        request: whose URL may hold them.
    """
    found = re.match(r"([a-z]+://)([^/?#@]*)@(.*)\Z", request.url, re.DOTALL)
    if found is None:
        return
    request.url = found[1] + found[3]
    if request.header("authorization") is None and "auth" not in request.settings:
        user, _, password = found[2].partition(":")
        coded = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
        request.headers.append(("Authorization", f"Basic {coded}"))


def named_by(method: str, url: str) -> str:
    """What a request is about, for an id: its method and the last words of its path.

    Args:
        method: of the request.
        url: perhaps with templates.
    """
    path = url.partition("?")[0].partition("://")[2].partition("/")[2] if "://" in url else url.partition("?")[0]
    words = [part for part in path.split("/") if part and not _variable(part)]
    return "_".join([method.lower(), *words[-2:]])


def _variable(part: str) -> bool:
    return (
        "$" in part
        or "{" in part
        or (any(character.isdigit() for character in part) and len(part) > 3)
        or part.isdigit()
    )


def pairs_of(entries: Iterable[Mapping[str, object]]) -> Pairs:
    """``[{name, value}]`` as pairs.

    Args:
        entries: as HAR and Postman write them.
    """
    return [(str(entry.get("name", "")), entry.get("value")) for entry in entries]
