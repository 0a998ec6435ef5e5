"""What templates of charts call: the functions of Go, Sprig and Helm that say something without a cluster."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from scanners.idioms.chart_text import Hole, from_yaml, shown, to_yaml, truth

_MOST = 10_000
_WIDEST = 200
_LONGEST = 2_000
_MOST_WRITTEN = 1_000_000


def _number(value: Any) -> int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    text = shown(value).strip()
    if not text:
        return 0
    try:
        return int(text, 0)
    except ValueError:
        return float.fromhex(text) if text.lower().startswith("0x") else float(text)


def _int(value: Any) -> int:
    try:
        return int(_number(value))
    except ValueError:
        return 0


def _first(*values: Any) -> Any:
    return next((v for v in values if truth(v)), values[-1] if values else None)


def _all(*values: Any) -> Any:
    return next((v for v in values if not truth(v)), values[-1] if values else None)


def _printf(template: Any, *args: Any) -> str:
    out: list[str] = []
    rest = list(args)
    text = shown(template)
    at = 0
    while at < len(text):
        if text[at] != "%" or at + 1 >= len(text):
            out.append(text[at])
            at += 1
            continue
        end = at + 1
        while end < len(text) and text[end] in "+-# 0123456789.":
            end += 1
        verb = text[end : end + 1]
        at = end + 1
        if verb == "%":
            out.append("%")
        elif rest:
            value = rest.pop(0)
            out.append(json.dumps(shown(value)) if verb == "q" else shown(value))
    return "".join(out)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key, value.get(shown(key)))
        elif isinstance(value, list | tuple) and 0 <= _int(key) < len(value):
            value = value[_int(key)]
        else:
            return None
    return value


def _merged(*maps: Any) -> Any:
    """Into the first; what it has already stays."""
    first = maps[0] if maps and isinstance(maps[0], dict) else {}
    for other in maps[1:]:
        for key, value in other.items() if isinstance(other, Mapping) else ():
            if key not in first or first[key] in (None, ""):
                first[key] = deepcopy(value)
            elif isinstance(first[key], dict) and isinstance(value, Mapping):
                _merged(first[key], value)
    return first


def overwritten(first: dict[str, Any], *others: Any) -> dict[str, Any]:
    """Into the first; what later ones have wins, null takes a key away.

    Args:
        first: changed in place.
        others: maps.
    """
    for other in others:
        for key, value in other.items() if isinstance(other, Mapping) else ():
            if isinstance(first.get(key), dict) and isinstance(value, Mapping):
                overwritten(first[key], value)
            elif value is None:
                first.pop(key, None)
            else:
                first[key] = deepcopy(value)
    return first


def _set(target: Any, key: Any, value: Any) -> Any:
    if isinstance(target, dict):
        target[shown(key)] = value
    return target


def _unset(target: Any, key: Any) -> Any:
    if isinstance(target, dict):
        target.pop(shown(key), None)
    return target


def _dig(*args: Any) -> Any:
    *keys, fallback, value = args
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return fallback if value is None else value


def _equal(first: Any, *others: Any) -> bool:
    return any(first == o or (shown(first) == shown(o) and type(first) is not bool) for o in others)


def _kind(value: Any) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (bool, "bool"),
        (int, "int"),
        (float, "float64"),
        (str, "string"),
        (Mapping, "map"),
        ((list, tuple), "slice"),
    )
    return next((name for sort, name in kinds if isinstance(value, sort)), "invalid")


def _pattern(pattern: Any) -> Any:
    from testmesh.guard.regex import compile_pattern
    from testmesh.kernel.errors import UserError

    try:
        return compile_pattern(shown(pattern))
    except UserError as error:
        return Hole(str(error))


def _matches(pattern: Any, text: Any) -> Any:
    found = _pattern(pattern)
    return found if isinstance(found, Hole) else found.search(shown(text)) is not None


def _finds(pattern: Any, text: Any) -> Any:
    found = _pattern(pattern)
    match = found if isinstance(found, Hole) else found.search(shown(text))
    return match if isinstance(match, Hole) else match.group() if match is not None else ""


def _replaces(pattern: Any, text: Any, replacement: Any = "") -> Any:
    """RE2's own substitution; `${1}` of Go is its `\\1`."""
    found = _pattern(pattern)
    written = re.sub(r"\$\{?(\d)\}?", r"\\\1", shown(replacement))
    return found if isinstance(found, Hole) else found.sub(written, shown(text))


def _replaces_literally(pattern: Any, text: Any, replacement: Any = "") -> Any:
    found = _pattern(pattern)
    written = shown(replacement).replace("\\", "\\\\")
    return found if isinstance(found, Hole) else found.sub(written, shown(text))


def _splits(pattern: Any, text: Any, _: Any = -1) -> Any:
    found = _pattern(pattern)
    return found if isinstance(found, Hole) else found.split(shown(text))


def _text(change: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: change(shown(value))


def _indented(width: Any, text: Any) -> str:
    pad = " " * min(max(_int(width), 0), _WIDEST)
    return pad + shown(text).replace("\n", "\n" + pad)


def _replace(old: Any, new: Any, text: Any) -> Any:
    before, after, whole = shown(old), shown(new), shown(text)
    if not before or whole.count(before) * len(after) > _MOST_WRITTEN:
        return whole
    return whole.replace(before, after)


def _without_end(end: Any, text: Any) -> str:
    return shown(text).removesuffix(shown(end))


def _cut(length: Any, text: Any) -> str:
    count = _int(length)
    return shown(text)[:count] if count >= 0 else shown(text)[count:]


def _range(*bounds: Any) -> list[int]:
    numbers = [_int(b) for b in bounds]
    return list(range(*numbers))[:_MOST] if len(numbers) < 3 or numbers[2] else []


def _slice(value: Any, *bounds: Any) -> Any:
    return value[slice(*[_int(b) for b in bounds])] if isinstance(value, list | str) else value


def _unknown(reason: str) -> Callable[..., Hole]:
    return lambda *_: Hole(reason)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": _all,
    "or": _first,
    "not": lambda v: not truth(v),
    "eq": _equal,
    "ne": lambda a, b: not _equal(a, b),
    "lt": lambda a, b: _number(a) < _number(b),
    "le": lambda a, b: _number(a) <= _number(b),
    "gt": lambda a, b: _number(a) > _number(b),
    "ge": lambda a, b: _number(a) >= _number(b),
    "len": lambda v: len(v) if v is not None else 0,
    "index": _index,
    "slice": _slice,
    "print": lambda *a: "".join(shown(v) for v in a),
    "println": lambda *a: " ".join(shown(v) for v in a) + "\n",
    "printf": _printf,
    "html": _text(str),
    "urlquery": _text(str),
    "default": lambda d, v=None: v if truth(v) else d,
    "empty": lambda v: not truth(v),
    "coalesce": lambda *a: next((v for v in a if truth(v)), None),
    "ternary": lambda a, b, c: a if truth(c) else b,
    "required": lambda _, v=None: Hole("a value that every installation gives itself") if v in (None, "") else v,
    "fail": _unknown("the chart refuses these values"),
    "lookup": lambda *_: {},
    "toYaml": to_yaml,
    "toYamlPretty": to_yaml,
    "toJson": lambda v: json.dumps(v, default=shown),
    "toPrettyJson": lambda v: json.dumps(v, default=shown, indent=2),
    "toRawJson": lambda v: json.dumps(v, default=shown),
    "fromYaml": from_yaml,
    "fromYamlArray": from_yaml,
    "fromJson": from_yaml,
    "fromJsonArray": from_yaml,
    "quote": lambda *a: " ".join(json.dumps(shown(v), ensure_ascii=False) for v in a if v is not None),
    "squote": lambda *a: " ".join(f"'{shown(v)}'" for v in a if v is not None),
    "indent": _indented,
    "nindent": lambda width, text: "\n" + _indented(width, text),
    "trim": _text(str.strip),
    "trimAll": lambda cut, text: shown(text).strip(shown(cut)),
    "trimSuffix": _without_end,
    "trimPrefix": lambda start, text: shown(text).removeprefix(shown(start)),
    "trunc": _cut,
    "upper": _text(str.upper),
    "lower": _text(str.lower),
    "title": _text(str.title),
    "camelcase": _text(lambda t: "".join(p.capitalize() for p in t.split("_"))),
    "kebabcase": _text(lambda t: t.replace("_", "-").lower()),
    "snakecase": _text(lambda t: t.replace("-", "_").lower()),
    "nospace": _text(lambda t: t.replace(" ", "")),
    "replace": _replace,
    "contains": lambda part, text: shown(part) in shown(text),
    "hasPrefix": lambda start, text: shown(text).startswith(shown(start)),
    "hasSuffix": lambda end, text: shown(text).endswith(shown(end)),
    "substr": lambda a, b, text: shown(text)[_int(a) : _int(b)],
    "repeat": lambda count, text: shown(text)[:_LONGEST] * min(max(_int(count), 0), _WIDEST),
    "cat": lambda *a: " ".join(shown(v) for v in a),
    "join": lambda sep, items: shown(sep)[:_WIDEST].join(shown(i) for i in (items or ())),
    "split": lambda sep, text: {f"_{n}": part for n, part in enumerate(shown(text).split(shown(sep) or None))},
    "splitList": lambda sep, text: shown(text).split(shown(sep) or None),
    "toString": shown,
    "toStrings": lambda items: [shown(i) for i in items],
    "int": _int,
    "int64": _int,
    "atoi": _int,
    "float64": lambda v: float(_number(v)),
    "add": lambda *a: sum(_number(v) for v in a),
    "add1": lambda v: _number(v) + 1,
    "sub": lambda a, b: _number(a) - _number(b),
    "mul": lambda a, b: min(_number(a) * _number(b), 1 << 53),
    "div": lambda a, b: _int(a) // _int(b) if _int(b) else 0,
    "mod": lambda a, b: _int(a) % _int(b) if _int(b) else 0,
    "addf": lambda *a: sum(float(_number(v)) for v in a),
    "subf": lambda a, b: float(_number(a)) - float(_number(b)),
    "mulf": lambda a, b: float(_number(a)) * float(_number(b)),
    "divf": lambda a, b: float(_number(a)) / float(_number(b)) if _number(b) else 0.0,
    "round": lambda v, digits=0, *_: round(float(_number(v)), _int(digits)),
    "floor": lambda v: float(int(_number(v))),
    "ceil": lambda v: float(-int(-_number(v) // 1)),
    "max": lambda *a: max(_number(v) for v in a),
    "min": lambda *a: min(_number(v) for v in a),
    "until": _range,
    "untilStep": _range,
    "seq": _range,
    "list": lambda *a: list(a),
    "tuple": lambda *a: list(a),
    "dict": lambda *a: {shown(k): v for k, v in zip(a[::2], a[1::2], strict=False)},
    "get": lambda m, k: m.get(shown(k), "") if isinstance(m, Mapping) else "",
    "set": _set,
    "unset": _unset,
    "hasKey": lambda m, k: isinstance(m, Mapping) and shown(k) in m,
    "dig": _dig,
    "keys": lambda *maps: sorted(k for m in maps if isinstance(m, Mapping) for k in m),
    "values": lambda *maps: [m[k] for m in maps if isinstance(m, Mapping) for k in sorted(m, key=str)],
    "pluck": lambda key, *maps: [m[key] for m in maps if isinstance(m, Mapping) and key in m],
    "pick": lambda m, *ks: {k: m[k] for k in ks if k in m},
    "omit": lambda m, *ks: {k: v for k, v in m.items() if k not in ks},
    "merge": _merged,
    "mustMerge": _merged,
    "mergeOverwrite": overwritten,
    "mustMergeOverwrite": overwritten,
    "deepCopy": deepcopy,
    "mustDeepCopy": deepcopy,
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "rest": lambda items: list(items[1:]),
    "initial": lambda items: list(items[:-1]),
    "append": lambda items, item: [*(items or ()), item],
    "prepend": lambda items, item: [item, *(items or ())],
    "concat": lambda *lists: [i for items in lists for i in (items or ())],
    "uniq": lambda items: [i for n, i in enumerate(items) if i not in items[:n]],
    "without": lambda items, *out: [i for i in items if i not in out],
    "compact": lambda items: [i for i in items if truth(i)],
    "has": lambda item, items: item in (items or ()),
    "reverse": lambda items: list(reversed(items)),
    "sortAlpha": lambda items: sorted(shown(i) for i in items),
    "kindOf": _kind,
    "typeOf": _kind,
    "kindIs": lambda kind, v: _kind(v) == kind,
    "typeIs": lambda kind, v: _kind(v) == kind or (kind == "map[string]interface {}" and isinstance(v, Mapping)),
    "b64enc": _text(lambda t: base64.b64encode(t.encode()).decode()),
    "b64dec": _text(lambda t: base64.b64decode(t + "=" * (-len(t) % 4)).decode("utf-8", "replace")),
    "sha256sum": _text(_hashed),
    "adler32sum": _text(_hashed),
    "semverCompare": lambda *_: True,
    "regexMatch": _matches,
    "mustRegexMatch": _matches,
    "regexFind": _finds,
    "mustRegexFind": _finds,
    "regexReplaceAll": _replaces,
    "mustRegexReplaceAll": _replaces,
    "regexReplaceAllLiteral": _replaces_literally,
    "mustRegexReplaceAllLiteral": _replaces_literally,
    "regexSplit": _splits,
    "mustRegexSplit": _splits,
    "randAlphaNum": _unknown("a random text"),
    "randAlpha": _unknown("a random text"),
    "randNumeric": _unknown("a random text"),
    "uuidv4": _unknown("a random text"),
    "now": _unknown("the time of the installation"),
    "date": _unknown("the time of the installation"),
    "dateInZone": _unknown("the time of the installation"),
    "unixEpoch": _unknown("the time of the installation"),
    "ago": _unknown("the time of the installation"),
    "htpasswd": _unknown("a hash made when it is installed"),
    "derivePassword": _unknown("a hash made when it is installed"),
    "randBytes": _unknown("a random text"),
    "randAscii": _unknown("a random text"),
    "genCA": _unknown("a certificate made when it is installed"),
    "genSelfSignedCert": _unknown("a certificate made when it is installed"),
    "genSignedCert": _unknown("a certificate made when it is installed"),
    "env": _unknown("a variable of whoever installs it"),
    "expandenv": _unknown("a variable of whoever installs it"),
}
