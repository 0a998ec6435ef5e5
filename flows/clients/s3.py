"""S3 requests, signed with Signature Version 4 and sent over the run's own HTTP connections."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest, HttpResponse
from flows.clients.tls import PLAIN_TLS, Tls
from flows.language.values import as_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PAGE = 1000
MAX_KEYS = 10_000
MAX_PAGES = 100
_PLAIN_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z")
_ENTITY = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_MISSING = "S3 needs botocore: pip install 'testmesh[s3]'"


class Access(NamedTuple):
    """Where objects are kept, and who asks.

    Args:
        endpoint: URL, or empty for AWS.
        region: name.
        key: access key id; empty = requests are not signed.
        secret: its secret.
        token: of a session, or empty.
        path_style: the bucket is the first part of the path instead of the host name; None = with an endpoint.
        tls: for https.
    """

    endpoint: str
    region: str
    key: str
    secret: str
    token: str = ""
    path_style: bool | None = None
    tls: Tls = PLAIN_TLS

    def url(self, bucket: str, key: str = "") -> str:
        """Where a bucket or an object is.

        Args:
            bucket: name, or empty for the service.
            key: of an object, or empty.

        Raises:
            ClientError: of type ``config`` when the endpoint is no URL.
        """
        base = (self.endpoint or f"https://s3.{self.region}.amazonaws.com").rstrip("/")
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.netloc or "@" in base:
            raise ClientError("endpoint_url must be an http or https URL without credentials", "config")
        path_style = bool(self.endpoint) if self.path_style is None else self.path_style
        if not path_style and _PLAIN_BUCKET.match(bucket):
            base, bucket = f"{parts.scheme}://{bucket}.{parts.netloc}{parts.path}", ""
        names = [quote(name, safe="/~") for name in (bucket, key) if name]
        return f"{base}/{'/'.join(names)}"


class Ask(NamedTuple):
    """One request to S3.

    Args:
        method: HTTP method.
        bucket: name.
        key: of an object, or empty.
        query: parameters.
        headers: names and values.
        body: bytes.
    """

    method: str
    bucket: str
    key: str = ""
    query: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


class S3:
    """One account at one place.

    Args:
        access: where and who.
        pool: of the run.
        traceparent: W3C Trace Context header value.
        page: keys asked for at once.
    """

    def __init__(self, access: Access, pool: HttpPool, traceparent: str, page: int = PAGE) -> None:
        self._access = access
        self._pool = pool
        self._traceparent = traceparent
        self._page = page

    def __str__(self) -> str:
        return urlsplit(self._access.url("")).netloc

    async def send(self, ask: Ask) -> HttpResponse:
        """The answer to a request; any status is one.

        Args:
            ask: what to send.

        Raises:
            ClientError: unreachable, or not sendable.
        """
        url = _with_query(self._access.url(ask.bucket, ask.key), ask.query)
        headers = _signed(self._access, ask, url) if self._access.key else list(ask.headers)
        request = HttpRequest(ask.method, url, headers, ask.body, tls=self._access.tls)
        return await self._pool.send(request.traced(self._traceparent))

    async def listed(self, bucket: str, prefix: str, delimiter: str, most: int) -> tuple[HttpResponse, Listing]:
        """The objects of a bucket, page after page (ListObjectsV2).

        Args:
            bucket: name.
            prefix: of the keys.
            delimiter: what ends a common prefix, or empty.
            most: how many at most.
        """
        listing = Listing([], [], False)
        token, pages = "", 0
        while True:
            query = [("list-type", "2"), ("prefix", prefix), ("max-keys", str(min(self._page, most)))]
            query += [("delimiter", delimiter)] if delimiter else []
            query += [("continuation-token", token)] if token else []
            response = await self.send(Ask("GET", bucket, query=query))
            if response.status != 200:
                return response, listing
            page = Xml.read(response.body, "ListBucketResult", str(self))
            listing.objects.extend(_object(entry) for entry in page.all("Contents"))
            listing.prefixes.extend(entry.text("Prefix") for entry in page.all("CommonPrefixes"))
            token = page.text("NextContinuationToken") if page.text("IsTruncated") == "true" else ""
            pages += 1
            full = len(listing.objects) + len(listing.prefixes) >= most
            if full or pages >= MAX_PAGES or not token:
                more = bool(token) or len(listing.objects) > most
                del listing.objects[most:]
                return response, listing._replace(truncated=more)

    def presigned(self, ask: Ask, seconds: int) -> str:
        """A URL that stands for the request for a while.

        Args:
            ask: what it does.
            seconds: how long.
        """
        auth, awsrequest, credentials = _library(self._access)
        if not self._access.key:
            raise ClientError("a presigned URL needs access_key and secret_key", "config")
        request = awsrequest.AWSRequest(ask.method, self._access.url(ask.bucket, ask.key))
        auth.S3SigV4QueryAuth(credentials, "s3", self._access.region, expires=seconds).add_auth(request)
        return str(request.url)


class Listing(NamedTuple):
    """What a bucket holds.

    Args:
        objects: key, size, etag, last_modified of each.
        prefixes: common prefixes.
        truncated: there are more.
    """

    objects: list[dict[str, object]]
    prefixes: list[str]
    truncated: bool


def _library(access: Access) -> tuple[Any, Any, Any]:
    """botocore's signers, its request, and our credentials as it takes them."""
    try:
        auth = importlib.import_module("botocore.auth")
        request = importlib.import_module("botocore.awsrequest")
        credentials = importlib.import_module("botocore.credentials")
    except ImportError as missing:
        raise ClientError(_MISSING, "config") from missing
    return auth, request, credentials.Credentials(access.key, access.secret, access.token or None)


def _signed(access: Access, ask: Ask, url: str) -> list[tuple[str, str]]:
    auth, awsrequest, credentials = _library(access)
    request = awsrequest.AWSRequest(ask.method, url, headers=dict(ask.headers), data=ask.body)
    request.context["payload_signing_enabled"] = True
    auth.S3SigV4Auth(credentials, "s3", access.region).add_auth(request)
    return [(str(name), str(value)) for name, value in request.headers.items()]


def _with_query(url: str, query: Sequence[tuple[str, str]]) -> str:
    if not query:
        return url
    return f"{url}?" + "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query)


class Xml:
    """One element of S3's answers, whatever its namespace.

    Args:
        element: of the answer.
    """

    def __init__(self, element: Element) -> None:
        self._element = element

    @classmethod
    def read(cls, body: bytes, root: str, where: str) -> Xml:
        """An answer.

        Args:
            body: bytes.
            root: the element it must be.
            where: the server, for messages.

        Raises:
            ClientError: of type ``server`` when it is none, or declares entities.
        """
        from xml.etree import ElementTree

        if _ENTITY.search(body):
            raise ClientError(f"{where}: the answer declares entities, which S3 never does", "server")
        try:
            found = ElementTree.fromstring(body)
        except (ElementTree.ParseError, RecursionError, ValueError) as problem:
            raise ClientError(f"{where}: the answer is not valid XML: {problem}", "server") from problem
        if found.tag.rpartition("}")[2] != root:
            raise ClientError(f"{where}: the answer is no {root} of S3", "server")
        return cls(found)

    def all(self, name: str) -> Iterator[Xml]:
        """The children of that name.

        Args:
            name: without namespace.
        """
        for child in self._element:
            if child.tag.rpartition("}")[2] == name:
                yield Xml(child)

    def text(self, name: str) -> str:
        """The text of a child, empty when there is none.

        Args:
            name: without namespace.
        """
        for child in self.all(name):
            return child._element.text or ""
        return ""


def _object(entry: Xml) -> dict[str, object]:
    size = entry.text("Size")
    return {
        "key": entry.text("Key"),
        "size": int(size) if size.isdigit() and len(size) < 20 else None,
        "etag": entry.text("ETag").strip('"'),
        "last_modified": entry.text("LastModified"),
    }


def metadata_headers(metadata: Mapping[str, object]) -> list[tuple[str, str]]:
    """User metadata as headers.

    Args:
        metadata: name to value.
    """
    return [(f"x-amz-meta-{name.lower()}", as_text(value)) for name, value in metadata.items() if value is not None]


def error_of(body: bytes, where: str) -> tuple[str | None, str | None]:
    """Code and message of an error's answer; None where a server or a proxy sends something else.

    Args:
        body: bytes.
        where: the server.
    """
    if b"<Error" not in body[:4096]:
        return None, None
    try:
        found = Xml.read(body, "Error", where)
    except ClientError:
        return None, None
    return found.text("Code"), found.text("Message")
