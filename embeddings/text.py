"""What is said about a thing when it is embedded: the words people would search it by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graph.schema import Node
from testmesh.kernel.ids import digest

EMBEDDED_KINDS = ("Service", "Endpoint", "Topic", "Dataset", "Symbol", "Flow")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Document:
    """A text to embed.

    Args:
        uid: what it stands for.
        kind: node kind, or ``Failure`` for a failed flow execution.
        label: shown to people.
        text: what is embedded.
    """

    uid: str
    kind: str
    label: str
    text: str

    @property
    def digest(self) -> str:
        """Changes exactly when the vector must be made anew."""
        return digest([self.kind, self.text])


def words(name: str) -> str:
    """An identifier as words: ``createOrder`` and ``create_order`` both give ``create order``.

    Args:
        name: identifier, path or label.
    """
    return " ".join(_CAMEL.sub(" ", re.sub(r"[^A-Za-z0-9]+", " ", name)).lower().split())


def node_documents(nodes: Iterable[Node]) -> Iterator[Document]:
    """Documents of the nodes people search for.

    Args:
        nodes: any nodes.
    """
    for node in nodes:
        if node.kind not in EMBEDDED_KINDS or (node.kind == "Symbol" and not node.key[2]):
            continue
        extra = " ".join(str(node.props[p]) for p in ("name", "suite") if node.props.get(p))
        listed = " ".join(words(t) for p in ("tags", "columns") for t in node.props.get(p, ()))
        text = f"{words(node.kind)} {words(' '.join(node.key))} {extra} {listed}".strip()
        yield Document(node.uid, node.kind, node.label, text)
