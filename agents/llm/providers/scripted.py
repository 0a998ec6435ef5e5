"""Answers from a file, for tests and demonstrations of what a model would change; never guesses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.llm.model import Ask, Connection, ModelFailed, Reply, Usage
from testmesh.kernel.errors import UserError


@dataclass(frozen=True, slots=True)
class Line:
    """One scripted answer.

    Args:
        when: text the prompt must contain, empty for any.
        say: the answer, or empty to fail.
        fail: `transient` or `final` to fail instead.
    """

    when: str
    say: str
    fail: str = ""


class ScriptedModel:
    """A model that answers with the first unused line whose `when` occurs in the prompt.

    Args:
        lines: the script.
        name: shown as the model.
    """

    def __init__(self, lines: Sequence[Line], name: str = "script") -> None:
        self._lines = list(lines)
        self._name = name
        self.asked: list[Ask] = []

    def ask(self, ask: Ask) -> Reply:
        """Answer from the script.

        Raises:
            ModelFailed: the line says so, or no line fits.
        """
        self.asked.append(ask)
        line = next((entry for entry in self._lines if entry.when in ask.prompt), None)
        if line is None:
            raise ModelFailed("the script has no line for this prompt", retryable=False)
        self._lines.remove(line)
        if line.fail:
            raise ModelFailed(f"scripted {line.fail} failure", retryable=line.fail == "transient")
        return Reply(line.say, Usage(len(ask.prompt) // 4, len(line.say) // 4), f"scripted:{self._name}")


class _Scripted:
    name = "scripted"
    default_url = ""
    key_variable = ""

    def connect(self, connection: Connection) -> ScriptedModel:
        path = Path(connection.script or connection.model)
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            lines = [Line(e.get("when", ""), e.get("say", ""), e.get("fail", "")) for e in entries]
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise UserError(f"{path} is not a script of model answers: {error}",
                            hint='write a JSON list of {"when": ..., "say": ...}') from error  # fmt: skip
        return ScriptedModel(lines, path.name)


PROVIDER = _Scripted()
