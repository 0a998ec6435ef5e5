"""Type arguments in payload shapes, so that ``ApiResponse<Payment>`` is known by what it holds; the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from graph.values import ANYTHING, Field, Shape

_DEPTH = 8


def applied(named: Shape, arguments: Iterable[Shape]) -> Shape:
    """A named type with its type arguments, as fields ``<0>``, ``<1>`` that linking puts in their places.

    Args:
        named: the type without arguments.
        arguments: in order.
    """
    given = tuple(Field(f"<{index}>", shape) for index, shape in enumerate(arguments))
    return replace(named, fields=given) if any(f.shape != ANYTHING for f in given) else named


def parameter(index: int) -> Shape:
    """The shape of a field whose type is a type parameter of the type around it.

    Args:
        index: of the parameter.
    """
    return Shape(named=f"<{index}>")


def parametrised(shape: Shape, parameters: Sequence[str], depth: int = _DEPTH) -> Shape:
    """A type's shape in which names of its type parameters are told apart from names of types.

    Args:
        shape: of the type.
        parameters: their names, in order.
        depth: how deep to look.
    """
    if not parameters or depth <= 0:
        return shape
    if shape.named in parameters and shape.item is None:
        return parameter(parameters.index(shape.named))
    fields = tuple(replace(f, shape=parametrised(f.shape, parameters, depth - 1)) for f in shape.fields)
    item = parametrised(shape.item, parameters, depth - 1) if shape.item is not None else None
    return replace(shape, fields=fields, item=item)
