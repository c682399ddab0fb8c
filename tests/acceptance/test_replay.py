"""`datadeling replay` as an operator runs it: rows written, ranges, and refused arguments."""

from typing import Any

import psycopg
import pytest

from datadeling.pipeline.message import Message
from datadeling.pipeline.partitioner import partition_of
from tests.acceptance.conftest import Setting
from tests.acceptance.operating import Operator, Stored
from tests.acceptance.processes import number
from tests.acceptance.replaying import EVENTS, checksum, create_log, trace
from tests.hendelser import FNR, avtale_id, encoded, hendelse, melding, record, tombstone
from tests.pgoutput import peek


@pytest.fixture
def log() -> list[Message]:
    return create_log()


def written_by(connection: psycopg.Connection) -> dict[str, str]:
    """Return the transaction that wrote each avtale."""
    rows = connection.execute("SELECT avtale_id::text, xmin::text FROM avtale").fetchall()
    return dict(rows)


@pytest.fixture
def slot(connection: psycopg.Connection) -> Any:
    """Create a replication slot like the mirror's: pgoutput, only the table `avtale`."""
    connection.execute("CREATE PUBLICATION shared FOR TABLE avtale")
    name = f"slot_{connection.info.dbname}"
    connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
    yield name
    connection.execute("SELECT pg_drop_replication_slot(%s)", (name,))


def test_a_replay_over_an_up_to_date_database_writes_nothing(
    stored: Stored, operator: Operator, connection: psycopg.Connection, log: list[Message], slot: str
) -> None:
    stored(log)
    assert peek(connection, slot, "shared") != []
    connection.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (slot,))
    before, sum_before = trace(connection), checksum(connection)
    done = operator.json("replay", "--from-beginning", "--workers", "3")
    assert done["state"] == "done"
    assert sum(one["events"] for one in done["partitions"]) == EVENTS
    assert done["outcomes"] | {"unchanged": 0, "older": 0} == {
        "new": 0, "changed": 0, "unchanged": 0, "older": 0, "deleted": 0, "failed": 10,
    }  # fmt: skip
    assert trace(connection) == before
    assert checksum(connection) == sum_before
    assert peek(connection, slot, "shared") == []


def test_only_rows_that_differ_are_written(
    stored: Stored, operator: Operator, connection: psycopg.Connection, log: list[Message]
) -> None:
    stored(log)
    sum_before, history = checksum(connection), number(connection, "SELECT count(*) FROM avtale_historikk")
    chosen = "SELECT avtale_id FROM avtale WHERE bedrift_nr IS NOT NULL ORDER BY 1 LIMIT 1000"
    broken = {
        row[0]
        for row in connection.execute(f"SELECT avtale_id::text FROM avtale WHERE avtale_id IN ({chosen})")
    }
    connection.execute(
        "UPDATE avtale SET bedrift_nr = NULL WHERE avtale_id = ANY(%s::uuid[])", (list(broken),)
    )
    rows = written_by(connection)

    rehearsed = operator.json("replay", "--from-beginning", "--dry-run")
    assert written_by(connection) == rows
    done = operator.json("replay", "--from-beginning")
    assert done["outcomes"]["changed"] == 1_000
    assert done["columns"] == {"bedrift_nr": 1_000}
    assert rehearsed["outcomes"] == done["outcomes"]
    assert rehearsed["columns"] == done["columns"]
    assert len(rehearsed["examples"]["changed"]) == 20

    assert {avtale for avtale, by in written_by(connection).items() if by != rows[avtale]} == broken
    assert checksum(connection) == sum_before  # `mottatt_tidspunkt` included
    assert number(connection, "SELECT count(*) FROM avtale_historikk") == history


def test_one_avtale_is_read_from_its_own_partition(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(n, partition=n % 3) for n in range(30)])
    connection.execute("UPDATE avtale SET opphav = 'lost'")
    done = operator.json("replay", "--avtale", avtale_id(7))
    assert [(one["partition"], one["events"]) for one in done["partitions"]] == [(1, 10)]
    assert done["outcomes"]["changed"] == 1
    assert number(connection, "SELECT count(*) FROM avtale WHERE opphav IS NULL") == 1
    unknown = operator.json("replay", "--avtale", avtale_id(99))
    assert [one["partition"] for one in unknown["partitions"]] == [partition_of(avtale_id(99).encode(), 3)]


def test_deleted_avtaler_and_live_offsets_stay_as_they_are(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(1), melding(2), tombstone(1, offset=2), record(3, avtale_id(3).encode(), b"{")])
    operator.run("delete", "--avtale", avtale_id(2), "--reason", "asked for")
    before = trace(connection)
    dry = operator.run("replay", "--from-beginning", "--dry-run")
    assert "nothing has been written" in dry
    assert operator.json("replay", "--from-beginning")["outcomes"]["older"] == 3
    assert trace(connection) == before


def test_a_range_is_set_by_offsets_or_times(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(n, offset=n, partition=0) for n in range(10)])  # a minute apart
    connection.execute("UPDATE avtale SET opphav = 'lost'")

    def mended(*arguments: str) -> list[int]:
        operator.json("replay", *arguments)
        rows = connection.execute("SELECT kafka_offset FROM avtale WHERE opphav IS NULL ORDER BY 1")
        found = [offset for (offset,) in rows]
        connection.execute("UPDATE avtale SET opphav = 'lost'")
        return found

    assert mended("--from-offset", "0:7") == [7, 8, 9]
    assert mended("--from-offset", "0:2", "--to-offset", "0:4") == [2, 3]
    assert mended("--from-time", "2026-01-01T00:08Z") == [8, 9]
    assert mended("--from-time", "2026-01-01T01:03", "--to-time", "2026-01-01T01:05") == [3, 4]  # in Oslo
    assert mended("--from-beginning", "--to-offset", "0:999") == list(range(10))


def test_an_invalid_request_is_refused_and_leaves_no_replay(
    operator: Operator, stored: Stored, consumer: Setting
) -> None:
    assert "nothing has been read" in operator.run("replay", "--from-beginning", code=1)
    stored([record(0, avtale_id(1).encode(), encoded(hendelse(1)))])
    assert "partition 7" in operator.run("replay", "--from-offset", "7:0", code=1)
    assert "give one of --from-…, --avtale" in operator.run("replay", code=2)
    assert "partition:offset" in operator.run("replay", "--from-offset", "x", code=2)
    assert "must be a time" in operator.run("replay", "--from-time", "yesterday", code=2)
    assert "one of --from-beginning" in operator.run(
        "replay", "--from-beginning", "--from-time", "2026-01-01", code=2
    )
    assert "no replay 99" in operator.run("replay", "--resume", "99", code=1)
    assert "no replay 99" in operator.run("replay", "--cancel", "99", code=1)
    assert FNR not in operator.run("replay", "--from-beginning")
    replays = operator.json("replay", "--list")
    alone = Operator({name: value for name, value in consumer.env.items() if name != "KAFKA_BROKERS"})
    assert "KAFKA_BROKERS" in alone.run("replay", "--from-beginning", code=2)
    assert alone.json("replay", "--list") == replays  # nothing is left of the refused ones
