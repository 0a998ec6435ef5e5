"""Names and templates of other tools (``{{name}}``) as ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flows.importers.draft import NotCarried, literal, variable

TEMPLATE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class Names:
    """What the names of a file mean in a flow.

    Args:
        functions: built-in names of the tool → an expression.
    """

    def __init__(self, functions: Mapping[str, str]) -> None:
        self.functions = functions
        self.own: dict[str, str] = {}

    def expression(self, name: str) -> str:
        """A variable or function as it stands in an expression.

        Args:
            name: between the braces.
        """
        name = name.strip()
        if name in self.functions:
            return self.functions[name]
        if name.startswith("$"):
            raise NotCarried(f"there is no value like '{name}'")
        return self.own.get(name, variable(name))

    def template(self, text: str) -> str:
        """A text with its templates as ours.

        Args:
            text: of the file.
        """
        parts = TEMPLATE.split(text)
        shown = [_kept(part) if at % 2 == 0 else f"${{{self.expression(part)}}}" for at, part in enumerate(parts)]
        return "".join(shown)

    def key(self, text: str) -> str:
        """A name of a header, field or parameter: flows know such names before they run.

        Args:
            text: of the file.

        Raises:
            NotCarried: a template stands in it.
        """
        if TEMPLATE.search(text):
            raise NotCarried(f"the name '{text}' is only known when the test runs")
        return text

    def operand(self, text: str) -> str:
        """A text with templates as an operand of an expression.

        Args:
            text: of the file.
        """
        only = TEMPLATE.fullmatch(text)
        if only is not None:
            return self.expression(only[1])
        pieces = [literal(part) if at % 2 == 0 else f"string({self.expression(part)})"
                  for at, part in enumerate(TEMPLATE.split(text)) if at % 2 or part]  # fmt: skip
        if len(pieces) > 1:
            return "(" + " + ".join(pieces) + ")"
        return safe(literal(text))


def _kept(text: str) -> str:
    """Text between templates; what only looks like one of ours stays as it is."""
    return text.replace("${", "$${").replace("{{", '{{ "{{" }}')


def safe(quoted: str) -> str:
    """A text literal that is not taken for a path or a template.

    Args:
        quoted: as `literal` gives it.
    """
    inner = quoted[1:-1]
    if "${" in inner or inner.startswith(("$.", "$[", "$..")):
        return f"text({quoted.replace('${', '$${')})"
    return quoted
