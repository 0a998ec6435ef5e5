"""Small looks into YAML nodes that the importers of YAML formats share."""

from __future__ import annotations

import re

from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode

_OLDER = {word: value for lower, value in {"yes": True, "on": True, "no": False, "off": False}.items()
          for word in (lower, lower.title(), lower.upper())}  # fmt: skip


def items(node: Node | None) -> list[Node]:
    """Elements of a list; none of anything else.

    Args:
        node: or None.
    """
    return node.items if isinstance(node, ListNode) else []


def maps(node: Node | None) -> list[MapNode]:
    """Elements of a list that are maps.

    Args:
        node: or None.
    """
    return [item for item in items(node) if isinstance(item, MapNode)]


def text(node: Node | None) -> str:
    """The characters of a scalar; empty of anything else.

    Args:
        node: or None.
    """
    return node.text if isinstance(node, ScalarNode) else ""


def as_yaml_1_1(node: Node) -> None:
    """Gives plain scalars the values that YAML 1.1 gives them (https://yaml.org/type/): ``yes`` is true, ``010`` is 8.

    Args:
        node: read by the rules of YAML 1.2; changed in place.
    """
    for inner in node.items if isinstance(node, ListNode) else ():
        as_yaml_1_1(inner)
    for entry in node.entries.values() if isinstance(node, MapNode) else ():
        as_yaml_1_1(entry.value)
    if isinstance(node, ScalarNode) and not node.style:
        written = node.text
        if written in _OLDER:
            node.value = _OLDER[written]
        elif re.fullmatch(r"[-+]?0[0-7_]+", written):
            node.value = int(written.replace("_", ""), 8)
        elif re.fullmatch(r"[-+]?[1-9][0-9]*_[0-9_]*", written):
            node.value = int(written.replace("_", ""))
        elif isinstance(node.value, float) and "." not in written:
            node.value = written


def is_true(node: Node | None) -> bool:
    """Whether it is the boolean true.

    Args:
        node: or None.
    """
    return isinstance(node, ScalarNode) and node.value is True


def seconds_text(node: Node | None) -> str | None:
    """A number of seconds as a duration; None of anything else.

    Args:
        node: or None.
    """
    number = node.value if isinstance(node, ScalarNode) else None
    if not isinstance(number, int | float) or isinstance(number, bool) or number <= 0:
        return None
    return f"{max(1, round(number * 1000))}ms"


def source_text(node: Node) -> str:
    """A node as it is written.

    Args:
        node: any.
    """
    return node.source.text[node.span[0] : node.span[1]]
