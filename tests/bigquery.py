"""A stand-in for BigQuery over HTTP, with the calls of its REST API that replace views.

It follows the documentation in these points: a view is sent without a schema; its columns come from its
query, and a new query removes their descriptions; a query over a missing table is refused, and so is a write
with an old ETag. sqlglot analyses the queries, not BigQuery. Access rights are not checked.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

Json = dict[str, Any]

_PATH = re.compile(
    r"/bigquery/v2/projects/(?P<project>[^/]+)/datasets/(?P<dataset>[^/?]+)(?P<tables>/tables)?(/(?P<table>[^/?]+))?"
)
# What the API calls a type, by what SQL calls it.
_TYPES = {"STRING": "STRING", "INT64": "INTEGER", "NUMERIC": "NUMERIC", "BOOL": "BOOLEAN"}
_TYPES |= {name: name for name in ("DATE", "TIMESTAMP")}
_SQL = {api: sql for sql, api in _TYPES.items()}


class Refused(Exception):
    """An error response of the API."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class BigQuery:
    """Datasets and tables of one project. Tests add the tables that Datastream creates."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.datasets: dict[str, Json] = {}
        self.tables: dict[tuple[str, str], Json] = {}
        self.requests: list[tuple[str, str]] = []
        self.before: list[Any] = []
        """Callbacks, one before each request that writes: changes by another user in between."""
        self._etag = 0

    def dataset(self, name: str) -> Json:
        """Create a dataset."""
        access = [{"role": "OWNER", "specialGroup": "projectOwners"}]
        self.datasets[name] = self._stored({"datasetReference": self._reference(name), "access": access})
        return self.datasets[name]

    def table(self, dataset: str, name: str, columns: dict[str, str]) -> None:
        """Create a table with the API's types of its columns; a `RECORD` is Datastream's metadata."""
        fields: list[Json] = [{"name": column, "type": type_} for column, type_ in columns.items()]
        for field in fields:
            if field["type"] == "RECORD":
                field["fields"] = [
                    {"name": "uuid", "type": "STRING"},
                    {"name": "source_timestamp", "type": "INTEGER"},
                ]
        reference = self._reference(dataset, name)
        self.tables[dataset, name] = self._stored(
            {"tableReference": reference, "type": "TABLE", "schema": {"fields": fields}}
        )

    def descriptions(self, dataset: str, view: str) -> dict[str, str]:
        """Return the description of each column of a view."""
        return {f["name"]: f.get("description", "") for f in self.tables[dataset, view]["schema"]["fields"]}

    def authorized(self, dataset: str) -> list[str]:
        """Return the authorized views of the dataset."""
        views = [entry["view"] for entry in self.datasets[dataset]["access"] if "view" in entry]
        return [f"{v['projectId']}.{v['datasetId']}.{v['tableId']}" for v in views]

    def answer(self, method: str, path: str, etag: str | None, body: Json) -> Json:
        """Return the response to a request. Raise `Refused`."""
        found = _PATH.match(path)
        if not found or found["project"] != self.project:
            raise Refused(404, "notFound", f"no such call: {path}")
        self.requests.append((method, f"{found['dataset']}{'.' + found['table'] if found['table'] else ''}"))
        if method != "GET" and self.before:
            self.before.pop(0)()
        if found["dataset"] not in self.datasets:
            raise Refused(404, "notFound", f"Not found: Dataset {self.project}:{found['dataset']}")
        if method == "POST":
            return self._insert(found["dataset"], body)
        stored = self._find(found["dataset"], found["table"])
        if method == "PATCH":
            if etag not in (None, stored["etag"]):
                raise Refused(412, "conditionNotMet", "Precondition check failed.")
            stored |= self._changed(stored, body)
            self._stored(stored)
        return stored

    def _find(self, dataset: str, table: str | None) -> Json:
        if table is None:
            return self.datasets[dataset]
        if (dataset, table) not in self.tables:
            raise Refused(404, "notFound", f"Not found: Table {self.project}:{dataset}.{table}")
        return self.tables[dataset, table]

    def _insert(self, dataset: str, body: Json) -> Json:
        key = dataset, body["tableReference"]["tableId"]
        if key in self.tables:
            raise Refused(409, "duplicate", "Already Exists")
        view = self._stored({**body, "type": "VIEW", **self._changed({"type": "VIEW"}, body)})
        self.tables[key] = view
        return view

    def _changed(self, stored: Json, body: Json) -> Json:
        if "view" in body:
            if "schema" in body:
                raise Refused(400, "invalid", "Schema field shouldn't be used as input with a view")
            return {**body, "schema": {"fields": self._columns(body["view"]["query"])}}
        if "schema" in body and _shape(body) != _shape(stored):
            raise Refused(400, "invalid", "Provided Schema does not match")
        if "labels" in body:
            return {**body, "labels": {**stored.get("labels", {}), **body["labels"]}}
        return body

    def _columns(self, query: str) -> list[Json]:
        """Return names and types of a query's columns."""
        schema: Json = {}
        for (dataset, table), resource in self.tables.items():
            columns = {
                f["name"]: _SQL.get(f["type"], "STRUCT<uuid STRING, source_timestamp INT64>")
                for f in resource["schema"]["fields"]
            }
            schema.setdefault(self.project, {}).setdefault(dataset, {})[table] = columns
        try:
            parsed = sqlglot.parse_one(query, dialect="bigquery")
            qualified = annotate_types(
                qualify(parsed, schema=schema, dialect="bigquery"), schema, dialect="bigquery"
            )
        except (ParseError, OptimizeError) as error:
            raise Refused(400, "invalidQuery", str(error)) from None
        assert isinstance(qualified, exp.Query)
        return [
            {"name": e.alias_or_name, "type": _TYPES[e.type.sql("bigquery")]}  # type: ignore[union-attr]
            for e in qualified.selects
        ]

    def _reference(self, dataset: str, table: str | None = None) -> Json:
        place = {"projectId": self.project, "datasetId": dataset}
        return {**place, "tableId": table} if table else place

    def _stored(self, resource: Json) -> Json:
        self._etag += 1
        resource["etag"] = f'"{self._etag}"'
        return resource


def _shape(resource: Json) -> list[tuple[str, str]]:
    return [(field["name"], field["type"]) for field in resource["schema"]["fields"]]


@contextmanager
def served(bigquery: BigQuery) -> Iterator[str]:
    """Serve HTTP until the block ends; yield the address. Issues a token to any request for one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            try:
                if self.path == "/token":
                    answer: Json = {"access_token": "any", "expires_in": 3600, "token_type": "Bearer"}
                else:
                    body = json.loads(content or "{}")
                    answer = bigquery.answer(self.command, self.path, self.headers.get("If-Match"), body)
                self._respond(200, answer)
            except Refused as refused:
                errors = [{"reason": refused.reason, "message": str(refused)}]
                self._respond(refused.status, {"error": {"message": str(refused), "errors": errors}})

        do_GET = do_POST = do_PATCH = do  # noqa: N815

        def _respond(self, status: int, document: Json) -> None:
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
