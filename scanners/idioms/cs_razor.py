"""A Razor component as the C# class it is compiled into, line by line, so that it is read like any other class."""

from __future__ import annotations

import posixpath
import re

_COMMENT = re.compile(r"@\*.*?\*@|<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"^[ \t]*@(?:code|functions)\s*\{", re.MULTILINE)
_USING = re.compile(r"^[ \t\ufeff]*@using\s+([\w.]+(?:\s*=\s*[\w.<>]+)?|static\s+[\w.]+)\s*;?[ \t]*\r?$", re.MULTILINE)
_INJECT = re.compile(r"^[ \t\ufeff]*@inject\s+([\w.<>?, \[\]]+?)\s+(\w+)\s*;?[ \t]*\r?$", re.MULTILINE)
_BASES = re.compile(r"^[ \t\ufeff]*@(?:inherits|implements)\s+([\w.<>, ]+?)[ \t]*\r?$", re.MULTILINE)
_SKIPPED = re.compile(r"//[^\n]*|/\*.*?\*/|\$?@?\"(?:[^\"\\\n]|\\.|\"\")*\"|'(?:[^'\\\n]|\\.)'", re.DOTALL)
_IMPORTS = "_Imports.razor"


def as_csharp(path: str, data: bytes) -> bytes:
    """The class a component is, everything on the line it was written on.

    Args:
        path: of the component.
        data: its bytes.
    """
    text = data.decode("utf-8", "replace")
    text = _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    usings = [m[1] for m in _USING.finditer(text)]
    base = posixpath.basename(path)
    if base == _IMPORTS:
        return "".join(f"global using {u};" for u in usings).encode()
    name = re.sub(r"\W", "_", base.partition(".")[0]) or "Component"
    bases = ", ".join(m[1] for m in _BASES.finditer(text))
    head = "".join(f"using {u};" for u in usings)
    head += f"public partial class {name} : {bases or 'ComponentBase'} {{"
    lines = _markup(text)
    for start, end in _blocks(text):
        first = text.count("\n", 0, start)
        for offset, line in enumerate(text[start:end].split("\n")):
            lines[first + offset] = line
    return "\n".join([head + (lines[0] if lines else ""), *lines[1:], "}"]).encode()


def _blocks(text: str) -> list[tuple[int, int]]:
    """What stands inside ``@code { ... }``, without the braces."""
    found = []
    for match in _CODE.finditer(text):
        end = _closing(text, match.end())
        found.append((match.end(), end))
    return found


def _closing(text: str, start: int) -> int:
    """Where the brace opened before a place is closed, strings and comments left out."""
    depth = 1
    at = start
    for match in re.finditer(rf"{_SKIPPED.pattern}|[{{}}]", text[start:], re.DOTALL):
        if match[0] not in "{}":
            continue
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return start + match.start()
        at = start + match.end()
    return max(at, start)


def _markup(text: str) -> list[str]:
    """Injected services as properties, and calls of them in the markup as fields of the class, line by line."""
    services = {m[2]: m[1] for m in _INJECT.finditer(text)}
    called = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, services))})\??\.(\w+)\(") if services else None
    lines = []
    for number, line in enumerate(text.split("\n")):
        injected = _INJECT.match(line)
        if injected is not None:
            lines.append(f"[Inject] public {injected[1]} {injected[2]} {{ get; set; }}")
        elif called is not None and "@" in line:
            calls = enumerate(called.findall(line))
            lines.append(" ".join(f"object _line{number}_{at} = {owner}.{method}();" for at, (owner, method) in calls))
        else:
            lines.append("")
    return lines
