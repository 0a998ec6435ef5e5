"""Models for agents by workspace: routes from testmesh.toml, the server and the environment, secrets by name."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from testmesh.compose.graphs import Checkout
from testmesh.kernel.errors import NotFoundError, UserError
from testmesh.routing import ModelRef, Routes, environment_routes, parse_routes, resolve

if TYPE_CHECKING:
    from agents.agent import Agent, Wording
    from agents.llm.model import ChatModel
    from agents.llm.router import Call, Router
    from embeddings.index import Embedder
    from testmesh.workspaces.tenants import Kept

Inputs = TypeVar("Inputs")
Answer = TypeVar("Answer")
Secret = Callable[[str], str]
_LOG = logging.getLogger("testmesh.models")


def routes_of(checkout: Checkout) -> list[Routes]:
    """Where models may be named, most specific first.

    Args:
        checkout: whose testmesh.toml.
    """
    return [parse_routes(checkout.project.models, "testmesh.toml"), environment_routes(os.environ)]


def connect(ref: ModelRef, secret: Secret) -> ChatModel:
    """A model ready to answer.

    Args:
        ref: which.
        secret: value of a secret by name, empty when there is none.

    Raises:
        UserError: there is no provider of that name.
    """
    from agents.llm.model import Connection

    provider = _provider(ref)
    url = os.environ.get(f"TESTMESH_{ref.provider.upper()}_URL", "")
    key_name = getattr(provider, "key_variable", "")
    connection = Connection(ref.model, url, secret(key_name) if key_name else "")
    model: ChatModel = provider.connect(connection)  # type: ignore[attr-defined]
    return model


def _provider(ref: ModelRef) -> object:
    from testmesh.kernel.discovery import declared, module_names, third_party

    package = "agents.llm.providers"
    provider = declared(package, "PROVIDER", object).get(ref.provider) or third_party(package, ref.provider, object)
    if provider is None:
        raise UserError(
            f"there is no model provider '{ref.provider}'", hint=f"known: {', '.join(module_names(package))}"
        )
    return provider


def router_for(sources: Sequence[Routes], agent: str, secret: Secret, record: Callable[[Call], None]) -> Router | None:
    """One agent's access to models, or None when no route names one.

    Args:
        sources: where models may be named.
        agent: who asks.
        secret: value of a secret by name.
        record: told about every call.

    Raises:
        UserError: the route names a provider that does not exist.
    """
    from agents.llm.router import Router

    route = resolve(sources, "chat", agent)
    if not route.models:
        return None
    for ref in route.models:
        _provider(ref)
    return Router(route.models, lambda ref: connect(ref, secret), agent, record=record)


def wording_for(router: Router) -> Wording:
    """A router as agents see it: a prompt's name and checked facts in, a text out.

    Args:
        router: of that agent.
    """
    from agents.llm.model import Ask
    from prompts.loader import load

    def wording(prompt: str, facts: Mapping[str, str]) -> str | None:
        loaded = load(prompt)
        values = {key: facts.get(key, "") for key in loaded.inputs}
        if values.get("rejected"):
            values["rejected"] = f"Your last text was refused: {values['rejected']}"
        answer = router.structured(Ask(loaded.fill(values), schema=loaded.answer), ())
        return None if answer.data is None else str(answer.data["text"])

    return wording


def worded(sources: Sequence[Routes], secret: Secret, agent: Agent[Inputs, Answer], inputs: Inputs) -> Answer:
    """An agent's answer, worded by the model of its route when there is one.

    Args:
        sources: where models may be named, most specific first.
        secret: value of a secret by name, empty when there is none.
        agent: which.
        inputs: what it needs.
    """
    if not resolve(sources, "chat", agent.name).models:
        return agent.answer(inputs)
    from agents.agent import ask

    router = router_for(sources, agent.name, secret, _log)
    return ask(agent, inputs, None if router is None else wording_for(router))


def _log(call: Call) -> None:
    used = f"{call.usage.input} tokens in, {call.usage.output} out"
    level = logging.INFO if call.outcome in ("answered", "cached") else logging.WARNING
    _LOG.log(level, "model %s for agent %s: %s, %s %s", call.model, call.agent, call.outcome, used, call.detail)


def answered(checkout: Checkout, agent: Agent[Inputs, Answer], inputs: Inputs) -> Answer:
    """An agent's answer for a repository.

    Args:
        checkout: whose routes.
        agent: which.
        inputs: what it needs.
    """
    return worded(routes_of(checkout), environment_secret, agent, inputs)


def environment_secret(name: str) -> str:
    """A secret of the process environment; empty when there is none.

    Args:
        name: of the variable.
    """
    return os.environ.get(name, "")


def workspace_sources(kept: Kept) -> list[Routes]:
    """Where a workspace of the service names models: its own routes, then the server's.

    Args:
        kept: of the workspace.
    """
    table: dict[str, Any] = {"agents": {}}
    for route in kept.settings.routes():
        models = list(route.models)
        if route.agent:
            table["agents"].setdefault(route.agent, {})[route.purpose] = models
        else:
            table[route.purpose] = models
    return [parse_routes(table, f"workspace {kept.workspace.name}"), environment_routes(os.environ)]


def workspace_secret(kept: Kept) -> Secret:
    """Reads secrets of a workspace, then of the server.

    Args:
        kept: of the workspace.
    """

    def secret(name: str) -> str:
        try:
            return kept.secrets.reveal(name)
        except NotFoundError:
            return environment_secret(name)

    return secret


def embedder_for(sources: Sequence[Routes]) -> Embedder:
    """The embedder of the route; the static one when none is named.

    Args:
        sources: where models may be named.

    Raises:
        UserError: there is no embedder of that name.
    """
    from testmesh.kernel.discovery import declared, module_names

    route = resolve(sources, "embed")
    ref = route.models[0] if route.models else ModelRef("static")
    found = declared("embeddings.embedders", "EMBEDDER", object).get(ref.provider)
    if found is None:
        known = ", ".join(module_names("embeddings.embedders"))
        raise UserError(f"there is no embedder '{ref.provider}'", hint=f"known: {known}")
    if ref.model:
        from dataclasses import replace

        found = replace(found, model=ref.model)  # type: ignore[type-var]
    embedder: Embedder = found  # type: ignore[assignment]
    return embedder
