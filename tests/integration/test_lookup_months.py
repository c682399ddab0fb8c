"""The monthly partitions of `lookup_log`: created ahead of time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import yoyo
from structlog.testing import capture_logs

from datadeling.db import lookup_log
from datadeling.db.lookups import Lookups
from datadeling.db.migrate import migrate
from datadeling.db.transaction import Transaction
from datadeling.domain.month import Month
from datadeling.errors import UnstorableRow
from tests.integration.audit.records import write_record
from tests.integration.consuming import Start
from tests.integration.lookup_months import (
    create_months,
    drop_months,
    look_up,
    months,
    name_of,
    present,
)
from tests.integration.schema import migration_backend

NEW_YEAR = datetime(2031, 12, 31, 23, 0, tzinfo=UTC)  # in Oslo it is 2032


def test_the_migration_creates_a_year_of_months(connection: psycopg.Connection) -> None:
    first = present(connection)
    assert list(months(connection)) == [name_of(first.later(n)) for n in range(12)]
    assert create_months(connection) == []


def test_months_begin_at_midnight_in_oslo(connection: psycopg.Connection) -> None:
    made = create_months(connection, NEW_YEAR)
    assert (made[0], made[-1], len(made)) == ("lookup_log_2032_01", "lookup_log_2032_12", 12)
    assert months(connection)["lookup_log_2032_06"] == (
        "FOR VALUES FROM ('2032-05-31 22:00:00+00') TO ('2032-06-30 22:00:00+00')"
    )
    assert create_months(connection, NEW_YEAR - timedelta(seconds=1)) == ["lookup_log_2031_12"]
    assert create_months(connection, NEW_YEAR + timedelta(days=31)) == ["lookup_log_2033_01"]
    for time in (NEW_YEAR - timedelta(microseconds=1), NEW_YEAR):
        write_record(connection, tidspunkt=time)
    found = connection.execute(
        "SELECT tableoid::regclass::text FROM lookup_log ORDER BY tidspunkt"
    ).fetchall()
    assert found == [("lookup_log_2031_12",), ("lookup_log_2032_01",)]


def test_the_time_left_ends_at_the_first_missing_month(connection: psycopg.Connection) -> None:
    drop_months(connection)
    tx = Transaction(connection)
    assert lookup_log.time_left(tx, NEW_YEAR) == timedelta(0)
    create_months(connection, NEW_YEAR)
    assert lookup_log.time_left(tx, NEW_YEAR) == Month(2033, 1).begins - NEW_YEAR
    assert lookup_log.time_left(tx, NEW_YEAR - timedelta(seconds=1)) == timedelta(0)
    assert lookup_log.time_left(tx, Month(2033, 1).begins - timedelta(seconds=1)) == timedelta(seconds=1)
    assert lookup_log.time_left(tx, Month(2033, 1).begins) == timedelta(0)
    connection.execute("DROP TABLE lookup_log_2032_03")
    assert lookup_log.time_left(tx, NEW_YEAR) == Month(2032, 3).begins - NEW_YEAR


def test_the_time_left_is_a_metric_of_the_consumer(start: Start, connection: psycopg.Connection) -> None:
    consumer = start()
    consumer.loop.refresh_metrics()
    left = consumer.metric("datadeling_lookup_log_left_seconds")
    assert left is not None
    assert timedelta(days=330) < timedelta(seconds=left) < timedelta(days=367)
    drop_months(connection)
    consumer.loop.refresh_metrics()
    assert consumer.metric("datadeling_lookup_log_left_seconds") == 0


def test_a_detached_month_is_attached_again_with_its_records(connection: psycopg.Connection) -> None:
    name = name_of(present(connection))
    write_record(connection, tidspunkt=datetime.now(UTC))
    connection.execute(f"ALTER TABLE lookup_log DETACH PARTITION {name}")
    assert create_months(connection) == [name]
    assert connection.execute("SELECT count(*) FROM lookup_log").fetchone() == (1,)


def test_a_month_of_another_name_is_not_created_again(connection: psycopg.Connection) -> None:
    name = name_of(present(connection))
    connection.execute(f"ALTER TABLE {name} RENAME TO by_hand")
    assert create_months(connection) == []


@pytest.mark.parametrize(
    "by_hand",
    [
        pytest.param("CREATE TABLE {} (x integer)", id="another table"),
        pytest.param("CREATE VIEW {} AS SELECT 1 AS x", id="a view"),
        pytest.param(
            "CREATE TABLE {} (LIKE lookup_log);"
            "INSERT INTO {} SELECT '2000-01-01', '', '', '', '', '{{}}', '', '{{}}', '{{}}', '{{}}', 0",
            id="records of another month",
        ),
    ],
)
def test_a_relation_in_the_place_of_a_month_is_logged_and_the_others_are_created(
    connection: psycopg.Connection, lookups: Lookups, by_hand: str
) -> None:
    drop_months(connection)
    names = [name_of(present(connection).later(n)) for n in range(12)]
    for statement in by_hand.format(names[1], names[1]).split(";"):
        connection.execute(statement)
    with capture_logs() as logged:
        made = create_months(connection)
    assert made == [names[0], *names[2:]]
    assert [(line["event"], line["month"]) for line in logged] == [("lookup_log_month_refused", names[1])]
    look_up(lookups)


def test_concurrent_creation_creates_each_month_once(db_url: str, connection: psycopg.Connection) -> None:
    drop_months(connection)

    def one(_: int) -> list[str]:
        with psycopg.connect(db_url, autocommit=True) as own:
            return create_months(own)

    with ThreadPoolExecutor(4) as pool:
        made = [name for names in pool.map(one, range(4)) for name in names]
    assert sorted(made) == sorted(months(connection))
    assert len(made) == 12


def test_lookups_and_the_creation_of_months_do_not_block_each_other(
    db_url: str, connection: psycopg.Connection, lookups: Lookups
) -> None:
    connection.execute("SET lock_timeout = '1s'")
    with psycopg.connect(db_url) as lookup:
        write_record(lookup, tidspunkt=datetime.now(UTC))  # and no commit yet
        with connection.transaction():
            assert len(lookup_log.create_months(Transaction(connection), NEW_YEAR)) == 12
            look_up(lookups)
            lookup.commit()


def test_the_consumer_creates_months_every_hour(start: Start, connection: psycopg.Connection) -> None:
    expected = months(connection)
    consumer = start()
    consumer.loop.run_once()
    drop_months(connection)
    consumer.loop.run_once()
    assert months(connection) == {}
    consumer.loop._prune_at -= 3_600
    consumer.loop.run_once()
    assert months(connection) == expected


def test_a_lookup_without_its_month_is_refused(connection: psycopg.Connection, lookups: Lookups) -> None:
    drop_months(connection)
    with pytest.raises(UnstorableRow, match="23514"):
        look_up(lookups)


def test_the_log_is_rolled_back_with_its_months_and_created_again(empty_db_url: str) -> None:
    migrate(empty_db_url)
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        name = name_of(present(connection))
        write_record(connection, tidspunkt=datetime.now(UTC))
        connection.execute(f"ALTER TABLE lookup_log DETACH PARTITION {name}")
        with migration_backend(empty_db_url) as backend:
            migrations = backend.to_rollback(yoyo.read_migrations("migrations"))
            backend.rollback_migrations([m for m in migrations if m.id >= "0007"])
        left = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'lookup_log%'").fetchall()
        assert left == [(name,)]
        migrate(empty_db_url)
        assert len(months(connection)) == 12
        assert connection.execute("SELECT count(*) FROM lookup_log").fetchone() == (1,)
