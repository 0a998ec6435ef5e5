"""A browser's recording (HAR 1.2) becomes a flow: requests in order, ids chained, assertions from what came back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flows.engine.masking import is_secret_key
from flows.importers import Draft, Imported, Importer, Note, Source
from flows.importers.chaining import Chain, Seen
from flows.importers.draft import Assertion, DraftStep, escaped, variable
from flows.importers.multipart import multipart_parts
from flows.importers.places import JsonPlaces
from flows.importers.proposing import Sent, propose
from flows.importers.requests import Pairs, WebRequest, filled, named_by, pairs_of, userinfo_moved, with_text_body
from flows.importers.secrets import Secrets
from flows.language.values import parse_json
from testmesh.kernel.errors import UserError

_STATIC = re.compile(
    r"\.(css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|otf|eot|mp4|webm|mp3)$", re.IGNORECASE
)
_STATIC_TYPES = ("stylesheet", "script", "image", "font", "media", "manifest", "ping", "preflight", "texttrack")
_NOISE = re.compile(
    r"^(:|sec-|proxy-|x-client-data|x-devtools)|^(host|connection|content-length|accept-encoding|accept-language|"
    r"user-agent|referer|origin|cookie|if-none-match|if-modified-since|cache-control|pragma|priority|dnt|te|"
    r"upgrade-insecure-requests|traceparent|tracestate|transfer-encoding|keep-alive)$",
    re.IGNORECASE,
)
MAX_ENTRIES = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of a recording with its answer.

    Args:
        number: 1-based place in the recording.
        request: as sent.
        status: of the answer; 0 when there was none.
        body: of the answer, parsed when it is JSON, else its text, else None.
        headers: of the answer, lower-case names.
        cookies: that the answer sets.
    """

    number: int
    request: WebRequest
    status: int
    body: object
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


def read(source: Source) -> Imported:
    """One flow.

    Args:
        source: its options `host` and `type` narrow what is taken; `all` also takes static files.

    Raises:
        UserError: it is no HAR file, or nothing of it is left.
    """
    log = _log(source)
    notes: list[Note] = []
    entries = [entry for entry in _entries(log, source, notes) if entry is not None]
    if not entries:
        raise UserError(f"{source.file}: no request of it is taken", hint="widen --host and --type, or give --all")
    if _one_session(entries):
        for entry in entries:
            entry.request.cookies = []
    draft = Draft(_title(log, source), stem="recorded")
    secrets = Secrets()
    bases = _bases(entries, draft)
    chain = Chain()
    for entry in entries:
        _step(draft, entry, bases, chain, secrets)
    for step in draft.steps:
        step.config = {key: secrets.everywhere(value) for key, value in step.config.items()}
        step.assertions = [_without_secrets(assertion, secrets) for assertion in step.assertions]
    if any(entry.cookies for entry in entries) and not any("cookies" in step.config for step in draft.steps):
        draft.share_cookies()
    if secrets.names:
        draft.comments.append(f"Secrets to give (environment, file or keyring): {', '.join(secrets.names)}")
    lines = _lines(log, source.text)
    return Imported((draft,), tuple(note._replace(line=lines[note.line - 1]) for note in notes))


def _lines(log: Mapping[str, Any], text: str) -> list[int]:
    """The line of each entry: where its URL stands."""
    places = JsonPlaces(text)
    return [places.after(str(raw["request"].get("url", ""))) for raw in log["entries"]]


def _one_session(entries: list[Entry]) -> bool:
    """Whether every cookie that was sent had been set by an answer before: then the flow keeps them by itself."""
    known: set[tuple[str, str]] = set()
    for entry in entries:
        if any((name, str(value)) not in known for name, value in entry.request.cookies):
            return False
        known.update(entry.cookies.items())
    return True


def _log(source: Source) -> Mapping[str, Any]:
    try:
        found = parse_json(source.text.removeprefix("\ufeff"))
    except ValueError as problem:
        raise UserError(f"{source.file} is no HAR file: {problem}", hint="export it again") from None
    log = found.get("log") if isinstance(found, Mapping) else None
    if not isinstance(log, Mapping) or not isinstance(log.get("entries"), list):
        raise UserError(f"{source.file} is no HAR file: it has no log.entries", hint="export it again")
    if len(log["entries"]) > MAX_ENTRIES:
        raise UserError(f"{source.file} has more than {MAX_ENTRIES:,} requests", hint="record less")
    return log


def _title(log: Mapping[str, Any], source: Source) -> str:
    pages = log.get("pages")
    title = pages[0].get("title") if isinstance(pages, list) and pages and isinstance(pages[0], Mapping) else None
    return escaped(str(title)) if title else f"Recorded in {source.file.rpartition('/')[2]}"


def _entries(log: Mapping[str, Any], source: Source, notes: list[Note]) -> Iterator[Entry | None]:
    hosts = [host for host in source.options.get("host", "").split(",") if host]
    types = [kind for kind in source.options.get("type", "").split(",") if kind]
    for number, raw in enumerate(log["entries"], 1):
        if not isinstance(raw, Mapping) or not isinstance(raw.get("request"), Mapping):
            raise UserError(f"{source.file}: entry {number} has no request", hint="export it again")
        url = str(raw["request"].get("url", ""))
        kind = str(raw.get("_resourceType", "")).lower()
        if hosts and not any(urlsplit(url).netloc.endswith(host) for host in hosts):
            continue
        if types and kind and kind not in types:
            continue
        if not types and "all" not in source.options and _is_static(url, kind, raw):
            continue
        if url.startswith(("ws:", "wss:")) or "_webSocketMessages" in raw:
            notes.append(Note(number, f"entry {number}: {url}", "WebSocket traffic is not recorded as steps"))
            continue
        if raw["request"].get("method") == "CONNECT":
            why = "a tunnel through a proxy is no request of its own"
            notes.append(Note(number, f"entry {number}: CONNECT {url}", why, checks=False))
        elif url.startswith(("http:", "https:")):
            yield _entry(number, raw, notes)


def _is_static(url: str, kind: str, raw: Mapping[str, Any]) -> bool:
    if kind in _STATIC_TYPES or _STATIC.search(urlsplit(url).path):
        return True
    content = raw.get("response", {}).get("content", {}) if isinstance(raw.get("response"), Mapping) else {}
    mime = str(content.get("mimeType", "")) if isinstance(content, Mapping) else ""
    return raw["request"].get("method") == "OPTIONS" or mime.startswith(("image/", "font/", "text/css", "video/"))


def _entry(number: int, raw: Mapping[str, Any], notes: list[Note]) -> Entry:
    request, response = raw["request"], raw.get("response")
    answer: Mapping[str, Any] = response if isinstance(response, Mapping) else {}
    headers = {name.lower(): str(value) for name, value in pairs_of(_maps(answer.get("headers")))}
    cookies = {str(c.get("name")): str(c.get("value")) for c in _maps(answer.get("cookies"))}
    if not cookies:
        cookies = _set_cookies(_maps(answer.get("headers")))
    status = answer.get("status")
    if not status:
        notes.append(Note(number, f"entry {number}: {request.get('url')}", "it got no answer that could be asserted",
                          checks=False))  # fmt: skip
    return Entry(
        number, _request(number, request, notes), status if isinstance(status, int) else 0,
        _body(answer.get("content"), headers), headers, cookies,
    )  # fmt: skip


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _set_cookies(headers: list[Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for header in headers:
        if str(header.get("name", "")).lower() == "set-cookie":
            for line in str(header.get("value", "")).split("\n"):
                name, equals, value = line.partition(";")[0].partition("=")
                if equals:
                    found[name.strip()] = value.strip()
    return found


def _request(number: int, raw: Mapping[str, Any], notes: list[Note]) -> WebRequest:
    url = str(raw.get("url", "")).partition("#")[0]
    headers: Pairs = [pair for pair in pairs_of(_maps(raw.get("headers"))) if not _NOISE.search(pair[0])]
    cookies = pairs_of(_maps(raw.get("cookies"))) or _sent_cookies(_maps(raw.get("headers")))
    request = WebRequest(str(raw.get("method", "GET")).upper(), url, headers, cookies=cookies)
    userinfo_moved(request)
    if (request.header("accept") or "").startswith(("*/*", "text/html")):
        request.without("accept")
    posted = raw.get("postData")
    if isinstance(posted, Mapping):
        _posted(number, request, posted, notes)
    elif (request.header("content-type") or "").startswith("multipart/"):
        _posted(number, request, {"mimeType": request.header("content-type")}, notes)
    return request


def _sent_cookies(headers: list[Mapping[str, Any]]) -> Pairs:
    lines = [str(header.get("value", "")) for header in headers if str(header.get("name", "")).lower() == "cookie"]
    parts = [part.strip().partition("=") for line in lines for part in line.split(";")]
    return [(name, value) for name, equals, value in parts if equals]


def _posted(number: int, request: WebRequest, posted: Mapping[str, Any], notes: list[Note]) -> None:
    kind = str(posted.get("mimeType", "")).lower()
    text = posted.get("text")
    if posted.get("encoding") == "base64" and isinstance(text, str):
        text = _decoded(text)
        if text is None:
            what = f"entry {number}: the body of {request.method} {request.url}"
            notes.append(Note(number, what, "its bytes are no text", checks=False))
    if kind.startswith("multipart/"):
        request.without("content-type")
        request.multipart = []
        parts = _maps(posted.get("params")) or list(multipart_parts(str(posted.get("mimeType")), str(text or "")))
        for part in parts:
            request.multipart.append((str(part.get("name", "")), _part(number, part, notes)))
        if not parts:
            why = "the recording does not hold it"
            notes.append(Note(number, f"entry {number}: the body of {request.method} {request.url}", why, checks=False))
    elif isinstance(text, str) and text:
        if request.header("content-type") is None and kind:
            request.headers.append(("Content-Type", str(posted.get("mimeType"))))
        with_text_body(request, text)
    elif _maps(posted.get("params")):
        request.without("content-type")
        request.form = pairs_of(_maps(posted.get("params")))


def _part(number: int, part: Mapping[str, Any], notes: list[Note]) -> object:
    file = part.get("fileName")
    if not file:
        return part.get("value", "")
    if part.get("value") is None:
        notes.append(Note(number, f"entry {number}: content of the file {file}", "the recording does not hold it"))
        return {"file": str(file)}
    return {
        "filename": str(file),
        "content": part["value"],
        "content_type": str(part.get("contentType") or "text/plain"),
    }


def _body(content: object, headers: Mapping[str, str]) -> object:
    if not isinstance(content, Mapping) or not isinstance(content.get("text"), str) or not content["text"]:
        return None
    text = content["text"]
    if content.get("encoding") == "base64":
        text = _decoded(text)
        if text is None:
            return None
    try:
        return parse_json(text)
    except ValueError:
        return text


def _decoded(coded: str) -> str | None:
    import base64

    try:
        return base64.b64decode(coded).decode()
    except ValueError:
        return None


def _bases(entries: list[Entry], draft: Draft) -> dict[str, str]:
    """One variable for the address of each host, so that a flow can go to another environment."""
    found: dict[str, str] = {}
    for entry in entries:
        parts = urlsplit(entry.request.url)
        base = f"{parts.scheme}://{parts.netloc}"
        if base not in found:
            label = (parts.hostname or "host").split(".")[0]
            name = "BASE_URL" if not found else variable(f"{label.upper()}_URL")
            while name in draft.env:
                name += "_2"
            found[base] = name
            draft.env[name] = f"${{{name}:{base}}}"
    return found


def _step(draft: Draft, entry: Entry, bases: Mapping[str, str], chain: Chain, secrets: Secrets) -> DraftStep:
    request = entry.request
    step = draft.step(named_by(request.method, request.url), "http_request")
    parts = urlsplit(request.url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    sent = Seen.of_request(request, parts.path, query)

    def shown(pairs: Pairs) -> Pairs:
        return [(name, _hidden(name, chain.whole(value, name), secrets)) for name, value in pairs]

    chained = WebRequest(
        request.method,
        f"${{{bases[f'{parts.scheme}://{parts.netloc}']}}}{chain.in_path(parts.path)}",
        shown(request.headers),
        shown([(name, value) for name, value in query]),
        _body_shown(chain.body(request.body), secrets),
        shown(request.form) if request.form is not None else None,
        shown(request.multipart) if request.multipart is not None else None,
        [(name, _cookie(name, chain.cookie(name, str(value)), secrets)) for name, value in request.cookies],
        request.settings,
    )
    filled(step, chained)
    propose(step, entry.status, entry.body, Sent(sent, chain.expression))
    chain.answered(step, Seen(entry.body, entry.headers, entry.cookies), sent)
    return step


def _body_shown(body: object, secrets: Secrets) -> object:
    return secrets.in_fields(body) if isinstance(body, str) else secrets.hidden(body)


def _without_secrets(assertion: Assertion, secrets: Secrets) -> Assertion:
    shown = secrets.everywhere(assertion)
    return shown if isinstance(shown, str | Mapping) else assertion


def _hidden(name: str, value: object, secrets: Secrets) -> object:
    if not isinstance(value, str) or "${" in value.replace("$${", "") or not value:
        return value
    if name.lower() == "authorization":
        scheme, space, rest = value.partition(" ")
        return f"{scheme} {secrets.named('token', rest)}" if space else secrets.named("authorization", value)
    return secrets.named(name, value) if is_secret_key(name) else value


def _cookie(name: str, value: object, secrets: Secrets) -> object:
    return value if isinstance(value, str) and value.startswith("${") else secrets.named(f"{name}_cookie", str(value))


def _detect(file: str, text: str) -> bool:
    return file.lower().endswith(".har") or ('"log"' in text[:2000] and '"entries"' in text[:20000])


IMPORTER = Importer("a browser's recording (HAR)", _detect, read)
