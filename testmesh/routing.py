"""Which model answers for (workspace, purpose, agent): one ordered list, most specific source first (DESIGN §9)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from testmesh.kernel.errors import UserError

Purpose = Literal["chat", "embed"]
PURPOSES: tuple[Purpose, ...] = ("chat", "embed")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model at a provider, written ``provider:model`` (the model may be empty, as in ``static``).

    Args:
        provider: name of a declared provider or embedder.
        model: the vendor's name of the model.
    """

    provider: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}" if self.model else self.provider


@dataclass(frozen=True, slots=True)
class Routes:
    """What one source (workspace, server or environment) says about models.

    Args:
        chat: ordered fallbacks for chat.
        embed: ordered fallbacks for embeddings.
        agents: (agent, purpose) to ordered fallbacks.
        source: shown to people, e.g. ``testmesh.toml``.
    """

    chat: tuple[ModelRef, ...] = ()
    embed: tuple[ModelRef, ...] = ()
    agents: Mapping[tuple[str, str], tuple[ModelRef, ...]] | None = None
    source: str = ""

    def general(self, purpose: Purpose) -> tuple[ModelRef, ...]:
        """The fallbacks for a purpose, whichever agent asks.

        Args:
            purpose: chat or embed.
        """
        return self.chat if purpose == "chat" else self.embed

    def override(self, purpose: Purpose, agent: str) -> tuple[ModelRef, ...]:
        """The fallbacks for one agent, empty when it has none of its own.

        Args:
            purpose: chat or embed.
            agent: agent name.
        """
        return (self.agents or {}).get((agent, purpose), ())


@dataclass(frozen=True, slots=True)
class Route:
    """The answer of routing.

    Args:
        models: ordered fallbacks; empty means: no model, deterministic answers only.
        source: who decided.
    """

    models: tuple[ModelRef, ...]
    source: str


def resolve(sources: Sequence[Routes], purpose: Purpose, agent: str = "") -> Route:
    """The route for a purpose and agent: agent overrides first, then the general lists, sources in the given order.

    Args:
        sources: workspace, server, environment.
        purpose: chat or embed.
        agent: agent name, empty for none.
    """
    for source in sources:
        models = source.override(purpose, agent)
        if models:
            return Route(models, f"{source.source} (agent {agent})")
    for source in sources:
        models = source.general(purpose)
        if models:
            return Route(models, source.source)
    return Route((), "nothing configured")


def parse_routes(table: Mapping[str, Any], source: str) -> Routes:
    """Routes from a `[models]` table.

    Args:
        table: `chat` and `embed` lists, `agents.NAME.chat` lists.
        source: shown in errors and answers.

    Raises:
        UserError: an unknown key, or a list that is not ``provider:model`` texts.
    """
    for key in table:
        if key not in (*PURPOSES, "agents"):
            near = difflib.get_close_matches(key, (*PURPOSES, "agents"), 1)
            raise UserError(
                f"{source}: unknown key '{key}' in [models]", hint=f"did you mean '{near[0]}'?" if near else None
            )
    agents = {}
    for name, purposes in dict(table.get("agents", {})).items():
        if not isinstance(purposes, dict):
            raise UserError(f"{source}: [models.agents.{name}] must be a table")
        for purpose, refs in purposes.items():
            if purpose not in PURPOSES:
                raise UserError(f"{source}: unknown purpose '{purpose}' for agent '{name}'", hint="use chat or embed")
            agents[name, purpose] = _refs(refs, source, f"agents.{name}.{purpose}")
    return Routes(
        _refs(table.get("chat", []), source, "chat"), _refs(table.get("embed", []), source, "embed"), agents, source
    )


def environment_routes(environ: Mapping[str, str]) -> Routes:
    """Routes from ``TESTMESH_CHAT_MODELS`` and ``TESTMESH_EMBED_MODELS``, comma-separated.

    Args:
        environ: the process environment.
    """
    names = {"chat": "TESTMESH_CHAT_MODELS", "embed": "TESTMESH_EMBED_MODELS"}
    table = {p: [t.strip() for t in environ.get(v, "").split(",") if t.strip()] for p, v in names.items()}
    return parse_routes(table, "environment")


def _refs(value: object, source: str, where: str) -> tuple[ModelRef, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise UserError(f"{source}: models.{where} must be a list of 'provider:model' texts")
    return tuple(ModelRef(*text.split(":", 1)) for text in value)
