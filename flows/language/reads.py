"""Which statements and commands only read, decided from their text alone (FLOWS §3, Waiting)."""

from __future__ import annotations

import re

_SQL_TOKEN = re.compile(
    r"--[^\n]*"
    r"|/\*.*?\*/"
    r"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"
    r"|'(?:[^']|'')*'"
    r'|"(?:[^"]|"")*"'
    r"|`[^`]*`"
    r"|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<end>;)"
    r"|(?P<other>\S)",
    re.DOTALL,
)
_READING = frozenset(["SELECT", "VALUES", "TABLE", "SHOW", "WITH"])
_WRITING = frozenset(["INSERT", "UPDATE", "DELETE", "MERGE", "INTO"])
_REDIS_FLAGGED = """
BITCOUNT BITFIELD_RO BITPOS CLUSTERSCAN DBSIZE DUMP EVALSHA_RO EVAL_RO EXISTS EXPIRETIME FCALL_RO GEODIST
GEOHASH GEOPOS GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH GET GETBIT GETRANGE HEXISTS HEXPIRETIME
HGET HGETALL HKEYS HLEN HMGET HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSTRLEN HTTL HVALS KEYS LCS LINDEX
LLEN LOLWUT LPOS LRANGE MGET PEXPIRETIME PFCOUNT PTTL RANDOMKEY SCAN SCARD SDIFF SINTER SINTERCARD
SISMEMBER SMEMBERS SMISMEMBER SORT_RO SRANDMEMBER SSCAN STRLEN SUBSTR SUNION TOUCH TTL TYPE XLEN
XPENDING XRANGE XREAD XREVRANGE ZCARD ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER
ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN
ZSCORE ZUNION
"""
_REDIS = frozenset(_REDIS_FLAGGED.split())
_REDIS_SUBCOMMANDS = frozenset(
    {
        "MEMORY USAGE",
        "OBJECT ENCODING",
        "OBJECT FREQ",
        "OBJECT IDLETIME",
        "OBJECT REFCOUNT",
        "XINFO CONSUMERS",
        "XINFO GROUPS",
        "XINFO STREAM",
    }
)


def sql_reads(query: object) -> bool:
    """Whether a text is one SQL statement that only reads.

    Args:
        query: as written; templates are looked at as text.
    """
    if not isinstance(query, str):
        return False
    words: list[str] = []
    ended = False
    for match in _SQL_TOKEN.finditer(query):
        kind = match.lastgroup
        if ended and kind in ("word", "other"):
            return False
        ended = ended or kind == "end"
        if kind == "word":
            words.append(match.group().upper())
        elif kind == "other":
            words.append(match.group())
    while words and words[0] == "(":
        words.pop(0)
    if not words or words[0] not in _READING or not _WRITING.isdisjoint(words):
        return False
    return not _locks(words)


def _locks(words: list[str]) -> bool:
    """``FOR … UPDATE|SHARE``; a SELECT with UPDATE was already refused."""
    followed = (words[at + 1 : at + 4] for at, word in enumerate(words) if word == "FOR")
    return any("UPDATE" in after or "SHARE" in after for after in followed)


def redis_reads(command: object, args: object = None) -> bool:
    """Whether Redis flags a command ``readonly`` (``COMMAND INFO``).

    Args:
        command: the first word, in any case; also two (``XINFO STREAM``).
        args: the words after it; of a command with subcommands the first counts.
    """
    if not isinstance(command, str):
        return False
    words = command.upper().split()
    if len(words) == 1 and isinstance(args, list | tuple) and args and isinstance(args[0], str):
        words.append(args[0].upper())
    return bool(words) and (words[0] in _REDIS or " ".join(words[:2]) in _REDIS_SUBCOMMANDS)


CYPHER_TOKEN = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r"|'(?:\\.|[^'\\])*'"
    r'|"(?:\\.|[^"\\])*"'
    r"|`(?:``|[^`])*`"
    r"|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<other>\S)",
    re.DOTALL,
)
_CYPHER_WRITING = frozenset(
    ["CREATE", "MERGE", "SET", "DELETE", "DETACH", "REMOVE", "DROP", "FOREACH", "LOAD", "CALL", "INSERT"]
)
_CYPHER_COMMANDS = frozenset(
    ["ALTER", "GRANT", "DENY", "REVOKE", "START", "STOP", "TERMINATE", "RENAME", "ENABLE", "DEALLOCATE", "REALLOCATE"]
)


def cypher_reads(query: object) -> bool:
    """Whether a Cypher statement has no writing clause and no CALL outside quotes, comments and backticks.

    Args:
        query: as written; property names, labels and keys of maps are no clauses.
    """
    if not isinstance(query, str):
        return False
    found = [match for match in CYPHER_TOKEN.finditer(query) if match.lastgroup in ("word", "other")]
    for index, match in enumerate(found):
        before = found[index - 1].group() if index else ""
        after = found[index + 1].group() if index + 1 < len(found) else ""
        clause = match.lastgroup == "word" and before not in (".", ":", "$", "|", "&", "!") and after != ":"
        if clause and match.group().upper() in _CYPHER_WRITING:
            return False
    return bool(found) and found[0].group().upper() not in _CYPHER_COMMANDS


def cypher_labels(query: str) -> list[str]:
    """Labels of nodes that a Cypher statement names, in order.

    Args:
        query: as written.
    """
    found: dict[str, None] = {}
    tokens = [match.group() for match in CYPHER_TOKEN.finditer(query)]
    brackets = ""
    for index, token in enumerate(tokens):
        brackets = token if token in ("(", "[", "{", ")", "]", "}") else brackets
        name = tokens[index + 1] if index + 1 < len(tokens) else ""
        if token == ":" and brackets == "(" and (name[:1].isalpha() or name[:1] in ("_", "`")):
            found[name.strip("`")] = None
    return list(found)
