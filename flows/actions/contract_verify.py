"""A provider against its contract: a pact that consumers wrote, or its own OpenAPI description."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.actions import Action, Call, Result, Touch
from flows.language.catalogue import ActionSpec, Duration, option
from flows.language.shapes import ARRAY, NUMBER, STRING, record

if TYPE_CHECKING:
    from flows.language.expressions.scope import Scope

_SHOWN = 5
_STATUSES = ("verified", "failed", "pending", "unverified")
_SHOWN_EACH = 3


@dataclass(frozen=True, slots=True)
class ContractConfig:
    """Settings of a verification."""

    base_url: str = option(doc="Where the provider is.", also=("url",))
    pact: str | None = option(None, "Pact file (specification 2, 3 or 4).", file=True)
    openapi: str | None = option(None, "OpenAPI 3.0 or 3.1 file, with `operation`.", file=True)
    operation: str | None = option(None, "`operationId`, or `GET /orders/{id}`.")
    request: Mapping[str, object] | None = option(
        None, "With `openapi`: `path`, `query`, `headers`, `body`; what it leaves out is taken from the examples."
    )
    headers: Mapping[str, object] | None = option(None, "Sent with every request, before the contract's own.")
    provider_states_url: str | None = option(None, "Gets `{state, params, action}` before each interaction of a pact.")
    messages_url: str | None = option(None, "Answers `{description, providerStates}` with the pact's message.")
    description: str | None = option(None, "Only interactions of the pact whose description holds this.")
    tls: object = option(None, "`true`, or `{ca, cert, key, key_password, server_name, verify}`.")
    timeout: Duration = option(30.0, "Limit for the whole verification.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The operation's endpoint; what a pact touches is known only from its file.

    Args:
        config: as written.
    """
    method, _, path = str(config.get("operation") or "").strip().partition(" ")
    if path.startswith("/"):
        yield Touch("endpoint", f"{config.get('base_url') or config.get('url')}{path}", method=method.upper())


async def run(config: ContractConfig, call: Call) -> Result:
    """Asks the provider everything; whether it answered as agreed is judged on the evidence.

    Args:
        config: rendered.
        call: connections and files.
    """
    from flows.clients.http import HttpPool
    from flows.clients.pact.verifying import Provider
    from flows.clients.tls import tls_of
    from flows.language.values import as_text

    provider = Provider(
        pool=call.clients.shared("http", HttpPool),
        base_url=config.base_url,
        states_url=config.provider_states_url or "",
        messages_url=config.messages_url or "",
        headers=[(name, as_text(value)) for name, value in (config.headers or {}).items() if value is not None],
        traceparent=call.traceparent,
        tls=tls_of(config.tls, call.files),
    )
    if config.pact is not None:
        from flows.clients.pact.reading import read_pact
        from flows.clients.pact.verifying import asked

        text = call.files.read(config.pact).decode("utf-8", "replace")
        answers = await asked(read_pact(text), provider, config.description or "")
        return {"contract": text, "answers": answers}
    from flows.clients.openapi.verifying import asked_operation

    text = call.files.read(config.openapi or "").decode("utf-8", "replace")
    contract, answer = await asked_operation((text, config.openapi or ""), config.operation or "", config, provider)
    return {"contract": contract, "answers": [answer]}


def seen(config: ContractConfig, result: Result, names: Scope) -> Mapping[str, object]:
    """The verdict on every interaction, by the contract and the recorded answers alone.

    Args:
        config: rendered.
        result: as recorded.
        names: unused.
    """
    rows = _outcomes(config, result)
    counts = {
        status: sum(row.status == status for row in rows) for status in ("verified", "failed", "pending", "unverified")
    }
    interactions = [
        {"description": row.description, "status": row.status, "differences": list(row.differences)} for row in rows
    ]
    return {"interactions": interactions, **counts, "answers": result.get("answers")}


def condition(config: ContractConfig, result: Result, names: Scope) -> str:
    """Everything is verified; what is not, is named.

    Args:
        config: rendered.
        result: as recorded.
        names: unused.
    """
    rows = _outcomes(config, result)
    bad = [row for row in rows if row.status in ("failed", "unverified")]
    if not rows:
        return "nothing was verified: the contract has no such interaction"
    if not bad:
        return ""
    lines = [f"{len(bad)} of {len(rows)} interactions not verified:"]
    for row in bad[:_SHOWN]:
        told = "; ".join(row.differences[:_SHOWN_EACH])
        more = f"; and {len(row.differences) - _SHOWN_EACH} more" if len(row.differences) > _SHOWN_EACH else ""
        lines.append(f"{row.description or 'interaction'}: {row.status}: {told}{more}")
    if len(bad) > _SHOWN:
        lines.append(f"and {len(bad) - _SHOWN} more")
    return "\n".join(lines)


def _outcomes(config: ContractConfig, result: Result) -> list[Any]:
    contract, answers = result.get("contract"), result.get("answers")
    if not isinstance(contract, str) or not isinstance(answers, list | tuple):
        return []
    if config.pact is not None:
        from flows.clients.pact.verifying import outcomes

        return list(outcomes(contract, answers))
    from flows.clients.openapi.verifying import outcome

    return [outcome(contract, config.operation or "", answer) for answer in answers]


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    from flows.clients.tls import tls_problems

    if (config.get("pact") is None) == (config.get("openapi") is None):
        yield "config", "contract_verify needs either 'pact' or 'openapi' and 'operation'"
    if config.get("openapi") is not None and config.get("operation") is None:
        yield "openapi", "'openapi' needs 'operation'"
    for name in ("operation", "request"):
        if config.get(name) is not None and config.get("pact") is not None:
            yield name, f"'{name}' is for 'openapi'"
    for name in ("provider_states_url", "messages_url", "description"):
        if config.get(name) is not None and config.get("openapi") is not None:
            yield name, f"'{name}' is for 'pact'"
    yield from tls_problems(config)


def _file_problems(config: Mapping[str, object], read: Callable[[str], bytes]) -> Iterable[tuple[str, str]]:
    from flows.clients.errors import ClientError
    from testmesh.kernel.errors import UserError

    key = "pact" if config.get("pact") is not None else "openapi"
    wanted = str(config.get("operation"))
    name = str(config.get(key))
    if "$" in name or "{{" in name:
        return
    try:
        text = read(name).decode("utf-8", "replace")
        if key == "pact":
            from flows.clients.pact.reading import read_pact

            read_pact(text)
            return
        from flows.clients.openapi.document import operation, read_document

        root, key = read_document(text, name), "operation"
        if "$" not in wanted and "{{" not in wanted:
            operation(root, wanted)
    except ClientError as problem:
        yield f"{key}=", problem.message
    except UserError:
        return  # that it is missing is said already


ACTION: Action[ContractConfig] = Action(
    spec=ActionSpec(
        name="contract_verify",
        summary="Asks a provider everything its pact or OpenAPI operation promises; anything unverified fails.",
        config=ContractConfig,
        family="http",
        result=record(
            interactions=ARRAY,
            verified=NUMBER,
            failed=NUMBER,
            pending=NUMBER,
            unverified=NUMBER,
            answers=ARRAY,
            contract=STRING,
        ),
        checks_itself=True,
        check=_problems,
        check_files=_file_problems,
    ),
    touches=touches,
    run=run,
    condition=condition,
    seen=seen,
)
