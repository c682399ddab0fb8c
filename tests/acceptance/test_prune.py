"""`datadeling prune` as an operator runs it."""

import psycopg
import pytest

from tests.acceptance.conftest import Run, Setting
from tests.acceptance.operating import Operator
from tests.waiting import wait_until

TABLES = ("failed_message", "avtale_historikk", "operator_log", "replay_job", "lookup_log_months")


@pytest.fixture
def operator(db_url: str) -> Operator:
    return Operator({"DB_URL": db_url, "KAFKA_TOPIC": "avtaler"})


@pytest.fixture(autouse=True)
def parked(connection: psycopg.Connection) -> None:
    """Insert failed messages that were handled 10, 29, 31 and 40 days ago."""
    connection.execute("""
        INSERT INTO failed_message (topic, generation, kafka_partition, kafka_offset, hendelse_tidspunkt,
                                    reason, message, state, updated_at)
        SELECT 'avtaler', 0, 0, days, now(), 'x', 'x', 'discarded', now() - make_interval(days => days)
        FROM unnest(ARRAY[10, 29, 31, 40]) AS days
    """)


def days_left(connection: psycopg.Connection) -> list[int]:
    rows = connection.execute("SELECT kafka_offset FROM failed_message ORDER BY 1").fetchall()
    return [days for (days,) in rows]


def records(connection: psycopg.Connection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT who, command, target FROM operator_log").fetchall()


def test_a_dry_run_deletes_nothing(operator: Operator, connection: psycopg.Connection) -> None:
    assert operator.json("prune", "--dry-run") == dict(zip(TABLES, (2, 0, 0, 0, 0), strict=True))
    table = operator.run("prune", "--dry-run")
    assert "rows to delete" in table
    assert all(name in table for name in TABLES)
    assert days_left(connection) == [10, 29, 31, 40]
    assert records(connection) == []


def test_old_rows_are_deleted_and_the_action_is_recorded(
    operator: Operator, connection: psycopg.Connection
) -> None:
    assert operator.json("prune", "--by", "Z999999") == dict(zip(TABLES, (2, 0, 0, 0, 0), strict=True))
    assert days_left(connection) == [10, 29]
    assert records(connection) == [("Z999999", "prune", "avtaler")]
    table = [line.split() for line in operator.run("prune").splitlines()]
    assert ["table", "rows", "deleted"] in table
    assert all([name, "0"] in table for name in TABLES)
    assert len(records(connection)) == 1


def test_the_environment_sets_how_long_rows_are_kept(db_url: str, connection: psycopg.Connection) -> None:
    env = {"DB_URL": db_url, "KAFKA_TOPIC": "avtaler"}
    assert Operator({**env, "KEEP_FAILED_DAYS": "35"}).json("prune")["failed_message"] == 1
    output = Operator({**env, "KEEP_FAILED_DAYS": "soon"}).run("prune", code=2)
    assert output == "datadeling: KEEP_FAILED_DAYS must be a whole number from 1 to 36500\n"
    assert days_left(connection) == [10, 29, 31]


def test_the_consumer_prunes_by_itself(run: Run, consumer: Setting, connection: psycopg.Connection) -> None:
    process = run({**consumer.env, "KEEP_FAILED_DAYS": "35"}, "consume")
    wait_until(lambda: days_left(connection) == [10, 29, 31], "old rows are deleted")
    wait_until(lambda: '"message": "pruned"' in process.output, "it is logged")
    assert '"failed_message": 1' in process.output
    assert records(connection) == []


def test_an_unavailable_database_is_named() -> None:
    alone = Operator({"DB_URL": "postgresql://postgres@127.0.0.1:1/nothing", "KAFKA_TOPIC": "avtaler"})
    assert "DatabaseUnavailable" in alone.run("prune", code=1)
