"""Older OpenAPI documents, and documents of several files, become the flows that one whole new document becomes."""

from __future__ import annotations

from typing import Any

from flows.importers import Imported, Source, importers
from testmesh.guard.yaml import parse, plain
from tests.importers.support import texts

READ = importers()["openapi"].read
SWAGGER = """
swagger: "2.0"
host: shop.example.com
basePath: /v1
schemes: [https]
consumes: [application/json]
securityDefinitions: {login: {type: basic}}
security: [{login: []}]
parameters:
  at: {name: at, in: path, required: true, type: string, x-example: A1}
paths:
  /orders/{at}:
    parameters: [{$ref: "#/parameters/at"}]
    put:
      operationId: change
      parameters:
        - {name: body, in: body, schema: {$ref: "#/definitions/Order"}}
        - {name: dry, in: query, required: true, type: boolean}
      responses:
        "200": {$ref: "#/responses/Ok"}
  /files:
    post:
      operationId: send
      parameters:
        - {name: note, in: formData, type: string, required: true, example: hi}
      consumes: [application/x-www-form-urlencoded]
      responses: {"201": {description: made}}
responses:
  Ok: {description: fine, schema: {$ref: "#/definitions/Order"}}
definitions:
  Order: {type: object, required: [sku], properties: {sku: {type: string, example: S}, n: {type: integer}}}
"""
FILES = {
    "paths/orders.yaml": "get:\n  operationId: read\n  responses:\n    '200':\n      content:\n"
    "        application/json: {schema: {$ref: '../schemas.yaml#/Order'}}\n",
    "schemas.yaml": "Order: {type: object, required: [id], properties: {id: {$ref: '#/Id'}}}\nId: {type: integer}\n",
}
ROOT = """
openapi: 3.0.3
paths:
  /orders: {$ref: "./paths/orders.yaml"}
  /gone: {$ref: "paths/gone.yaml"}
"""


def _steps(imported: Imported) -> list[dict[str, Any]]:
    found: list[Any] = [plain(parse(text, "x.yaml")) for text in texts(imported)]
    return [flow["flow"]["steps"][0] for flow in found]


def test_a_swagger_2_document_is_read() -> None:
    changed, sent = _steps(READ(Source("x.yaml", SWAGGER)))
    assert changed["config"]["url"] == "${BASE_URL}/orders/${AT}"
    assert changed["config"]["query"] == {"dry": True}
    assert changed["config"]["body"] == {"sku": "S"}
    assert changed["config"]["auth"]["basic"]["username"] == "${API_USER}"
    assert changed["assert"][0] == "status == 200"
    assert '"required": ["sku"]' in changed["assert"][1]
    assert sent["config"]["form"] == {"note": "hi"}
    assert "https://shop.example.com/v1" in texts(READ(Source("x.yaml", SWAGGER)))[0]


def test_references_into_other_files_are_followed_and_those_to_nothing_are_said() -> None:
    imported = READ(Source("x.yaml", ROOT, FILES.get))
    (step,) = _steps(imported)
    assert '"properties": {"id": {"type": "integer"}}' in step["assert"][1]
    (note,) = imported.notes
    assert (note.line, note.what) == (5, "$ref: paths/gone.yaml")
