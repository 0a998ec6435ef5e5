"""Java clients of stores: MongoTemplate, EntityManager, RedisTemplate, Jedis, Lettuce, Redisson, Elasticsearch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Name, Value
from scanners.idioms.code import CallSite
from scanners.idioms.java_http import made_of
from scanners.idioms.java_noise import words
from scanners.idioms.java_values import filled

if TYPE_CHECKING:
    from scanners.idioms.java import JavaCode

_MONGO = ("MongoTemplate", "MongoOperations", "ReactiveMongoTemplate", "ReactiveMongoOperations")
_ENTITIES = tuple(
    words(
        """EntityManager Session StatelessSession R2dbcEntityTemplate JdbcAggregateTemplate Datastore CassandraTemplate
        ElasticsearchOperations ElasticsearchRestTemplate ElasticsearchTemplate CassandraOperations Neo4jTemplate
        DynamoDBMapper HibernateTemplate"""
    )
)
_READS = ("find", "get", "query", "count", "exists", "aggregate", "load", "select", "search", "stream", "scan", "list")
_WRITES = ("save", "insert", "update", "upsert", "remove", "delete", "persist", "merge", "replace", "bulk", "index")
_ASIDE = words(
    """getCollection createQuery createNativeQuery getCriteriaBuilder getTransaction flush clear detach close lock
    getConverter indexOps getDelegate createNamedQuery getReference"""
)
_BOTH = ("findAndModify", "findAndRemove", "findAndReplace", "findAllAndRemove")
_REDIS = ("RedisTemplate", "StringRedisTemplate", "ReactiveRedisTemplate", "ReactiveStringRedisTemplate",
          "RedisOperations")  # fmt: skip
_OPS = words(
    """opsForValue opsForHash opsForList opsForSet opsForZSet opsForStream opsForGeo opsForHyperLogLog boundValueOps
    boundHashOps boundListOps boundSetOps boundZSetOps"""
)
_OPS_TYPES = ("ValueOperations", "HashOperations", "ListOperations", "SetOperations", "ZSetOperations",
              "ReactiveValueOperations", "ReactiveHashOperations")  # fmt: skip
_CLIENTS = ("Jedis", "JedisPooled", "UnifiedJedis", "JedisCluster", "RedisCommands", "RedisAsyncCommands",
            "RedisReactiveCommands", "JedisCommands", "RedisAdvancedClusterCommands")  # fmt: skip
_REDISSON = frozenset(("getBucket", "getMap", "getList", "getSet", "getScoredSortedSet", "getAtomicLong", "getQueue"))
_KEY_READS = ("get", "multiGet", "entries", "range", "members", "size", "hasKey", "exists", "hget", "mget", "lrange",
              "smembers", "values", "keys", "isMember", "score", "zrange", "hgetAll", "hgetall", "ttl", "getExpire",
              "sismember", "llen", "scard", "zscore", "hmget", "hexists", "reverseRange", "rangeByScore", "random",
              "zrevrange", "strlen", "index", "rank", "count")  # fmt: skip
_KEY_WRITES = ("set", "put", "delete", "increment", "decrement", "add", "remove", "leftPush", "rightPush", "leftPop",
               "rightPop", "expire", "setIfAbsent", "setIfPresent", "hset", "del", "incr", "decr", "lpush", "rpush",
               "sadd", "zadd", "setex", "hdel", "getAndSet", "putAll", "putIfAbsent", "append", "unlink", "trim",
               "lpop", "rpop", "srem", "zrem", "setnx", "psetex", "incrBy", "hincrBy", "hincrby", "incrby", "hmset",
               "pop", "incrementScore", "persist", "xadd")  # fmt: skip


class JavaStores:
    """Clients of document, key and object stores."""

    name: str = "java_stores"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"MongoTemplate",
        b"MongoOperations",
        b"com.mongodb",
        b"EntityManager",
        b"hibernate",
        b"EntityTemplate",
        b"RedisTemplate",
        b"RedisOperations",
        b"ValueOperations",
        b"HashOperations",
        b"jedis",
        b"lettuce",
        b"redisson",
        b"Elasticsearch",
        b"Cassandra",
        b"DynamoDBMapper",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Reads and writes.

        Args:
            parsed: a Java file.
        """
        for site in parsed.calls:
            if site.receiver is not None:
                yield from _site(parsed, site)


def _site(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    if made_of(code, site.receiver, site.scope, _MONGO):
        yield from _object(code, site, "mongodb")
    elif made_of(code, site.receiver, site.scope, _ENTITIES):
        yield from _object(code, site, _kind(code, site))
    elif site.method == "getCollection" and site.args and b"com.mongodb" in code.data:
        yield from _collection(code, site)
    else:
        yield from _redis(code, site)


def _kind(code: JavaCode, site: CallSite) -> str:
    made = code.made_by(site.receiver, site.scope).lower() if site.receiver is not None else ""
    kinds = (("elastic", "elasticsearch"), ("cassandra", "cassandra"), ("neo4j", "neo4j"), ("dynamo", "dynamodb"))
    found = next((kind for word, kind in kinds if word in made), "")
    return found or ("mongodb" if "datastore" in made else "sql")


def _modes(method: str) -> tuple[str, ...]:
    if method.startswith(_BOTH):
        return ("read", "write")
    if method.startswith(_WRITES):
        return ("write",)
    return ("read",) if method.startswith(_READS) else ()


def _object(code: JavaCode, site: CallSite, kind: str) -> Iterator[Fact]:
    """``template.find(query, Order.class)``, ``manager.persist(order)``, ``template.insert(x, "orders")``."""
    if site.method in _ASIDE or not site.args:
        return
    dataset = _dataset(code, site, kind)
    for mode in _modes(site.method) if dataset is not None else ():
        yield _access(code, site, (kind, dataset or Lit("")), mode)


def _dataset(code: JavaCode, site: CallSite, kind: str) -> Value | None:
    texts = [a for a in site.args[1:] if code.string(a)] if kind == "mongodb" else []
    if texts:
        return Lit(code.string(texts[-1]))
    for node in site.args:
        if node.type == "class_literal":
            return Name(code.type_text(node.named_children[0]))
    last = site.args[-1]
    if kind == "mongodb" and len(site.args) > 1 and last.type in ("identifier", "field_access"):
        declared = code.type_of(code.dotted(last), site.scope)
        if declared in ("String", "java.lang.String"):
            return code.value(last, site.scope)
    shape = code.shape(site.args[0], site.scope)
    if shape.item is not None:
        shape = shape.item
    return Name(shape.named) if shape.named else None


def _access(code: JavaCode, site: CallSite, where: tuple[str, Value], mode: str) -> Fact:
    kind, dataset = where
    fields = {"store_kind": kind, "dataset": dataset, "mode": mode, "symbol": site.scope.name}
    return Fact("access", fields, code.at(site.node))


def _collection(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """The plain driver: what is later called on the collection says whether it is read or written."""
    dataset = code.value(site.args[0], site.scope)
    held = code.held(site)
    name = held.target.removeprefix("this.") if held is not None else ""
    on = [s for s in code.calls if name and s.receiver is not None]
    steps = [*code.following(site), *(s for s in on if code.dotted(s.receiver).removeprefix("this.") == name)]
    modes = {mode: s for s in reversed(steps) for mode in _modes(s.method)}
    for mode, step in sorted(modes.items()):
        yield _access(code, step, ("mongodb", dataset), mode)


def _redis(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    mode = "read" if site.method in _KEY_READS else "write" if site.method in _KEY_WRITES else ""
    key = _key(code, site) if mode else None
    if key is not None:
        yield _access(code, site, ("redis", key), mode)
    elif site.method in _REDISSON and site.args and made_of(code, site.receiver, site.scope, ("RedissonClient",)):
        pattern = filled(code.value(site.args[0], site.scope))
        later = [*code.following(site)]
        writes = any(s.method.startswith(("set", "put", "add", "remove", "delete", "fast", "increment")) for s in later)
        yield _access(code, site, ("redis", pattern), "write" if writes else "read")


def _key(code: JavaCode, site: CallSite) -> Value | None:
    """The key a Redis operation is about, None when it is no Redis operation."""
    inner = code.site(site.receiver) if site.receiver is not None else None
    if inner is not None and inner.method in _OPS and _is_template(code, inner):
        if inner.method.startswith("bound") and inner.args:
            return code.value(inner.args[0], site.scope)
        return code.value(site.args[0], site.scope) if site.args else None
    if not site.args:
        return None
    if made_of(code, site.receiver, site.scope, (*_REDIS, *_OPS_TYPES, *_CLIENTS)):
        return code.value(site.args[0], site.scope)
    return None


def _is_template(code: JavaCode, inner: CallSite) -> bool:
    return inner.receiver is not None and made_of(code, inner.receiver, inner.scope, _REDIS)


PACK = JavaStores()
