"""Values of Tavern files: Python's ``{name}`` formatting, ``!tags``, and what a response must hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from flows.importers.draft import NotCarried, literal, variable
from flows.importers.naming import safe
from flows.importers.paths import dotted
from flows.language.values import typed_text
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode

_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.\[\]]*)(?:![rs])?(?::[^{}]*)?\}")
_TAG = re.compile(r"!([A-Za-z_]+)")
_PATH = re.compile(r"([A-Za-z_@][\w-]*|\"[^\"]+\"|\[-?\d+\])(\.[A-Za-z_][\w-]*|\[-?\d+\]|\.\"[^\"]+\")*\Z")
INCLUDED = ("force_format_include", "force_original_structure")
_INTEGER = "^-?[0-9]+$"


def tag_of(node: Node) -> str:
    """The ``!tag`` of a node without its mark, or nothing.

    Args:
        node: as read.
    """
    match = _TAG.match(node.source.text, node.span[0])
    return match[1] if match is not None else ""


def _name(text: str, own: Mapping[str, str]) -> str:
    if text.startswith("tavern.env_vars."):
        return variable(text.removeprefix("tavern.env_vars."))
    if text.startswith("tavern."):
        raise NotCarried(f"'{{{text}}}' has no counterpart")
    head, _, rest = text.partition(".")
    return own.get(text) or (f"{variable(head)}.{rest}" if rest else variable(head))


def formatted(text: str, own: Mapping[str, str]) -> str:
    """A text with our templates.

    Args:
        text: with ``{name}``.
        own: unused names of the same stage are not known when the request is sent.
    """

    def shown(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        return f"${{{_name(found[1], {})}}}"

    return _FIELD.sub(shown, text.replace("${", "$${"))


def plain_key(text: str) -> str:
    """A name of a field, header or parameter: flows know such names before they run.

    Args:
        text: with ``{{`` for a brace.

    Raises:
        NotCarried: a template stands in it.
    """
    if any(found[1] is not None for found in _FIELD.finditer(text)):
        raise NotCarried(f"the name '{text}' is only known when the test runs")
    return text.replace("{{", "{").replace("}}", "}")


def operand(node: ScalarNode, own: Mapping[str, str]) -> str:
    """A text as an operand of an expression; names of the same stage mean what they were saved from.

    Args:
        node: a text.
        own: saved name → path.
    """
    pieces: list[str] = []
    position = 0
    for found in _FIELD.finditer(node.text):
        pieces.append(literal(node.text[position : found.start()]) if found.start() > position else "")
        pieces.append(literal(found[0][0]) if found[1] is None else f"string({_name(found[1], own)})")
        position = found.end()
    pieces.append(literal(node.text[position:]) if position < len(node.text) else "")
    kept = [piece for piece in pieces if piece]
    if not kept:
        return '""'
    return (
        safe(kept[0])
        if len(kept) == 1 and kept[0][0] == '"'
        else kept[0]
        if len(kept) == 1
        else f"({' + '.join(kept)})"
    )


def value(node: Node, own: Mapping[str, str]) -> object:
    """A value that is sent.

    Args:
        node: as read.
        own: names of the same stage.

    Raises:
        NotCarried: a tag that has no counterpart.
    """
    tag = tag_of(node)
    if tag in INCLUDED and isinstance(node, ScalarNode):
        return f"${{{_included(node)}}}"
    if isinstance(node, ScalarNode):
        return _scalar(node, tag, own)
    if tag:
        raise NotCarried(f"'!{tag}' has no counterpart")
    if isinstance(node, ListNode):
        return [value(item, own) for item in node.items]
    if "$ext" in node.entries:
        raise NotCarried("a Python function cannot be called")
    return {plain_key(key): value(entry.value, own) for key, entry in node.entries.items()}


def _scalar(node: ScalarNode, tag: str, own: Mapping[str, str]) -> object:
    if tag in ("int", "float", "bool"):
        return _converted(node, tag)
    if tag == "raw":
        return node.text.replace("${", "$${").replace("{{", '{{ "{{" }}')
    if tag not in ("", "str"):
        raise NotCarried(f"'!{tag}' has no counterpart")
    if not isinstance(node.value, str):
        return node.value
    only = _FIELD.fullmatch(node.text)
    if only is not None and only[1] is not None:
        return f"${{string({_name(only[1], {})})}}"
    return formatted(node.text, own)


def _converted(node: ScalarNode, tag: str) -> object:
    only = _FIELD.fullmatch(node.text)
    if only is not None and only[1] is not None:
        function = {"int": "int", "float": "float"}.get(tag)
        inner = _name(only[1], {})
        return f"${{{function}({inner})}}" if function else f"${{{inner}}}"
    found = typed_text(node.text.lower() if tag == "bool" else node.text)
    return float(found) if tag == "float" and isinstance(found, int) else found


def expected(where: str, node: Node, strict: bool, own: Mapping[str, str]) -> Iterator[str]:
    """What must hold of an answer, as expressions.

    Args:
        where: path of the answer's part.
        node: what the file expects there.
        strict: nothing else may be there.
        own: saved name → path.

    Raises:
        NotCarried: something that no expression says.
    """
    tag = tag_of(node)
    if tag in INCLUDED and isinstance(node, ScalarNode):
        if not strict:
            raise NotCarried("that a value holds at least what a variable holds")
        yield f"{where} == {_included(node)}"
    elif tag:
        yield _tagged(where, node, tag, own)
    elif isinstance(node, ScalarNode):
        yield _equal(where, node, own)
    elif isinstance(node, ListNode):
        yield from _list(where, node, strict, own)
    elif isinstance(node, MapNode):
        if "$ext" in node.entries:
            raise NotCarried("a Python function cannot be called")
        if strict:
            yield f"len(keys({where})) == {len(node.entries)}"
        for key, entry in node.entries.items():
            yield from expected(dotted(where, [key]), entry.value, strict, own)


def _list(where: str, node: ListNode, strict: bool, own: Mapping[str, str]) -> Iterator[str]:
    if strict:
        yield f"len({where}) == {len(node.items)}"
        for at, item in enumerate(node.items):
            yield from expected(f"{where}[{at}]", item, strict, own)
        return
    only = node.items[0] if len(node.items) == 1 else None
    if not isinstance(only, ScalarNode) or tag_of(only):
        raise NotCarried("a list that need not be complete")
    yield _equal(where, only, own).replace(" == ", " contains ", 1)


def _included(node: ScalarNode) -> str:
    """The variable whose value stands in the place of a ``!force_format_include``."""
    only = _FIELD.fullmatch(node.text)
    if only is None or only[1] is None:
        raise NotCarried("this structure is only known when the test runs")
    return _name(only[1], {})


def _equal(where: str, node: ScalarNode, own: Mapping[str, str]) -> str:
    if isinstance(node.value, str):
        return f"{where} == {operand(node, own)}"
    return f"{where} == {literal(node.value)}"


_ANY = {"anything": "{} exists", "anystr": "{} is string", "anybool": "{} is boolean", "anylist": "{} is array",
        "anydict": "{} is object"}  # fmt: skip


def _tagged(where: str, node: Node, tag: str, own: Mapping[str, str]) -> str:
    if tag in _ANY:
        return _ANY[tag].format(where)
    if tag == "anyint":
        return f'{where} is number and to_json({where}) matches "{_INTEGER}"'
    if tag == "anyfloat":
        return f'{where} is number and to_json({where}) matches "[.eE]"'
    if not isinstance(node, ScalarNode):
        raise NotCarried(f"'!{tag}' has no counterpart")
    if tag == "approx":
        number = typed_text(node.text)
        return f"abs({where} - {literal(number)}) <= abs({literal(number)}) * 0.000001"
    if tag in ("re_match", "re_search", "re_fullmatch"):
        pattern = {"re_match": f"^(?:{node.text})", "re_fullmatch": f"^(?:{node.text})$"}.get(tag, node.text)
        return f"{where} is string and {where} matches {safe(literal(checked_pattern(pattern)))}"
    if tag in ("int", "float", "bool"):
        only = _FIELD.fullmatch(node.text)
        if only is not None and only[1] is not None:
            return f"{where} == {_name(only[1], own)}"
        return f"{where} == {literal(_converted(node, tag))}"
    raise NotCarried(f"'!{tag}' has no counterpart")


def checked_pattern(pattern: str) -> str:
    """A pattern that RE2 can compile.

    Args:
        pattern: of Python's ``re``.

    Raises:
        NotCarried: it cannot.
    """
    from testmesh.guard.regex import compile_pattern
    from testmesh.kernel.errors import UserError

    try:
        compile_pattern(pattern)
    except UserError as problem:
        raise NotCarried(f"this regex cannot be used: {problem.message}") from None
    return pattern


def saved_path(text: str) -> str | None:
    """A JMESPath that names one place, as a path into the body; None for any other.

    Args:
        text: as written.
    """
    text = text.strip()
    if not _PATH.match(text):
        return None
    parts: list[str | int] = []
    for name, index, quoted in re.findall(r"([A-Za-z_@][\w-]*)|\[(-?\d+)\]|\"([^\"]+)\"", text):
        if name != "@":
            parts.append(int(index) if index else name or quoted)
    return dotted("body", parts)
