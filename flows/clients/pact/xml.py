"""XML bodies: elements in order, attributes and text, compared by the same rules as JSON (paths by element name)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from flows.clients.pact.bodies import shown
from flows.clients.pact.matchers import mismatch
from flows.clients.pact.paths import weight
from flows.clients.pact.records import Rule, Tokens
from flows.language.values import described

_DEEP = 100


@dataclass(slots=True)
class Element:
    """An element with what is in it.

    Args:
        name: with its namespace, ``uri name``.
        attributes: name to value, namespace declarations left out.
        children: elements in order.
        text: its own text, outer white space left out.
    """

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def local(self) -> str:
        """Its name in paths."""
        return self.name.rpartition(" ")[2]


class NotXml(ValueError):
    """The text is no XML document, or one with a document type (which could name files and bombs)."""


def parse_xml(text: str) -> Element:
    """The root element of a document.

    Args:
        text: without document type.

    Raises:
        NotXml: it is none.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    stack = [Element("")]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > _DEEP:
            raise NotXml(f"more than {_DEEP} levels")
        element = Element(name, dict(attributes))
        stack[-1].children.append(element)
        stack.append(element)

    def end(name: str) -> None:
        done = stack.pop()
        done.text = done.text.strip()

    def data(text: str) -> None:
        stack[-1].text += text

    def refuse(*arguments: object) -> NoReturn:
        raise NotXml("documents with a document type are not read")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as problem:
        raise NotXml(str(problem)) from None
    return stack[0].children[0]


def differences(expected: Element, actual: Element, rules: Sequence[Rule], *, open: bool) -> Iterator[str]:
    """What is not as agreed, each with its path.

    Args:
        expected: the contract's example.
        actual: the provider's.
        rules: of the body.
        open: further attributes and elements are welcome.
    """
    yield from _Comparison(rules, open).element(expected, actual, [(expected.local,)])


@dataclass(frozen=True, slots=True)
class _Comparison:
    rules: Sequence[Rule]
    open: bool

    def element(self, expected: Element, actual: Element, paths: list[Tokens]) -> Iterator[str]:
        """One element; `paths` are the ways in which rules may name it."""
        if expected.name != actual.name:
            yield f"{shown(paths[0])}: expected <{expected.local}>, found <{actual.local}>" + _space(expected, actual)
            return
        yield from self._attributes(expected, actual, paths)
        yield from self._text(expected, actual, paths)
        yield from self._children(expected, actual, paths)

    def _attributes(self, expected: Element, actual: Element, paths: list[Tokens]) -> Iterator[str]:
        for name, value in expected.attributes.items():
            at = [(*path, f"@{name.rpartition(' ')[2]}") for path in paths]
            if name not in actual.attributes:
                yield f"{shown(at[0])}: missing"
            else:
                yield from self._value(value, actual.attributes[name], at)
        if not self.open:
            yield from (f"{shown(paths[0])}.@{name}: not expected" for name in actual.attributes
                        if name not in expected.attributes)  # fmt: skip

    def _text(self, expected: Element, actual: Element, paths: list[Tokens]) -> Iterator[str]:
        if expected.text or (actual.text and not expected.children):
            yield from self._value(expected.text, actual.text, [(*path, "#text") for path in paths])

    def _value(self, expected: str, actual: str, paths: list[Tokens]) -> Iterator[str]:
        rule = self._rule(paths, above=True)
        if rule is None:
            if expected != actual:
                yield f"{shown(paths[0])}: expected {described(expected)}, found {described(actual)}"
            return
        outcomes = [mismatch(matcher, expected, actual) for matcher in rule.matchers]
        if rule.combine == "OR" and not all(outcomes):
            return
        yield from (f"{shown(paths[0])}: {problem}" for problem in outcomes if problem)

    def _rule(self, paths: list[Tokens], *, above: bool) -> Rule | None:
        fitting = [
            (weight(rule.path, path), rule)
            for path in paths
            for rule in self.rules
            if weight(rule.path, path) and (above or len(rule.path) == len(path))
        ]
        return max(fitting, key=lambda found: found[0])[1] if fitting else None

    def _children(self, expected: Element, actual: Element, paths: list[Tokens]) -> Iterator[str]:
        repeated = self._repeated(paths)
        if repeated and expected.children:
            yield from self._alike(expected, actual, paths, repeated)
            return
        pairs = self._pairs(expected, actual)
        for index, (child, found) in enumerate(pairs):
            at = _below(paths, child, index)
            if found is None:
                yield f"{shown(at[0])}: missing"
            else:
                yield from self.element(child, found, at)
        if not self.open:
            more = actual.children[len(expected.children) :]
            yield from (f"{shown(paths[0])}: <{child.local}> is one too many" for child in more)

    def _pairs(self, expected: Element, actual: Element) -> list[tuple[Element, Element | None]]:
        """Children by place, or, where more is welcome, by name and place among those of that name."""
        if not self.open:
            found = [*actual.children, *([None] * len(expected.children))]
            return list(zip(expected.children, found, strict=False))
        taken: dict[str, int] = {}
        pairs: list[tuple[Element, Element | None]] = []
        for child in expected.children:
            place = taken.get(child.name, 0)
            taken[child.name] = place + 1
            same = [one for one in actual.children if one.name == child.name]
            pairs.append((child, same[place] if place < len(same) else None))
        return pairs

    def _repeated(self, paths: list[Tokens]) -> Rule | None:
        rule = self._rule(paths, above=False)
        return rule if rule is not None and any(m.kind == "type" for m in rule.matchers) else None

    def _alike(self, expected: Element, actual: Element, paths: list[Tokens], rule: Rule) -> Iterator[str]:
        """Any number of elements, each like the example at its place or the first one."""
        for matcher in rule.matchers:
            least, most = int(matcher.more.get("min", 0)), int(matcher.more.get("max", len(actual.children)))
            if not least <= len(actual.children) <= most:
                yield f"{shown(paths[0])}: {len(actual.children)} elements, not {least} to {most}"
        for index, child in enumerate(actual.children):
            example = expected.children[index] if index < len(expected.children) else expected.children[0]
            yield from self.element(example, child, _below(paths, example, index))


def _below(paths: list[Tokens], child: Element, index: int) -> list[Tokens]:
    named = [(*path, child.local) for path in paths]
    indexed = [(*path, index) for path in paths]
    return [*named, *((*path, index) for path in named), *indexed, *((*path, child.local) for path in indexed)]


def _space(expected: Element, actual: Element) -> str:
    return "" if expected.local != actual.local else " of another namespace"
