"""A service's answers for the CLI's `--server`: the same records as the local commands give."""

from __future__ import annotations

import http.client
import json
import math
import os
import urllib.error
import urllib.parse
import urllib.request
from time import monotonic
from typing import Any, TypeVar

from graph.answers import Coverage, Diagnosis, Fix, Impact
from graph.codec import from_json
from graph.runs import Run
from testmesh.compose.searching import Hit
from testmesh.kernel.errors import TestMeshError, UnavailableError, UserError

T = TypeVar("T")
TIMEOUT = 120.0
LARGEST = 256 << 20
_PIECE = 1 << 16
_REDIRECTS = range(300, 400)
_HINTS = {
    401: "check TESTMESH_TOKEN",
    403: "check TESTMESH_TOKEN",
    404: "only what is in the workspace of TESTMESH_TOKEN can be seen; is it registered or uploaded there?",
}


class Remote:
    """A TestMesh service, asked with the token in ``TESTMESH_TOKEN``.

    Args:
        url: its address, e.g. ``http://localhost:3000``.

    Raises:
        UserError: not an http address, or no token.
    """

    def __init__(self, url: str) -> None:
        self._url = _address(url)
        self._timeout = _patience()
        self._token = os.environ.get("TESTMESH_TOKEN", "")
        if not self._token:
            raise UserError("TESTMESH_TOKEN is not set", hint="put a token of the workspace there")
        if not self._token.isascii() or not self._token.isprintable() or " " in self._token:
            raise UserError("TESTMESH_TOKEN is not a token", hint="copy it whole, without quotes or line ends")

    def impact(self, repository: str, text: str, patch: str = "") -> Impact:
        """What a change affects.

        Args:
            repository: name of a registered repository.
            text: ``BASE..HEAD``; with a patch, the revision it applies to.
            patch: unified diff, or empty.

        Raises:
            UserError: no repository is named, or the range has one side only: the service sees no work tree.
        """
        if not repository:
            raise UserError("the question names no repository", hint="add --repository NAME, as registered there")
        if patch:
            body = {"repository": repository, "base": text, "patch": patch}
            return self._record(Impact, self._send("POST", "/impact", body))
        base, dots, head = text.partition("...") if "..." in text else text.partition("..")
        if not (base and dots and head):
            raise UserError(f"'{text}' names no two revisions, and the service does not see this work tree",
                            hint="ask with BASE..HEAD, e.g. main..HEAD")  # fmt: skip
        return self._get(Impact, "/impact", repository=repository, base=base, head=head)

    def coverage(self, repository: str) -> Coverage:
        """What no flow covers.

        Args:
            repository: name, or empty for all.
        """
        return self._get(Coverage, "/coverage", repository=repository, skeletons="true")

    def diagnosis(self, run: str, repository: str, base: str) -> Diagnosis:
        """Why a run failed.

        Args:
            run: run id.
            repository: where the culprit may be, or empty.
            base: revision to compare with, or empty.
        """
        body = {"repository": repository or None, "base": base}
        return self._record(Diagnosis, self._send("POST", f"/runs/{_quoted(run)}/diagnosis", body))

    def fix(self, run: str, repository: str) -> Fix:
        """What the fix is.

        Args:
            run: run id.
            repository: where the flow is.
        """
        answer = self._send("POST", f"/runs/{_quoted(run)}/fixes", {"repository": repository or None})
        return self._record(Fix, answer.get("fix") if isinstance(answer, dict) else answer)

    def search(self, words: str, limit: int) -> list[Hit]:
        """What fits a question in words.

        Args:
            words: the question.
            limit: most hits.
        """
        answer = self._send("GET", "/search?" + urllib.parse.urlencode({"q": words, "limit": limit}))
        items = answer.get("items") if isinstance(answer, dict) else None
        if not isinstance(items, list):
            raise self._no_service("it answered with something that is no list of hits")
        return [self._record(Hit, item) for item in items]

    def upload(self, run: Run) -> None:
        """Keep a run at the service.

        Args:
            run: a recording.
        """
        from flows.events import run_to_json

        self._send("POST", "/runs", run_to_json(run).encode())

    def _get(self, kind: type[T], path: str, **query: str) -> T:
        given = {key: value for key, value in query.items() if value}
        return self._record(kind, self._send("GET", f"{path}?{urllib.parse.urlencode(given)}"))

    def _record(self, kind: type[T], data: Any) -> T:
        try:
            return from_json(kind, data)
        except UserError as error:
            raise self._no_service(f"its answer is no {kind.__name__} ({error.message})") from error

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self._url}/api/v1{path}", data, headers, method=method)
        deadline = monotonic() + self._timeout
        try:
            with _OPENER.open(request, timeout=self._timeout) as answer:
                return self._parsed(self._read(answer, deadline))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, error.read(1 << 20)) from error
        except TimeoutError as error:
            raise self._silent() from error
        except OSError as error:
            raise self._unreachable(error) from error
        except (http.client.HTTPException, ValueError) as error:
            raise self._no_service("it answered with something that is not HTTP") from error

    def _read(self, answer: Any, deadline: float) -> bytes:
        """The whole answer, however slowly it drips, within the time one question has."""
        pieces, size = [], 0
        while piece := answer.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST:
                raise self._no_service(f"it answered with more than {LARGEST >> 20} MiB")
            if monotonic() > deadline:
                raise self._silent()
        return b"".join(pieces)

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._no_service("it answered with something that is not JSON") from error

    def _silent(self) -> UnavailableError:
        hint = "try again; TESTMESH_SERVER_TIMEOUT=SECONDS waits longer"
        return UnavailableError(self._url, f"no whole answer within {self._timeout:g} s", hint=hint)

    def _unreachable(self, error: OSError) -> UnavailableError:
        cause = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            return self._silent()
        reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause) or type(cause).__name__
        return UnavailableError(self._url, reason, hint="is 'testmesh serve' running there?")

    def _no_service(self, reason: str) -> UnavailableError:
        return UnavailableError(self._url, reason, hint="is that the address of a TestMesh service of this version?")

    def _refused(self, status: int, data: bytes) -> TestMeshError:
        if status in _REDIRECTS:
            return UnavailableError(self._url, "it sends us elsewhere, where the token must not go",
                                    hint="give the address of the service itself")  # fmt: skip
        try:
            problem = json.loads(data)
        except (ValueError, RecursionError):
            problem = None
        if not isinstance(problem, dict):
            problem = {}
        text = problem.get("detail") or problem.get("title")
        if not text:
            return self._no_service(f"it answered {status} without saying why")
        hint = problem.get("hint") or _HINTS.get(status)
        return UserError(f"{self._url}: {text}", hint=None if hint is None else str(hint))


def _address(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise UserError(f"'{url}' is not the address of a service", hint="for instance --server http://localhost:3000")
    return url.rstrip("/")


def _patience() -> float:
    text = os.environ.get("TESTMESH_SERVER_TIMEOUT", "")
    try:
        seconds = float(text) if text else TIMEOUT
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 86_400:
        raise UserError(f"TESTMESH_SERVER_TIMEOUT is '{text}', not a number of seconds", hint="for instance 30")
    return seconds


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """A token is never carried to another address."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
