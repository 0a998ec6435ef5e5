"""Curl commands, as documentation and browsers give them, become HTTP steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from flows.importers import Draft, Imported, Importer, Note, Source
from flows.importers.curl_command import Command
from flows.importers.draft import escaped, variable
from flows.importers.requests import WebRequest, filled, named_by
from flows.importers.secrets import Secrets
from flows.importers.shell_words import MARK, commands
from testmesh.kernel.errors import UserError


def _commands(source: Source, notes: list[Note]) -> Iterator[Command]:
    """What curl does in a pasted text; what else stands there is noted."""
    found = 0
    for shell in commands(re.sub(r"(?m)^\s*\$ ", "", source.text.strip())):
        words = shell.words[::-1]
        while words and (re.match(r"\w+=", words[-1]) or words[-1] in ("sudo", "time", "exec", "command")):
            words.pop()
        if not words or words.pop().rpartition("/")[2].rpartition("\\")[2] not in ("curl", "curl.exe"):
            notes.append(Note(1, MARK.sub(r"$\1", " ".join(shell.words)), "only curl commands are taken", checks=False))
            continue
        while words or not found:
            command = Command(source, shell)
            command.read(words)
            found += 1
            yield command
    if not found:
        raise UserError("this is no curl command", hint="paste it from the word 'curl' on")


def read(source: Source) -> Imported:
    """A flow of one step for each request.

    Args:
        source: its text is the command, or several.

    Raises:
        UserError: it is no curl command, or part of it is missing.
    """
    notes: list[Note] = []
    made: list[WebRequest] = []
    for command in _commands(source, notes):
        made += command.requests()
        notes += [note for note in command.notes if note not in notes]
    secrets = Secrets()
    title = f"{made[0].method.upper()} {escaped(made[0].url.partition('?')[0])}"
    draft = Draft(MARK.sub(r"\1", title), stem="recorded")
    for request in made:
        step = draft.step(MARK.sub("", named_by(request.method, request.url)), "http_request")
        filled(step, request, secrets)
        step.comments.append("A command says what is sent, not what must come back: say it here.")
        step.check("status < 400")
    for step in draft.steps:
        step.config = {key: _with_variables(secrets.everywhere(value)) for key, value in step.config.items()}
    if secrets.names:
        draft.comments.append(f"Secrets to give (environment, file or keyring): {', '.join(secrets.names)}")
    return Imported((draft,), tuple(notes))


def _with_variables(value: object) -> object:
    """A setting with the shell's variables as those of the flow."""
    if isinstance(value, str):
        return MARK.sub(lambda found: "${" + variable(found[1]) + "}", value)
    if isinstance(value, Mapping):
        return {MARK.sub(r"\1", str(key)): _with_variables(item) for key, item in value.items()}
    return [_with_variables(item) for item in value] if isinstance(value, list) else value


def _detect(file: str, text: str) -> bool:
    return bool(re.match(r"\s*(\$ )?curl(\.exe)?\s", text))


IMPORTER = Importer("a curl command", _detect, read)
