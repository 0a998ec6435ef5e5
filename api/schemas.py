"""What requests may say, checked once at the boundary."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
PLAIN = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
Revision = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._/@{}^~+-]{0,199}$|^$")]
Line = Annotated[str, StringConstraints(pattern=PLAIN, max_length=500)]


class Body(BaseModel):
    """Root of request bodies: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


def _example(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class NewRepository(Body):
    """A repository to watch."""

    model_config = _example(name="shop", source="/srv/repos/shop", branch="main")
    name: Name
    source: Annotated[str, StringConstraints(pattern=PLAIN, min_length=1, max_length=1000)]
    branch: Revision = ""


class AskImpact(Body):
    """A change: two revisions, a patch, or nodes."""

    model_config = _example(repository="shop", base="main", head="feature/total")
    repository: Name
    base: Revision = ""
    head: Revision = ""
    patch: str = ""
    nodes: Annotated[list[Line], Field(max_length=100)] = []


class AskDiagnosis(Body):
    """How to look for the cause."""

    model_config = _example(repository="shop", base="main")
    repository: Name | None = None
    base: Revision = ""


class AskFix(Body):
    """Where the flow is."""

    model_config = _example(repository="shop")
    repository: Name | None = None


class Outcome(Body):
    """What became of a fix."""

    model_config = _example(outcome="merged")
    outcome: Literal["open", "merged", "closed"]


class NewTokenBody(Body):
    """A token to make."""

    model_config = _example(label="ci", role="editor")
    label: Annotated[Line, Field(min_length=1)]
    role: Literal["viewer", "editor", "admin"]


class SecretValue(Body):
    """A secret's value."""

    model_config = _example(value="...")
    value: Annotated[str, Field(min_length=1, max_length=65536)]


class RouteModels(Body):
    """Models of one purpose, first choice first."""

    model_config = _example(models=["ollama:qwen3"])
    models: Annotated[list[Annotated[Line, Field(min_length=1)]], Field(max_length=10)]


class Reason(Body):
    """Why something is dismissed."""

    model_config = _example(reason="called by the job runner only in tests")
    reason: Annotated[Line, Field(min_length=1)]


class EventBody(Body):
    """One event of a run that is going on."""

    seq: Annotated[int, Field(ge=1, le=10_000_000)]
    body: dict[str, Any]


class EventBatch(Body):
    """Events of a run, in any order; each is kept once."""

    events: Annotated[list[EventBody], Field(min_length=1, max_length=1000)]
