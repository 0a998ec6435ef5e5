"""What can be said of a GraphQL document without its server: syntax, operations, variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flows.language.closest import closest

if TYPE_CHECKING:
    from graphql.language.ast import DocumentNode, OperationDefinitionNode


def document_problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """What is wrong with the document of a config and what belongs to it, for the action's static check.

    Args:
        config: as written; a document with templates in it is not looked at.
    """
    query = config.get("query")
    if not isinstance(query, str) or "${" in query or "{{" in query:
        return
    from graphql import GraphQLSyntaxError, parse
    from graphql.language.ast import OperationDefinitionNode

    try:
        document: DocumentNode = parse(query, no_location=True, max_tokens=20_000)
    except GraphQLSyntaxError as error:
        at = error.locations[0] if error.locations else None
        where = f" (line {at.line}, column {at.column} of the document)" if at is not None else ""
        yield "query=", f"{error.message.replace('Syntax Error: ', 'not GraphQL: ')}{where}"
        return
    operations = [found for found in document.definitions if isinstance(found, OperationDefinitionNode)]
    asked = _asked(config, operations)
    if isinstance(asked, str):
        yield ("operation_name" if config.get("operation_name") else "query"), asked
        return
    if asked is not None:
        yield from _operation_problems(config, asked)


def _asked(
    config: Mapping[str, object], operations: list[OperationDefinitionNode]
) -> OperationDefinitionNode | str | None:
    """The operation that is meant; a problem; None when its name is known only later."""
    name = config.get("operation_name", config.get("operationName"))
    if not operations:
        return "the document has no query and no mutation"
    if isinstance(name, str) and ("$" in name or "{{" in name):
        return None
    names = [found.name.value for found in operations if found.name is not None]
    if name is not None:
        found = next((one for one in operations if one.name is not None and one.name.value == name), None)
        near = closest(str(name), names)
        return found or f"the document has no operation '{name}'" + (f"; did you mean '{near}'?" if near else "")
    if len(operations) > 1:
        return f"the document has {len(operations)} operations; 'operation_name' says which ({', '.join(names)})"
    return operations[0]


def _operation_problems(config: Mapping[str, object], operation: OperationDefinitionNode) -> Iterable[tuple[str, str]]:
    if operation.operation.value == "subscription":
        yield "query", "a subscription needs a stream: use 'websocket' or 'sse'"
        return
    given = config.get("variables")
    if given is not None and not isinstance(given, Mapping):
        return
    known: Mapping[str, Any] = {one.variable.name.value: one for one in operation.variable_definitions or ()}
    values: Mapping[str, object] = given or {}
    for name in values:
        if name not in known:
            near = closest(str(name), list(known))
            advice = f"; did you mean '${near}'?" if near else ""
            yield "variables", f"the operation declares no variable '${name}'{advice}"
    for name, declared in known.items():
        required = declared.type.kind == "non_null_type" and declared.default_value is None
        if required and values.get(name) is None:
            yield ("variables" if given is not None else "query"), f"the operation needs the variable '${name}'"
