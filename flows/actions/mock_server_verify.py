"""What a mock server was asked: the check that a service really called its neighbour, and called it right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flows.actions import Action, Call, Result
from flows.language.catalogue import ActionSpec, always, option
from flows.language.expressions import Expression
from flows.language.shapes import ANYTHING, ARRAY, NUMBER, OBJECT, STRING, listing, maybe, record
from flows.language.values import Headers

if TYPE_CHECKING:
    from flows.language.expressions.scope import Scope


@dataclass(frozen=True, slots=True)
class VerifyConfig:
    """Settings of a verification."""

    name: str = option("mock", "The mock server's name.")
    method: str | None = option(None, "Requests of this method only.")
    path: str | None = option(None, "Requests of this path only; `{name}` stands for any one segment.")
    match: Expression | Mapping[str, object] | None = option(
        None, "`{headers, query, body}` as for mock_server_start, or an expression over one request.", scope="message"
    )
    count: int | None = option(None, "Exactly so many.")
    at_least: int | None = option(None, "At least so many; 1 when nothing is said.")
    at_most: int | None = option(None, "At most so many.")


@dataclass(frozen=True, slots=True)
class _Wanted:
    headers: Mapping[str, object] | None = None
    query: Mapping[str, object] | None = None
    body: object = None


async def run(config: VerifyConfig, call: Call) -> Result:
    """Everything that the server was asked so far; which of it counts is judged afterwards, also on a recording.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.mock_requests import evidence
    from flows.clients.mock_server import MockServers
    from flows.engine.masking import is_secret_key

    server = call.flow_clients.shared("mock_servers", MockServers).named(config.name)
    asked = config.match if isinstance(config.match, Mapping) else {}
    trouble = {"dropped": server.dropped, "malformed": server.malformed}
    return {
        "name": config.name,
        "requests": evidence(server, asked, is_secret_key),
        **{name: number for name, number in trouble.items() if number},
    }


def condition(config: VerifyConfig, result: Result, names: Scope) -> str:
    """Whether as many requests came as wanted.

    Args:
        config: rendered.
        result: with every request.
        names: for `match`.
    """
    matching, others, problem = _sorted_out(config, result, names)
    if result.get("dropped"):
        return f"mock server '{config.name}' got more than it can remember ({result['dropped']} were not kept)"
    count = len(matching)
    if _enough(config, count):
        return ""
    told = [f"expected {_wanted_text(config)} to mock server '{config.name}', {count} came"]
    told += [problem] if problem else []
    received = count + len(others)
    if not count and received:
        told[0] += f" (it received {received} other{'s' if received > 1 else ''})"
        told.append(f"nearest: {_nearest(config, others)}")
    if result.get("malformed"):
        told.append(f"{result['malformed']} connections sent what is not HTTP/1.1")
    return "\n".join(told)


def seen(config: VerifyConfig, result: Result, names: Scope) -> Mapping[str, object]:
    """The requests that match, and the others.

    Args:
        config: rendered.
        result: with every request.
        names: for `match`.
    """
    matching, others, _ = _sorted_out(config, result, names)
    unmatched = [request for request in (*matching, *others) if request.get("endpoint") is None]
    return {
        "name": result.get("name"),
        "count": len(matching),
        "requests": matching,
        "others": others,
        "received": len(matching) + len(others),
        "unmatched": sorted(unmatched, key=lambda request: cast("int", request.get("n"))),
    }


def _sorted_out(
    config: VerifyConfig, result: Result, names: Scope
) -> tuple[list[dict[str, object]], list[dict[str, object]], str]:
    """Requests that match, those that do not, and why the expression could not be evaluated on one."""
    from flows.language.errors import NotEvaluable, Undecided
    from flows.language.expressions.scope import InnerScope

    matching: list[dict[str, object]] = []
    others: list[dict[str, object]] = []
    problem = ""
    for request in _requests(result):
        held = not any(True for _ in _differences(config, request))
        if held and isinstance(config.match, Expression):
            try:
                held = config.match.condition(InnerScope(request, names))
            except Undecided:
                raise
            except NotEvaluable as found:
                held, problem = False, f"match cannot be evaluated on request {request.get('n')}: {found.message}"
        (matching if held else others).append(request)
    return matching, others, problem if not matching else ""


def _requests(result: Result) -> Iterator[dict[str, object]]:
    found = result.get("requests")
    for request in found if isinstance(found, list | tuple) else ():
        if isinstance(request, Mapping):
            headers = request.get("headers")
            yield {**request, "headers": Headers(headers) if isinstance(headers, Mapping) else headers}


def _differences(config: VerifyConfig, request: Mapping[str, object]) -> Iterator[str]:
    from flows.clients.mock_match import PathTemplate, differences, same_method

    if config.method is not None and not same_method(config.method, str(request.get("method"))):
        yield f"method is {request.get('method')}, not {config.method.upper()}"
    if config.path is not None and PathTemplate.of(config.path).match(str(request.get("path"))) is None:
        yield f"path is {request.get('path')}, not {config.path}"
    if isinstance(config.match, Mapping):
        wanted = _Wanted(**{str(key): value for key, value in config.match.items() if key in _MATCH_KEYS})  # type: ignore[arg-type]
        yield from differences(wanted, request)


def _nearest(config: VerifyConfig, others: list[dict[str, object]]) -> str:
    request = min(reversed(others), key=lambda found: _distance(config, found))
    why = list(_differences(config, request))[:3]
    if not why and isinstance(config.match, Expression):
        why = [f"match does not hold: {config.match.text}"]
    answered = "" if request.get("endpoint") is not None else ", answered 404: no endpoint matches it"
    return f"{request.get('method')} {request.get('path')} ({'; '.join(why)}{answered})"


def _distance(config: VerifyConfig, request: Mapping[str, object]) -> int:
    """Another path is further away than anything else."""
    found = list(_differences(config, request))
    return len(found) + sum(_FAR for text in found if text.startswith("path is "))


def _enough(config: VerifyConfig, count: int) -> bool:
    if config.count is not None:
        return count == config.count
    least = config.at_least if config.at_least is not None else (1 if config.at_most is None else 0)
    return count >= least and (config.at_most is None or count <= config.at_most)


def _wanted_text(config: VerifyConfig) -> str:
    if config.count is not None:
        number, one = ("no", False) if config.count == 0 else (str(config.count), config.count == 1)
    elif config.at_most is not None and config.at_least is None:
        number, one = f"at most {config.at_most}", config.at_most == 1
    elif config.at_most is not None:
        number, one = f"{config.at_least} to {config.at_most}", False
    else:
        least = 1 if config.at_least is None else config.at_least
        number, one = f"at least {least}", least == 1
    what = " ".join(part for part in ((config.method or "").upper(), config.path or "") if part)
    return f"{number} request{'' if one else 's'}" + (f" {what}" if what else "")


_FAR = 1000
_MATCH_KEYS = ("headers", "query", "body")


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if config.get("count") is not None:
        for other in ("at_least", "at_most"):
            if config.get(other) is not None:
                yield other, f"'count' and '{other}' exclude each other"
    for key in ("count", "at_least", "at_most"):
        number = config.get(key)
        if isinstance(number, int) and number < 0:
            yield key, f"'{key}' cannot be negative"
    least, most = config.get("at_least"), config.get("at_most")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield "at_most", f"'at_most' is {most}, which is less than 'at_least', {least}"
    match = config.get("match")
    for key in match if isinstance(match, Mapping) else ():
        if key not in _MATCH_KEYS:
            yield "match", f"'match' has no key '{key}' ({', '.join(_MATCH_KEYS)})"
    path = config.get("path")
    if isinstance(path, str) and "?" in path and "$" not in path and "{{" not in path:
        yield "path", "the path has no query; put it in 'match.query'"


def _early(config: Mapping[str, object]) -> str | None:
    if config.get("at_most") is not None and not config.get("at_least"):
        return "at_most"
    return "count" if config.get("count") == 0 else None


REQUEST = record(
    n=NUMBER,
    method=STRING,
    path=STRING,
    query=OBJECT,
    headers=OBJECT,
    body=ANYTHING,
    endpoint=maybe(STRING),
    params=OBJECT,
    status=NUMBER,
    at_ms=NUMBER,
)

ACTION: Action[VerifyConfig] = Action(
    spec=ActionSpec(
        name="mock_server_verify",
        summary="Waits until a mock server got the requests that are expected, and fails when it does not.",
        config=VerifyConfig,
        result=record(
            name=STRING,
            count=NUMBER,
            requests=listing(REQUEST),
            others=listing(REQUEST),
            received=NUMBER,
            unmatched=ARRAY,
        ),
        checks_itself=True,
        reads=always,
        early=_early,
        check=_problems,
    ),
    run=run,
    condition=condition,
    seen=seen,
    unsent=frozenset({"method", "path", "match", "count", "at_least", "at_most"}),
)
