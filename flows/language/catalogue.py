"""What an action says about itself, so that flows are checked, documented and completed without importing it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flows.language.shapes import ANYTHING, Shape

Duration: TypeAlias = float
"""Annotation of a config field written as ``10s``; the built config holds seconds."""

Family = Literal["http", "grpc", "graphql", "sql", "messaging", "redis", "documents", "local", "container"]
ContainerKind = Literal["parallel", "for_each", "condition"]
ExpressionScope = Literal["result", "message", "flow"]
Reads = Callable[[Mapping[str, object]], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """What a config field says beside its annotation (the key of the field's metadata is ``option``).

    Args:
        doc: one sentence for the reference page and the schema.
        required: must be written.
        also: other accepted spellings, without a warning (``payload`` for ``value``).
        choices: the only texts allowed; upper and lower case count as the same.
        scope: for expressions, what bare names mean: the step's ``result``, one ``message`` of it, or
            only what the ``flow`` knows before the step (for_each `items`, condition `if`).
        record: for maps and lists of maps with known keys, the dataclass of their fields; of a map of anything, what a
            value that is a map must be.
        short: the key of `record` that a text alone stands for (``schema_registry: http://...``).
        file: the text names a file relative to the flow; it must exist.
        sent: its content is only sent: nothing of it is read before the step, or kept.
        flow: that file is a flow, which is checked too.
        pattern: the text is an RE2 pattern.
        least: the smallest allowed number.
        name: the text becomes a name that expressions use.
    """

    doc: str
    required: bool = False
    also: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    scope: ExpressionScope = "result"
    record: type[object] | None = None
    short: str = ""
    file: bool = False
    sent: bool = False
    flow: bool = False
    pattern: bool = False
    least: int | None = None
    name: bool = False


REQUIRED: Any = dataclasses.MISSING


def option(default: Any = REQUIRED, doc: str = "", **more: Any) -> Any:
    """Declares a config field; always keyword-only.

    The annotation decides the kind: ``str int float bool object Duration Expression``,
    ``Mapping[str, object]``, ``Mapping[str, str]``, ``Mapping[str, Expression]``, ``tuple[object, ...]``,
    ``tuple[str, ...]``, ``str | tuple[str, ...]``, ``Expression | Mapping[str, object]``,
    ``Expression | tuple[object, ...]``, ``Steps``, ``Branches``, ``Assertions``; with `record` a dataclass, a
    ``tuple[X, ...]`` of it; each with ``| None`` when it may be null. Modules that declare
    need ``from __future__ import annotations``. Every value but an Expression may be a template. The key in the
    file is the field's name without a trailing underscore (``from_`` → ``from``).

    Args:
        default: the value when it is not written; REQUIRED = it must be.
        doc: one sentence.
        more: further fields of :class:`Option`.
    """
    found = Option(doc=doc, required=default is REQUIRED, **more)
    shown = None if default is REQUIRED else default
    return dataclasses.field(default=shown, kw_only=True, metadata={"option": found})


Steps: TypeAlias = tuple[()]
"""Annotation of a config field that holds a list of steps; it is built empty, see `Step.branches`."""
Branches: TypeAlias = tuple[()]
"""Annotation of a config field that holds lists of steps, or maps with `steps`."""
Assertions: TypeAlias = tuple[()]
"""Annotation of a config field that holds assertions; the language adds them to the step's own `assert`."""


@dataclass(frozen=True, slots=True, eq=False)
class Alias:
    """Another name of an action.

    Args:
        name: as written in `action:`.
        implies: config that the name alone sets (``redis.get`` → ``{"command": "GET"}``).
    """

    name: str
    implies: Mapping[str, object] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Deprecated:
    """A config key of older flows, accepted with a warning.

    Args:
        key: the old key.
        instead: the new form, shown in the warning.
        rewrite: old value → config entries to set; None drops the key.
    """

    key: str
    instead: str
    rewrite: Callable[[object], Mapping[str, object]] | None = None


def never(config: Mapping[str, object]) -> bool:
    """For actions that are no reads."""
    return False


def always(config: Mapping[str, object]) -> bool:
    """For consumers, subscribers and verifications."""
    return True


@dataclass(frozen=True, slots=True, eq=False)
class ActionSpec:
    """Everything the language, the schema, the reference page and the graph need to know of an action.

    Args:
        name: canonical, as in FLOWS §7.
        summary: one sentence.
        config: a frozen dataclass whose fields are declared with :func:`option`.
        result: what is known of the result's fields; a closed shape lets misspellings be found.
        alias: the lookup-only name of the whole result.
        aliases: other names.
        deprecated: config keys of older flows.
        checks_itself: the step can fail without an assertion.
        checks_when: the same, decided from the written config.
        condition: config keys that are the step's condition; without any of them the step needs assertions or
            `until` (db_poll).
        exempt: no warning when it checks nothing (log, delay, set, transform, mock start and stop).
        connection: config keys that name where to connect; when none is written, `implied` counts as referenced.
        implied: variable names that supply the connection, in order.
        supplies: further config keys that variables may supply when they are not written (credentials), in order.
        container: how nested steps are arranged.
        reads: from the written config: may this step be repeated without changing anything?
        windowed: the window is the config's `timeout` (consumers, db_poll); then `wait` may only be ``none``.
        open_config: any key is accepted (set); its value is a template.
        fields_from: config key whose map's keys are the result's fields (transform); ``""`` = all of config (set).
        early: from the written config: the key that a first look may satisfy before anything happened (`at_most: 0`),
            so that the step should have `hold`; None when there is none.
        check: further findings: (config as written) → (key, message) pairs; the place is the key, or with ``=`` after
            it the value.
        check_files: the same of what the named files hold: (config as written, reads a named file) → pairs.
    """

    name: str
    summary: str
    config: type[object]
    family: Family = "local"
    result: Shape = ANYTHING
    alias: Literal["response", "result"] = "result"
    aliases: tuple[Alias, ...] = ()
    deprecated: tuple[Deprecated, ...] = ()
    checks_itself: bool = False
    checks_when: Reads = never
    condition: tuple[str, ...] = ()
    exempt: bool = False
    connection: tuple[str, ...] = ()
    implied: tuple[str, ...] = ()
    supplies: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    container: ContainerKind | None = None
    reads: Reads = never
    windowed: bool = False
    open_config: bool = False
    fields_from: str | None = None
    early: Callable[[Mapping[str, object]], str | None] | None = None
    check: Callable[[Mapping[str, object]], Iterable[tuple[str, str]]] | None = None
    check_files: Callable[[Mapping[str, object], Callable[[str], bytes]], Iterable[tuple[str, str]]] | None = None


class Catalogue:
    """All actions known to a checker, found by name or alias.

    Args:
        specs: one per action; names and aliases may not repeat.
    """

    def __init__(self, specs: Iterable[ActionSpec]) -> None:
        self.specs: tuple[ActionSpec, ...] = tuple(sorted(specs, key=lambda spec: spec.name))
        self._names: dict[str, tuple[ActionSpec, Mapping[str, object]]] = {}
        for spec in self.specs:
            for alias in (Alias(spec.name), *spec.aliases):
                if alias.name in self._names:
                    raise ValueError(f"action name {alias.name!r} is declared twice")
                self._names[alias.name] = (spec, alias.implies)

    def find(self, name: str) -> tuple[ActionSpec, Mapping[str, object]] | None:
        """The action of that name or alias with the config the name implies, or None.

        Args:
            name: as written in `action:`.
        """
        return self._names.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and alias, sorted."""
        return tuple(sorted(self._names))
