"""Every error TestMesh raises on purpose, drawn as one tree, so that callers can tell whose fault it was.

    TestMeshError
    ├── UserError              what the user can change (exit 2)
    │   ├── DiagnosticsError   the same, with file positions
    │   ├── SettingError       the same, with the path of a key in testmesh.toml
    │   ├── MissingExtra       an optional dependency is not installed
    │   ├── NotFoundError      an id, revision or path that does not exist
    │   └── LimitExceeded      input larger than policy allows
    └── UnavailableError       a part we depend on cannot be reached (exit 2)

Anything else that escapes is our bug: traceback, exit 70.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testmesh.kernel.diagnostics import Diagnostic

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_BUG = 70


class TestMeshError(Exception):
    """Root of all deliberate errors."""

    __test__ = False
    exit_code = EXIT_BUG


class UserError(TestMeshError):
    """Something the user can change.

    Args:
        message: what is wrong and where, one sentence.
        hint: what to do about it, one sentence or a command.
    """

    exit_code = EXIT_USAGE

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class DiagnosticsError(UserError):
    """A user error that points at places in files.

    Args:
        diagnostics: at least one finding, in file order.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        first = diagnostics[0]
        super().__init__(first.message, hint=first.hint)
        self.diagnostics = tuple(diagnostics)


class SettingError(UserError):
    """A user error about one key of a settings file.

    Args:
        message: what is wrong, naming the key.
        path: of the key in the file, from the top.
        hint: what to do about it.
    """

    def __init__(self, message: str, *, path: tuple[str, ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class MissingExtra(UserError):
    """An optional dependency is needed and not installed.

    Args:
        package: the import name that failed.
        extra: the extra of this distribution that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the Python package '{package}', which is not installed",
            hint=f"pip install 'testmesh[{extra}]'",
        )
        self.extra = extra


class NotFoundError(UserError):
    """An id, revision or path that does not exist in this workspace."""


class LimitExceeded(UserError):
    """Input larger, deeper or slower than policy allows."""


class UnavailableError(TestMeshError):
    """A server we depend on (graph, database, forge, model) cannot be reached or does not answer.

    Args:
        target: what was asked, without credentials.
        reason: what happened, one clause.
        hint: what to do about it.
    """

    exit_code = EXIT_USAGE

    def __init__(self, target: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{target}: {reason}")
        self.target = target
        self.reason = reason
        self.message = f"{target}: {reason}"
        self.hint = hint
