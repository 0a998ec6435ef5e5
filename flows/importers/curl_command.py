"""One curl command: its options together, as the requests that they describe."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote, quote_plus

from flows.importers import Note, Source
from flows.importers.curl_options import FLAGS, MEANT, NO_EFFECT, SHORT
from flows.importers.draft import NotCarried
from flows.importers.requests import (
    FORM,
    WebRequest,
    file_text,
    form_fields,
    userinfo_moved,
    with_text_body,
    without_dots,
)
from flows.importers.shell_words import MARK, ShellCommand
from testmesh.kernel.errors import UserError

_DATA = ("data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json")


class Command:
    """The options between two ``--next``, and the URLs they go to.

    Args:
        source: of the command.
        shell: it was written as.
    """

    def __init__(self, source: Source, shell: ShellCommand) -> None:
        self.source = source
        self.shell = shell
        self.request = WebRequest(method="")
        self.urls: list[str] = []
        self.query: list[str] = []
        self.data: list[str] = []
        self.login = ""
        self.proxy_login = ""
        self.upload = ""
        self.flags: set[str] = set()
        self.notes: list[Note] = []

    def read(self, waiting: list[str]) -> None:
        """Takes every option up to the next ``--next``.

        Args:
            waiting: words, the first one last.
        """
        while waiting:
            word = waiting.pop()
            if word in ("--next", "-:"):
                return
            if word == "--":
                self.urls += reversed(waiting)
                waiting.clear()
            elif word.startswith("--"):
                self._long(word[2:], waiting)
            elif word.startswith("-") and len(word) > 1:
                self._short(word[1:], waiting)
            else:
                self.urls.append(word)

    def _long(self, name: str, waiting: list[str]) -> None:
        # curl itself takes no 'name=value'; people write it all the same
        name, equals, value = name.partition("=")
        name = _whole_name(name)
        if name in FLAGS or name.startswith("no-"):
            self.option(name, "")
        else:
            self.option(name, value if equals else _next(waiting, f"--{name}"))

    def _short(self, letters: str, waiting: list[str]) -> None:
        for at, letter in enumerate(letters):
            name = SHORT.get(letter)
            if name is None:
                raise UserError(f"curl's option '-{letter}' is not known here", hint="leave it out")
            if name in FLAGS:
                self.option(name, "")
                continue
            rest = letters[at + 1 :]
            self.option(name, rest or _next(waiting, f"-{letter}"))
            return

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
        elif name.startswith("no-"):
            self._off(name.removeprefix("no-"))
        elif name in MEANT:
            self.flags.add(name)
        elif name not in NO_EFFECT:
            self.note(f"--{name} {value}".strip(), "there is no setting for it")

    def _off(self, name: str) -> None:
        self.flags.discard(name)
        for key in _SETTINGS.get(name, ()):
            self.request.settings.pop(key, None)

    def note(self, what: str, why: str) -> None:
        """Something of the command that no flow says.

        Args:
            what: as written; a shell variable by its name.
            why: what stands in the way.
        """
        self.notes.append(Note(1, MARK.sub(r"$\1", what), why, checks=False))

    def _add_data(self, name: str, value: str) -> None:
        if name == "json":
            self.flags.add("json")
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
        coded = quote_plus(text, safe="\ue000\ue001").replace("+", "%20")
        return f"{name}={coded}" if mark and name else coded

    def _file(self, name: str) -> str:
        if name == "-":
            if self.shell.given is None and not self.shell.read:
                raise UserError("the command sends what is piped into it", hint="put it into the command")
            if self.shell.given is not None:
                return self.shell.given
            name = self.shell.read
        try:
            return file_text(self.source, name)
        except NotCarried as reason:
            raise UserError(f"{reason}", hint="run it where the file is; a flow sends texts") from None

    def header(self, value: str) -> None:
        """``Name: value``; ``Name;`` sends it empty, ``Name:`` takes curl's own away, ``@file`` holds some."""
        if value.startswith("@"):
            for line in self._file(value[1:]).splitlines():
                self.header(line)
            return
        name, colon, content = value.partition(":")
        if colon and content.strip():
            if name.strip().lower() == "cookie":
                self.cookie(content.strip())
                return
            self.request.headers.append((name.strip(), content.strip()))
        elif value.endswith(";") and not colon:
            self.request.headers.append((value[:-1].strip(), ""))

    def cookie(self, value: str) -> None:
        """``a=b; c=d``, or a file."""
        if "=" not in value and MARK.search(value) is None:
            self.note(f"--cookie {value}", "cookies from a file are not read")
            return
        if "=" not in value:
            self.request.headers.append(("Cookie", value))
        for part in value.split(";"):
            name, equals, content = part.strip().partition("=")
            if equals:
                self.request.cookies.append((name, content))

    def part(self, value: str, *, plain: bool = False) -> None:
        """``name=content``, ``name=@file;type=x``, ``name=<file``."""
        name, _, content = value.partition("=")
        parts = self.request.multipart = self.request.multipart or []
        if plain or (not content.startswith(("@", "<")) and ";type=" not in content):
            parts.append((name, content))
            return
        given, *attributes = _ATTRIBUTE.findall(content)
        files = [_unquoted(name) for name in given[1:].split(",")] if given[:1] == "@" else []
        described: dict[str, object] = {} if files else {"content": _unquoted(given)}
        if given[:1] == "<":
            described["content"] = self._file(_unquoted(given[1:]))
        for attribute in attributes:
            key, _, said = attribute.strip().partition("=")
            if key in ("type", "filename"):
                described["content_type" if key == "type" else key] = _unquoted(said)
            else:
                self.note(f"--form {value}", f"a part has no '{key}' here")
        if files:
            parts.extend((name, {"file": file, **described}) for file in files)
        else:
            parts.append((name, described if attributes else described["content"]))

    def requests(self) -> list[WebRequest]:
        """The requests that the options describe together, one for each URL."""
        if not self.urls:
            raise UserError("the command names no URL", hint="paste the whole command")
        self._signed_in()
        return [self._request(url) for url in self.urls]

    def _request(self, url: str) -> WebRequest:
        url = url if "://" in url or url.startswith("\ue000") else f"http://{url}"
        url = url if "path-as-is" in self.flags else without_dots(url)
        if "globoff" not in self.flags and _GLOB.search(url):
            self.note(url, "curl makes several URLs of this one; the flow asks for it as it is")
        request = replace(self.request, url=url.partition("#")[0], headers=list(self.request.headers))
        request.settings = dict(self.request.settings)
        userinfo_moved(request)
        joined = ("" if "json" in self.flags else "&").join(self.data) if self.data else None
        query = list(self.query)
        if joined is not None and "get" in self.flags:
            query, joined = [*query, joined], None
        if query:
            request.url = request.url.rstrip("&") + ("&" if "?" in request.url else "?") + "&".join(query)
        if self.upload:
            self._uploaded(request)
        elif joined is not None:
            self._body(request, joined)
        sends = joined is not None or request.multipart is not None
        plain = "PUT" if self.upload else "HEAD" if "head" in self.flags else "POST" if sends else "GET"
        request.method = request.method or plain
        return request

    def _uploaded(self, request: WebRequest) -> None:
        path = request.url.partition("://")[2].partition("/")[2]
        if (not path or path.endswith("/")) and self.upload != "-" and "?" not in request.url:
            request.url = f"{request.url.removesuffix(path).rstrip('/')}/{path}{quote(self.upload.rpartition('/')[2])}"
        request.body = self._file(self.upload)

    def _signed_in(self) -> None:
        """What ``--user`` means with the way of signing in that is asked for."""
        request = self.request
        user, _, password = self.login.partition(":")
        if self.proxy_login and isinstance(request.settings.get("proxy"), str):
            scheme, _, rest = str(request.settings["proxy"]).rpartition("://")
            request.settings["proxy"] = f"{scheme or 'http'}://{self.proxy_login}@{rest}"
        if not self.login or request.header("authorization") is not None:
            return
        if "digest" in self.flags:
            request.settings["auth"] = {"digest": {"username": user, "password": password}}
            return
        for how in sorted(self.flags & {"ntlm", "ntlm-wb", "negotiate", "anyauth"}):
            self.note(f"--{how}", "the flow sends user and password (basic)")
        coded = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.headers.append(("Authorization", f"Basic {coded}"))

    def _body(self, request: WebRequest, joined: str) -> None:
        if "json" in self.flags and request.header("content-type") is None:
            request.headers.append(("Content-Type", "application/json"))
        if "json" in self.flags and request.header("accept") is None:
            request.headers.append(("Accept", "application/json"))
        if request.header("content-type") is None:
            fields = form_fields(joined)
            if fields is not None:
                request.form = fields
                return
            request.headers.append(("Content-Type", FORM))
        with_text_body(request, joined)


def _whole_name(name: str) -> str:
    """An option that was cut short, where only one begins so."""
    known = {*FLAGS, *NO_EFFECT, *_TAKES, *_DATA}
    begun = [other for other in known if other.startswith(name)]
    return begun[0] if name not in known and len(begun) == 1 else name


def _next(waiting: list[str], word: str) -> str:
    if not waiting:
        raise UserError(f"'{word}' needs a value", hint="paste the whole command")
    return waiting.pop()


def _set(name: str, value: object) -> Callable[[Command, str], None]:
    def take(command: Command, given: str) -> None:
        command.request.settings[name] = value if value is not None else given

    return take


def _tls(key: str) -> Callable[[Command, str], None]:
    def take(command: Command, given: str) -> None:
        tls = command.request.settings.setdefault("tls", {})
        if isinstance(tls, dict):
            tls[key] = given

    return take


def _max_time(command: Command, value: str) -> None:
    try:
        command.request.settings["timeout"] = f"{max(1, round(float(value) * 1000))}ms"
    except (ValueError, OverflowError):
        raise UserError(f"'--max-time {value}' is no number of seconds", hint="give a number") from None


def _query(command: Command, value: str) -> None:
    command.query.append(value[1:] if value.startswith("+") else command._urlencoded(value))


def _no_proxy(command: Command, value: str) -> None:
    if value == "*":
        command.request.settings["proxy"] = "none"
    else:
        command.note(f"--noproxy {value}", "there is no setting for it")


def _proxy(scheme: str) -> Callable[[Command, str], None]:
    def take(command: Command, value: str) -> None:
        shown = value if "://" in value else f"{scheme}://{value}"
        command.request.settings["proxy"] = shown if value else "none"

    return take


def _certificate(command: Command, value: str) -> None:
    file, _, password = value.partition(":")
    _tls("cert")(command, file)
    if password:
        _tls("key_password")(command, password)


def _keep(name: str) -> Callable[[Command, str], None]:
    def take(command: Command, value: str) -> None:
        setattr(command, name, value)

    return take


def _method(command: Command, value: str) -> None:
    command.request.method = value


_ATTRIBUTE = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^;"])+')
_GLOB = re.compile(r"\{[^{}]*,[^{}]*\}|\[\w+-\w+(?::\d+)?\]")


def _unquoted(text: str) -> str:
    text = text.strip()
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if len(text) > 1 and text[0] == text[-1] == '"' else text


_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "location": ("follow_redirects",),
    "location-trusted": ("follow_redirects",),
    "insecure": ("verify_ssl",),
    "http2": ("http2",),
}
_TAKES: Mapping[str, Callable[[Command, str], None]] = {
    "request": _method,
    "header": Command.header,
    "cookie": Command.cookie,
    "user": _keep("login"),
    "proxy-user": _keep("proxy_login"),
    "upload-file": _keep("upload"),
    "form": Command.part,
    "form-string": lambda command, value: command.part(value, plain=True),
    "user-agent": lambda command, value: command.header(f"User-Agent: {value}"),
    "referer": lambda command, value: command.header(f"Referer: {value.partition(';auto')[0]}"),
    "oauth2-bearer": lambda command, value: command.header(f"Authorization: Bearer {value}"),
    "range": lambda command, value: command.header(f"Range: bytes={value}{'' if '-' in value else '-'}"),
    "url": lambda command, value: command.urls.append(value),
    "url-query": _query,
    "insecure": _set("verify_ssl", False),
    "location": _set("follow_redirects", True),
    "location-trusted": _set("follow_redirects", True),
    "http2": _set("http2", True),
    "http2-prior-knowledge": _set("http2", True),
    "proxy": _proxy("http"),
    "socks5": _proxy("socks5"),
    "socks5-hostname": _proxy("socks5h"),
    "noproxy": _no_proxy,
    "max-time": _max_time,
    "cacert": _tls("ca"),
    "cert": _certificate,
    "key": _tls("key"),
    "pass": _tls("key_password"),
}
