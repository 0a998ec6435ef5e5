"""A curl command, as documentation and browsers give it, becomes one HTTP step."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus

from flows.importers import Draft, Imported, Importer, Note, Source
from flows.importers.draft import escaped
from flows.importers.requests import FORM, WebRequest, filled, form_fields, named_by, with_text_body
from flows.importers.secrets import Secrets
from flows.importers.shell_words import words
from testmesh.kernel.errors import UserError

_LONG = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "b": "cookie", "A": "user-agent",
    "e": "referer", "k": "insecure", "L": "location", "G": "get", "I": "head", "m": "max-time", "x": "proxy",
    "E": "cert", "T": "upload-file", "o": "output", "c": "cookie-jar", "w": "write-out", "s": "silent",
    "S": "show-error", "v": "verbose", "i": "include", "f": "fail", "O": "remote-name", "#": "progress-bar",
    "N": "no-buffer", "4": "ipv4", "6": "ipv6", "g": "globoff", "j": "junk-session-cookies", "n": "netrc",
    "0": "http1.0", "U": "proxy-user", "D": "dump-header", "r": "range",
}  # fmt: skip
_FLAGS = frozenset(
    {
        *("insecure", "location", "get", "head", "silent", "show-error", "verbose", "include", "fail"),
        *("fail-with-body", "compressed", "http2", "http1.1", "http1.0", "http2-prior-knowledge", "http3"),
        *("location-trusted", "progress-bar", "no-buffer", "ipv4", "ipv6", "globoff", "remote-name"),
        *("digest", "basic", "junk-session-cookies", "netrc", "no-progress-meter", "path-as-is"),
        *("tcp-nodelay", "no-keepalive", "ssl", "anyauth", "ntlm", "negotiate"),
    }
)
_NO_EFFECT = frozenset(
    {
        *("silent", "show-error", "verbose", "include", "progress-bar", "no-buffer", "ipv4", "ipv6"),
        *("globoff", "remote-name", "output", "cookie-jar", "write-out", "no-progress-meter"),
        *("dump-header", "compressed", "path-as-is", "tcp-nodelay", "no-keepalive"),
        *("junk-session-cookies", "basic", "http1.1", "connect-timeout", "trace", "trace-ascii", "stderr"),
    }
)
_DATA = ("data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json")


class _Command:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.request = WebRequest(method="")
        self.data: list[str] = []
        self.data_is_query = False
        self.json = False
        self.fails = False
        self.digest = False
        self.head = False
        self.notes: list[Note] = []

    def read(self, arguments: list[str]) -> None:
        """Takes every option."""
        waiting = arguments[::-1]
        while waiting:
            word = waiting.pop()
            if word == "--next":
                raise UserError("one command with '--next' is several requests", hint="give each command by itself")
            if word.startswith("--") and len(word) > 2:
                name, equals, value = word[2:].partition("=")
                if name in _FLAGS or name.startswith("no-"):
                    self.option(name, "")
                else:
                    self.option(name, value if equals and name not in ("header",) else _next(waiting, word))
            elif word.startswith("-") and len(word) > 1:
                self._short(word[1:], waiting)
            else:
                self._url(word)

    def _short(self, letters: str, waiting: list[str]) -> None:
        for at, letter in enumerate(letters):
            name = _LONG.get(letter)
            if name is None:
                raise UserError(f"curl's option '-{letter}' is not known here", hint="leave it out")
            if name in _FLAGS:
                self.option(name, "")
                continue
            rest = letters[at + 1 :]
            self.option(name, rest or _next(waiting, f"-{letter}"))
            return

    def _url(self, text: str) -> None:
        if self.request.url:
            raise UserError(f"a second URL ('{text}')", hint="give each command by itself")
        self.request.url = text if "://" in text else f"http://{text}"

    def option(self, name: str, value: str) -> None:
        """Takes one option.

        Args:
            name: long.
            value: its argument, empty for flags.
        """
        take = _TAKES.get(name)
        if take is not None:
            take(self, value)
        elif name in _DATA:
            self._add_data(name, value)
        elif name not in _NO_EFFECT:
            shown = f"--{name}" + (f" {value}" if value else "")
            self.notes.append(Note(1, shown, "there is no setting for it", checks=False))

    def _add_data(self, name: str, value: str) -> None:
        if name == "json":
            self.json = True
        if name == "data-urlencode":
            self.data.append(self._urlencoded(value))
        elif value.startswith("@") and name != "data-raw":
            text = self._file(value[1:])
            self.data.append(text if name in ("data-binary", "json") else text.replace("\n", "").replace("\r", ""))
        else:
            self.data.append(value)

    def _urlencoded(self, value: str) -> str:
        name, mark, content = re.match(r"([^=@]*)([=@]?)(.*)\Z", value, re.DOTALL).groups()  # type: ignore[union-attr]
        text = self._file(content) if mark == "@" else content if mark else name
        coded = quote_plus(text).replace("+", "%20")
        return f"{name}={coded}" if mark and name else coded

    def _file(self, name: str) -> str:
        found = self.source.beside(name)
        if found is None:
            raise UserError(f"the command sends the file {name}, which is not here", hint="run it where the file is")
        return found

    def header(self, value: str) -> None:
        """``Name: value``; ``Name;`` sends it empty, ``Name:`` takes curl's own away."""
        name, colon, content = value.partition(":")
        if colon and content.strip():
            if name.lower() == "cookie":
                self.cookie(content.strip())
                return
            self.request.headers.append((name.strip(), content.strip()))
        elif value.endswith(";"):
            self.request.headers.append((value[:-1].strip(), ""))

    def cookie(self, value: str) -> None:
        """``a=b; c=d``, or a file."""
        if "=" not in value:
            self.notes.append(Note(1, f"--cookie {value}", "cookies from a file are not read", checks=False))
            return
        for part in value.split(";"):
            name, equals, content = part.strip().partition("=")
            if equals:
                self.request.cookies.append((name, content))

    def user(self, value: str) -> None:
        """``name:password``."""
        coded = base64.b64encode((value if ":" in value else f"{value}:").encode()).decode()
        self.request.headers.append(("Authorization", f"Basic {coded}"))

    def part(self, value: str, *, plain: bool = False) -> None:
        """``name=content``, ``name=@file;type=x``, ``name=<file``."""
        name, _, content = value.partition("=")
        parts = self.request.multipart = self.request.multipart or []
        if plain or (not content.startswith(("@", "<")) and ";type=" not in content):
            parts.append((name, content))
            return
        given, *attributes = content.split(";")
        described: dict[str, object] = {"file": given[1:]} if given[:1] == "@" else {"content": given}
        if given[:1] == "<":
            described["content"] = self._file(given[1:])
        for attribute in attributes:
            key, _, said = attribute.strip().partition("=")
            if key in ("type", "filename"):
                described["content_type" if key == "type" else key] = said.strip('"')
        parts.append((name, described if given[:1] == "@" or attributes else described["content"]))

    def finish(self) -> WebRequest:
        """The request that the options describe together."""
        request = self.request
        if not request.url:
            raise UserError("the command names no URL", hint="paste the whole command")
        joined = ("" if self.json else "&").join(self.data) if self.data else None
        if joined is not None and self.data_is_query:
            request.url += ("&" if "?" in request.url else "?") + joined
            joined = None
        if joined is not None:
            self._body(joined)
        sends = joined is not None or request.multipart is not None
        request.method = request.method or ("HEAD" if self.head else "POST" if sends else "GET")
        return request

    def _body(self, joined: str) -> None:
        request = self.request
        if self.json and request.header("content-type") is None:
            request.headers.append(("Content-Type", "application/json"))
            if request.header("accept") is None:
                request.headers.append(("Accept", "application/json"))
        if request.header("content-type") is None:
            fields = form_fields(joined)
            if fields is not None:
                request.form = fields
                return
            request.headers.append(("Content-Type", FORM))
        with_text_body(request, joined)


def _next(waiting: list[str], word: str) -> str:
    if not waiting:
        raise UserError(f"'{word}' needs a value", hint="paste the whole command")
    return waiting.pop()


def _set(name: str, value: object) -> Callable[[_Command, str], None]:
    def take(command: _Command, given: str) -> None:
        command.request.settings[name] = value if value is not None else given

    return take


def _tls(key: str) -> Callable[[_Command, str], None]:
    def take(command: _Command, given: str) -> None:
        tls = command.request.settings.setdefault("tls", {})
        if isinstance(tls, dict):
            tls[key] = given

    return take


def _attribute(name: str) -> Callable[[_Command, str], None]:
    def take(command: _Command, given: str) -> None:
        setattr(command, name, True)

    return take


def _max_time(command: _Command, value: str) -> None:
    command.request.settings["timeout"] = f"{max(1, round(float(value) * 1000))}ms"


def _upload(command: _Command, value: str) -> None:
    command.request.method = command.request.method or "PUT"
    command.data.append(command._file(value))
    command.request.headers.append(("Content-Type", "application/octet-stream"))


def _method(command: _Command, value: str) -> None:
    command.request.method = value


def _query(command: _Command, value: str) -> None:
    command.request.url += ("&" if "?" in command.request.url else "?") + command._urlencoded(value)


_TAKES: Mapping[str, Callable[[_Command, str], None]] = {
    "request": _method,
    "header": _Command.header,
    "cookie": _Command.cookie,
    "user": _Command.user,
    "form": _Command.part,
    "form-string": lambda command, value: command.part(value, plain=True),
    "user-agent": lambda command, value: command.header(f"User-Agent: {value}"),
    "referer": lambda command, value: command.header(f"Referer: {value}"),
    "oauth2-bearer": lambda command, value: command.header(f"Authorization: Bearer {value}"),
    "range": lambda command, value: command.header(f"Range: bytes={value}"),
    "url": _Command._url,
    "url-query": _query,
    "insecure": _set("verify_ssl", False),
    "location": _set("follow_redirects", True),
    "location-trusted": _set("follow_redirects", True),
    "http2": _set("http2", True),
    "http2-prior-knowledge": _set("http2", True),
    "proxy": _set("proxy", None),
    "max-time": _max_time,
    "cacert": _tls("ca"),
    "cert": _tls("cert"),
    "key": _tls("key"),
    "get": _attribute("data_is_query"),
    "head": _attribute("head"),
    "fail": _attribute("fails"),
    "fail-with-body": _attribute("fails"),
    "digest": _attribute("digest"),
    "upload-file": _upload,
}


def request_of(source: Source) -> tuple[WebRequest, list[Note]]:
    """The request of a command, and what of it was not understood.

    Args:
        source: its text is the command.

    Raises:
        UserError: it is no curl command, or part of it is missing.
    """
    found = words(source.text.strip().removeprefix("$ "))
    if not found or found[0].rpartition("/")[2].rpartition("\\")[2] not in ("curl", "curl.exe"):
        raise UserError("this is no curl command", hint="paste it from the word 'curl' on")
    command = _Command(source)
    command.read(found[1:])
    request = command.finish()
    if command.digest:
        _as_digest(request)
    return request, command.notes


def _as_digest(request: WebRequest) -> None:
    value = (request.header("authorization") or "").removeprefix("Basic ")
    user, _, password = base64.b64decode(value).decode().partition(":")
    request.without("authorization")
    request.settings["auth"] = {"digest": {"username": user, "password": password}}


def read(source: Source) -> Imported:
    """A flow of one step.

    Args:
        source: its text is the command.
    """
    request, notes = request_of(source)
    secrets = Secrets()
    draft = Draft(f"{request.method.upper()} {escaped(request.url.partition('?')[0])}", stem="recorded")
    step = draft.step(named_by(request.method, request.url), "http_request")
    filled(step, request, secrets)
    step.comments.append("A command says what is sent, not what must come back: say it here.")
    step.check("status < 400")
    if secrets.names:
        draft.comments.append(f"Secrets to give (environment, file or keyring): {', '.join(secrets.names)}")
    return Imported((draft,), tuple(notes))


def _detect(file: str, text: str) -> bool:
    return bool(re.match(r"\s*(\$ )?curl(\.exe)?\s", text))


IMPORTER = Importer("a curl command", _detect, read)
