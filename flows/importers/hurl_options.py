"""Options of Hurl entries: settings of a step, or the reason why one of them changes what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flows.importers.draft import Draft, DraftStep, NotCarried, variable
from flows.importers.hurl_grammar import Line, pair
from flows.importers.naming import TEMPLATE, Names
from flows.importers.requests import Pairs
from flows.language.expressions.functions import seconds

_UNLIMITED = 1000
_MAX_REDIRECTS = 10


class Settings:
    """``[Options]`` of one entry.

    Args:
        draft: that gets the steps which come before the request.
        names: of the file.
    """

    def __init__(self, draft: Draft, names: Names) -> None:
        self.draft = draft
        self.names = names
        self.config: dict[str, object] = {}
        self.more: dict[str, object] = {}
        self.headers: Pairs = []
        self.as_it_is = False
        self.repeat = 0
        self.unsaid: list[tuple[Line, str]] = []
        self.refused: list[tuple[Line, str]] = []

    def read(self, lines: list[Line]) -> None:
        """Takes every option.

        Args:
            lines: of the section.
        """
        values: dict[str, object] = {}
        for line in lines:
            name, value = pair(line.text)
            try:
                if name == "variable":
                    variable_name, _, given = value.partition("=")
                    values[variable(variable_name.strip())] = _typed(self.names.template(given.strip()))
                else:
                    self._one(line, name, value)
            except NotCarried as reason:
                self.refused.append((line, str(reason)))
        if values:
            self.draft.step("values", "set").config.update(values)

    def _one(self, line: Line, name: str, value: str) -> None:
        take = _TAKES.get(name)
        if take is not None:
            take(self, value)
        elif name in _FLAGS:
            self._flag(_FLAGS[name], value)
        elif name in _CONFIG:
            key, made = _CONFIG[name]
            self.config[key] = made(self.names.template(value))
        elif name in ("cacert", "cert", "key"):
            tls = self.config.setdefault("tls", {})
            if isinstance(tls, dict):
                tls["ca" if name == "cacert" else name] = self.names.template(value)
        elif name in _NO_MATTER or value == "false":
            self.unsaid.append((line, _NO_MATTER.get(name, "it is so in every flow")))
        else:
            raise NotCarried("there is no setting for it, and the request is another without it")

    def _flag(self, said: tuple[str, bool], value: str) -> None:
        key, on = said
        if TEMPLATE.search(value) is not None:
            if not on:
                raise NotCarried("whether it is so, is only known when the test runs")
            self.config[key] = self.names.template(value)
        elif value != "false":
            self.config[key] = on

    def _user(self, value: str) -> None:
        user, _, password = self.names.template(value).partition(":")
        self.config["auth"] = {"basic": {"username": user, "password": password}}

    def _header(self, value: str) -> None:
        name, _, content = value.partition(":")
        self.headers.append((self.names.key(name.strip()), self.names.template(content.strip())))

    def _skip(self, value: str) -> None:
        if TEMPLATE.search(value) is not None:
            self.more["when"] = f"not {self.names.operand(value)}"
        elif value != "false":
            self.more["disabled"] = True

    def _delay(self, value: str) -> None:
        step = self.draft.step("pause", "delay")
        step.config["duration"] = (
            f"{self.names.template(value)}ms" if TEMPLATE.search(value) else _duration(value, "ms")
        )

    def _retry(self, value: str) -> None:
        if TEMPLATE.search(value) is not None:
            raise NotCarried("how often, is only known when the test runs")
        self._retries()["max_attempts"] = int(value) + 1 if value.isdigit() else _UNLIMITED

    def _retry_interval(self, value: str) -> None:
        self._retries()["delay"] = _duration(value, "ms")

    def _retries(self) -> dict[str, object]:
        found = self.more.setdefault("retry", {"max_attempts": 1, "delay": "1s"})
        assert isinstance(found, dict)
        return found

    def _repeat(self, value: str) -> None:
        if not value.isdigit():
            raise NotCarried("how often, is only known when the test runs")
        self.repeat = int(value)
        if self.repeat == 0:
            self.more["disabled"] = True

    def _redirects(self, value: str) -> None:
        most = int(value) if value.lstrip("-").isdigit() else 0
        if 0 <= most < _MAX_REDIRECTS:
            raise NotCarried(f"flows follow up to {_MAX_REDIRECTS} redirects")

    def _path(self, value: str) -> None:
        self.as_it_is = value != "false"

    def finish(self, step: DraftStep) -> None:
        """Wraps a step that is repeated.

        Args:
            step: made of the entry.
        """
        if self.repeat < 2:
            return
        at = self.draft.steps.index(step)
        loop = DraftStep(self.draft.id(f"repeat_{step.id}"), "for_each")
        loop.config = {"range": {"from": 1, "to": self.repeat}, "steps": [step.document()]}
        self.draft.steps[at] = loop


def _duration(text: str, unit: str) -> str:
    text = text.strip()
    return text if seconds(text) is not None else f"{text}{unit}" if text.isdigit() and int(text) else "1ms"


def _typed(text: str) -> object:
    from flows.language.values import typed_text

    return typed_text(text.strip('"')) if not text.startswith('"') else text.strip('"')


_TAKES: Mapping[str, Callable[[Settings, str], None]] = {
    "user": Settings._user,
    "header": Settings._header,
    "skip": Settings._skip,
    "delay": Settings._delay,
    "retry": Settings._retry,
    "retry-interval": Settings._retry_interval,
    "repeat": Settings._repeat,
    "max-redirs": Settings._redirects,
    "path-as-is": Settings._path,
}
_FLAGS: Mapping[str, tuple[str, bool]] = {
    "location": ("follow_redirects", True),
    "location-trusted": ("follow_redirects", True),
    "insecure": ("verify_ssl", False),
    "http2": ("http2", True),
}
_CONFIG: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "proxy": ("proxy", lambda text: text),
    "max-time": ("timeout", lambda text: _duration(text, "s")),
    "connect-timeout": ("timeout", lambda text: _duration(text, "s")),
}
_NO_MATTER: Mapping[str, str] = {
    **dict.fromkeys(("verbose", "very-verbose", "verbosity", "color", "no-color"), "a run keeps everything anyway"),
    "output": "answers are kept in the run, not in files",
    **dict.fromkeys(("compressed", "http1.1", "http1.0", "ipv4", "ipv6", "http3"), "flows settle this by themselves"),
    "limit-rate": "flows do not slow themselves down",
}
