"""The months of the log of lookups: made in time, dropped when they are over for long, in nobody's way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
import yoyo
from structlog.testing import capture_logs

from datadeling.config import Retention
from datadeling.db.database import Database
from datadeling.db.lookup_log import create_months, time_left
from datadeling.db.lookups import Lookups
from datadeling.db.migrate import migrate
from datadeling.db.pool import Pool
from datadeling.db.transaction import Transaction
from datadeling.domain.month import Month
from datadeling.errors import UnstorableRow
from datadeling.operations.action import OperatorAction
from datadeling.operations.retention import MONTHS, Pruner, count_prunable, prune
from tests.integration.api.lookups import status
from tests.integration.api.rows import FNR
from tests.integration.audit.records import write_record
from tests.integration.consuming import Start
from tests.integration.storing import TOPIC

NEW_YEAR = datetime(2031, 12, 31, 23, 0, tzinfo=UTC)  # in Oslo it is 2032
WHO = OperatorAction("an operator")
MONTH_AGO = Retention(lookup_log=timedelta(days=31))


@pytest.fixture
def lookups(db_url: str) -> Iterator[Lookups]:
    pool = Pool(db_url, 2)
    pool.open()
    yield Lookups(pool)
    pool.close()


def months(connection: psycopg.Connection) -> dict[str, str]:
    rows = connection.execute("""
        SELECT relname, pg_get_expr(relpartbound, pg_class.oid)
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'lookup_log'::regclass
    """)
    return dict(rows.fetchall())


def make(connection: psycopg.Connection, now: datetime | None = None) -> list[str]:
    with connection.transaction():
        return create_months(Transaction(connection), now)


def drop_all(connection: psycopg.Connection) -> None:
    for name in months(connection):
        connection.execute(f"DROP TABLE {name}")


def look_up(lookups: Lookups) -> str:
    return status(lookups, [FNR], date(2026, 1, 1))


def present(connection: psycopg.Connection) -> Month:
    ((now,),) = connection.execute("SELECT now()").fetchall()
    return Month.of(now)


def name_of(month: Month) -> str:
    return f"lookup_log_{month.year}_{month.month:02d}"


def test_a_year_of_months_is_there_from_the_start(connection: psycopg.Connection) -> None:
    first = present(connection)
    assert list(months(connection)) == [name_of(first.later(n)) for n in range(12)]
    assert make(connection) == []


def test_months_are_made_for_any_time(connection: psycopg.Connection) -> None:
    made = make(connection, NEW_YEAR)
    assert (made[0], made[-1], len(made)) == ("lookup_log_2032_01", "lookup_log_2032_12", 12)
    assert months(connection)["lookup_log_2032_06"] == (
        "FOR VALUES FROM ('2032-05-31 22:00:00+00') TO ('2032-06-30 22:00:00+00')"
    )
    assert make(connection, NEW_YEAR - timedelta(seconds=1)) == ["lookup_log_2031_12"]
    assert make(connection, NEW_YEAR + timedelta(days=31)) == ["lookup_log_2033_01"]
    for time in (NEW_YEAR - timedelta(microseconds=1), NEW_YEAR):
        write_record(connection, tidspunkt=time)
    found = connection.execute(
        "SELECT tableoid::regclass::text FROM lookup_log ORDER BY tidspunkt"
    ).fetchall()
    assert found == [("lookup_log_2031_12",), ("lookup_log_2032_01",)]


def test_it_is_told_how_long_the_months_last(connection: psycopg.Connection) -> None:
    drop_all(connection)
    tx = Transaction(connection)
    assert time_left(tx, NEW_YEAR) == timedelta(0)
    make(connection, NEW_YEAR)
    assert time_left(tx, NEW_YEAR) == Month(2033, 1).begins - NEW_YEAR
    assert time_left(tx, NEW_YEAR - timedelta(seconds=1)) == timedelta(0)
    assert time_left(tx, Month(2033, 1).begins - timedelta(seconds=1)) == timedelta(seconds=1)
    assert time_left(tx, Month(2033, 1).begins) == timedelta(0)
    connection.execute("DROP TABLE lookup_log_2032_03")
    assert time_left(tx, NEW_YEAR) == Month(2032, 3).begins - NEW_YEAR


def test_the_consumer_tells_it(start: Start, connection: psycopg.Connection) -> None:
    consumer = start()
    consumer.loop.refresh_metrics()
    left = consumer.metric("datadeling_lookup_log_left_seconds")
    assert left is not None
    assert timedelta(days=330) < timedelta(seconds=left) < timedelta(days=367)
    drop_all(connection)
    consumer.loop.refresh_metrics()
    assert consumer.metric("datadeling_lookup_log_left_seconds") == 0


def test_a_month_that_was_detached_comes_back_with_its_records(connection: psycopg.Connection) -> None:
    name = name_of(present(connection))
    write_record(connection, tidspunkt=datetime.now(UTC))
    connection.execute(f"ALTER TABLE lookup_log DETACH PARTITION {name}")
    assert make(connection) == [name]
    assert connection.execute("SELECT count(*) FROM lookup_log").fetchone() == (1,)


def test_a_month_under_another_name_is_a_month(connection: psycopg.Connection) -> None:
    name = name_of(present(connection))
    connection.execute(f"ALTER TABLE {name} RENAME TO by_hand")
    assert make(connection) == []


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
def test_what_cannot_become_a_month_is_told_and_holds_up_nothing(
    connection: psycopg.Connection, lookups: Lookups, by_hand: str
) -> None:
    drop_all(connection)
    names = [name_of(present(connection).later(n)) for n in range(12)]
    for statement in by_hand.format(names[1], names[1]).split(";"):
        connection.execute(statement)
    with capture_logs() as logged:
        made = make(connection)
    assert made == [names[0], *names[2:]]
    assert [(line["event"], line["month"]) for line in logged] == [("lookup_log_month_refused", names[1])]
    look_up(lookups)


def test_many_at_once_make_each_month_once(db_url: str, connection: psycopg.Connection) -> None:
    drop_all(connection)

    def one(_: int) -> list[str]:
        with psycopg.connect(db_url, autocommit=True) as own:
            return make(own)

    with ThreadPoolExecutor(4) as pool:
        made = [name for names in pool.map(one, range(4)) for name in names]
    assert sorted(made) == sorted(months(connection))
    assert len(made) == 12


def test_lookups_and_the_making_of_months_do_not_wait_for_each_other(
    db_url: str, connection: psycopg.Connection, lookups: Lookups
) -> None:
    connection.execute("SET lock_timeout = '1s'")
    with psycopg.connect(db_url) as lookup:
        write_record(lookup, tidspunkt=datetime.now(UTC))  # and no commit yet
        with connection.transaction():
            assert len(create_months(Transaction(connection), NEW_YEAR)) == 12
            look_up(lookups)
            lookup.commit()


def test_months_go_when_their_end_is_older_than_they_are_kept(
    database: Database, connection: psycopg.Connection
) -> None:
    first = present(connection)
    make(connection, first.later(-4).begins)
    ((now,),) = connection.execute("SELECT now()").fetchall()
    went = [name_of(first.later(-n)) for n in (4, 3)]
    stayed = months(connection).keys() - set(went)
    kept = Retention(lookup_log=now - first.later(-3).ends - timedelta(seconds=1))
    assert count_prunable(database, kept)[MONTHS] == 2
    assert prune(database, TOPIC, kept, WHO)[MONTHS] == 2
    assert months(connection).keys() == stayed
    rows = connection.execute("SELECT who, command, target FROM operator_log").fetchall()
    assert rows == [("an operator", "prune", TOPIC)]
    younger = Retention(lookup_log=now - first.later(-2).ends + timedelta(hours=1))
    assert count_prunable(database, younger)[MONTHS] == 0
    assert prune(database, TOPIC, younger, WHO)[MONTHS] == 0


def test_months_are_kept_for_five_years_if_nobody_says_otherwise(
    database: Database, connection: psycopg.Connection
) -> None:
    first = present(connection)
    make(connection, first.later(-66).begins)
    ((cutoff,),) = connection.execute("SELECT now() - interval '1827 days'").fetchall()
    over = [month for n in range(55, 67) if (month := first.later(-n)).ends <= cutoff]
    assert prune(database, TOPIC, Retention(), WHO)[MONTHS] == len(over)
    assert name_of(max(over)) not in months(connection)
    assert name_of(max(over).later(1)) in months(connection)


def test_what_has_no_end_stays(database: Database, connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE the_rest PARTITION OF lookup_log DEFAULT")
    assert prune(database, TOPIC, MONTH_AGO, WHO)[MONTHS] == 0
    assert "the_rest" in months(connection)


def test_a_step_drops_one_month(database: Database, connection: psycopg.Connection) -> None:
    make(connection, present(connection).later(-14).begins)
    pruner = Pruner(TOPIC, MONTH_AGO)
    assert [pruner.step(database) for _ in range(2)] == [{MONTHS: 1}] * 2


def test_a_held_month_is_left_to_the_next_round_and_lookups_go_on(
    db_url: str, database: Database, connection: psycopg.Connection, lookups: Lookups
) -> None:
    """Were it waited for, lookups would wait behind, and be refused after a second."""
    old = present(connection).later(-14)
    make(connection, old.begins)
    pruner = Pruner(TOPIC, MONTH_AGO)
    with psycopg.connect(db_url) as dump, ThreadPoolExecutor(1) as pool, capture_logs() as logged:
        dump.execute("SELECT count(*) FROM lookup_log")
        step = pool.submit(pruner.step, database)
        look_up(lookups)
        while not step.done():
            look_up(lookups)
        assert step.result() == {}
        assert [line["event"] for line in logged] == ["lookup_log_month_is_held"]
    assert name_of(old) in months(connection)
    assert pruner.step(database) == {MONTHS: 1}
    assert name_of(old) not in months(connection)


def test_within_a_round_it_tries_once(
    db_url: str, database: Database, connection: psycopg.Connection
) -> None:
    make(connection, present(connection).later(-14).begins)
    pruner = Pruner(TOPIC, MONTH_AGO)
    connection.execute(
        "INSERT INTO operator_log (tidspunkt, who, command, target) VALUES ('2000-01-01', 'x', 'x', 'x')"
    )
    with psycopg.connect(db_url) as dump, capture_logs() as logged:
        dump.execute("SELECT count(*) FROM lookup_log")
        assert [pruner.step(database) for _ in range(2)] == [{"operator_log": 1}, {}]
    assert len(logged) == 1


def test_two_that_drop_at_once(db_url: str, database: Database, connection: psycopg.Connection) -> None:
    make(connection, present(connection).later(-24).begins)
    over = count_prunable(database, MONTH_AGO)[MONTHS]

    def one(_: int) -> int:
        with closing(Database(db_url, "test")) as own:
            return prune(own, TOPIC, MONTH_AGO, WHO)[MONTHS]

    with ThreadPoolExecutor(2) as pool:
        dropped = sum(pool.map(one, range(2)))
    assert dropped + prune(database, TOPIC, MONTH_AGO, WHO)[MONTHS] == over


def test_the_consumer_makes_them_every_hour(start: Start, connection: psycopg.Connection) -> None:
    expected = months(connection)
    consumer = start()
    consumer.loop.run_once()
    drop_all(connection)
    consumer.loop.run_once()
    assert months(connection) == {}
    consumer.loop._prune_at -= 3_600
    consumer.loop.run_once()
    assert months(connection) == expected


def test_a_reader_of_a_month_that_is_over_is_no_outage(
    db_url: str, start: Start, connection: psycopg.Connection
) -> None:
    old = present(connection).later(-72)
    make(connection, old.begins)
    consumer = start()
    with psycopg.connect(db_url) as dump:
        dump.execute(f"SELECT count(*) FROM {name_of(old)}")
        consumer.loop.run_once()
        assert consumer.health.database.available
        assert not consumer.health.database.failing
    assert name_of(old) in months(connection)
    consumer.loop._prune_at -= 3_600
    consumer.loop.run_once()
    assert name_of(old) not in months(connection)


def test_without_its_month_a_lookup_is_refused(connection: psycopg.Connection, lookups: Lookups) -> None:
    drop_all(connection)
    with pytest.raises(UnstorableRow, match="23514"):
        look_up(lookups)


def test_the_log_is_rolled_back_with_its_months_and_begun_again(empty_db_url: str) -> None:
    migrate(empty_db_url)
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        name = name_of(present(connection))
        write_record(connection, tidspunkt=datetime.now(UTC))
        connection.execute(f"ALTER TABLE lookup_log DETACH PARTITION {name}")
        backend = yoyo.get_backend(empty_db_url.replace("postgresql:", "postgresql+psycopg:"))
        try:
            backend.rollback_migrations(
                [m for m in backend.to_rollback(yoyo.read_migrations("migrations")) if m.id >= "0007"]
            )
        finally:
            backend.connection.close()
        left = connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'lookup_log%'").fetchall()
        assert left == [(name,)]
        migrate(empty_db_url)
        assert len(months(connection)) == 12
        assert connection.execute("SELECT count(*) FROM lookup_log").fetchone() == (1,)
