"""Entity Framework contexts: which expressions are one, and which of their sets a chain of calls reads or writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_noise import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_USE = re.compile(rb"(?<![\w.$\"])((?:\w+\??\s*\.\s*)*\w+)\??\s*\.\s*([A-Z]\w*)\b(?!\s*[(<=])")
_NAMED = re.compile(r"(?i)(db_?context|context|_?db|_?ctx|dbctx)$")
_OTHER = re.compile(
    r"(?i)(http|user|service|call|consume|saga|action|filter|execution|actor|request|result|test|app|synchronization"
    r"|assembly\w*|search|security|operation|parent|activity|validation|type|render\w*|view|page|authori\w*|exception"
    r"|resource|binding|consumer|member|processing|current|tenant|session|execution|scope|ambient|invocation|hub\w*|job|workflow|trace|handler|message|redirect|token|ticket)context$"
)
WRITES = words(
    """Add AddAsync AddRange AddRangeAsync Update UpdateRange Remove RemoveRange Attach AttachRange ExecuteUpdate
    ExecuteUpdateAsync ExecuteDelete ExecuteDeleteAsync BulkInsert BulkInsertAsync BulkUpdate BulkUpdateAsync
    BulkDelete BulkDeleteAsync AddOrUpdate Upsert BulkInsertOrUpdateAsync InsertOne InsertOneAsync InsertMany
    InsertManyAsync UpdateOne UpdateOneAsync UpdateMany UpdateManyAsync ReplaceOne ReplaceOneAsync DeleteOne
    DeleteOneAsync DeleteMany DeleteManyAsync FindOneAndUpdate FindOneAndUpdateAsync BulkWriteAsync"""
)
_QUERIES = words(
    """Where Include Select SelectMany OrderBy OrderByDescending First FirstAsync FirstOrDefault FirstOrDefaultAsync
    Single SingleAsync SingleOrDefault SingleOrDefaultAsync Any AnyAsync All AllAsync Count CountAsync LongCount
    LongCountAsync Find FindAsync ToList ToListAsync ToArray ToArrayAsync ToDictionary ToDictionaryAsync AsNoTracking
    AsNoTrackingWithIdentityResolution AsTracking AsQueryable AsSplitQuery IgnoreQueryFilters Max MaxAsync Min MinAsync
    Sum SumAsync Average AverageAsync GroupBy Join GroupJoin Skip Take Contains Load LoadAsync FromSql FromSqlRaw
    FromSqlInterpolated TagWith TagWithCallSite Distinct DistinctBy Union Concat Except AsEnumerable AsAsyncEnumerable
    ForEachAsync Last LastOrDefault LastAsync LastOrDefaultAsync Aggregate Local ThenInclude IgnoreAutoIncludes
    IncludeFilter ProjectTo DefaultIfEmpty FindSync CountDocuments CountDocumentsAsync AsSingleQuery TemporalAll
    WhereIf Paginate WithSpecification ProjectToType Watch FromExpression"""
)
_SEED = re.compile(
    r"(Seed(er|ing|Data)?|DbInitiali[sz]er|DatabaseInitiali[sz]er)(Async)?(/|$)|^(Ensure)?Seed(?=[A-Z]|$)"
)
_EF = (b"EntityFrameworkCore", b"DbSet<", b"IQueryable<", b"System.Data.Entity")
_NOT_SETS = words(
    """Database ChangeTracker Model SaveChangesAsync SaveChanges Entry Set Dispose Configuration Request Response User
    Items Connection RequestServices Result HttpContext Message Session Features TraceIdentifier Options
    RequestAborted Current Default Instance Value CancellationToken"""
)


@dataclass(frozen=True, slots=True)
class SetUse:
    """A set of a context used in an expression.

    Args:
        dotted: the set as written, ``_context.Orders``.
        node: its expression.
        scope: where it is.
        writes: the chain behind it writes.
        calls: the calls chained behind it, inner first.
    """

    dotted: str
    node: Node
    scope: Scope
    writes: bool
    calls: tuple[CallSite, ...]


def is_context(code: CsCode, dotted: str, scope: Scope) -> bool:
    """Whether a name is a context: by its type, or, when this file does not say it, by what it is called.

    Args:
        code: the file.
        dotted: as written.
        scope: where it is used.
    """
    ref = code.ref_of(dotted, scope) if dotted else None
    if ref is not None:
        short = ref.short
        derived = code.scope(ref.name)
        if derived is not None and any(b.endswith("DbContext") for b in derived.bases):
            return True
        return short.endswith("Context") and not _OTHER.search(short)
    last = dotted.rpartition(".")[2]
    return bool(_NAMED.search(last)) and not _OTHER.search(last)


def set_uses(code: CsCode) -> Iterator[SetUse]:
    """Every use of a set as a property of a context.

    Args:
        code: the file.
    """
    for match in _USE.finditer(code.data):
        owner = re.sub(rb"[\s?]", b"", match[1]).decode("utf-8", "replace")
        prop = match[2].decode()
        if prop in _NOT_SETS or not _may_be(code, owner):
            continue
        node = code.root.descendant_for_byte_range(match.start(2), match.end(2))
        access = node.parent if node is not None and node.type == "identifier" else None
        if access is None or access.type not in ("member_access_expression", "member_binding_expression"):
            continue
        access = access.parent if access.type == "member_binding_expression" and access.parent is not None else access
        scope = code.scope_at(match.start())
        if is_context(code, owner.removeprefix("this."), scope):
            calls = tuple(chained(code, access))
            if not _queried(code, owner, scope, calls):
                continue
            writes = any(c.method in WRITES for c in calls)
            yield SetUse(f"{owner}.{prop}".removeprefix("this."), access, scope, writes, calls)


def _queried(code: CsCode, owner: str, scope: Scope, calls: tuple[CallSite, ...]) -> bool:
    """Whether what is done with a property is what one does with a set of entities."""
    if calls:
        return calls[0].method in WRITES or calls[0].method in _QUERIES
    ref = code.ref_of(owner.removeprefix("this."), scope)
    sure = (ref.short if ref is not None else owner).lower().endswith(("dbcontext", "db"))
    return sure or any(mark in code.data for mark in _EF)


def _may_be(code: CsCode, owner: str) -> bool:
    last = owner.rpartition(".")[2]
    return bool(_NAMED.search(last)) or last in _typed_names(code)


def _typed_names(code: CsCode) -> frozenset[str]:
    """Names whose declared type ends like that of a context."""
    if code.contexts is None:
        code.contexts = frozenset(
            target.rpartition(".")[2] for target, ref in code.refs.items() if ref.short.endswith("Context")
        )
    return code.contexts


def seeds(scope: Scope) -> bool:
    """Whether code fills a new database beside its migrations, as EF's documentation names it.

    Args:
        scope: where the code is.
    """
    return any(_SEED.search(part) for part in scope.name.split("."))


def chained(code: CsCode, node: Node) -> Iterator[CallSite]:
    """The calls chained behind an expression.

    Args:
        code: the file.
        node: the expression.
    """
    parent = node.parent
    for _ in range(64):
        if parent is None:
            return
        if parent.type == "invocation_expression":
            found = code.site(parent)
            if found is not None:
                yield found
        elif parent.type not in ("member_access_expression", "parenthesized_expression", "cast_expression"):
            return
        parent = parent.parent
