"""S3 against a real server: results, waiting, masking, and what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flows.clients.http import HttpPool
from flows.clients.s3 import S3, Access, Ask
from flows.events import run_to_json
from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.flows.support import raw_server, run_text, step
from tests.servers.objects import start_s3


@pytest.fixture
def s3_process(s3_url: str) -> dict[str, str]:
    """The environment of a run that uses the server."""
    return {"S3_ENDPOINT": s3_url, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE0", "AWS_SECRET_ACCESS_KEY": SECRET}


def _bucket() -> str:
    return f"b-{uuid4().hex[:12]}"


@pytest.mark.server("s3")
def test_versions_are_read_by_their_id_and_everything_is_listed(tmp_path: Path, s3_process: dict[str, str]) -> None:
    bucket = _bucket()
    client: Any = importlib.import_module("boto3").client(
        "s3",
        endpoint_url=s3_process["S3_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket=bucket, Key="v", Body=b"one")["VersionId"]
    for number in range(1001):
        client.put_object(Bucket=bucket, Key=f"many/{number}", Body=b"")
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: two, action: s3.upload, config: {{bucket: {bucket}, key: v, body: two}}, assert: [ok == true]}}",
            "{id: old, action: s3, config: {operation: get_object,"
            f" bucket: {bucket}, key: v, version_id: '{first}'}},"
            f" assert: ['body == \"one\"', 'version_id == \"{first}\"']}}",
            f"{{id: new, action: s3.get, config: {{bucket: {bucket}, key: v}}, assert: ['body == \"two\"']}}",
            f"{{id: l, action: s3.list, config: {{bucket: {bucket}, prefix: many/}}, assert: [count == 1001]}}",
        ),
        process=s3_process,
    )
    passes(run)


@pytest.mark.server("s3")
def test_objects_are_written_read_listed_copied_and_deleted(tmp_path: Path, s3_process: dict[str, str]) -> None:
    bucket = _bucket()
    (tmp_path / "photo.bin").write_bytes(b"\x00\xff\x00")
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: make, action: s3.create_bucket, config: {{bucket: {bucket}}}, assert: [status == 200]}}",
            f"{{id: w, action: s3.put, config: {{bucket: {bucket}, key: 'a/ö x+1.json', body: {{n: 1.50}},"
            " metadata: {Owner: me}}, assert: [ok == true, etag exists]}",
            f"{{id: r, action: minio.get, config: {{bucket: {bucket}, key: 'a/ö x+1.json'}}, assert: [body.n == 1.5,"
            ' \'content_type == "application/json"\', metadata.owner == "me", size > 5, exists == true,'
            " etag == w.etag, 'last_modified endsWith \"Z\"']}",
            f"{{id: bin, action: s3, config: {{operation: put, bucket: {bucket}, key: b, file: photo.bin}},"
            " assert: [status == 200]}",
            f"{{id: rb, action: s3.get, config: {{bucket: {bucket}, key: b}},"
            " assert: ['body == \"AP8A\"', size == 3]}",
            f"{{id: h, action: s3.head, config: {{bucket: {bucket}, key: b}}, assert: [exists == true, size == 3,"
            " body is null]}",
            f"{{id: l, action: s3.list, config: {{bucket: {bucket}}}, assert: [count == 2,"
            ' \'keys == ["a/ö x+1.json", "b"]\', "objects[1].size == 3", truncated == false]}',
            f"{{id: p, action: s3.list, config: {{bucket: {bucket}, delimiter: /}}, assert: ['prefixes == [\"a/\"]',"
            " 'keys == [\"b\"]']}",
            f"{{id: c, action: s3.copy, config: {{bucket: {bucket}, key: c, source: '{bucket}/a/ö x+1.json'}},"
            " assert: [status == 200]}",
            f"{{id: u, action: s3.presign, config: {{bucket: {bucket}, key: c, expires: 1m}}, output: {{link: url}}}}",
            '{id: open, action: http, config: {url: "${link}"}, assert: [status == 200, body.n == 1.5]}',
            f"{{id: d, action: s3.delete, config: {{bucket: {bucket}, key: c}}, assert: [status == 204]}}",
            f"{{id: g, action: s3.get, wait: none, config: {{bucket: {bucket}, key: c}}, assert: [status == 404,"
            ' exists == false, error_code == "NoSuchKey", body is null]}',
            f"{{id: x, action: s3.get, wait: none, config: {{bucket: nowhere-{bucket}, key: c}},"
            ' assert: [error_code == "NoSuchBucket"]}',
        ),
        process=s3_process,
    )
    passes(run)
    kept = run_to_json(run)
    assert SECRET not in kept
    assert "X-Amz-Signature=***" in kept


@pytest.mark.server("s3")
def test_a_read_waits_for_the_object(tmp_path: Path, s3_process: dict[str, str], s3_url: str) -> None:
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3_url, aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1"
    )
    bucket = _bucket()
    client.create_bucket(Bucket=bucket)

    def later() -> None:
        time.sleep(0.25)
        client.put_object(Bucket=bucket, Key="report", Body=b'{"done": true}')

    thread = threading.Thread(target=later)
    thread.start()
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: r, action: s3.get, config: {{bucket: {bucket}, key: report}}, assert: [body.done == true]}}",
            f"{{id: l, action: s3.list, config: {{bucket: {bucket}, prefix: rep}}, assert: [count == 1]}}",
        ),
        process=s3_process,
    )
    thread.join()
    client.close()
    passes(run)
    assert len(step(run, "r").exchanges[0].candidates) >= 2


@pytest.fixture
def doomed_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, threading.Timer]]:
    """An S3 server that ends half a second after a test asks it to."""
    server, url = start_s3(tmp_path_factory.mktemp("s3"))
    urllib.request.urlopen(url).close()
    timer = threading.Timer(0.4, server.process.kill)
    yield url, timer
    timer.join()
    server.stop()


@pytest.mark.server("s3")
def test_a_server_that_is_killed_while_a_step_waits_is_an_error(
    tmp_path: Path, doomed_s3: tuple[str, threading.Timer]
) -> None:
    url, timer = doomed_s3
    timer.start()
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: r, action: s3.get, config: {{endpoint_url: '{url}', bucket: abc, key: k}},"
            " assert: [exists == true]}"
        ),
    )
    found = step(run, "r")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection")
    assert len(found.exchanges[0].candidates) > 1


CONNECTED = {
    "s3": lambda port: (
        f'{{operation: get, endpoint_url: "http://127.0.0.1:{port}", bucket: abc, key: k, access_key: AKIDEXAMPLE0,'
        f" secret_key: {SECRET}}}"
    ),
}


@failing_servers(CONNECTED)
def test_a_failing_s3_server_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


def test_what_can_be_known_of_s3_before_the_run_is_found_before_it(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            "{id: a, action: s3.get, config: {bucket: b}}",
            "{id: b, action: s3, config: {operation: gett, bucket: b, key: k}}",
            "{id: c, action: s3.put, config: {bucket: b, key: k, body: x, file: nowhere.bin}}",
            "{id: d, action: s3.list, config: {bucket: b, max_keys: 0}, assert: [count == 1]}",
            "{id: e, action: s3.list, config: {bucket: b}, assert: [response.cnt == 1, result.cnt == 1]}",
        ),
    )
    messages = [problem["message"] for problem in run.flows[0].problems]
    for wanted in ("needs a 'key'", "not 'gett'", "nowhere.bin", "between 1 and 10000", "cnt"):
        assert any(wanted in message for message in messages), (wanted, messages)


def _answering(status: str, body: bytes, kind: str = "application/xml") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.settimeout(2)
        with contextlib.suppress(OSError):
            connection.recv(65536)
            head = (
                f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            connection.sendall(head.encode() + body)

    return answer


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<ListBucketResult><Contents><Key>&b;</Key></Contents></ListBucketResult>"""
ENDLESS = b"""<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>
<NextContinuationToken>again</NextContinuationToken><Contents><Key>k</Key><Size>x</Size></Contents></ListBucketResult>"""


@pytest.mark.parametrize(
    ("body", "verdict", "told"),
    [
        (BOMB, "error", "the answer declares entities"),
        (b"<ListBucketResult><Contents>", "error", "the answer is not valid XML"),
        (b"", "error", "the answer is not valid XML"),
        (b"<html>it works</html>", "error", "the answer is no ListBucketResult"),
        (b"<a>" * 50_000 + b"</a>" * 50_000, "error", "the answer is no ListBucketResult"),
        (ENDLESS, "passed", ""),
    ],
)
def test_lists_that_make_no_sense_are_errors_of_the_server(
    tmp_path: Path, body: bytes, verdict: str, told: str
) -> None:
    with raw_server(_answering("200 OK", body)) as port:
        run = run_text(
            tmp_path,
            flow_of(
                f"{{id: a, action: s3.list, wait: none, config: {{endpoint_url: 'http://127.0.0.1:{port}', bucket: abc,"
                " max_keys: 50}, assert: [truncated == true, count == 50]}"
            ),
        )
    found = step(run, "a")
    assert found.verdict == verdict, found.message
    assert told in found.message
    assert told == "" or f"127.0.0.1:{port}" in found.message


@pytest.mark.server("s3")
def test_long_lists_come_in_pages(s3_url: str) -> None:
    bucket = _bucket()

    async def listed() -> list[tuple[int, bool, object]]:
        pool = HttpPool()
        client = S3(Access(s3_url, "us-east-1", "k", "s"), pool, f"00-{'1' * 32}-{'2' * 16}-01", page=3)
        await client.send(Ask("PUT", bucket))
        for number in range(10):
            await client.send(Ask("PUT", bucket, f"k{number}"))
        found = []
        for most in (20, 10, 7, 3):
            _, listing = await client.listed(bucket, "", "", most)
            found.append((len(listing.objects), listing.truncated, listing.objects[-1]["key"]))
        await pool.aclose()
        return found

    assert asyncio.run(listed()) == [(10, False, "k9"), (10, False, "k9"), (7, True, "k6"), (3, True, "k2")]


def test_a_step_that_says_nowhere_to_connect_sends_nothing(tmp_path: Path) -> None:
    text = flow_of("{id: a, action: s3.get, config: {bucket: abc, key: k}, assert: [exists == true]}")
    found = step(run_text(tmp_path, text, process={}), "a")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "config")
    assert "write 'endpoint_url' or set S3_ENDPOINT" in found.message


@pytest.mark.server("s3")
def test_an_endpoint_of_the_environment_wins_over_aws_when_a_step_names_a_region(
    tmp_path: Path, s3_process: dict[str, str]
) -> None:
    config = "{bucket: nowhere-at-all, region: eu-west-1}"
    text = flow_of(f"{{id: a, action: s3.list, wait: none, config: {config}, assert: [status == 404]}}")
    passes(run_text(tmp_path, text, process=s3_process))


def test_a_bucket_stands_in_the_host_name_on_aws_and_in_the_path_elsewhere() -> None:
    aws = Access("", "eu-west-1", "k", "s")
    assert aws.url("abc", "a b/ö") == "https://abc.s3.eu-west-1.amazonaws.com/a%20b/%C3%B6"
    assert aws.url("with.dots", "k") == "https://s3.eu-west-1.amazonaws.com/with.dots/k"
    own = Access("http://h:9000/", "us-east-1", "k", "s")
    assert own.url("abc", "k") == "http://h:9000/abc/k"
    assert own._replace(path_style=False).url("abc", "k") == "http://abc.h:9000/k"
