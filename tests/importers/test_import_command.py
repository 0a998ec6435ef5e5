"""`testmesh import` as a user has it: the format is found, files are not overwritten, what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.importer_shop import shop
from flows.importers import detected
from testmesh.cli import dispatch
from testmesh.guard.yaml import parse, plain
from tests.importers.support import ran

CORPUS = Path("evals/importers").resolve()
SPEC = """\
openapi: 3.0.3
info: {title: Shop, version: "1"}
servers: [{url: "{base}", variables: {base: {default: "http://localhost:1"}}}]
security: [{token: []}]
components:
  securitySchemes: {token: {type: http, scheme: bearer}}
  schemas:
    Order:
      type: object
      required: [id, sku, quantity]
      properties:
        id: {type: string, readOnly: true, format: uuid}
        sku: {type: string, example: SKU-1}
        quantity: {type: integer, minimum: 1}
        total: {type: number, nullable: true}
paths:
  /orders:
    post:
      operationId: placeOrder
      summary: Place an order
      tags: [orders]
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
      responses: {"201": {content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}}
  /orders/{order_id}:
    parameters: [{name: order_id, in: path, required: true, schema: {type: string, format: uuid}}]
    get:
      responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}}
  /items:
    get:
      operationId: listItems
      parameters: [{name: min_price, in: query, required: true, schema: {type: number, default: 5}}]
      responses:
        "200":
          content:
            application/json:
              schema: {type: object, required: [items], properties: {items: {type: array, items: {type: object}}}}
  /health:
    get:
      responses: {"200": {content: {application/json: {schema: {type: object, properties: {status: {type: integer}}}}}}}
"""


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("hurl/health.hurl", "hurl"),
        ("postman/health.json", "postman"),
        ("http_file/health.http", "http_file"),
        ("tavern/test_health.tavern.yaml", "tavern"),
        ("runn/health.yaml", "runn"),
    ],
)
def test_the_format_is_found_and_the_flow_validates(
    file: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = CORPUS / file
    assert detected(path.name, path.read_text()) == form
    monkeypatch.chdir(tmp_path)
    assert dispatch(["import", str(path), "-o", "flows"]) == 0
    assert dispatch(["validate", "flows"]) == 0
    assert dispatch(["import", form, str(path), "-o", "flows"]) == 2
    assert dispatch(["import", form, str(path), "-o", "flows", "--force"]) == 0


def test_what_is_not_carried_over_is_said_per_line_and_is_exit_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert dispatch(["import", str(CORPUS / "hurl" / "xpath.hurl"), "-C", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert (
        'xpath.hurl:4: not carried over: xpath "string(//name)" == "Lamps": XML and HTML are text here' in printed.err
    )
    assert 'expression: "false"' in printed.out


def test_a_file_of_no_known_format_is_exit_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.txt").write_text("hello")
    assert dispatch(["import", str(tmp_path / "x.txt")]) == 2
    assert dispatch(["import", str(tmp_path / "none.hurl")]) == 2
    assert dispatch(["import", "hurl"]) == 2
    assert "this is none of curl, har, http_file, hurl, openapi, postman, runn, tavern" in capsys.readouterr().err


def test_an_environment_file_gives_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vars").write_text("base=http://h\nn=5\n# no\n")
    assert dispatch(["import", str(CORPUS / "hurl" / "health.hurl"), "--variables", str(tmp_path / "vars")]) == 0
    flow = plain(parse(capsys.readouterr().out, "x.yaml"))
    assert flow["flow"]["env"] == {"base": "http://h", "n": 5}  # type: ignore[index,call-overload]


def test_openapi_operations_become_flows_that_hold_the_server_to_its_schema(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    assert dispatch(["import", str(tmp_path / "spec.yaml")]) == 2
    assert dispatch(["import", str(tmp_path / "spec.yaml"), "-o", str(tmp_path / "flows")]) == 0
    made = {path.stem: path.read_text() for path in (tmp_path / "flows").glob("*.yaml")}
    assert set(made) == {"place_order", "get_orders_order_id", "list_items", "get_health"}
    with shop() as server:
        given = {"BASE_URL": server.url, "TOKEN": "t"}
        verdicts = {name: ran(tmp_path, text, given)["verdict"] for name, text in made.items()}
        assert verdicts == {
            "place_order": "passed",  # SKU-1 and the least quantity are taken
            "list_items": "passed",
            "get_orders_order_id": "failed",  # no such order: a person must say which one
            "get_health": "failed",  # its status is text, the document says integer
        }
        order = next(iter(server.orders))
        assert ran(tmp_path, made["get_orders_order_id"], {**given, "ORDER_ID": order})["verdict"] == "passed"


def test_a_document_without_operations_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.yaml").write_text("swagger: '2.0'\npaths: {}\n")
    assert dispatch(["import", "openapi", str(tmp_path / "old.yaml")]) == 2
    assert "describes no operations" in capsys.readouterr().err
