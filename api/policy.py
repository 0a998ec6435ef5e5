"""Where repositories may come from: folders and hosts the operator named, never the server's own network."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from api.services import Policy
from testmesh.guard.net import Rules, check_url
from testmesh.kernel.errors import UserError


def allowed_source(source: str, policy: Policy) -> str:
    """The source in the form it is kept: a real path, or an https URL without credentials.

    Args:
        source: as registered.
        policy: of the server.

    Raises:
        UserError: the operator does not allow it.
    """
    if "://" not in source:
        return str(_local(source, policy))
    parts = urlsplit(source)
    if parts.username or parts.password:
        raise UserError(
            "a repository's address must not hold credentials", hint="store them as a secret of the workspace"
        )
    check_url(source, Rules(schemes=("https",), hosts=policy.hosts))
    return source


def _local(source: str, policy: Policy) -> Path:
    hint = "start the server with --allow-path FOLDER"
    path = Path(source)
    if not path.is_absolute():
        raise UserError("give the absolute path of a repository on the server, or its https address")
    real = path.resolve()
    roots = [Path(root).resolve() for root in policy.roots]
    # One message for "outside" and "not there", so that nobody can map the server's disk.
    if not any(real.is_relative_to(root) for root in roots) or not real.is_dir():
        raise UserError(f"{source} is not a repository this server may read", hint=hint)
    return real
