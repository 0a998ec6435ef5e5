"""The folder is the registry: adding a thing is adding one file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from testmesh.kernel.errors import UserError

T = TypeVar("T")


def declared(package: str, constant: str, kind: type[T]) -> Mapping[str, T]:
    """Every `constant` of type `kind`, one per module of `package`; the key is the module's name.

    Entry points of the group ``<package>`` are read by :func:`third_party`, only when a name is unknown.

    Args:
        package: dotted package whose modules declare.
        constant: the module-level name, e.g. ``ACTION``.
        kind: the type it must have.

    Raises:
        UserError: a module declares something of another type.
    """
    found: dict[str, T] = {}
    for name in module_names(package):
        value = getattr(importlib.import_module(f"{package}.{name}"), constant, None)
        if value is None:
            continue
        found[name] = _checked(value, kind, f"{package}.{name}.{constant}")
    return found


def declared_one(package: str, name: str, constant: str, kind: type[T]) -> T | None:
    """The one declared thing of that module name, importing nothing else; None when there is none.

    Args:
        package: dotted package whose modules declare.
        name: module name.
        constant: the module-level name.
        kind: the type it must have.
    """
    if name not in module_names(package):
        return None
    value = getattr(importlib.import_module(f"{package}.{name}"), constant, None)
    return None if value is None else _checked(value, kind, f"{package}.{name}.{constant}")


def third_party(package: str, name: str, kind: type[T]) -> T | None:
    """What another distribution registered under entry-point group `package`, or None.

    Args:
        package: dotted package, used as the group's name.
        name: the entry point's name.
        kind: the type it must have.
    """
    from importlib.metadata import entry_points

    for point in entry_points(group=package):
        if point.name == name:
            return _checked(point.load(), kind, point.value)
    return None


@cache
def module_names(package: str) -> tuple[str, ...]:
    """Names of the modules and packages directly in `package`, sorted, without importing them.

    Args:
        package: dotted package.
    """
    path = importlib.import_module(package).__path__
    return tuple(sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")))


def _checked(value: object, kind: type[T], where: str) -> T:
    if not isinstance(value, kind):
        raise UserError(f"{where} is a {type(value).__name__}, not a {kind.__name__}")
    return value
