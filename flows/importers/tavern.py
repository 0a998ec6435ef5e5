"""Tavern tests: one flow a document, one step a stage (https://tavern.readthedocs.io)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from flows.importers import Draft, DraftStep, Imported, Importer, Note, Source
from flows.importers.draft import NotCarried, names_in, variable
from flows.importers.tavern_stage import Stage, Strict, strictness
from flows.importers.tavern_values import formatted, tag_of, value
from flows.importers.yaml_looks import as_yaml_1_1, is_true, items, maps, seconds_text, text
from testmesh.guard.yaml import FOREIGN
from testmesh.guard.yaml import read as read_yaml
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode, plain
from testmesh.kernel.errors import DiagnosticsError, UserError

_TEST = frozenset({"test_name", "stages", "includes", "marks", "strict", "finally", "_xfail", "is_defaults"})
_STAGE = frozenset({"name", "id", "skip", "only", "delay_before", "delay_after", "max_retries", "request", "response",
                    "timeout", "type"})  # fmt: skip


class _Test:
    """One document.

    Args:
        source: the file.
        node: the document.
        draft: that is filled.
    """

    def __init__(self, source: Source, node: MapNode, draft: Draft) -> None:
        self.source = source
        self.node = node
        self.draft = draft
        self.notes: list[Note] = []
        self.skipped = False
        self.included: dict[str, tuple[MapNode, str]] = {}
        self.strict = strictness(node.get("strict"), default=Strict())

    def read(self) -> None:
        """Everything in it."""
        self._includes()
        self._marks()
        stages = maps(self.node.get("stages"))
        only = [stage for stage in stages if is_true(stage.get("only"))][:1]
        for stage in stages:
            step = self._stage(stage)
            if self.skipped or (only and stage not in only):
                step.more["disabled"] = True
        main = self.draft.steps
        self.draft.steps = self.draft.teardown
        for stage in maps(self.node.get("finally")):
            self._stage(stage)
        self.draft.teardown, self.draft.steps = self.draft.steps, main
        for key, entry in self.node.entries.items():
            if key not in _TEST:
                self._note(entry.key, f"{key}:", "there is nothing like it", checks=True)
        if "_xfail" in self.node.entries:
            self._refuse_flow(self.node.entries["_xfail"].key, "_xfail", "a test that must fail has no counterpart")

    def _note(self, node: Node, what: str, why: str, *, checks: bool) -> None:
        self.notes.append(Note(node.at[0], what, why, checks))
        if checks:
            self._failing(node.at[0], what, why)

    def _failing(self, line: int, what: str, why: str) -> None:
        step = self.draft.step("not_carried_over", "assert")
        step.fail(f"{self.source.file}:{line}: {what}: {why}")

    def _refuse_flow(self, node: Node, what: str, why: str) -> None:
        self._note(node, what, why, checks=True)

    def _refuse(self, step: DraftStep, node: Node, what: str, why: str, file: str = "") -> None:
        where = f"{file}:{node.at[0]}: " if file else ""
        self.notes.append(Note(1 if file else node.at[0], where + what, why))
        step.fail(f"{where or f'{self.source.file}:{node.at[0]}: '}{what}: {why}")

    def _includes(self) -> None:
        for item in items(self.node.get("includes")):
            include = item
            if tag_of(item) == "include" and isinstance(item, ScalarNode):
                content = self.source.beside(item.text)
                parsed = read_yaml(content, item.text, FOREIGN) if content is not None else None
                include = parsed.roots[0] if parsed is not None and parsed.roots else item
                as_yaml_1_1(include)
            if not isinstance(include, MapNode):
                self._refuse_flow(item, "includes", "the included file is not there")
                continue
            variables = include.get("variables")
            for key, entry in (variables.entries if isinstance(variables, MapNode) else {}).items():
                self.draft.env[variable(key)] = self._safely(entry.value, self.draft)
            file = item.text if isinstance(item, ScalarNode) else ""
            self.included.update({text(stage.get("id")): (stage, file) for stage in maps(include.get("stages"))})

    def _safely(self, node: Node, draft: Draft) -> object:
        try:
            return value(node, {})
        except NotCarried as reason:
            self._refuse_flow(node, "a variable", str(reason))
            return None

    def _marks(self) -> None:
        rows: list[list[dict[str, object]]] = []
        for mark in items(self.node.get("marks")):
            if isinstance(mark, ScalarNode):
                self._plain_mark(mark)
                continue
            for key, entry in (mark.entries if isinstance(mark, MapNode) else {}).items():
                if key == "parametrize" and isinstance(entry.value, MapNode):
                    row = _rows(entry.value)
                    if not row:
                        self._note(entry.key, "marks: parametrize", "its values are no list that is written here",
                                   checks=True)  # fmt: skip
                    rows += [row] if row else []
                elif key not in ("filterwarnings",):
                    self._note(entry.key, f"marks: {key}", "pytest decides this", checks=True)
        if rows:
            merged = [{name: item for row in chosen for name, item in row.items()} for chosen in product(*rows)]
            self.draft.more["data"] = merged

    def _plain_mark(self, mark: ScalarNode) -> None:
        if mark.text == "skip":
            self.skipped = True
        elif "(" in mark.text:
            self._note(mark, f"marks: {mark.text}", "pytest decides this", checks=True)
        elif mark.text == "xfail":
            self._refuse_flow(mark, "marks: xfail", "a test that must fail has no counterpart")
        else:
            tags = self.draft.more.setdefault("tags", [])
            if isinstance(tags, list):
                tags.append(mark.text)

    def _stage(self, stage: MapNode) -> DraftStep:
        file = ""
        if text(stage.get("type")) == "ref":
            known = self.included.get(text(stage.get("id")))
            if known is None:
                step = self.draft.step(text(stage.get("id")), "assert", "stage")
                self._refuse(step, stage, f"id: {text(stage.get('id'))}", "no included file has this stage")
                return step
            stage, file = known
        self._pause(stage.get("delay_before"))
        title = text(stage.get("name")) or "stage"
        step = self.draft.step(title, "http_request", "request")
        step.more["name"] = formatted(title, {})
        skip = stage.get("skip")
        if is_true(skip):
            step.more["disabled"] = True
        elif isinstance(skip, ScalarNode) and isinstance(skip.value, str):
            self._refuse(step, skip, f"skip: {skip.text}", "an expression of Python's has no counterpart", file)
        taking = Stage(self.source, self.draft, step, self.strict)
        try:
            taking.take(stage)
            for node, what, why in taking.refused:
                self._refuse(step, node, what, why, file)
        except NotCarried as reason:
            step.unsent(f"{file or self.source.file}:{stage.at[0]}: stage '{title}': {reason}")
            self.notes.append(Note(stage.at[0] if not file else 1, f"{file} stage '{title}'".strip(), str(reason)))
        for key, entry in stage.entries.items():
            if key not in _STAGE:
                self._refuse(step, entry.key, f"{key}:", "there is nothing like it", file)
        if taking.later:
            self.draft.step(f"{step.id}_values", "set").config.update(taking.later)
        self._retries(step, stage)
        self._pause(stage.get("delay_after"))
        return step

    def _retries(self, step: DraftStep, stage: MapNode) -> None:
        retries, pause = stage.get("max_retries"), stage.get("delay_after")
        if isinstance(retries, ScalarNode) and isinstance(retries.value, int):
            step.more["retry"] = {"max_attempts": max(1, retries.value + 1), "delay": seconds_text(pause) or "1ms"}

    def _pause(self, node: Node | None) -> None:
        duration = seconds_text(node)
        if duration:
            self.draft.step("pause", "delay").config["duration"] = duration


def _rows(node: MapNode) -> list[dict[str, object]]:
    keys, values = node.get("key"), items(node.get("vals"))
    if isinstance(keys, ListNode):
        names = [variable(text(key)) for key in keys.items]
        return [dict(zip(names, [plain(item) for item in items(row)], strict=False)) for row in values]
    return [{variable(text(keys)): plain(item)} for item in values]


def read(source: Source) -> Imported:
    """One flow for each document.

    Args:
        source: the file.

    Raises:
        DiagnosticsError: it is no YAML.
        UserError: it holds no test.
    """
    parsed = read_yaml(source.text, source.file, replace(FOREIGN, shared_anchors=True))
    if parsed.findings:
        raise DiagnosticsError(parsed.findings)
    for root in parsed.roots:
        as_yaml_1_1(root)
    drafts: list[Draft] = []
    notes: list[Note] = []
    for node in _tests(parsed.roots):
        draft = Draft(text(node.get("test_name")), reserved=names_in(source.text))
        draft.env.update({variable(key): given for key, given in source.variables.items()})
        test = _Test(source, node, draft)
        test.read()
        drafts.append(draft)
        notes += test.notes
        draft.share_cookies()
    if not drafts:
        raise UserError(f"{source.file} holds no test", hint="a Tavern test has 'test_name' and 'stages'")
    return Imported(tuple(drafts), tuple(notes))


def _tests(roots: tuple[Node, ...]) -> Iterator[MapNode]:
    """Every test, with what the first document gives to all of them."""
    first = roots[0] if roots else None
    given = first.entries if isinstance(first, MapNode) and is_true(first.get("is_defaults")) else {}
    for root in roots:
        if given and isinstance(root, MapNode):
            root.entries.update({key: entry for key, entry in given.items() if key not in root.entries})
        if isinstance(root, MapNode) and root.get("test_name") is not None and root.get("stages") is not None:
            yield root


def _detect(file: str, text: str) -> bool:
    return bool(re.search(r"^test_name\s*:", text, re.MULTILINE) and re.search(r"^stages\s*:", text, re.MULTILINE))


IMPORTER = Importer("Tavern tests", _detect, read)
