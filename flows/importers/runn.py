"""runn runbooks: HTTP, SQL and gRPC steps, tests, variables, loops and conditions (https://github.com/k1LoW/runn)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flows.importers import Draft, DraftStep, Imported, Importer, Note, Source
from flows.importers.draft import NotCarried, literal, names_in, variable
from flows.importers.requests import FORM, WebRequest, filled
from flows.importers.runn_expressions import Results, conditions, translated
from flows.importers.yaml_looks import text
from flows.language.errors import SyntaxProblem
from flows.language.expressions.expression import compile_expression
from flows.language.expressions.functions import seconds
from testmesh.guard.yaml import FOREIGN
from testmesh.guard.yaml import read as read_yaml
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode, plain
from testmesh.kernel.errors import DiagnosticsError, UserError

_RUNNER = frozenset({"endpoint", "dsn", "addr", "tls", "skipVerify", "timeout", "useCookie", "trace", "importPaths",
                     "protos", "notFollowRedirect"})  # fmt: skip
_TEMPLATE = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_ENVIRONMENT = re.compile(r"\$\{([A-Za-z_]\w*)(?::?-([^}]*))?\}")
_TOP = frozenset({"desc", "labels", "runners", "vars", "steps", "if", "debug", "interval", "loop", "skipTest", "force",
                  "trace", "needs", "concurrency", "hostRules"})  # fmt: skip
_STEP = frozenset({"desc", "if", "test", "bind", "dump", "loop", "defer", "force", "include", "exec"})


class _Runbook:
    def __init__(self, source: Source, node: MapNode, draft: Draft) -> None:
        self.source = source
        self.node = node
        self.draft = draft
        self.notes: list[Note] = []
        self.runners: dict[str, tuple[str, str]] = {}
        self.steps: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.last = ""
        self.condition = ""
        self.stays = "notFollowRedirect: true" in source.text

    def read(self) -> None:
        """Everything in it."""
        for key, entry in self.node.entries.items():
            if key not in _TOP:
                self._refused(entry.key, f"{key}:", "there is nothing like it")
        self._runners()
        for name, given in _entries(self.node.get("vars")):
            try:
                self.draft.env[variable(name)] = self._value(given, Results({}, {}, "", ""))
            except NotCarried as reason:
                self.draft.env[variable(name)] = None
                self._refused(given, f"vars.{name}", str(reason))
        if self.node.get("if") is not None:
            try:
                self.condition = self._expression(text(self.node.get("if")), "", own=False)
            except NotCarried as reason:
                self._refused(self.node.entries["if"].key, "if:", str(reason))
        if self.node.get("loop") is not None:
            self._refused(self.node.entries["loop"].key, "loop:", "a whole runbook that is repeated; use 'data'")
        steps = self.node.get("steps")
        listed = (
            [(str(at), item) for at, item in enumerate(steps.items)] if isinstance(steps, ListNode) else _entries(steps)
        )
        for name, step in listed:
            if isinstance(step, MapNode):
                self._step(name, step)

    def _refused(self, node: Node, what: str, why: str) -> None:
        step = self.draft.step("not_carried_over", "assert")
        self._refuse(step, node, what, why)

    def _refuse(self, step: DraftStep, node: Node, what: str, why: str) -> None:
        self.notes.append(Note(node.at[0], what, why))
        step.fail(f"{self.source.file}:{node.at[0]}: {' '.join(what.split())[:120]}: {why}")

    def _runners(self) -> None:
        for name, node in _entries(self.node.get("runners")):
            try:
                self._runner(name, node)
            except NotCarried as reason:
                self.runners[name] = ("http", "http://localhost")
                self._refused(node, f"runners.{name}", str(reason))

    def _runner(self, name: str, node: Node) -> None:
        given = node.get("endpoint") or node.get("dsn") or node.get("addr") if isinstance(node, MapNode) else node
        address = self._text(text(given), Results({}, {}, "", ""))
        kind = _runner_kind(address, node)
        self.runners[name] = (kind, _database(address) if kind == "sql" else address.removeprefix("grpc://"))
        if isinstance(node, MapNode):
            for key, entry in node.entries.items():
                if key not in _RUNNER:
                    self._refused(entry.key, f"runners.{name}.{key}", "it has no counterpart here")

    def _expression(self, written: str, step: str, *, own: bool = True) -> str:
        found = translated(written, Results(self.steps, self.kinds, step, self.last, own))
        try:
            compile_expression(found)
        except SyntaxProblem as problem:
            raise NotCarried(f"it would read '{found}': {problem.message}") from None
        return found

    def _step(self, name: str, node: MapNode) -> None:
        kind, runner, content = self._runner_of(node)
        title = name if not name.isdigit() else text(node.get("desc")) or f"step {name}"
        if kind == "" and node.get("test") is None and node.get("bind") is None and node.get("dump") is None:
            step = self.draft.step(title, "assert")
            what = next((key for key in node.entries if key not in ("desc", "if")), "step")
            self._refuse(step, node, f"{what}:", "a step of this kind has no counterpart")
            return
        step = self.draft.step(title, _ACTIONS.get(kind, "assert"))
        self.steps[name] = self.steps[str(len(self.kinds))] = step.id
        self.kinds[step.id] = kind
        if text(node.get("desc")):
            step.more["description"] = text(node.get("desc")).replace("${", "$${").replace("{{", '{{ "{{" }}')
        try:
            self._asked(step, kind, runner, content)
            self._around(step, node)
        except NotCarried as reason:
            self._refuse(step, node, title, str(reason))
            step.unsent(f"{self.source.file}:{node.at[0]}: {title}: {reason}")
        self._test(step, node)
        self._bind(step, node)
        self.last = step.id
        if step.action == "assert" and not step.assertions:
            self.draft.steps.remove(step)

    def _runner_of(self, node: MapNode) -> tuple[str, str, Node | None]:
        for key, entry in node.entries.items():
            if key in self.runners:
                kind, address = self.runners[key]
                return _kind_of(entry.value) or kind, address, entry.value
            if key in ("req", "db", "greq") and key not in _STEP:
                return {"req": "http", "db": "sql", "greq": "grpc"}[key], "", entry.value
        return "", "", None

    def _asked(self, step: DraftStep, kind: str, runner: str, content: Node | None) -> None:
        if kind == "http":
            self._http(step, runner, content)
        elif kind == "sql":
            self._sql(step, runner, content)
        elif kind == "grpc":
            self._grpc(step, runner, content)

    def _http(self, step: DraftStep, runner: str, content: Node | None) -> None:
        results = Results(self.steps, self.kinds, step.id, self.last, own=False)
        path, methods = _only(content)
        method, settings = _only(methods)
        request = WebRequest(method.upper(), runner.rstrip("/") + self._text(path, results))
        for key, node in _entries(settings):
            if key == "headers":
                request.headers += [(_key(name), self._value(value, results)) for name, value in _entries(node)]
            elif key == "cookies":
                request.cookies = [(name, self._value(value, results)) for name, value in _entries(node)]
            elif key == "body":
                self._http_body(request, node, results)
            elif key not in ("trace", "useCookie"):
                raise NotCarried(f"'{key}' of a request has no counterpart")
        filled(step, request)
        if not self.stays:
            step.config["follow_redirects"] = True

    def _http_body(self, request: WebRequest, node: Node, results: Results) -> None:
        if isinstance(node, ScalarNode) and node.value is None:
            return
        kind, content = _only(node)
        value = self._value(content, results) if content is not None else None
        if kind == "application/json" and isinstance(value, Mapping | list):
            request.body = value
        elif kind == FORM and isinstance(value, Mapping):
            request.form = list(value.items())
        elif kind == "multipart/form-data" and isinstance(value, Mapping):
            request.multipart = [(name, part) for name, given in value.items() for part in self._parts(given)]
        else:
            request.headers.append(("Content-Type", kind))
            request.body = value if isinstance(value, str) and "json" not in kind else _json_text(value)

    def _parts(self, given: object) -> list[object]:
        """A part is the content of a file where there is one of that name."""
        return [
            {"file": part} if isinstance(part, str) and "$" not in part and self._is_file(part) else part
            for part in (given if isinstance(given, list) else [given])
        ]

    def _is_file(self, name: str) -> bool:
        try:
            return self.source.beside(name) is not None
        except UserError:
            return True  # its bytes are no text

    def _sql(self, step: DraftStep, runner: str, content: Node | None) -> None:
        results = Results(self.steps, self.kinds, step.id, self.last, own=False)
        query = content.get("query") if isinstance(content, MapNode) else content
        if runner:
            step.config["connection"] = runner
        step.config["query"] = self._text(text(query).strip(), results)

    def _grpc(self, step: DraftStep, runner: str, content: Node | None) -> None:
        results = Results(self.steps, self.kinds, step.id, self.last, own=False)
        method, settings = _only(content)
        service, _, name = method.rpartition("/")
        step.config.update({"address": runner, "service": service, "method": name})
        for key, node in _entries(settings):
            if key == "headers":
                step.config["metadata"] = self._value(node, results)
            elif key in ("message", "messages"):
                step.config["request" if key == "message" else "requests"] = self._value(node, results)
            elif key not in ("trace", "timeout"):
                raise NotCarried(f"'{key}' of a call has no counterpart")

    def _around(self, step: DraftStep, node: MapNode) -> None:
        """``if`` and ``loop``."""
        asked = [self.condition] if self.condition else []
        if node.get("if") is not None:
            asked.append(self._expression(text(node.get("if")), step.id, own=False))
        if asked:
            step.more["when"] = " and ".join(f"({one})" if len(asked) > 1 else one for one in asked)
        loop = node.get("loop")
        if isinstance(loop, MapNode) and loop.get("until") is not None:
            self._until(step, loop)
        elif loop is not None:
            raise NotCarried("a loop without 'until' that keeps results has no counterpart; write 'for_each'")
        for key in ("include", "exec", "defer", "force"):
            if key in node.entries:
                raise NotCarried(f"'{key}' has no counterpart")

    def _until(self, step: DraftStep, loop: MapNode) -> None:
        counted = loop.get("count")
        count = plain(counted) if counted is not None else 3
        pause = _interval(loop.get("interval") or loop.get("minInterval")) or 0.5
        longest = _interval(loop.get("interval") or loop.get("maxInterval")) or max(pause, 30.0)
        times = count if isinstance(count, int) else 3
        step.more["until"] = {
            "expression": self._expression(text(loop.get("until")), step.id),
            "interval": _duration(pause),
            "timeout": _duration(max(1.0, min(times * max(longest, pause), 300.0))),
        }

    def _test(self, step: DraftStep, node: MapNode) -> None:
        test = node.get("test")
        if test is None:
            return
        if isinstance(test, ScalarNode) and isinstance(test.value, bool):
            step.check("true" if test.value else "false")
            return
        for part in conditions(text(test)):
            try:
                step.check(self._expression(part, step.id))
            except NotCarried as reason:
                self._refuse(step, test, part, str(reason))

    def _bind(self, step: DraftStep, node: MapNode) -> None:
        later: dict[str, object] = {}
        for name, value in _entries(node.get("bind")):
            try:
                own = self._expression(text(value), step.id)
                if re.fullmatch(r"(body|headers|rows|status)(\.[\w-]+|\[[^\]]+\])*", own) and step.action != "assert":
                    step.output[variable(name)] = own
                else:
                    later[variable(name)] = "${" + self._expression(text(value), step.id, own=False) + "}"
            except NotCarried as reason:
                self.draft.env.setdefault(variable(name), None)
                self._refuse(step, value, f"bind: {name}", str(reason))
        if later:
            made = self.draft.step(f"{step.id}_values", "set")
            made.config.update(later)

    def _value(self, node: Node, results: Results) -> object:
        if isinstance(node, ScalarNode):
            if not isinstance(node.value, str):
                return node.value
            return self._text(node.text, results)
        if isinstance(node, ListNode):
            return [self._value(item, results) for item in node.items]
        return {_key(name): self._value(value, results) for name, value in _entries(node)}

    def _text(self, written: str, results: Results) -> str:
        shown: list[str] = []
        position = 0
        for found in _TEMPLATE.finditer(written):
            shown += [_environment(written[position : found.start()]), "${" + translated(found[1], results) + "}"]
            position = found.end()
        return "".join([*shown, _environment(written[position:])])


def _key(name: str) -> str:
    if _TEMPLATE.search(name):
        raise NotCarried(f"the name '{name}' is only known when the runbook runs")
    return name


def _environment(written: str) -> str:
    parts: list[str] = []
    position = 0
    for found in _ENVIRONMENT.finditer(written):
        default = f":{found[2]}" if found[2] is not None else ""
        parts += [written[position : found.start()].replace("${", "$${"), "${" + variable(found[1]) + default + "}"]
        position = found.end()
    return "".join([*parts, written[position:].replace("${", "$${")])


_ACTIONS = {"http": "http_request", "sql": "database_query", "grpc": "grpc_call"}


def _runner_kind(address: str, node: Node) -> str:
    if address.startswith("grpc://") or (isinstance(node, MapNode) and "addr" in node.entries):
        return "grpc"
    scheme = address.partition("://")[0]
    if scheme in ("mysql", "my", "postgres", "postgresql", "pg", "sqlite", "sqlite3", "sq", "file", "maria", "mariadb"):
        return "sql"
    return "http"


def _kind_of(content: Node) -> str:
    """What a runner is whose address is only known when the runbook runs."""
    keys = list(content.entries) if isinstance(content, MapNode) else []
    if keys == ["query"]:
        return "sql"
    return "grpc" if len(keys) == 1 and re.fullmatch(r"[\w.]+/\w+", keys[0]) else ""


def _json_text(value: object) -> str:
    return value if isinstance(value, str) and "${" in value else literal(value)


_SCHEMES = {"my": "mysql", "maria": "mysql", "mariadb": "mysql", "pg": "postgresql", "postgres": "postgresql"}


def _database(address: str) -> str:
    """A data source name as a SQLAlchemy URL."""
    scheme, _, rest = address.partition("://")
    if scheme in ("sqlite", "sqlite3", "sq", "file"):
        return "sqlite://" if rest == ":memory:" else f"sqlite:///{rest}"
    return f"{_SCHEMES.get(scheme, scheme)}://{rest}"


def _entries(node: Node | None) -> list[tuple[str, Node]]:
    return [(name, entry.value) for name, entry in node.entries.items()] if isinstance(node, MapNode) else []


def _only(node: Node | None) -> tuple[str, Node | None]:
    found = _entries(node)
    if len(found) != 1:
        raise NotCarried("exactly one path, method or content type is expected here")
    return found[0]


def _interval(node: Node | None) -> float | None:
    if not isinstance(node, ScalarNode):
        return None
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return seconds(node.text)


def _duration(number: float) -> str:
    return f"{max(1, round(number * 1000))}ms"


def read(source: Source) -> Imported:
    """One flow.

    Args:
        source: the runbook.

    Raises:
        DiagnosticsError: it is no YAML.
        UserError: it is no runbook.
    """
    parsed = read_yaml(source.text, source.file, FOREIGN)
    if parsed.findings:
        raise DiagnosticsError(parsed.findings)
    root = parsed.roots[0] if parsed.roots else None
    if not isinstance(root, MapNode) or root.get("steps") is None:
        raise UserError(f"{source.file} is no runbook", hint="a runbook has 'runners' and 'steps'")
    name = source.file.replace("\\", "/").rpartition("/")[2]
    draft = Draft(text(root.get("desc")) or re.sub(r"\.ya?ml\Z", "", name), reserved=names_in(source.text))
    labels = root.get("labels")
    if isinstance(labels, ListNode):
        draft.more["tags"] = [text(item) for item in labels.items]
    book = _Runbook(source, root, draft)
    try:
        book.read()
    except NotCarried as reason:
        raise UserError(f"{source.file}: {reason}", hint="write that part by hand") from None
    draft.env.update({variable(key): value for key, value in source.variables.items()})
    if not draft.steps:
        raise UserError(f"{source.file} has no step that does anything", hint="a runbook has 'steps'")
    if "useCookie: true" in source.text:
        draft.share_cookies()
    return Imported((draft,), tuple(book.notes))


def _detect(file: str, content: str) -> bool:
    return bool(re.search(r"^runners\s*:", content, re.MULTILINE) and re.search(r"^steps\s*:", content, re.MULTILINE))


IMPORTER = Importer("runn runbooks", _detect, read)
