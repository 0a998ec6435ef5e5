"""Tests, examples, generated and vendored code describe no system, so their framework facts do not count."""

from __future__ import annotations

import re
from functools import lru_cache

from graph.values import Fact

_FRAMEWORK_KINDS = frozenset(
    {
        "router",
        "mount",
        "endpoint",
        "http_call",
        "publish",
        "consume",
        "access",
        "sql",
        "model",
        "repository",
        "rpc_service",
        "rpc_call",
        "bound",
        "channel",
        "binds",
        "config_read",
        "responds",
    }
)
_FOLDERS = frozenset(
    """
    test tests __tests__ testing testdata spec specs e2e cypress fixtures mocks __mocks__ vendor vendored third_party
    node_modules bower_components site-packages example examples sample samples dist .venv venv
    """.split()  # noqa: SIM905  -- a list of words reads better as words
)
_FILES = re.compile(
    r"(^|/)(test_[^/]*|conftest|locustfile|[^/]*_test|[^/]*\.(test|spec|stories|min))\.[a-z]+$"
    r"|(_pb2(_grpc)?\.py|_pb\.(js|ts)|\.pb(\.gw|\.validate)?\.go|\.designer\.cs|\.g\.cs)$"
)
_CLASSES = re.compile(r"[a-z0-9](Tests?|TestCase|IT|Specs?)\.(java|kt|cs)$")
_PROJECTS = re.compile(r"[.\-_](unit|integration|functional|acceptance|contract|architecture|e2e)?[.\-_]?tests?$")
_PACKAGED = re.compile(
    r"^(.*?/src/[^/]+|src/[^/]+)/(?:java|kotlin)/|^(.*?)(?:^|/)(?:com|org|net|io|de|edu|gov|dev|me)/"
)

# Source sets of Maven and Gradle that are tests.
_SETS = re.compile(
    r"(^|/)src/(it|jmh|([\w-]+[-_])?tests?([-_A-Z][\w-]*)?|\w*[a-z0-9]Tests?([A-Z]\w*)?)"
    r"/(java|kotlin|groovy|scala|resources)/"
)

# Folders below a folder of routes are parts of paths.
_PATHS = re.compile(r"(?<=/)((?:routes|routers|controllers|pages/api|app/api)/(?:[^/]+/)*?)(?:examples?|samples?)/")

_EXAMPLES = frozenset({"example", "examples", "sample", "samples"})

_TESTING = frozenset({"test", "tests", "testing", "e2e", "loadtest", "loadgen", "mock", "mocks"})


def testing(name: str) -> bool:
    """Whether a deployed name is that of a test helper.

    Args:
        name: of a service.
    """
    return bool(_TESTING & {word.lower() for word in re.split(r"[-_.]|(?<=[a-z])(?=[A-Z])", name)})


def counts(fact: Fact) -> bool:
    """Whether a fact is about the system itself.

    Args:
        fact: any fact; only framework facts can be discounted.
    """
    return not only_framework(fact) or not aside(fact.at.file)


def only_framework(fact: Fact) -> bool:
    """Whether a fact says what a system does, which tests and examples only pretend to do.

    Args:
        fact: any fact.
    """
    return fact.kind in _FRAMEWORK_KINDS


@lru_cache(maxsize=131072)
def aside(path: str) -> bool:
    """Whether a file is a test, an example, generated or vendored.

    Args:
        path: repository-relative.
    """
    lower = _PATHS.sub(r"\1", path.lower())
    if _SETS.search(path):
        return True
    folders = (_before_package(lower) if lower.endswith((".java", ".kt")) else lower).split("/")[:-1]
    named = any(part in _FOLDERS or _PROJECTS.search(part) for part in folders)
    return named or _FILES.search(lower) is not None or _CLASSES.search(path) is not None


def _before_package(path: str) -> str:
    """The folders above a Java package: ``com/example/orders`` is a name, not an example."""
    found = _PACKAGED.match(path)
    return f"{found.group(1) or found.group(2) or ''}/x" if found else path


def example(path: str) -> bool:
    """Whether a file is only aside because it is in a folder of examples.

    Args:
        path: repository-relative.
    """
    parts = path.split("/")
    return aside(path) and not aside("/".join(p for p in parts if p.lower() not in _EXAMPLES))
