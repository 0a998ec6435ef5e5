"""Payload shapes as edge and node properties, with named types filled in from their definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from graph.linking.corpus import Corpus, FileKey, SymbolKey
from graph.linking.names import Names
from graph.schema import Json
from graph.values import Field, Shape, encode_shape

_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Mention:
    """A shape where a scanner saw it.

    Args:
        shape: as given, None when nothing was seen.
        file: where.
        scope: symbol.
    """

    shape: Shape | None
    file: FileKey
    scope: str


class Shapes:
    """Named types of the whole corpus.

    Args:
        corpus: the facts.
        names: name look-up.
    """

    def __init__(self, corpus: Corpus, names: Names) -> None:
        self._names = names
        self._types: dict[SymbolKey, Shape] = {}
        self._by_name: dict[tuple[str, str], list[SymbolKey]] = defaultdict(list)
        self._called: dict[str, list[SymbolKey]] = defaultdict(list)
        for placed in corpus.of("type"):
            name = placed.fact.get("name", "")
            if placed.fact.get("shape") is None:
                continue
            self._types.setdefault((placed.file, name), placed.fact.get("shape"))
            self._by_name[placed.file[0], name].append((placed.file, name))
            self._called[name].append((placed.file, name))

    def whole(self, shape: Shape | None, file: FileKey, scope: str = "", depth: int = _DEPTH) -> Shape | None:
        """A shape with its named types filled in, inherited fields included.

        Args:
            shape: as a scanner gave it.
            file: where it is mentioned.
            scope: symbol it is mentioned in.
            depth: how deep named types are followed.
        """
        if shape is None or depth <= 0:
            return shape
        if shape.named.startswith("<"):
            return Shape()
        if shape.named and shape.item is None:
            args = [self.whole(f.shape, file, scope, depth - 1) for f in shape.fields if f.name.startswith("<")]
            shape = replace(shape, fields=()) if args else shape
            owner = self.find(shape.named, file, scope)
            inner = self._of_type(owner, depth, args) if owner is not None else None
            if inner is not None and (inner.fields or not shape.fields):
                return replace(inner, named=shape.named)
            if not shape.fields:
                return shape if owner is not None else replace(shape, type="unknown")
        fields = tuple(replace(f, shape=self.whole(f.shape, file, scope, depth - 1) or f.shape) for f in shape.fields)
        item = self.whole(shape.item, file, scope, depth - 1)
        return replace(shape, fields=fields, item=item)

    def first(self, mentions: Iterable[Mention]) -> Shape | None:
        """The first of some mentions that says a field, the farther ones belonging to callers of a wrapper.

        A wrapper knows its payload as ``T``, ``object`` or a common base; what it is stands where it is called.

        Args:
            mentions: the nearest one to the wire first.
        """
        vague: Shape | None = None
        for mention in mentions:
            whole = self.whole(mention.shape, mention.file, mention.scope)
            if whole is not None and _tells(whole):
                return whole
            vague = vague or whole
        return vague

    def called(self, name: str, mine: Callable[[FileKey], bool]) -> Mention | None:
        """The one message class of that name among some files; None when there is none, or several.

        Args:
            name: simple name of a class.
            mine: whether a file counts.
        """
        found = [key for key in self._called.get(name, ()) if mine(key[0])]
        return Mention(Shape("object", named=name), found[0][0], "") if len(found) == 1 else None

    def find(self, named: str, file: FileKey, scope: str = "") -> SymbolKey | None:
        """The definition of a named type.

        Args:
            named: dotted name as written.
            file: where.
            scope: in which symbol.
        """
        found = self._names.find(file, scope, named.removesuffix("()"))
        if found is not None and named.endswith("()"):
            found = replace(found, name=f"{found.name}()")
        if found is not None and (found.file, found.name) in self._types:
            return found.file, found.name
        if (file, named) in self._types:
            return file, named
        if named.endswith("()") and "." in named:
            return self.find(named.rpartition(".")[0], file, scope)
        same = self._by_name.get((file[0], named), [])
        return same[0] if len(same) == 1 else None

    def _of_type(self, owner: SymbolKey, depth: int, args: Sequence[Shape | None] = ()) -> Shape | None:
        shape = _filled(self._types[owner], args, depth) if args else self._types[owner]
        inherited: list[Field] = []
        for base in self._names.bases(owner) if owner[1] in self._names.files[owner[0]].symbols else ():
            above = self._of_type(base, depth - 1) if base in self._types and depth > 1 else None
            inherited += [f for f in above.fields if shape.field(f.name) is None] if above is not None else []
        own = self.whole(replace(shape, named=""), owner[0], owner[1], depth - 1)
        if own is None or not inherited:
            return own
        return replace(own, fields=(*inherited, *own.fields))


def _filled(shape: Shape, args: Sequence[Shape | None], depth: int) -> Shape:
    """A type's shape with its type parameters ``<0>``, ``<1>`` replaced by type arguments."""
    if depth <= 0:
        return shape
    if shape.named.startswith("<"):
        at = shape.named.strip("<>")
        return _unnamed(args[int(at)], depth) if at.isdigit() and int(at) < len(args) else Shape()
    fields = tuple(replace(f, shape=_filled(f.shape, args, depth - 1)) for f in shape.fields)
    item = _filled(shape.item, args, depth - 1) if shape.item is not None else None
    return replace(shape, fields=fields, item=item)


def _unnamed(shape: Shape | None, depth: int) -> Shape:
    """Names of types mean nothing in another file."""
    if shape is None or depth <= 0:
        return Shape()
    fields = tuple(replace(f, shape=_unnamed(f.shape, depth - 1)) for f in shape.fields)
    return replace(shape, fields=fields, item=_unnamed(shape.item, depth - 1) if shape.item else None, named="")


def _tells(shape: Shape) -> bool:
    if shape.item is not None:
        return _tells(shape.item)
    return bool(shape.fields) or not (shape.open and shape.type in ("object", "unknown"))


def sends(shape: Shape | None) -> Json:
    """The `sends` property: JSON of a shape, or None when nothing is known.

    Args:
        shape: with named types filled in.
    """
    return None if shape is None or shape == Shape() else encode_shape(shape)


def reads(shape: Shape | None) -> list[str] | None:
    """The `reads` property: dotted fields, array items without a step of their own; None when not known.

    Args:
        shape: with named types filled in.
    """
    if shape is None or (shape.type == "unknown" and not shape.fields and shape.item is None and shape.open):
        return None
    return sorted(_dotted(shape, ""))


def _dotted(shape: Shape, prefix: str) -> set[str]:
    found: set[str] = set()
    for item in shape.fields:
        name = f"{prefix}{item.name}"
        found.add(name)
        found |= _dotted(item.shape, f"{name}.")
    if shape.item is not None:
        found |= _dotted(shape.item, prefix)
    return found
