"""Calls that never lead to code of the scanned system, and files whose code is never deployed."""

from __future__ import annotations

import re
import sys
from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PYTHON_BUILTINS = _words(
    """print len str int float bool dict list set tuple isinstance issubclass getattr setattr hasattr super range
    enumerate zip map filter sorted reversed min max sum any all abs round open repr type iter next vars id hash
    format bytes bytearray callable frozenset input staticmethod classmethod property"""
)
NODE_BUILTINS = _words(
    """console Math JSON Object Array Promise Number String Boolean Date parseInt parseFloat isNaN setTimeout
    setInterval clearTimeout clearInterval require process Buffer Symbol Error RegExp encodeURIComponent
    decodeURIComponent URLSearchParams Reflect Map Set WeakMap Intl structuredClone queueMicrotask"""
)
NODE_MODULES = _words(
    """assert buffer child_process cluster crypto dns events fs http https net os path querystring readline stream
    string_decoder timers tls url util v8 vm worker_threads zlib"""
)
PYTHON_STDLIB = frozenset(sys.stdlib_module_names)

_TESTS = re.compile(
    r"(^|/)(tests?|testing|__tests__|spec|specs|e2e|cypress|integration[-_]tests?|test[-_]?data|mocks?|__mocks__)/"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest|[^/]*[._-](test|spec|cy|e2e))\.[cm]?[jtp]sx?$|(^|/)(test_[^/]*|[^/]*_test)\.py$|_test\.go$"
    r"|(^|/)conftest\.py$|(^|/)src/test/"
    r"|(^|/)src/(it|jmh|([\w-]+[-_])?tests?([-_A-Z][\w-]*)?|\w*[a-z0-9]Tests?([A-Z]\w*)?)"  # Maven's and Gradle's
    r"/(java|kotlin|groovy|scala|resources)/"
)
_EXAMPLES = re.compile(
    r"(^|/)(examples?|samples?|demos?|docs?|documentation|tutorials?|load[-_]?(gen|generator|test)s?|loadgenerator"
    r"|benchmarks?|perf|scripts|hack)/|(^|/)locustfile[^/]*\.py$|(^|/)[^/]*\.stories\.[jt]sx?$"
)
_VENDORED = re.compile(
    r"(^|/)(node_modules|vendor|vendored|third[-_]party|bower_components|site-packages|\.venv|venv|dist|build"
    r"|__pycache__|\.git|\.testmesh|coverage|wwwroot/lib"
    r"|\.(next|nuxt|output|svelte-kit|turbo|angular|expo|vercel|serverless)[^/]*)/"
    r"|\.min\.(js|css)$|(^|/)jquery[^/]*\.js$"
    r"|(^|/)(public|static|assets|wwwroot|javascripts|js|libs)/([^/]+/)*(angular|bootstrap|react|vue)([.-][^/]*)?\.js$"
)
_GENERATED = re.compile(
    r"(_pb2(_grpc)?\.py|\.pb\.go|_pb\.js|\.g\.[jt]s|\.generated\.[jt]s|\.d\.ts)$|(^|/)(generated|gen)/"
)
_MARK = re.compile(rb"(?i)(@generated\b|code generated .{0,80}do not edit|auto-?generated|do not edit( this file)?)")
_PACKAGES = re.compile(r"(^|/)src/main/(java|kotlin|scala|groovy)/.*/(?=[^/]*$)")
_ROUTES = re.compile(r"(?<=/)(routes|routers|controllers|pages/api|app/api)/.*/(?=[^/]*$)")  # folders name paths
_LOCUST = re.compile(rb"^[ \t]*+(from|import) (locust|pytest|unittest)\b", re.MULTILINE)


def sort_of(path: str, head: bytes = b"") -> str:
    """Why a file's code is not part of the deployed system: test, example, vendored, generated; empty when it is.

    Args:
        path: relative to the repository.
        head: the first bytes of the file, when at hand.
    """
    known = _sort_of_path(path)
    if known:
        return known
    if _MARK.search(head[:600]):
        return "generated"
    return "test" if _LOCUST.search(head) else ""


_DOCKERFILE = re.compile(r"(?i)(^|/)[\w.-]*(docker|container)file[\w.-]*$")


@lru_cache(maxsize=16384)
def _sort_of_path(path: str) -> str:
    path = _PACKAGES.sub(r"\1src/main/\2/", path)  # folders of a Java package are names, not roles
    if (served := path.find("src/main/resources/")) >= 0 and not _VENDORED.search(path):
        path = path[: served + 19] + path.rpartition("/")[2]  # what a Java service serves, in folders such as scripts
    if _DOCKERFILE.search(path):
        path = path.replace("build/", "")  # where Go's standard layout keeps what packages the programs
    sorts = (("vendored", _VENDORED), ("test", _TESTS), ("generated", _GENERATED))
    known = next((sort for sort, pattern in sorts if pattern.search(path)), "")
    return known or ("example" if _EXAMPLES.search(_ROUTES.sub("routes/", path)) else "")
