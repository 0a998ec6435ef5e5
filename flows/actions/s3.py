"""Objects in S3 and everything that speaks its protocol (MinIO, Ceph, R2, ...)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.actions import Action, Call, Result, Touch
from flows.clients.tls import TLS_DOC, tls_of, tls_problems
from flows.language.catalogue import ActionSpec, Alias, Duration, option
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, OBJECT, STRING, listing, maybe, record

if TYPE_CHECKING:
    from flows.clients.http import HttpResponse
    from flows.clients.s3 import S3

OPERATIONS = ("get", "head", "list", "put", "delete", "copy", "presign", "create_bucket", "delete_bucket")
_ALSO = {
    "get_object": "get",
    "download": "get",
    "head_object": "head",
    "list_objects": "list",
    "list_objects_v2": "list",
    "put_object": "put",
    "upload": "put",
    "delete_object": "delete",
    "copy_object": "copy",
    "presigned_url": "presign",
}
_READS = ("get", "head", "list")
_KEYED = ("get", "head", "put", "delete", "copy", "presign")


@dataclass(frozen=True, slots=True)
class S3Config:
    """Settings of an S3 request."""

    operation: str = option("get", "What to do, also as S3's API calls it.", choices=(*OPERATIONS, *_ALSO))
    bucket: str = option(doc="The bucket's name.")
    key: str | None = option(None, "The object's key.")
    prefix: str = option("", "For `list`: what keys begin with.")
    delimiter: str = option("", "For `list`: groups keys up to it into `prefixes`.")
    max_keys: int = option(10_000, "For `list`: how many keys at most, up to 10000.")
    version_id: str | None = option(None, "For `get`, `head` and `delete`: that version of the object.")
    body: object = option(None, "For `put`: a map or list is written as JSON, text as it is.")
    file: str | None = option(None, "For `put`: a file beside the flow instead of `body`.", file=True)
    content_type: str | None = option(None, "For `put`: type of the content.")
    metadata: Mapping[str, object] | None = option(None, "For `put`: user metadata.")
    source: str | None = option(None, "For `copy`: `bucket/key` it is copied from.")
    expires: Duration = option(3600.0, "For `presign`: how long the URL is good for.")
    method: str = option("GET", "For `presign`: what the URL is for.", choices=("GET", "PUT", "HEAD", "DELETE"))
    endpoint_url: str | None = option(
        None,
        "URL of the server (`S3_ENDPOINT`, `AWS_ENDPOINT_URL`, ... supply it); AWS when there is only a `region`.",
        also=("endpoint",),
    )
    region: str | None = option(None, "Region (`AWS_REGION`); us-east-1 when nothing says another.")
    access_key: str | None = option(None, "Access key id (`AWS_ACCESS_KEY_ID`); without one the request is not signed.")
    secret_key: str | None = option(None, "Its secret (`AWS_SECRET_ACCESS_KEY`).")
    session_token: str | None = option(None, "Of temporary credentials (`AWS_SESSION_TOKEN`).")
    path_style: bool | None = option(
        None, "The bucket stands in the path, not in the host name; true with `endpoint_url`."
    )
    tls: object = option(None, TLS_DOC)
    timeout: Duration | None = option(None, "Limit for the request.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The bucket.

    Args:
        config: as written.
    """
    bucket = config.get("bucket")
    if isinstance(bucket, str):
        mode = "read" if _reads(config) else "write"
        yield Touch("dataset", bucket, kind="s3", mode=mode, sends=config.get("body"))


def _reads(config: Mapping[str, object]) -> bool:
    return _operation(config.get("operation", "get")) in _READS


def _operation(written: object) -> str:
    name = str(written).strip().lower()
    return _ALSO.get(name, name)


async def run(config: S3Config, call: Call) -> Result:
    """Sends the request; any status is a result.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    import time

    from flows.clients.errors import ClientError
    from flows.clients.http import HttpPool
    from flows.clients.s3 import S3, Access
    from flows.clients.tls import Tls

    operation = _operation(config.operation)
    if operation in _KEYED and not config.key:
        raise ClientError(f"'{config.operation}' needs a 'key'", "config")
    if not config.endpoint_url and not config.region:
        raise ClientError("no connection: write 'endpoint_url' or set S3_ENDPOINT; for AWS write 'region'", "config")
    access = Access(
        config.endpoint_url or "",
        config.region or "us-east-1",
        config.access_key or "",
        config.secret_key or "",
        config.session_token or "",
        config.path_style,
        tls_of(config.tls, call.files) or Tls(),
    )
    client = S3(access, call.clients.shared("http", HttpPool), call.traceparent)
    started = time.perf_counter()
    found = await _DO[operation](config, call, client)
    return {**_EMPTY, **found, "duration_ms": round((time.perf_counter() - started) * 1000, 3)}


async def _get(config: S3Config, call: Call, client: S3) -> Result:
    from flows.clients.http_request import parsed_body
    from flows.clients.s3 import Ask

    operation = _operation(config.operation)
    response = await client.send(Ask(operation.upper(), config.bucket, config.key or "", _version(config)))
    found = _described(response)
    if response.status == 200 and operation == "get":
        headers = {name: value for name, value in response.headers if name == "content-type"}
        found["body"] = parsed_body(response.body, headers)
        found["size"] = len(response.body)
    return found


def _version(config: S3Config) -> list[tuple[str, str]]:
    return [] if config.version_id is None else [("versionId", config.version_id)]


async def _put(config: S3Config, call: Call, client: S3) -> Result:
    from flows.clients.s3 import Ask, metadata_headers
    from flows.language.values import as_text

    if config.file is not None:
        body, kind = call.files.read(config.file), "application/octet-stream"
    else:
        body = b"" if config.body is None else as_text(config.body).encode()
        kind = "text/plain; charset=utf-8" if isinstance(config.body, str | None) else "application/json"
    headers = [("Content-Type", config.content_type or kind), *metadata_headers(config.metadata or {})]
    response = await client.send(Ask("PUT", config.bucket, config.key or "", headers=headers, body=body))
    return {**_described(response), "size": len(body)}


async def _delete(config: S3Config, call: Call, client: S3) -> Result:
    from flows.clients.s3 import Ask

    return _described(await client.send(Ask("DELETE", config.bucket, config.key or "", _version(config))))


async def _copy(config: S3Config, call: Call, client: S3) -> Result:
    from urllib.parse import quote

    from flows.clients.s3 import Ask

    headers = [("x-amz-copy-source", quote((config.source or "").lstrip("/"), safe="/~"))]
    return _described(await client.send(Ask("PUT", config.bucket, config.key or "", headers=headers)))


async def _list(config: S3Config, call: Call, client: S3) -> Result:
    from flows.clients.s3 import MAX_KEYS

    most = max(1, min(config.max_keys, MAX_KEYS))
    response, found = await client.listed(config.bucket, config.prefix, config.delimiter, most)
    return {
        **_described(response),
        "exists": response.status == 200,
        "objects": found.objects,
        "keys": [item["key"] for item in found.objects],
        "prefixes": found.prefixes,
        "count": len(found.objects),
        "truncated": found.truncated,
    }


async def _presign(config: S3Config, call: Call, client: S3) -> Result:
    from flows.clients.s3 import Ask

    ask = Ask(config.method.upper(), config.bucket, config.key or "")
    url = client.presigned(ask, max(1, int(config.expires)))
    call.hide(url.partition("X-Amz-Signature=")[2].partition("&")[0])
    return {"status": 200, "ok": True, "url": url}


async def _bucket(config: S3Config, call: Call, client: S3) -> Result:
    from flows.clients.s3 import Ask

    if config.operation == "delete_bucket":
        return _described(await client.send(Ask("DELETE", config.bucket)))
    body = b""
    if config.region not in (None, "", "us-east-1"):
        body = (
            '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<LocationConstraint>{config.region}</LocationConstraint></CreateBucketConfiguration>"
        ).encode()
    return _described(await client.send(Ask("PUT", config.bucket, body=body)))


def _described(response: HttpResponse) -> Result:
    """What every answer says, error or not."""
    from flows.clients.s3 import error_of

    headers = dict(response.headers)
    ok = 200 <= response.status < 300
    code, message = (None, None) if ok else error_of(response.body, response.url)
    length = headers.get("content-length", "")
    return {
        "status": response.status,
        "ok": ok,
        "exists": ok,
        "etag": headers["etag"].strip('"') if "etag" in headers else None,
        "content_type": headers.get("content-type") if ok else None,
        "size": int(length) if ok and length.isdigit() else None,
        "last_modified": _iso(headers.get("last-modified")) if ok else None,
        "version_id": headers.get("x-amz-version-id"),
        "metadata": {n.removeprefix("x-amz-meta-"): v for n, v in response.headers if n.startswith("x-amz-meta-")},
        "error_code": code,
        "error_message": message,
    }


def _iso(text: str | None) -> str | None:
    """An HTTP date as ISO text in UTC."""
    import contextlib
    from email.utils import parsedate_to_datetime

    from flows.language.values import instant_text

    with contextlib.suppress(ValueError, TypeError):
        return instant_text(parsedate_to_datetime(text)) if text else None
    return text


_EMPTY: Mapping[str, object] = {
    "status": 0,
    "ok": False,
    "exists": False,
    "body": None,
    "size": None,
    "etag": None,
    "content_type": None,
    "last_modified": None,
    "version_id": None,
    "metadata": {},
    "objects": [],
    "keys": [],
    "prefixes": [],
    "count": 0,
    "truncated": False,
    "url": None,
    "error_code": None,
    "error_message": None,
}
_DO: Mapping[str, Callable[[S3Config, Call, S3], Awaitable[Result]]] = {
    "get": _get,
    "head": _get,
    "put": _put,
    "delete": _delete,
    "copy": _copy,
    "list": _list,
    "presign": _presign,
    "create_bucket": _bucket,
    "delete_bucket": _bucket,
}


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    operation = _operation(config.get("operation", "get"))
    if operation in _KEYED and config.get("key") is None:
        yield "operation", f"'{operation}' needs a 'key'"
    if operation == "copy" and config.get("source") is None:
        yield "operation", "'copy' needs a 'source'"
    if config.get("body") is not None and config.get("file") is not None:
        yield "file", "'body' and 'file' exclude each other"
    if config.get("version_id") is not None and operation not in ("get", "head", "delete") and "{" not in operation:
        yield "version_id", f"'version_id' is not for '{operation}'"
    if config.get("secret_key") is not None and config.get("access_key") is None:
        yield "secret_key", "'secret_key' needs 'access_key'"
    most = config.get("max_keys")
    if isinstance(most, int) and not 1 <= most <= 10_000:
        yield "max_keys", "'max_keys' is between 1 and 10000"
    yield from tls_problems(config)


_ALIASES = tuple(
    Alias(f"{name}.{operation}", {"operation": _operation(operation)})
    for name in ("s3", "minio")
    for operation in (*OPERATIONS, *_ALSO)
)

ACTION: Action[S3Config] = Action(
    spec=ActionSpec(
        name="s3",
        summary="Reads, writes and lists objects; any status is a result, and a read waits until its assertions hold.",
        config=S3Config,
        family="documents",
        result=record(
            status=NUMBER,
            ok=BOOLEAN,
            exists=BOOLEAN,
            body=ANYTHING,
            size=maybe(NUMBER),
            etag=maybe(STRING),
            content_type=maybe(STRING),
            last_modified=maybe(STRING),
            version_id=maybe(STRING),
            metadata=OBJECT,
            objects=listing(record(key=STRING, size=maybe(NUMBER), etag=STRING, last_modified=STRING)),
            keys=listing(STRING),
            prefixes=listing(STRING),
            count=NUMBER,
            truncated=BOOLEAN,
            url=maybe(STRING),
            error_code=maybe(STRING),
            error_message=maybe(STRING),
            duration_ms=NUMBER,
        ),
        aliases=(*_ALIASES, Alias("minio")),
        supplies={
            "endpoint_url": (
                "S3_ENDPOINT",
                "S3_ENDPOINT_URL",
                "AWS_ENDPOINT_URL_S3",
                "AWS_ENDPOINT_URL",
                "MINIO_ENDPOINT",
            ),
            "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
            "access_key": ("AWS_ACCESS_KEY_ID", "S3_ACCESS_KEY", "MINIO_ROOT_USER"),
            "secret_key": ("AWS_SECRET_ACCESS_KEY", "S3_SECRET_KEY", "MINIO_ROOT_PASSWORD"),
            "session_token": ("AWS_SESSION_TOKEN",),
        },
        reads=_reads,
        check=_problems,
    ),
    touches=touches,
    run=run,
    unsent=frozenset({"timeout"}),
)
