"""What HTTP frameworks and clients have in common: verbs, operational paths, status numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graph.values import Lit, Value

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.code import Code

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
_OPERATIONAL = re.compile(
    r"^/?_?(health(z|check|-check)?|healthy|live(z|ness)?|ready(z)?|readiness|metrics|prometheus|ping|version|info"
    r"|(\w+_)?status_?(nginx|stub)?|actuator)(/.*)?$"
)
_STATUS = re.compile(r"(?<!\d)([1-5]\d\d)(?!\d)")


def operational(path: Value) -> bool:
    """A path that serves operation, such as health or metrics, not business.

    Args:
        path: as written in the code.
    """
    if not isinstance(path, Lit) or not isinstance(path.value, str):
        return False
    return bool(_OPERATIONAL.match(path.value)) and path.value.strip("/") != "status"


def status_of(code: Code, node: Node | None) -> int:
    """The status an expression names, 0 when it does not: ``404``, ``status.HTTP_404_NOT_FOUND``.

    Args:
        code: the file.
        node: expression.
    """
    if node is None:
        return 0
    named = _STATUS.search(code.text(node))
    return int(named.group(1)) if named else 0
