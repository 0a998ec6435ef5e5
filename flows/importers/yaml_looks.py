"""Small looks into YAML nodes that the importers of YAML formats share."""

from __future__ import annotations

from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode


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
