"""`views --apply` with Google's own client. BigQuery cannot be had: a server here stands in for it."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from datadeling.mirror.bigquery import apply
from datadeling.mirror.views import VIEWS

_VIEW = re.compile(r"CREATE OR REPLACE VIEW `([\w-]+)\.(\w+)\.(\w+)`")
_OTHERS = {"role": "READER", "userByEmail": "analyst@example.com"}


class Warehouse:
    """What is in it: views by address, with what has been said of them, and who may read the datasets."""

    def __init__(self) -> None:
        self.views: dict[str, dict[str, Any]] = {}
        self.access: dict[str, list[dict[str, Any]]] = {"mirrored": [_OTHERS], "shared": []}

    def run(self, sql: str) -> None:
        """Make or replace a view. What was said of its columns is gone then."""
        found = _VIEW.match(sql)
        assert found, sql
        address = f"projects/{found[1]}/datasets/{found[2]}/tables/{found[3]}"
        reference = {"projectId": found[1], "datasetId": found[2], "tableId": found[3]}
        self.views[address] = {"tableReference": reference, "type": "VIEW", "etag": "1", "sql": sql}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        address = path.partition("/bigquery/v2/")[2].partition("?")[0]
        if address.endswith("/jobs") or "/queries" in address or "/jobs/" in address:
            if method == "POST":
                self.run(body["configuration"]["query"]["query"])
            job = {
                "projectId": "p",
                "jobId": body.get("jobReference", {}).get("jobId", "job"),
                "location": "EU",
            }
            query = {"query": "", "destinationTable": None}
            return {
                "jobReference": job, "status": {"state": "DONE"}, "jobComplete": True, "totalRows": "0",
                "configuration": {"query": query, "jobType": "QUERY"}, "statistics": {"query": {}},
                "schema": {"fields": []},
            }  # fmt: skip
        if "/tables/" in address:
            self.views[address] |= body
            return self.views[address]
        name = address.rpartition("/")[2]
        if method == "PATCH":
            self.access[name] = body["access"]
        reference = {"projectId": "p", "datasetId": name}
        return {"datasetReference": reference, "access": self.access[name], "etag": "1"}


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse()


@pytest.fixture
def client(warehouse: Warehouse) -> Iterator[bigquery.Client]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = json.dumps(warehouse.answer(self.command, self.path, json.loads(body or b"{}"))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    options = ClientOptions(api_endpoint=f"http://127.0.0.1:{server.server_port}")
    client = bigquery.Client("p", AnonymousCredentials(), client_options=options)  # type: ignore[no-untyped-call]
    yield client
    client.close()  # type: ignore[no-untyped-call]
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_view_is_made_and_described(client: bigquery.Client, warehouse: Warehouse) -> None:
    done = list(apply(client, "p.mirrored", "p.mirrored"))
    assert done == [f"p.mirrored.{view.name}" for view in VIEWS]
    for view in VIEWS:
        made = warehouse.views[f"projects/p/datasets/mirrored/tables/{view.name}"]
        assert made["sql"] == view.sql("p.mirrored")
        told = [(field["name"], field["description"]) for field in made["schema"]["fields"]]
        assert told == [(column.name, column.description) for column in view.columns]
        assert made["description"] == view.description
        assert made["labels"] == view.labels
    assert warehouse.access["mirrored"] == [_OTHERS]


def test_descriptions_are_there_again_after_a_view_has_been_replaced(
    client: bigquery.Client, warehouse: Warehouse
) -> None:
    list(apply(client, "p.mirrored", "p.mirrored"))
    before = {address: view["schema"] for address, view in warehouse.views.items()}
    list(apply(client, "p.mirrored", "p.mirrored"))
    assert {address: view["schema"] for address, view in warehouse.views.items()} == before


def test_views_in_another_dataset_may_read_the_tables_and_nobody_loses_access(
    client: bigquery.Client, warehouse: Warehouse
) -> None:
    for _ in range(2):
        list(apply(client, "p.mirrored", "p.shared"))
    entries = warehouse.access["mirrored"]
    assert entries[0] == _OTHERS
    assert [entry["view"]["tableId"] for entry in entries[1:]] == [view.name for view in VIEWS]
    assert warehouse.access["shared"] == []
