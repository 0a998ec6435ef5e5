"""MongoDB against mongo-java-server, which others wrote: results, waiting, and what goes wrong."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.conformance.relays import relayed
from tests.flows.support import run_text, step, verdicts

DOCUMENTS = """
flow:
  name: documents
  steps:
    - id: first
      action: mongodb.insert_one
      config:
        collection: orders
        document:
          n: 1
          big: 9007199254740993
          price: 12.50
          exact: {$numberDecimal: "0.10"}
          at: {$date: "2026-03-16T11:00:00.5+01:00"}
          raw: {$binary: {base64: AAH/, subType: "00"}}
          who: {$uuid: 0b9f9e0c-6a3e-4a53-9a44-3d2f2b1c0f11}
          inner: {list: [1, null, {a: true}], none: null}
          rx: {$regularExpression: {pattern: "^a", options: i}}
      assert: [inserted_count == 1, 'inserted_id matches "^[0-9a-f]{24}$"']
    - id: more
      action: mongodb
      config: {operation: insert_many, collection: orders, documents: [{n: 2, _id: own}, {n: 3}, {n: 4}]}
      assert: ["inserted_ids[0] == 'own'", inserted_count == 3]
    - id: again
      action: mongodb.find_one
      config: {collection: orders, filter: {_id: "${first.inserted_id}"}}
      assert:
        - document._id == first.inserted_id
        - document.big == 9007199254740993
        - document.price == 12.5
        - document.exact == 0.1
        - document.at == "2026-03-16T10:00:00.500000Z"
        - document.raw == "AAH/"
        - document.who == "0b9f9e0c-6a3e-4a53-9a44-3d2f2b1c0f11"
        - document.inner.list[1] is null
        - document.inner.none is null
        - document.rx["$regularExpression"].pattern == "^a"
        - count == 1
    - id: found
      action: mongodb
      config: {collection: orders, filter: {n: {$gte: 2}}, sort: -n, limit: 2, projection: [n]}
      assert: ["documents[0].n == 4", count == 2, "documents[1]._id exists", exists == true]
    - id: counted
      action: mongodb.count
      config: {collection: orders, filter: {n: {$in: [1, 2]}}}
      assert: [count == 2]
    - id: summed
      action: mongodb.aggregate
      config: {collection: orders, pipeline: [{$group: {_id: null, total: {$sum: $n}}}]}
      assert: ["documents[0].total == 10"]
    - id: different
      action: mongodb.distinct
      config: {collection: orders, field: n, filter: {n: {$lt: 3}}}
      assert: ["values == [1, 2]"]
    - id: changed
      action: mongodb.update_one
      config: {collection: orders, filter: {_id: "${first.inserted_id}"}, update: {$set: {n: 9}}}
      assert: [matched_count == 1, modified_count == 1]
    - id: replaced
      action: mongodb.replace_one
      config: {collection: orders, filter: {_id: new}, replacement: {n: 7}, upsert: true}
      assert: [matched_count == 0, 'upserted_id == "new"']
    - id: pinged
      action: mongodb.command
      config: {command: ping}
      assert: [reply.ok == 1]
    - id: gone
      action: mongodb.delete_many
      config: {collection: orders, filter: {n: {$gt: 2}}}
      assert: [deleted_count == 4]
    - id: nothing
      action: mongodb.find
      wait: none
      config: {collection: orders, filter: {n: 3}}
      assert: [count == 0, document is null, exists == false]
"""


@pytest.fixture
def mongo_process(mongo_server: str) -> dict[str, str]:
    """The environment of a run that uses the server."""
    return {"MONGODB_URL": f"mongodb://{mongo_server}/t{uuid4().hex[:10]}"}


@pytest.mark.server("mongodb")
def test_documents_are_written_found_changed_and_deleted(tmp_path: Path, mongo_process: dict[str, str]) -> None:
    run = run_text(
        tmp_path,
        DOCUMENTS,
        process=mongo_process,
    )
    passes(run)


@pytest.mark.server("mongodb")
def test_a_document_read_waits_and_a_refused_operation_is_an_error(
    tmp_path: Path, mongo_process: dict[str, str]
) -> None:
    import pymongo

    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(mongo_process["MONGODB_URL"])
    orders = client.get_default_database()["orders"]
    orders.create_index("n", unique=True)
    orders.insert_many([{"n": number} for number in range(1, 10_100)])

    def later() -> None:
        time.sleep(0.25)
        orders.insert_one({"n": -1})

    thread = threading.Thread(target=later)
    thread.start()
    tail = "on_error: continue, assert: [count == 1]"
    run = run_text(
        tmp_path,
        flow_of(
            "{id: r, action: mongodb.find, config: {collection: orders, filter: {n: -1}}, assert: [count == 1]}",
            f"{{id: twice, action: mongodb.insert_one, config: {{collection: orders, document: {{n: 5}}}}, {tail}}}",
            f"{{id: many, action: mongodb.insert_many, config: {{collection: orders, documents: [{{n: 5}}]}}, {tail}}}",
            f"{{id: odd, action: mongodb.find, config: {{collection: orders, filter: {{$nope: 1}}}}, {tail}}}",
            f"{{id: cmd, action: mongodb.command, config: {{command: nonsense}}, {tail}}}",
            f"{{id: big, action: mongodb.find, config: {{collection: orders}}, {tail}}}",
            f"{{id: huge, action: mongodb.insert_one, config: {{collection: o, document: {{n: 9223372036854775808}}}},"
            f" {tail}}}",
            f"{{id: oid, action: mongodb.find, config: {{collection: o, filter: {{_id: {{$oid: xyz}}}}}}, {tail}}}",
            f"{{id: url, action: mongodb.find, config: {{collection: o, url: 'http://h'}}, {tail}}}",
        ),
        process=mongo_process,
    )
    thread.join()
    client.close()
    assert len(step(run, "r").exchanges[0].candidates) >= 2
    kinds = {found.id: found.exchanges[0].error_type for found in run.flows[0].steps}
    server = dict.fromkeys(("twice", "many", "odd", "cmd", "big"), "server")
    assert kinds == {"r": "", **server, **dict.fromkeys(("huge", "oid", "url"), "config")}
    assert "E11000 duplicate key" in step(run, "twice").message
    assert "document 0: E11000" in step(run, "many").message
    assert "unknown top level operator: $nope" in step(run, "odd").message
    assert "more than 10000 documents; add a limit" in step(run, "big").message
    assert "document.n: 9223372036854775808 does not fit into 64 bits" in step(run, "huge").message
    assert "filter._id.$oid: 'xyz' is not a valid ObjectId" in step(run, "oid").message


@pytest.mark.server("mongodb")
def test_a_server_that_is_killed_while_a_step_waits_is_an_error(tmp_path: Path, mongo_server: str) -> None:
    with relayed(int(mongo_server.partition(":")[2]), 0.6) as port:
        run = run_text(
            tmp_path,
            flow_of(
                f'{{id: r, action: mongodb.find, on_error: continue, config: {{url: "mongodb://127.0.0.1:{port}/d",'
                " collection: c}, assert: [count == 1]}",
                f'{{id: again, action: mongodb.count, config: {{url: "mongodb://127.0.0.1:{port}/d", collection: c}},'
                " assert: [count == 1]}",
            ),
        )
    assert verdicts(run) == {"r": "error", "again": "error"}
    assert len(step(run, "r").exchanges[0].candidates) > 1
    assert {found.exchanges[0].error_type for found in run.flows[0].steps} == {"connection"}
    assert f"127.0.0.1:{port}: connection refused" in step(run, "again").message


@pytest.mark.server("mongodb")
def test_operations_may_be_spelt_as_drivers_spell_them(tmp_path: Path, mongo_process: dict[str, str]) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            "{id: a, action: mongodb.insert, config: {collection: c, documents: [{n: 1}, {n: 2}]},"
            " assert: [inserted_count == 2]}",
            "{id: b, action: mongodb.insertOne, config: {collection: c, document: {n: 3}},"
            " assert: [inserted_count == 1]}",
            "{id: c, action: mongodb, config: {operation: countDocuments, collection: c}, assert: [count == 3]}",
            "{id: d, action: mongodb, config: {operation: update, collection: c, filter: {}, update: {$set: {x: 1}}},"
            " assert: [modified_count == 3]}",
            "{id: e, action: mongodb.findOne, config: {collection: c, filter: {n: 2}}, assert: [document.x == 1]}",
            "{id: f, action: mongodb.delete, config: {collection: c, filter: {n: {$gt: 1}}},"
            " assert: [deleted_count == 2]}",
        ),
        process=mongo_process,
    )
    passes(run)
    assert step(run, "e").action == "mongodb"


CONNECTED = {
    "mongodb": lambda port: f'{{url: "mongodb://u:{SECRET}@127.0.0.1:{port}/d", collection: c}}',
}


@failing_servers(CONNECTED)
def test_a_failing_mongodb_server_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
