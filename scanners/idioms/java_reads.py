"""Fields that Java code reads of payloads without a type of their own: JSON trees and maps, through local names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from graph.values import Shape
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.java import bare
from scanners.idioms.java_noise import words
from scanners.idioms.java_shapes import of_type
from scanners.idioms.reading import ITEM, Path, Reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

DYNAMIC = words(
    """JsonNode ObjectNode ArrayNode Map HashMap LinkedHashMap JSONObject JsonObject JsonElement JSONArray JsonArray
    GenericRecord Document Object DBObject JsonStructure Any MultiValueMap"""
)
_GETS = words(
    """get path getString getInt getLong getDouble getBoolean getInteger getJSONObject getJSONArray getAsJsonObject
    getAsJsonArray getJsonObject getJsonArray getJsonNumber getJsonString getOrDefault optString optInt optLong
    optDouble optBoolean optJSONObject optJSONArray required findValue getBigDecimal getDate findPath with withArray
    getObject getIntValue getLongValue getBooleanValue getDoubleValue getLocalDate getFloat"""
)
_SOFT = words("path getOrDefault optString optInt optLong optDouble optBoolean optJSONObject optJSONArray findPath")
_PASSED = words("getBody block orElseThrow body value getPayload asObject get join toBlocking blockOptional")
_SEEN = words(
    """has hasNonNull isNull containsKey isEmpty isMissingNode size getStatusCode getStatusCodeValue getHeaders
    isObject isArray info debug warn error trace println print nonNull isTrue notNull requireNonNull"""
)
_PARSES = words("readValue convertValue treeToValue fromJson toJavaObject readEntity parseObject toBean decode mapTo")
_TREES = words("readTree parse parseString parseReader JSONObject readObject toTree valueToTree")
_STEPS = ("map", "flatMap", "doOnNext", "thenApply", "thenCompose", "thenAccept", "subscribe", "ifPresent", "handle")
_EACH = ("forEach", "doOnEach")
_WHOLE = ("forEach", "entrySet", "fields", "keySet", "values", "toString", "stream", "elements", "putAll")
_DEPTH = 3
Is = Callable[["Node"], bool]


def of_param(code: JavaCode, scope: Scope, name: str, depth: int = _DEPTH) -> Reads:
    """What a method reads of the payload in one of its parameters.

    Args:
        code: the file.
        scope: the method.
        name: of the parameter.
        depth: how many calls within the file are followed.
    """
    return _reads(code, scope, lambda node: code.dotted(node) == name, depth)


def of_result(code: JavaCode, site: CallSite, depth: int = _DEPTH) -> Reads:
    """What a method reads of a call's result, directly or through the name that holds it.

    Args:
        code: the file.
        site: the call.
        depth: how many calls within the file are followed.
    """
    held = code.held(site)
    target = held.target if held is not None else ""

    def is_root(node: Node) -> bool:
        return node.id == site.node.id or (bool(target) and code.dotted(node) == target)

    return _reads(code, site.scope, is_root, depth)


class _Scan:
    """One pass over the calls of a method with the names that stand for parts of the payload."""

    def __init__(self, code: JavaCode, scope: Scope, is_root: Is, depth: int) -> None:
        self.code, self.scope, self.is_root, self.depth = code, scope, is_root, depth
        self.reads = Reads()
        self.names: dict[str, Path] = {}

    def path(self, node: Node | None, deep: int = 0) -> Path | None:
        """The part of the payload an expression is, None when it is none."""
        inner = bare(node)
        if inner is None or deep > 30:
            return None
        if self.is_root(inner):
            return ()
        dotted = self.code.dotted(inner)
        if dotted:
            return self.names.get(dotted)
        site = self.code.site(inner)
        if site is None:
            return None
        if site.method in _TREES and site.args:
            found = self.path(site.args[0], deep + 1)
            if found is not None:
                return found
        before = self.path(site.receiver, deep + 1) if site.receiver is not None else None
        if before is None:
            return None
        key = self.code.string(site.args[0]) if site.args else ""
        if site.method in _GETS and key:
            return (*before, key)
        if site.method == "get" and site.args:
            return (*before, ITEM)
        return before if site.method in _PASSED else None

    def run(self) -> Reads:
        """Collect what is read."""
        calls, assigns, returns = self.code.inside(self.scope)
        for assign in assigns:
            if assign.value is not None:
                found = self.path(assign.value)
                if found is not None:
                    self.names[assign.target] = (*found, ITEM) if assign.how == "for" else found
        for site in calls:
            self._lambda(site)
        for site in calls:
            self._call(site)
        for node in returns:
            if node.named_child_count:
                found = self.path(node.named_children[0])
                if found is not None and not (found and found[-1] != ITEM):
                    self.reads.whole(found)
        return self.reads

    def _lambda(self, site: CallSite) -> None:
        """``.map(node -> node.path("id"))`` gives a name to the payload, ``.forEach(line -> ...)`` to an item."""
        given = bare(site.args[0]) if len(site.args) == 1 and site.method in (*_STEPS, *_EACH) else None
        names = given.child_by_field_name("parameters") if given is not None else None
        if given is None or given.type != "lambda_expression" or names is None:
            return
        before = self.path(site.receiver)
        name = self.code.text(names).strip("() ")
        if before is not None and name.isidentifier():
            self.names[name] = (*before, ITEM) if site.method in _EACH else before

    def _call(self, site: CallSite) -> None:
        found = self.path(site.node) if site.receiver is not None and site.method in _GETS else None
        if found and found[-1] != ITEM:
            self.reads.add(found, required=self._needed(site))
        elif site.receiver is not None and (on := self.path(site.receiver)) is not None and not found:
            self._whole_by(site, on)
        for index, arg in enumerate(site.args):
            given = self.path(arg)
            if given is not None and not (site.method in _GETS and found):
                self._handed(site, index, given)

    def _needed(self, site: CallSite) -> bool:
        """``get("x").asText()`` fails without the field, ``getString("x")`` of most libraries too."""
        if site.method in _SOFT:
            return False
        return site.method != "get" or next(self.code.following(site), None) is not None

    def _whole_by(self, site: CallSite, on: Path) -> None:
        if site.method in _WHOLE:
            self.reads.whole(on)

    def _handed(self, site: CallSite, index: int, given: Path) -> None:
        """A part of the payload is an argument of another call."""
        if site.method in _PARSES:
            named = self._parsed(site)
            if named and not given:
                self.reads.named = named
            else:
                self.reads.whole(given)
            return
        if site.method in _SEEN or site.method in _TREES:
            return
        inner = self._own(site)
        if inner is not None and self.depth > 0 and index < len(inner.params):
            below = of_param(self.code, inner, inner.params[index], self.depth - 1)
            moved = Reads({(*given, *p): need for p, need in below.paths.items()}, {(*given, *w) for w in below.wholes})
            moved.escaped = below.escaped and not given
            if below.escaped and given:
                moved.wholes.add(given)
            self.reads.merge(moved)
            return
        if not given or given[-1] == ITEM or site.method not in ("valueOf", "equals", "format", "of"):
            self.reads.whole(given) if not (given and given[-1] != ITEM) else self.reads.add(given)

    def _own(self, site: CallSite) -> Scope | None:
        if site.receiver is not None and self.code.text(site.receiver) != "this":
            return None
        for outer in self.scope.outward():
            found = self.code.method_names.get(f"{outer.name}.{site.method}", ())
            same = [s for s in found if len(s.params) == len(site.args)]
            if same:
                return same[0]
        return None

    def _parsed(self, site: CallSite) -> str:
        for arg in site.args:
            inner = bare(arg)
            if inner is not None and inner.type == "class_literal":
                return of_type(self.code, inner.named_children[0]).named
        return ""


def _reads(code: JavaCode, scope: Scope, is_root: Is, depth: int) -> Reads:
    return _Scan(code, scope, is_root, depth).run()


def dynamic(code: JavaCode, declared: Node | None) -> bool:
    """Whether values of a type are JSON trees or maps whose fields only the code tells.

    Args:
        code: the file.
        declared: a type, wrappers such as ``Mono`` looked through.
    """
    return any(code.type_text(node).rsplit(".", 1)[-1] in DYNAMIC for node in _inside(code, declared))


def _inside(code: JavaCode, declared: Node | None) -> Iterator[Node]:
    node = declared
    for _ in range(4):
        if node is None:
            return
        yield node
        name = code.type_text(node).rsplit(".", 1)[-1]
        args = code.type_args(node)
        node = args[0] if args and name not in DYNAMIC else None


def param_shape(code: JavaCode, scope: Scope, name: str, declared: Node | None) -> Shape | None:
    """What a method reads of a parameter: its type, or for trees, maps and text the fields it reads.

    Args:
        code: the file.
        scope: the method.
        name: of the parameter.
        declared: its type.
    """
    found = of_type(code, declared)
    if found.named or found.item is not None or found.type in ("integer", "number", "boolean"):
        return found
    return of_param(code, scope, name).all()
