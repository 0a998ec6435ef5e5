"""Which files no deployed service runs; everything that is not surely outside counts."""

from __future__ import annotations

import re

from graph.change import Change
from graph.linking.roles import aside
from graph.queries.impact.world import World
from graph.schema import Node

_TEXTS = (".md", ".rst", ".adoc")
_INERT = (".gitignore", ".gitattributes", ".editorconfig", ".png", ".svg", ".jpg", ".gif")
_NAMES = frozenset(
    """
    license licence notice authors codeowners changelog changes history readme contributing contributors
    code_of_conduct security support governance maintainers roadmap todo install upgrading development faq
    """.split()  # noqa: SIM905  -- a list of words reads better as words
)
_WRITINGS = re.compile(r"(?i)(^|/)(docs?|documentation|adrs?|wiki|\.github|\.gitlab)/")
_GENERATED = re.compile(r"(?i)(?:_pb2(?:_grpc)?\.py|_pb\.[jt]s|(?:_grpc)?\.pb(?:\.gw|\.validate)?\.go)$")
_BUILT = re.compile(r"(?i)\.(designer|g)\.cs$|\.min\.[a-z]+$")
_COPIED = re.compile(
    r"(?i)(^|/)(vendor|vendored|third_party|node_modules|bower_components|site-packages|dist|\.?venv)/"
)


def outside(world: World, change: Change, path: str) -> str:
    """Why no service runs a file; empty when one may.

    Args:
        world: both revisions.
        change: what changed with it.
        path: repository-relative.
    """
    name = path.rpartition("/")[2].lower()
    if name.endswith(_INERT) or name.partition(".")[0] in _NAMES:
        return "no service runs it"
    if name.endswith(_TEXTS) and (_WRITINGS.search(path) or not within(world, change.repository, path)):
        return "no service runs it"
    if not aside(path):
        return ""
    generated = _GENERATED.search(path)
    if generated is not None:
        source = path.rpartition("/")[2][: -len(generated.group())] + ".proto"
        told = any(f.path.rpartition("/")[2] == source for f in change.files)
        return f"was generated from {source}, which changed too" if told else ""
    if _BUILT.search(path) or _COPIED.search(path) or _deployed_aside(world, change.repository, path):
        return ""
    return "tests and examples do not run in a service"


def services_of_repository(world: World, repository: str) -> list[Node]:
    """Every service of a repository that is its own code; of a repository without any, as a library's, all there are.

    Args:
        world: both revisions.
        repository: its name.
    """
    everything = [s for s in world.of("Service") if s.props.get("sort") != "infrastructure"]
    return [s for s in everything if s.props.get("repository") in (None, "", repository)] or everything


def within(world: World, repository: str, path: str) -> list[Node]:
    """The services whose own folder holds a path.

    Args:
        world: both revisions.
        repository: repository name.
        path: repository-relative.
    """
    found = [s for s in world.of("Service") if s.props.get("repository") in (None, "", repository)]
    found = [s for s in found if s.props.get("sort") != "infrastructure"]
    return [s for s in found if root_of(s) and f"{path}/".startswith(f"{root_of(s)}/")]


def root_of(service: Node) -> str:
    """The folder a service is in, empty for the whole repository.

    Args:
        service: a Service.
    """
    return str(service.props.get("root") or "").strip("/")


def _deployed_aside(world: World, repository: str, path: str) -> bool:
    """Whether a service itself lives in a folder of tests or examples, the file with it."""
    return any(aside(f"{root_of(s)}/x") for s in within(world, repository, path))
