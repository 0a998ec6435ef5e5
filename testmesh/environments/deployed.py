"""Which revision of a service is deployed, asked of the service itself, of a command, or of its image."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

from testmesh.environments.asking import ask
from testmesh.environments.environment import UNKNOWN_REVISION
from testmesh.environments.launching import harmless_environment
from testmesh.environments.settings import EnvironmentSettings, RevisionSettings
from testmesh.environments.templates import Names
from testmesh.guard import process
from testmesh.guard.process import Command
from testmesh.kernel.errors import UserError

_COMMAND_SECONDS = 20.0
_REFUSED = 400
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/@:~-]{0,199}\Z")
_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]")


class Unsaid(Exception):
    """A revision that cannot be told, with the reason."""


def revisions(settings: EnvironmentSettings, names: Names, tree: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What each service says, and why others do not.

    Args:
        settings: of the environment.
        names: for `${...}`.
        tree: where commands run.
    """
    said: dict[str, str] = {}
    unsaid: dict[str, str] = {}
    for service in settings.services:
        wanted = service.revision
        if wanted is None or not (wanted.url or wanted.command):
            continue
        try:
            found = _by_url(wanted, names) if wanted.url else _by_command(wanted.command, settings, names, tree)
            said[service.name] = usable(found)
        except Unsaid as reason:
            said[service.name], unsaid[service.name] = UNKNOWN_REVISION, str(reason)
    return said, unsaid


def _by_url(wanted: RevisionSettings, names: Names) -> str:
    url = names.fill(wanted.url)
    try:
        answer = ask(url)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unsaid(f"its revision cannot be asked at {url}: {error or type(error).__name__}") from error
    if answer.status >= _REFUSED:
        raise Unsaid(f"its revision cannot be asked: {url} answers {answer.status}")
    if wanted.header:
        found = answer.headers.get(wanted.header.lower())
        if found is None:
            raise Unsaid(f"the answer of {url} has no header '{wanted.header}'")
        return found
    text = answer.body.decode("utf-8", "replace")
    return text if not wanted.path else _at(text, wanted.path, url)


def _at(text: str, path: str, url: str) -> str:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unsaid(f"the answer of {url} is not JSON") from error
    for step in steps_of(path):
        try:
            found = found[step]  # type: ignore[index]
        except (TypeError, KeyError, IndexError) as error:
            raise Unsaid(f"the answer of {url} has nothing at {path}") from error
    return found if isinstance(found, str) else json.dumps(found)


def steps_of(path: str) -> list[str | int]:
    """The steps of ``$.git.commit``, ``builds[0].id`` or ``['a b']``.

    Args:
        path: as written.

    Raises:
        UserError: it is no such path.
    """
    rest = path.removeprefix("$")
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise UserError(f"'{path}' is not a path to a revision", hint="write it as $.git.commit or builds[0].id")
        name, number, quoted = match.groups()
        steps.append(int(number) if number is not None else name or quoted)
        at = match.end()
    return steps


def _by_command(argv: tuple[str, ...], settings: EnvironmentSettings, names: Names, tree: Path) -> str:
    filled = tuple(names.fill(word) for word in argv)
    env = {**harmless_environment(settings.inherit), **names.variables()}
    done = process.run(Command(filled, cwd=tree, env=env, timeout=_COMMAND_SECONDS))
    if not done.ok:
        raise Unsaid(f"its revision cannot be asked: '{filled[0]}' failed: {done.complaint()}")
    return done.text()


def usable(text: str) -> str:
    """A revision as said, checked.

    Args:
        text: of an answer.

    Raises:
        Unsaid: it is no revision.
    """
    found = text.strip().partition("\n")[0].strip().strip('"')
    if not _REVISION.match(found):
        raise Unsaid(f"what should be its revision is '{found[:40]}'")
    return found
