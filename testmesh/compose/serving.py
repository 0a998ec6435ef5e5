"""Starting the service: database, key, workspaces, jobs, spans, and the seams the app is built from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from api.services import Policy, Services
from testmesh import __version__
from testmesh.compose.service import Folders, ServiceEngines, graph_opener
from testmesh.kernel.errors import UserError
from testmesh.kernel.workspace import Workspace
from testmesh.telemetry.store import SpanStore

KEY_FILE = "secrets.key"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How the service was asked for.

    Args:
        data: folder for its own data, made when missing.
        allowed: folders whose repositories may be registered.
        workspaces: made when missing.
        database: PostgreSQL URL; empty starts the one from the wheel.
    """

    data: Path
    allowed: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ("default",)
    database: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A service ready to be served.

    Args:
        services: the seams.
        database: shown to people, without its password.
        admin_tokens: workspace to the text of its first admin token; those that have one already are left out.
    """

    services: Services
    database: str
    admin_tokens: Mapping[str, str]


class WorkspaceSpans:
    """A span store for each workspace, made when first used."""

    def __init__(self) -> None:
        self._stores: dict[str, SpanStore] = {}
        self._lock = Lock()

    def __call__(self, workspace: Workspace) -> SpanStore:
        """The workspace's spans.

        Args:
            workspace: whose.
        """
        with self._lock:
            return self._stores.setdefault(workspace.id, SpanStore())


@contextmanager
def serving(options: ServeOptions) -> Iterator[Started]:
    """Everything the app needs, released at the end.

    Args:
        options: how it was asked for.

    Raises:
        UnavailableError: the database does not answer.
        UserError: the data folder cannot be used.
    """
    from testmesh.workflow.queued import QueuedJobs
    from testmesh.workspaces.sql.credentials import Sealer
    from testmesh.workspaces.sql.database import Database
    from testmesh.workspaces.sql.server import start_postgres
    from testmesh.workspaces.sql.store import SqlDirectory
    from testmesh.workspaces.sql.tokens import ensure_admin_token

    folders = Folders(_own(options.data))
    with ExitStack() as stack:
        url = options.database
        if not url:
            server = start_postgres(folders.data)
            stack.callback(server.stop)
            url = server.url
        database = Database(url)
        stack.callback(database.close)
        directory = SqlDirectory(database, Sealer(key_of(folders.data)))
        made = {name: ensure_admin_token(directory, Workspace(name, name)) for name in options.workspaces}
        tokens = {name: text for name, text in made.items() if text is not None}
        jobs = QueuedJobs(url, directory)
        stack.callback(jobs.close)
        spans, graph = WorkspaceSpans(), graph_opener(folders)
        engines = ServiceEngines(folders, graph, spans)
        policy = Policy(roots=options.allowed)
        services = Services(directory, graph, engines, spans, jobs, policy, version=__version__)
        yield Started(services, database.shown, tokens)


def _own(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make {folder}: {error.strerror}", hint="choose another with --data") from error
    return folder


def key_of(folder: Path) -> bytes:
    """The key of the workspaces' secrets: ``TESTMESH_SECRETS_KEY``, else a file made at the first start.

    Args:
        folder: of the service.

    Raises:
        UserError: the key is malformed.
    """
    from testmesh.workspaces.sql.credentials import parse_key

    given = os.environ.get("TESTMESH_SECRETS_KEY")
    if given:
        return parse_key(given)
    file = folder / KEY_FILE
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(os.urandom(32).hex())
    return parse_key(file.read_text(encoding="utf-8").strip())
