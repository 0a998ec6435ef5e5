"""What the engine asks of the world: it decides and never awaits, so a live run and a recording obey the same rules."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, overload

if TYPE_CHECKING:
    from flows.actions import AnyAction, Result
    from flows.language.spec import Flow

Path: TypeAlias = tuple[str, ...]
T = TypeVar("T")


class CutOff(Exception):
    """Thrown into the engine where it waits: the run was cancelled, or a sibling failed.

    Args:
        reason: shown with every step that therefore did not run.
        cancelled: by the user, not by a sibling.
    """

    def __init__(self, reason: str, cancelled: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cancelled = cancelled


class NotRecorded(Exception):
    """A recording has no evidence for what is asked (FLOWS §3: such a step is *not run*).

    Args:
        reason: what is missing or differs.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Request(NamedTuple):
    """A step's rendered settings and what identifies them.

    Args:
        path: phase, ids of enclosing steps and iterations, step id.
        action: how to ask.
        config: the action's built config.
        recorded: the request as it goes into the recording, secrets masked.
        attempt: 0-based.
        span: 16 hex, the parent id sent with the request.
        file: the flow that the step stands in.
    """

    path: Path
    action: AnyAction
    config: Any
    recorded: object
    attempt: int = 0
    span: str = ""
    file: str = ""


class Ask(NamedTuple):
    """Send a request once; the answer is a candidate.

    Args:
        request: what to send.
        deadline: ms after the run's start when it is given up.
    """

    request: Request
    deadline: float


class Follow(NamedTuple):
    """Open a consumer's stream, so that nothing published from now on is missed."""

    request: Request
    deadline: float


class Next(NamedTuple):
    """The message at a place of a consumer's stream.

    Args:
        request: whose stream.
        place: 0-based, in order of arrival.
        deadline: ms after the run's start when waiting ends.
        sure: when none came, the server has to answer: one that is frozen sends nothing either.
    """

    request: Request
    place: int
    deadline: float
    sure: bool = False


class Hear(NamedTuple):
    """What happens next in a conversation: its opening, a message, or its end.

    Args:
        request: whose conversation; the first one of an attempt opens it.
        place: 0-based, in order of arrival; 0 is the opening.
        deadline: ms after the run's start when waiting ends.
    """

    request: Request
    place: int
    deadline: float


class Say(NamedTuple):
    """Say a line of the script.

    Args:
        request: whose conversation.
        line: 0-based, of the settings' `script`.
        deadline: ms after the run's start when it is given up.
    """

    request: Request
    line: int
    deadline: float


class Part(NamedTuple):
    """End a conversation.

    Args:
        request: whose.
        clean: say goodbye, as its protocol demands.
    """

    request: Request
    clean: bool


class Shelter(NamedTuple):
    """From now on nothing cuts this list of steps off; at the end what would have is thrown.

    Args:
        on: False = at the end.
    """

    on: bool


class Pause(NamedTuple):
    """Wait.

    Args:
        seconds: how long.
        deadline: ms after the run's start; never longer than that.
    """

    seconds: float
    deadline: float


class Children(Sequence[Generator["Effect", Any, Any]]):
    """Lists of steps, each made when its turn comes: a loop over very much holds one at a time.

    Args:
        count: how many.
        make: the list of a place.
    """

    def __init__(self, count: int, make: Callable[[int], Generator[Effect, Any, Any]]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Generator[Effect, Any, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Generator[Effect, Any, Any]]: ...
    def __getitem__(self, at: int | slice) -> Generator[Effect, Any, Any] | Sequence[Generator[Effect, Any, Any]]:
        if isinstance(at, slice):
            return [self._make(index) for index in range(self._count)[at]]
        return self._make(range(self._count)[at])


class Together(NamedTuple):
    """Run several lists of steps beside each other.

    Args:
        children: not started yet; each is taken once.
        limit: how many at once.
        cut: given a finished child's result, why the others end ("" = they go on).
    """

    children: Sequence[Generator[Effect, Any, Any]]
    limit: int
    cut: Callable[[Any], str]


class Load(NamedTuple):
    """Read and check another flow file.

    Args:
        file: relative to the flow that names it.
        base: that flow's file.
    """

    file: str
    base: str


Effect: TypeAlias = Ask | Follow | Next | Hear | Say | Part | Pause | Shelter | Together | Load


class Answer(NamedTuple):
    """What came back.

    Args:
        at: ms after the run's start.
        candidate: the result, or None.
        error: why there is none.
        type: of the error: timeout, connection, config, server; ``ended`` = a recording has no more.
        ended: how the recording ended, with type ``ended``.
        awaited: with type ``timeout``, who did not do what; empty when messages could have come.
    """

    at: float
    candidate: Result | None = None
    error: str = ""
    type: str = ""
    ended: str = ""
    awaited: str = ""


class Joined(NamedTuple):
    """What became of a :class:`Together`.

    Args:
        results: one per child, None = never started.
        cut: thrown at the whole group from outside, or None.
    """

    results: tuple[Any, ...]
    cut: CutOff | None = None


class Loaded(NamedTuple):
    """A flow file, or why it cannot be used."""

    flow: Flow | None
    problem: str = ""


Steps: TypeAlias = Generator[Effect, Any, T]


def answered(effect: Ask | Follow | Next | Hear | Say | Part | Pause) -> Steps[Answer]:
    """Asks and waits for the answer.

    Args:
        effect: what to ask.
    """
    answer = yield effect
    if not isinstance(answer, Answer):
        raise TypeError(f"{type(effect).__name__} was answered with {type(answer).__name__}")
    return answer


def joined(effect: Together) -> Steps[Joined]:
    """Runs the children and waits for all of them.

    Args:
        effect: the group.
    """
    answer = yield effect
    if not isinstance(answer, Joined):
        raise TypeError(f"Together was answered with {type(answer).__name__}")
    return answer


def loaded(effect: Load) -> Steps[Loaded]:
    """Reads a flow file.

    Args:
        effect: which.
    """
    answer = yield effect
    if not isinstance(answer, Loaded):
        raise TypeError(f"Load was answered with {type(answer).__name__}")
    return answer
