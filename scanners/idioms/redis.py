"""Redis commands as data, whatever the client library calls them: what they do and to which key."""

from __future__ import annotations

from collections.abc import Mapping

_READS = """get mget getrange strlen exists ttl pttl type hget hgetall hmget hkeys hvals hexists hlen lrange lindex
llen smembers sismember scard zrange zrangebyscore zrevrange zscore zcard zrank bitcount pfcount xlen xrange xrevrange
xpending sinter sunion sdiff dump hscan sscan zscan zcount hstrlen srandmember geosearch geopos"""
_WRITES = """set setex setnx psetex mset msetnx append delete del unlink expire pexpire expireat persist hset hmset
hsetnx hdel hincrby hincrbyfloat lpush rpush lpushx rpushx lrem lset ltrim linsert sadd srem smove zadd zrem zincrby
zremrangebyscore zremrangebyrank setbit pfadd rename renamenx geoadd xtrim xdel flushdb"""
_BOTH = """incr incrby incrbyfloat decr decrby getset getdel getex lpop rpop blpop brpop rpoplpush lmove spop zpopmin
zpopmax bzpopmin"""
_BY_MODE = ((_READS, ("read",)), (_WRITES, ("write",)), (_BOTH, ("read", "write")))
MODES: Mapping[str, tuple[str, ...]] = {name: modes for names, modes in _BY_MODE for name in names.split()}
ALL_KEYS = ("delete", "del", "unlink", "exists", "mget")
SENDS = {"xadd": 0, "publish": 0, "spublish": 0}
"""Commands that send a message, with the position of the stream or channel."""
LISTENS = ("subscribe", "psubscribe", "ssubscribe")
STREAM_READS = ("xread", "xreadgroup")
