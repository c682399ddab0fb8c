"""Plans of the admin calls: they use indexes, and a report on a month of lookups reads that month only.

The report reads all of that: it is about every lookup. What is done to messages and
replays goes by place and id.
"""

from datetime import datetime
from typing import Any

import psycopg
import pytest

from datadeling.db.lookup_log import create_months
from datadeling.db.queries import queries
from datadeling.db.transaction import Transaction

_PLACE = {"topic": "t", "generation": 0, "partition": 1, "offset": 1_000}
_ANY = {"topic": "t", "limit": 100, "ids": None, "states": None}
_QUERIES = {
    "the first failed messages": ("list_failed", {"topic": "t", "state": None, "reason": None, "limit": 100}),
    "those that wait": ("list_failed", {"topic": "t", "state": "new", "reason": None, "limit": 100}),
    "one of them": ("select_failed", _PLACE),
    "discard one": ("discard_failed", _PLACE),
    "the newest replays": ("select_replays", _ANY),
    "one replay": ("select_replays", {**_ANY, "ids": [5_000]}),
    "how far it has come": ("select_replay_partitions", {"id": 5_000}),
    "cancel it": ("cancel_replay", {"topic": "t", "id": 5_000}),
}
_TABLES = {"failed_message", "replay_job", "replay_job_partition"}


@pytest.mark.parametrize("query", _QUERIES.values(), ids=_QUERIES)
def test_no_whole_table_is_read(query: tuple[str, dict[str, Any]], connection: psycopg.Connection) -> None:
    _fill(connection)
    name, values = query
    plan = _explain(connection, name, values)
    read = [node["Node Type"] for node in _nodes(plan) if node.get("Relation Name") in _TABLES]
    assert read
    assert "Seq Scan" not in read


def test_a_report_reads_one_month(connection: psycopg.Connection) -> None:
    months = [datetime.fromisoformat(f"2026-{month}-01T00:00:00+01:00") for month in ("11", "12")]
    with connection.transaction():
        create_months(Transaction(connection), months[0])
    values = {"begins": months[0], "ends": months[1], "consumer": None}
    plan = _explain(connection, "audit_lookups", values)
    names = {node["Relation Name"] for node in _nodes(plan) if "Relation Name" in node}
    assert names == {"lookup_log_2026_11"}


def _fill(connection: psycopg.Connection) -> None:
    connection.execute("""
        INSERT INTO failed_message
            (topic, generation, kafka_partition, kafka_offset, hendelse_tidspunkt, reason, message)
        SELECT 't', 0, n % 3, n, now(), 'malformed_json', 'not one JSON object'
        FROM generate_series(1, 20000) AS n
    """)
    connection.execute("""
        INSERT INTO replay_job (topic, state) SELECT 't', 'done' FROM generate_series(1, 10000)
    """)
    connection.execute("""
        INSERT INTO replay_job_partition
            (job_id, kafka_partition, generation, from_offset, next_offset, to_offset)
        SELECT id, p, 0, 0, 9, 9 FROM replay_job, generate_series(0, 2) AS p
    """)
    connection.execute("ANALYZE failed_message, replay_job, replay_job_partition")


def _explain(connection: psycopg.Connection, name: str, values: dict[str, Any]) -> Any:
    row = connection.execute("EXPLAIN (FORMAT JSON) " + queries[name].as_string(), values).fetchone()
    assert row
    return row[0][0]["Plan"]


def _nodes(plan: Any) -> list[Any]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in _nodes(inner))]
