"""What an action is: one file that declares how a step's settings become one answer, or a stream of messages."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from flows.language.catalogue import ActionSpec, Catalogue
from flows.language.files import DiskFiles
from testmesh.kernel.discovery import declared, module_names, third_party

if TYPE_CHECKING:
    from flows.clients.pool import Clients
    from flows.language.expressions.scope import Scope
    from graph.spans import LiveSpans

C = TypeVar("C")
Result = dict[str, object]
TIMING = frozenset({"timeout", "interval", "match", "count", "expect", "until", "condition", "max_concurrent"})


class Hide(Protocol):
    """Masks a secret in everything a run writes."""

    def __call__(self, secret: str, /) -> None: ...


def _kept_anyway(secret: str, /) -> None:
    """Outside a run nothing is written."""


class Touch(NamedTuple):
    """What a step exercises, by its settings alone; texts may hold templates.

    Args:
        target: endpoint, rpc, topic or dataset.
        url: URL, `package.Service/Method`, topic, dataset name or SQL text.
        method: HTTP method, else empty.
        kind: broker or store kind.
        mode: read or write.
        sql: `url` is SQL text.
        sends: the body, as written.
    """

    target: str
    url: str
    method: str = ""
    kind: str = ""
    mode: str = "read"
    sql: bool = False
    sends: object = None


class ShellPolicy(NamedTuple):
    """What whoever runs a flow allows its shell steps.

    Args:
        env: names of process variables that commands may see beside the harmless ones.
    """

    env: tuple[str, ...] = ()


class Call(NamedTuple):
    """What an action may use beside its settings.

    Args:
        clients: connections shared by the whole run.
        flow_clients: those of one flow execution (positions in streams).
        traceparent: W3C Trace Context header value for this step.
        services: service name to base URL.
        path: of the step, unique in the flow execution.
        files: those beside the flow that the step stands in.
        spans: where the spans this flow causes can be had, or None.
        hide: masks a secret that was met on the way (an access token) in everything the run writes.
        shell: None = commands are not allowed.
    """

    clients: Clients
    flow_clients: Clients
    traceparent: str
    services: Mapping[str, str]
    path: tuple[str, ...] = ()
    files: DiskFiles = DiskFiles()
    spans: LiveSpans | None = None
    hide: Hide = _kept_anyway
    shell: ShellPolicy | None = None


class MessageLog(Protocol):
    """Everything a subscription has received since it began, readable from the start by any number of steps."""

    async def get(self, index: int) -> Result:
        """The message at that place, waiting for it to come.

        Args:
            index: 0-based, in order of arrival.

        Raises:
            ClientError: the server cannot be reached, or refuses.
        """
        ...

    async def alive(self) -> None:
        """Waits until the server has answered something, so that its silence was one.

        Raises:
            ClientError: the connection broke off.
        """
        ...


class Conversation(Protocol):
    """Messages in both directions over one connection."""

    async def hear(self, place: int) -> Result:
        """What happened at that place: the opening first, then each message, at last ``{"kind": "closed"}``.

        Args:
            place: 0-based, in order of arrival.

        Raises:
            ClientError: the server cannot be reached, or breaks off.
        """
        ...

    async def say(self, line: int) -> None:
        """Sends a line of the script.

        Args:
            line: 0-based.

        Raises:
            ClientError: it cannot be sent.
        """
        ...

    async def part(self, clean: bool) -> None:
        """Ends it within a second; never raises.

        Args:
            clean: say goodbye, as the protocol demands.
        """
        ...


Run = Callable[[C, Call], Awaitable[Result]]
Follow = Callable[[C, Call], Awaitable[MessageLog]]
Converse = Callable[[C, Call], Awaitable[Conversation]]
Compute = Callable[[C, "Scope"], Result]
Condition = Callable[[C, Result, "Scope"], "str | None"]
Seen = Callable[[C, Result, "Scope"], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Action(Generic[C]):
    """A step action; exactly one of `run`, `follow`, `converse`, `compute` unless it is a container.

    Args:
        spec: what the language needs to know.
        touches: what a step with this config (as written) exercises.
        run: one request and its answer; ClientError when there is none.
        follow: opens (once per flow execution and settings) the stream a consumer reads.
        converse: opens a conversation that follows the config's `script`.
        early: whether `converse` is called when the flow starts too, so that nothing is missed.
        compute: a result from the settings alone, never recorded as evidence; judged anew every time.
        pause: seconds to wait before `compute` (delay).
        condition: for actions with a condition of their own: "" when the result satisfies it, else why not; None when
            this config has none.
        view: the result as expressions see it (header lookups that ignore case); identity by default.
        seen: like `view`, for results that depend on settings which are judged anew (`match`).
        unsent: config fields that are no part of the request, so that a recording is judged although they changed.
        unsent_lines: the same for the fields of a list of records, by the list's key.
    """

    spec: ActionSpec
    touches: Callable[[Mapping[str, object]], Iterable[Touch]] = lambda config: ()
    run: Run[C] | None = None
    follow: Follow[C] | None = None
    converse: Converse[C] | None = None
    early: Callable[[C], bool] | None = None
    compute: Compute[C] | None = None
    pause: Callable[[C], float] | None = None
    condition: Condition[C] | None = None
    view: Callable[[Result], Mapping[str, object]] | None = None
    seen: Seen[C] | None = None
    unsent: frozenset[str] = TIMING
    unsent_lines: Mapping[str, frozenset[str]] = field(default_factory=dict)


AnyAction = Action[Any]


class ActionCatalogue(Catalogue):
    """The catalogue that imports an action's file when a flow first names it (all of them cost over 20 ms).

    Threads may share it: a service reads flows in several at once.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._found: dict[str, AnyAction] = {}
        self._by_name: dict[str, AnyAction] = {}
        self._complete = False
        super().__init__(())

    def find(self, name: str) -> tuple[ActionSpec, Mapping[str, object]] | None:
        """The action of that name or alias with the config the name implies, or None.

        Args:
            name: as written in `action:`.
        """
        known = super().find(name)
        if known is not None:
            return known
        with self._lock:
            return self._find(name)

    def _find(self, name: str) -> tuple[ActionSpec, Mapping[str, object]] | None:
        known = super().find(name)
        if known is not None:
            return known
        module = name.partition(".")[0]
        if module in module_names(__name__) and module not in self._found:
            self._add({module: importlib.import_module(f"{__name__}.{module}").ACTION})
            known = super().find(name)
        if known is None and not self._complete:
            known = self.complete().find(name)
        if known is None and (other := third_party(__name__, name, Action)) is not None:
            self._add({name: other})
            known = super().find(name)
        return known

    def complete(self) -> ActionCatalogue:
        """The same with every built-in action in it, for the schema, the reference page and suggestions."""
        with self._lock:
            if not self._complete:
                self._add(declared(__name__, "ACTION", Action))
                self._complete = True
        return self

    def action(self, name: str) -> AnyAction:
        """The action of a canonical name.

        Args:
            name: as in `Step.action`.
        """
        known = self._by_name.get(name)
        if known is None:
            with self._lock:
                self._find(name)
                known = self._by_name[name]
        return known

    def _add(self, actions: Mapping[str, AnyAction]) -> None:
        self._found.update(actions)
        self._by_name.update({action.spec.name: action for action in actions.values()})
        super().__init__([action.spec for action in self._found.values()])


_SHARED = ActionCatalogue()


def catalogue() -> ActionCatalogue:
    """The actions of this installation; files of actions are imported when a flow names them."""
    return _SHARED
