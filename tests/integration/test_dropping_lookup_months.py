"""The monthly partitions of `lookup_log`: dropped after the retention."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import psycopg
from structlog.testing import capture_logs

from datadeling.config import Retention
from datadeling.db.database import Database
from datadeling.db.lookups import Lookups
from datadeling.operations.action import OperatorAction
from datadeling.operations.retention import MONTHS, Pruner, count_prunable, prune
from tests.integration.consuming import Start
from tests.integration.lookup_months import (
    create_months,
    look_up,
    months,
    name_of,
    present,
)
from tests.integration.storing import TOPIC

WHO = OperatorAction("an operator")
MONTH_AGO = Retention(lookup_log=timedelta(days=31))


def test_months_are_dropped_when_their_end_is_older_than_the_retention(
    database: Database, connection: psycopg.Connection
) -> None:
    first = present(connection)
    create_months(connection, first.later(-4).begins)
    ((now,),) = connection.execute("SELECT now()").fetchall()
    dropped = [name_of(first.later(-n)) for n in (4, 3)]
    remaining = months(connection).keys() - set(dropped)
    kept = Retention(lookup_log=now - first.later(-3).ends - timedelta(seconds=1))
    assert count_prunable(database, kept)[MONTHS] == 2
    assert prune(database, TOPIC, kept, WHO)[MONTHS] == 2
    assert months(connection).keys() == remaining
    rows = connection.execute("SELECT who, command, target FROM operator_log").fetchall()
    assert rows == [("an operator", "prune", TOPIC)]
    younger = Retention(lookup_log=now - first.later(-2).ends + timedelta(hours=1))
    assert count_prunable(database, younger)[MONTHS] == 0
    assert prune(database, TOPIC, younger, WHO)[MONTHS] == 0


def test_months_are_kept_for_five_years_by_default(
    database: Database, connection: psycopg.Connection
) -> None:
    first = present(connection)
    create_months(connection, first.later(-66).begins)
    ((cutoff,),) = connection.execute("SELECT now() - interval '1827 days'").fetchall()
    over = [month for n in range(55, 67) if (month := first.later(-n)).ends <= cutoff]
    assert prune(database, TOPIC, Retention(), WHO)[MONTHS] == len(over)
    assert name_of(max(over)) not in months(connection)
    assert name_of(max(over).later(1)) in months(connection)


def test_a_partition_without_an_end_is_never_dropped(
    database: Database, connection: psycopg.Connection
) -> None:
    connection.execute("CREATE TABLE the_rest PARTITION OF lookup_log DEFAULT")
    assert prune(database, TOPIC, MONTH_AGO, WHO)[MONTHS] == 0
    assert "the_rest" in months(connection)


def test_a_step_drops_one_month(database: Database, connection: psycopg.Connection) -> None:
    create_months(connection, present(connection).later(-14).begins)
    pruner = Pruner(TOPIC, MONTH_AGO)
    assert [pruner.step(database) for _ in range(2)] == [{MONTHS: 1}] * 2


def test_a_month_in_use_is_left_to_the_next_round_and_lookups_go_on(
    db_url: str, database: Database, connection: psycopg.Connection, lookups: Lookups
) -> None:
    """If the pruner waited for the lock, lookups would queue behind it and be refused after a second."""
    old = present(connection).later(-14)
    create_months(connection, old.begins)
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


def test_a_month_in_use_is_tried_once_a_round(
    db_url: str, database: Database, connection: psycopg.Connection
) -> None:
    create_months(connection, present(connection).later(-14).begins)
    pruner = Pruner(TOPIC, MONTH_AGO)
    connection.execute(
        "INSERT INTO operator_log (tidspunkt, who, command, target) VALUES ('2000-01-01', 'x', 'x', 'x')"
    )
    with psycopg.connect(db_url) as dump, capture_logs() as logged:
        dump.execute("SELECT count(*) FROM lookup_log")
        assert [pruner.step(database) for _ in range(2)] == [{"operator_log": 1}, {}]
    assert len(logged) == 1


def test_concurrent_pruning_drops_each_month_once(
    db_url: str, database: Database, connection: psycopg.Connection
) -> None:
    create_months(connection, present(connection).later(-24).begins)
    over = count_prunable(database, MONTH_AGO)[MONTHS]

    def one(_: int) -> int:
        with closing(Database(db_url, "test")) as own:
            return prune(own, TOPIC, MONTH_AGO, WHO)[MONTHS]

    with ThreadPoolExecutor(2) as pool:
        dropped = sum(pool.map(one, range(2)))
    assert dropped + prune(database, TOPIC, MONTH_AGO, WHO)[MONTHS] == over


def test_a_month_in_use_is_no_outage_of_the_database(
    db_url: str, start: Start, connection: psycopg.Connection
) -> None:
    old = present(connection).later(-72)
    create_months(connection, old.begins)
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
