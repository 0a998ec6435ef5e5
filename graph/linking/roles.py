"""Tests, examples, generated and vendored code describe no system, so their framework facts do not count."""

from __future__ import annotations

import re

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
    r"(^|/)(test_[^/]*|conftest|locustfile|[^/]*_test|[^/]*\.(test|spec|stories|min))\.[a-z]+$|(_pb2(_grpc)?\.py|_pb\.(js|ts))$"
)


_TESTING = frozenset({"test", "tests", "testing", "e2e", "loadtest", "loadgen", "mock", "mocks"})


def testing(name: str) -> bool:
    """Whether a deployed name is that of a test helper.

    Args:
        name: of a service.
    """
    return bool(_TESTING & set(re.split(r"[-_.]", name.lower())))


def counts(fact: Fact) -> bool:
    """Whether a fact is about the system itself.

    Args:
        fact: any fact; only framework facts can be discounted.
    """
    if fact.kind not in _FRAMEWORK_KINDS:
        return True
    return not aside(fact.at.file)


def aside(path: str) -> bool:
    """Whether a file is a test, an example, generated or vendored.

    Args:
        path: repository-relative.
    """
    folders = path.lower().split("/")[:-1]
    return any(part in _FOLDERS for part in folders) or _FILES.search(path.lower()) is not None
