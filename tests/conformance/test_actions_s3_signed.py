"""Signatures against MinIO, which refuses wrong ones (moto takes any); where TESTMESH_TEST_MINIO names its program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.actions import passes
from tests.flows.support import run_text
from tests.servers.objects import start_minio

PROGRAM = os.environ.get("TESTMESH_TEST_MINIO", "")
FLOW = r"""
flow:
  name: signed
  env: {BUCKET: "abc-${RANDOM_INT}", KEY: "a/ö x+1~(*).json"}
  steps:
    - {id: b, action: s3.create_bucket, config: {bucket: "${BUCKET}"}, assert: [status == 200]}
    - id: w
      action: s3.put
      config: {bucket: "${BUCKET}", key: "${KEY}", body: {n: 1.50}, metadata: {Owner: "me  and you"}}
      assert: [status == 200]
    - id: r
      action: s3.get
      config: {bucket: "${BUCKET}", key: "${KEY}"}
      assert: [body.n == 1.5, metadata.owner exists]
    - {id: h, action: s3.head, config: {bucket: "${BUCKET}", key: "${KEY}"}, assert: [exists == true]}
    - {id: l, action: s3.list, config: {bucket: "${BUCKET}", prefix: "a/ö x+"}, assert: [count == 1]}
    - {id: p, action: s3.list, config: {bucket: "${BUCKET}", delimiter: /}, assert: ['prefixes == ["a/"]']}
    - id: c
      action: s3.copy
      config: {bucket: "${BUCKET}", key: c, source: "${BUCKET}/${KEY}"}
      assert: [status == 200]
    - {id: u, action: s3.presign, config: {bucket: "${BUCKET}", key: "${KEY}", expires: 1m}, output: {link: url}}
    - {id: o, action: http, config: {url: "${link}"}, assert: [status == 200, body.n == 1.5]}
    - id: bad
      action: s3.get
      wait: none
      config: {bucket: "${BUCKET}", key: c, access_key: miniouser, secret_key: another-secret}
      assert: [status == 403, 'error_code == "SignatureDoesNotMatch"']
    - {id: d, action: s3.delete, config: {bucket: "${BUCKET}", key: c}, assert: [status == 204]}
    - id: gone
      action: s3.get
      wait: none
      config: {bucket: "${BUCKET}", key: c}
      assert: [status == 404, 'error_code == "NoSuchKey"']
"""


@pytest.fixture
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a MinIO of this test alone."""
    server, url = start_minio(tmp_path_factory.mktemp("minio"), PROGRAM)
    yield url
    server.stop()


@pytest.mark.skipif(not PROGRAM, reason="TESTMESH_TEST_MINIO names no MinIO")
def test_a_server_that_checks_signatures_takes_ours(tmp_path: Path, minio: str) -> None:
    process = {"S3_ENDPOINT": minio, "AWS_ACCESS_KEY_ID": "miniouser", "AWS_SECRET_ACCESS_KEY": "miniosecret1"}
    passes(run_text(tmp_path, FLOW, process=process))
