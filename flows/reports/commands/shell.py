"""Commands as they were run."""

from __future__ import annotations

from flows.reports.commands import Commands, Sent, quoted


def command(sent: Sent) -> list[str]:
    """The command with its folder, variables and input.

    Args:
        sent: what was run.
    """
    line = sent.get("command")
    words = [quoted(word) for word in line] if isinstance(line, list | tuple) else ["sh", "-c", quoted(line)]
    if sent.fields("env"):
        words = ["env", *(quoted(f"{name}={value}") for name, value in sent.fields("env").items()), *words]
    if sent.get("stdin"):
        words = ["printf", "%s", quoted(sent.get("stdin")), "|", *words]
    return ["cd", quoted(sent.get("cwd")), "&&", *words] if sent.get("cwd") is not None else words


COMMANDS = Commands({"shell": command})
