"""The fixed words of the expression language, as tables that the parser, the checker and the docs share."""

from __future__ import annotations

INFIX_WORDS: dict[str, str] = {
    "or": "||",
    "and": "&&",
    "in": "in",
    "contains": "contains",
    "startsWith": "startsWith",
    "starts_with": "startsWith",
    "endsWith": "endsWith",
    "ends_with": "endsWith",
    "matches": "matches",
    "matches_schema": "matches_schema",
}
TYPE_WORDS = ("null", "number", "string", "boolean", "array", "object", "empty")
CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None, "nil": None}
OPERATOR_WORDS = frozenset([*INFIX_WORDS, "not", "exists", "is", *CONSTANTS])

PRECEDENCE: dict[str, int] = {
    "?": 1,
    "??": 2,
    "||": 3,
    "&&": 4,
    **dict.fromkeys(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "startsWith", "endsWith"], 5),
    **dict.fromkeys(["matches", "matches_schema", "exists", "not exists", "is"], 5),
    "+": 6,
    "-": 6,
    "*": 7,
    "/": 7,
    "%": 7,
}
COMPARISON = 5
UNARY = 8
ORDER = frozenset(["<", "<=", ">", ">="])
CLOSURES = ("any", "all", "none", "one", "filter", "map", "count")
METHODS = ("upper", "lower", "trim", "length")
ARITY: dict[str, tuple[int, int]] = {
    "len": (1, 1),
    "length": (1, 1),
    "sum": (1, 1),
    "avg": (1, 1),
    "min": (1, 1),
    "max": (1, 1),
    "abs": (1, 1),
    "round": (1, 2),
    "floor": (1, 1),
    "ceil": (1, 1),
    "keys": (1, 1),
    "values": (1, 1),
    "int": (1, 1),
    "float": (1, 1),
    "string": (1, 1),
    "upper": (1, 1),
    "lower": (1, 1),
    "trim": (1, 1),
    "replace": (3, 3),
    "split": (2, 2),
    "join": (2, 2),
    "regex_find": (2, 2),
    "now": (0, 0),
    "date": (1, 1),
    "duration": (1, 1),
    "json": (1, 1),
    "to_json": (1, 1),
    "base64": (1, 1),
    "base64_decode": (1, 1),
    "sha256": (1, 1),
    "uuid": (0, 0),
    "secret": (1, 1),
    "path": (1, 1),
    "text": (1, 1),
}
FUNCTIONS = frozenset([*ARITY, *CLOSURES]) - {"length"}
RESERVED = FUNCTIONS | OPERATOR_WORDS
NAME = r"^[A-Za-z_][A-Za-z0-9_-]*$"
EFFECTS = frozenset(["now", "uuid", "secret"])
MAX_LENGTH = 65_536
MAX_DEPTH = 60
