"""Whatever scanners say, linking ends, obeys the schema and says the same twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graph.linking.link import RepositoryFacts, link
from graph.schema import EDGES
from graph.values import (
    Call,
    Choice,
    Concat,
    Config,
    Env,
    Fact,
    Field,
    Format,
    Lit,
    Location,
    Member,
    Name,
    Param,
    Shape,
    Unknown,
    Value,
)
from graph.vocabulary import (
    FACT_KINDS,
    FLAG,
    NAMED_VALUES,
    NUMBER,
    SHAPE,
    SHAPES,
    TEXT,
    TEXTS,
    VALUE,
    VALUES,
)

TEXTS_SEEN = (
    "|a|b|a.b|self|self.x|C|C.__init__|C.m|f|f.x|*|..|/|/x/{id}|http://a/x|a/b|${A}|A_URL|GET|localhost:80|class|function"
    "|constant|module|default|[|\x00|é"
)
WORDS = st.sampled_from(TEXTS_SEEN.split("|"))
FILES = st.sampled_from(["a/x.py", "a/__init__.py", "b/y.ts", "compose.yaml", "testmesh.toml", "flows/f.yaml"])
LEAVES: st.SearchStrategy[Value] = st.one_of(
    st.builds(Lit, st.one_of(WORDS, st.integers(0, 9), st.none(), st.booleans())),
    st.builds(Name, WORDS),
    st.builds(Param, st.integers(0, 2), WORDS),
    st.builds(Env, WORDS),
    st.builds(Config, WORDS),
    st.builds(Unknown, WORDS),
)


def _nested(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    many = st.lists(inner, max_size=3).map(tuple)
    named = st.lists(st.tuples(WORDS, inner), max_size=2).map(tuple)
    return st.one_of(
        st.builds(Concat, many),
        st.builds(Choice, many),
        st.builds(Format, st.sampled_from(["{}", "{a}/{}", "{", "{0}{9}"]), many, named),
        st.builds(Call, inner, many, named),
        st.builds(Member, inner, WORDS),
        st.builds(Env, WORDS, inner),
    )


ANY_VALUE = st.recursive(LEAVES, _nested, max_leaves=5)
SHAPE_VALUE = st.recursive(
    st.builds(Shape, st.sampled_from(["object", "unknown", "string"]), named=WORDS),
    lambda inner: st.builds(Shape, st.just("object"), st.lists(st.builds(Field, WORDS, inner), max_size=2).map(tuple)),
    max_leaves=3,
)
OF_TYPE: dict[str, st.SearchStrategy[Any]] = {
    TEXT: WORDS,
    NUMBER: st.integers(0, 600),
    FLAG: st.booleans(),
    TEXTS: st.lists(WORDS, max_size=2).map(tuple),
    VALUE: st.one_of(st.none(), ANY_VALUE),
    VALUES: st.lists(ANY_VALUE, max_size=3).map(tuple),
    NAMED_VALUES: st.lists(st.tuples(WORDS, ANY_VALUE), max_size=2).map(tuple),
    SHAPE: st.one_of(st.none(), SHAPE_VALUE),
    SHAPES: st.dictionaries(st.sampled_from(["200", "4xx"]), SHAPE_VALUE, max_size=2),
}
MODES = {"mode": st.sampled_from(["read", "write"])}


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    kind = FACT_KINDS[draw(st.sampled_from(sorted(FACT_KINDS)))]
    fields = {}
    for name, field in kind.fields.items():
        if draw(st.integers(0, 3)):
            strategy = MODES.get(name, OF_TYPE.get(field.type, WORDS))
            fields[name] = draw(strategy)
    return Fact(kind.name, fields, Location(draw(FILES), draw(st.integers(1, 9))))


@settings(max_examples=80)
@given(st.lists(facts(), max_size=25).map(tuple))
def test_any_facts_link_to_a_graph_the_schema_allows(found: tuple[Fact, ...]) -> None:
    data = link([RepositoryFacts("r", "c", found)], "w")
    assert data == link([RepositoryFacts("r", "c", found)], "w")
    for uid, node in data.nodes.items():
        assert node.uid == uid
        assert node.evidence
    for edge in data.edges.values():
        kind = EDGES[edge.kind]
        assert data.nodes[edge.source].kind in kind.sources
        assert data.nodes[edge.target].kind in kind.targets
        assert set(edge.props) <= set(kind.props)
