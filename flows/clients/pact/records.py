"""A pact file as typed values, whatever version of the specification wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
Token: TypeAlias = "str | int"
Tokens: TypeAlias = tuple[Token, ...]
STAR = "*"
Combine = Literal["AND", "OR"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """One rule for one value.

    Args:
        kind: as in `match`, e.g. ``type``.
        more: its other attributes.
    """

    kind: str
    more: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """The matchers of one path.

    Args:
        path: tokens below the category; a ``*`` stands for any key or index.
        matchers: at least one.
        combine: whether all must match, or one.
    """

    path: Tokens
    matchers: tuple[Matcher, ...]
    combine: Combine = "AND"


@dataclass(frozen=True, slots=True)
class Rules:
    """Matching rules by category.

    Args:
        by: category (path, query, header, body, status, metadata) to rules.
    """

    by: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    def of(self, category: str) -> tuple[Rule, ...]:
        """The rules of a category.

        Args:
            category: its name.
        """
        return self.by.get(category, ())


@dataclass(frozen=True, slots=True)
class Body:
    """A body as a contract or a server gives it.

    Args:
        content: parsed JSON, or text; None is JSON's null.
        kind: media type without parameters, lower case; empty when unknown.
        empty: there must be, or is, nothing.
    """

    content: Json
    kind: str = ""
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What a request, a response or a message should be; None where the contract does not care.

    Args:
        method: of a request.
        path: of a request.
        query: name to values.
        headers: name to value or values.
        status: of a response.
        body: of any.
        metadata: of a message.
        rules: matching rules.
        generators: category to path to generator.
    """

    method: str = "GET"
    path: str = "/"
    query: Mapping[str, Sequence[Json]] = field(default_factory=dict)
    headers: Mapping[str, Json] = field(default_factory=dict)
    status: int | None = None
    body: Body | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    generators: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """A provider state.

    Args:
        name: as the provider knows it.
        params: its parameters.
    """

    name: str
    params: Mapping[str, Json] = field(default_factory=dict)


Kind = Literal["http", "message", "sync message", "unknown"]


@dataclass(frozen=True, slots=True)
class Interaction:
    """One thing that two sides agreed on.

    Args:
        description: of the interaction.
        kind: how it is verified.
        states: what the provider must have first.
        request: what is sent (http).
        response: what must come back, or the message.
        pending: a failure is reported, and does not fail the verification.
        type: as written, for kinds nobody knows.
    """

    description: str
    kind: Kind
    states: tuple[State, ...] = ()
    request: Part = field(default_factory=Part)
    response: Part = field(default_factory=Part)
    pending: bool = False
    type: str = ""


@dataclass(frozen=True, slots=True)
class Pact:
    """A contract between a consumer and a provider.

    Args:
        consumer: name.
        provider: name.
        version: of the specification.
        interactions: in file order.
    """

    consumer: str
    provider: str
    version: int
    interactions: tuple[Interaction, ...]
