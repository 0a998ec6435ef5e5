"""Code of other services that still expects the old answer, found by its text when no link says so."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from agents.diagnosis.case import CLEAR, STRONG, Case
from agents.diagnosis.edits import Seen
from agents.diagnosis.signs import Sign
from agents.diagnosis.words import spellings

_GENERIC = frozenset({"services", "apps", "src", "packages", "cmd", "projects", "backend", "modules", "libs"})
_MANY_FILES = 3000
_LONG_ENOUGH = 5
_CODE = (".py", ".js", ".jsx", ".mjs", ".ts", ".tsx", ".java", ".go", ".kt", ".rb", ".cs", ".rs", ".php")


def left_behind(case: Case, edit: Seen, producers: Collection[str], linked: Collection[str] | None) -> Iterator[Sign]:
    """Files outside the producing services that read the old field, compare with the old status or ask the old path.

    Args:
        case: the failure.
        edit: what was edited.
        producers: folders of the services that give the answer.
        linked: folders of the services known to ask for it; None when the graph cannot say.
    """
    sources = case.inputs.sources
    if sources is None or not producers:
        return
    pattern = _PATTERNS[edit.kind](edit)
    for path in tuple(sources.head_files())[:_MANY_FILES]:
        if not path.endswith(_CODE) or service_of(path) in producers or is_test(path):
            continue
        if linked is not None and service_of(path) not in linked:
            continue
        for number, line in enumerate((sources.head(path) or "").splitlines(), 1):
            if pattern.search(line):
                weight = STRONG if edit.kind == "status" else CLEAR
                yield Sign(False, f"{path} still uses `{edit.old}`", f"{path}:{number}", weight)
                break


def _field(edit: Seen) -> re.Pattern[str]:
    """Reads of a key; an attribute only when its name is long enough to mean something."""
    forms = "|".join(re.escape(form) for form in spellings(edit.old))
    keys = rf"""(?:\[|get\(|pop\()\s*["'](?:{forms})["']"""
    return re.compile(rf"{keys}|\.(?:{forms})\b" if len(edit.old) >= _LONG_ENOUGH else keys)


def _status(edit: Seen) -> re.Pattern[str]:
    compared = rf"(?:===?|!==?|\bin\b)[^#]*\b{edit.old}\b"
    return re.compile(rf"\bstatus(?:_?[cC]ode)?\b[^#]*{compared}|case\s+{edit.old}\s*:")


def _path(edit: Seen) -> re.Pattern[str]:
    """The old path in quotes, whatever stands for its parameters and whatever base it is put behind."""
    parts = [r"[^/\"'`]+" if part[:1] in "{:<$" else re.escape(part) for part in edit.old.split("/") if part]
    return re.compile(rf"""/{"/".join(parts)}(?=["'`?])""")


def _request(edit: Seen) -> re.Pattern[str]:
    """Sent under the old name."""
    forms = "|".join(re.escape(form) for form in spellings(edit.old))
    return re.compile(rf"""["'](?:{forms})["']\s*:|\b(?:{forms})\s*[=:]""")


_PATTERNS = {"field": _field, "status": _status, "path": _path, "request": _request}


def service_of(path: str) -> str:
    """The folder a file's service is likely to be, by the usual names of folders of services.

    Args:
        path: repository-relative.
    """
    parts = path.split("/")[:-1]
    return "/".join(parts[:2] if parts and parts[0] in _GENERIC else parts[:1])


def is_test(path: str) -> bool:
    """Whether a file is a test of code.

    Args:
        path: repository-relative.
    """
    return bool(re.search(r"(^|/)(tests?|__tests__)/|(^|/)test_|\.(test|spec)\.", path))
