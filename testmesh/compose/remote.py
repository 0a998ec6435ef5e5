"""A service's answers for the CLI's `--server`: the same records as the local commands give."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, TypeVar

from graph.answers import Coverage, Diagnosis, Fix, Impact
from graph.codec import from_json
from graph.runs import Run
from testmesh.kernel.errors import UnavailableError, UserError

T = TypeVar("T")
TIMEOUT = 120.0
LARGEST = 256 << 20


class Remote:
    """A TestMesh service, asked with the token in ``TESTMESH_TOKEN``.

    Args:
        url: its address, e.g. ``http://localhost:3000``.

    Raises:
        UserError: not an http address, or no token.
    """

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(
                f"'{url}' is not the address of a service", hint="for instance --server http://localhost:3000"
            )
        self._url = url.rstrip("/")
        self._token = os.environ.get("TESTMESH_TOKEN", "")
        if not self._token:
            raise UserError("TESTMESH_TOKEN is not set", hint="put a token of the workspace there")

    def impact(self, repository: str, text: str) -> Impact:
        """What a change affects.

        Args:
            repository: name of a registered repository.
            text: ``BASE..HEAD``.
        """
        base, _, head = text.partition("..")
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
        return from_json(Diagnosis, self._send("POST", f"/runs/{_quoted(run)}/diagnosis", body))

    def fix(self, run: str, repository: str) -> Fix:
        """What the fix is.

        Args:
            run: run id.
            repository: where the flow is.
        """
        answer = self._send("POST", f"/runs/{_quoted(run)}/fixes", {"repository": repository or None})
        return from_json(Fix, answer["fix"])

    def search(self, words: str, limit: int) -> Any:
        """What fits a question in words.

        Args:
            words: the question.
            limit: most hits.
        """
        return self._send("GET", "/search?" + urllib.parse.urlencode({"q": words, "limit": limit}))

    def upload(self, run: Run) -> None:
        """Keep a run at the service.

        Args:
            run: a recording.
        """
        from flows.events import run_to_json

        self._send("POST", "/runs", run_to_json(run).encode())

    def _get(self, kind: type[T], path: str, **query: str) -> T:
        given = {key: value for key, value in query.items() if value}
        return from_json(kind, self._send("GET", f"{path}?{urllib.parse.urlencode(given)}"))

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self._url}/api/v1{path}", data, headers, method=method)
        try:
            with _OPENER.open(request, timeout=TIMEOUT) as answer:
                return self._parsed(answer.read(LARGEST))
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code, error.read(1 << 20)) from error
        except (OSError, TimeoutError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
            raise UnavailableError(self._url, reason, hint="is 'testmesh serve' running there?") from error

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError as error:
            raise UnavailableError(self._url, "it answered with something that is not JSON",
                                   hint="is that address a TestMesh service?") from error  # fmt: skip

    def _refused(self, status: int, data: bytes) -> UserError:
        try:
            problem: Mapping[str, Any] = json.loads(data)
            text, hint = str(problem.get("detail") or problem.get("title")), problem.get("hint")
        except (ValueError, AttributeError):
            text, hint = f"it answered {status}", None
        if status in (401, 403):
            hint = hint or "check TESTMESH_TOKEN"
        return UserError(f"{self._url}: {text}", hint=None if hint is None else str(hint))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """A token is never carried to another address."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
