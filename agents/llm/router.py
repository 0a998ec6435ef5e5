"""Asks the models of a route in order, within a budget, and accepts only answers that satisfy schema and evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.llm.model import Ask, ChatModel, ModelFailed, Reply, Usage
from testmesh.kernel.errors import TestMeshError
from testmesh.kernel.ids import digest
from testmesh.routing import ModelRef

ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call.

    Args:
        model: ``provider:model``.
        agent: who asked.
        usage: tokens.
        outcome: answered, cached, rejected, failed or over budget.
        detail: why, when it was not answered.
    """

    model: str
    agent: str
    usage: Usage
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Structured:
    """A checked answer, or none with the reason.

    Args:
        data: the answer, satisfying schema and evidence; None when dropped.
        model: who answered.
        reason: why there is none.
    """

    data: Mapping[str, Any] | None
    model: str = ""
    reason: str = ""


@dataclass
class Router:
    """One agent's access to models.

    Args:
        models: ordered fallbacks of the route.
        connect: makes a model from a reference; called when first needed.
        agent: who asks, recorded with every call.
        budget: most tokens, input and output together, over the router's life.
        record: told about every call.
    """

    models: Sequence[ModelRef]
    connect: Callable[[ModelRef], ChatModel]
    agent: str = ""
    budget: int = 50_000
    record: Callable[[Call], None] = lambda call: None
    _spent: int = 0
    _cache: dict[str, Reply] = field(default_factory=dict)
    _connected: dict[ModelRef, ChatModel] = field(default_factory=dict)

    def ask(self, ask: Ask) -> Reply | None:
        """The first answer any model of the route gives, or None when none does.

        Args:
            ask: the question.
        """
        key = digest([ask.prompt, ask.system, dict(ask.schema or {}), ask.max_tokens, [str(m) for m in self.models]])
        if key in self._cache:
            self._note(self._cache[key].model, Usage(), "cached")
            return self._cache[key]
        for ref in self.models:
            reply = self._try(ref, ask)
            if reply is not None:
                self._cache[key] = reply
                return reply
        return None

    def _try(self, ref: ModelRef, ask: Ask) -> Reply | None:
        for attempt in range(ATTEMPTS):
            if self._spent >= self.budget:
                self._note(str(ref), Usage(), "over budget", f"{self._spent} of {self.budget} tokens used")
                return None
            try:
                reply = self._model(ref).ask(ask)
            except ModelFailed as error:
                self._note(str(ref), Usage(), "failed", str(error))
                if not error.retryable or attempt + 1 == ATTEMPTS:
                    return None
                continue
            except TestMeshError as error:
                self._note(str(ref), Usage(), "failed", str(error))
                return None
            self._spent += reply.usage.input + reply.usage.output
            self._note(str(ref), reply.usage, "answered")
            return reply
        return None

    def _model(self, ref: ModelRef) -> ChatModel:
        if ref not in self._connected:
            self._connected[ref] = self.connect(ref)
        return self._connected[ref]

    def _note(self, model: str, usage: Usage, outcome: str, detail: str = "") -> None:
        self.record(Call(model, self.agent, usage, outcome, detail))

    def structured(self, ask: Ask, known: Collection[str]) -> Structured:
        """An answer that satisfies the schema and cites only what is known: rejected once, then dropped.

        Args:
            ask: the question, with a schema.
            known: node labels and evidence ids an answer may cite.
        """
        reply = self.ask(ask)
        if reply is None:
            return Structured(None, reason="no model answered")
        data, problem = checked(reply.text, ask.schema or {}, known)
        if problem:
            self._note(reply.model, Usage(), "rejected", problem)
            again = Ask(f"{ask.prompt}\n\nYour answer was rejected: {problem}\nAnswer again with corrected JSON only.",
                        ask.system, ask.schema, ask.max_tokens, ask.timeout)  # fmt: skip
            reply = self.ask(again)
            if reply is None:
                return Structured(None, reason=f"rejected: {problem}; no second answer")
            data, problem = checked(reply.text, ask.schema or {}, known)
        if problem:
            self._note(reply.model, Usage(), "rejected", problem)
            return Structured(None, reply.model, f"rejected twice: {problem}")
        return Structured(data, reply.model)


def checked(text: str, schema: Mapping[str, Any], known: Collection[str]) -> tuple[Mapping[str, Any] | None, str]:
    """The answer as data, or the reason why it is not acceptable.

    Args:
        text: what the model wrote, JSON, perhaps in a code fence.
        schema: JSON Schema of the answer.
        known: what its `cites` may name.
    """
    from jsonschema import Draft202012Validator

    try:
        data = json.loads(_unfenced(text))
    except ValueError as error:
        return None, f"it is not JSON ({error})"
    fault = next(iter(Draft202012Validator(schema).iter_errors(data)), None)
    if fault is not None:
        return None, f"it does not satisfy the schema: {fault.message[:200]}"
    unknown = [c for c in data.get("cites", []) if c not in known]
    if unknown:
        return None, f"it cites what does not exist: {', '.join(map(str, unknown[:5]))}"
    return data, ""


def _unfenced(text: str) -> str:
    body = text.strip()
    if body.startswith("```"):
        body = body.split("\n", 1)[1] if "\n" in body else ""
        body = body.rsplit("```", 1)[0]
    return body
