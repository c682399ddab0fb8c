"""Pruning beside other transactions, and interrupted at any point."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest

from datadeling.config import Retention
from datadeling.db.database import Database
from datadeling.domain.hendelse import Place, Sletting
from datadeling.errors import DatabaseUnavailable
from datadeling.operations import retention as module
from datadeling.operations.action import OperatorAction
from datadeling.operations.retention import Pruner, prune
from datadeling.pipeline.store import Store
from tests.hendelser import avtale_id
from tests.integration.ageing import claim, claims, note, park, rows_left, supersede
from tests.integration.brittle import Brittle
from tests.integration.storing import TOPIC
from tests.waiting import wait_until

WHO = OperatorAction("an operator")
KEEP = Retention()
OLD = timedelta(minutes=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ROWS = 21


@pytest.fixture(autouse=True)
def all_old(store: Store, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Insert old rows into each table, many times the number that a step deletes."""
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 3)
    park(store, connection, "resolved", KEEP.handled + OLD, ROWS)
    supersede(store, connection, KEEP.history + OLD, copies=ROWS)
    for _ in range(ROWS):
        note(connection, "failed discard", KEEP.operator_log + OLD)
    claim(connection, LONG_AGO, LONG_AGO)
    return rows_left(connection)


@pytest.fixture
def other(db_url: str) -> Iterator[Database]:
    """Return a second connection."""
    with closing(Database(db_url, "other")) as other:
        yield other


@contextmanager
def meanwhile(connection: psycopg.Connection, function: Callable[[], object]) -> Iterator[Future[object]]:
    """Start a function, and run the block once it waits for a lock; yield its future."""

    def waits() -> bool:
        rows = connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return rows.rowcount == 1

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(function)
        wait_until(lambda: waits() or running.done(), "it waits for a lock")
        assert not running.done()
        yield running
        running.result(20)


def test_concurrent_pruning_deletes_each_row_once(
    database: Database, other: Database, connection: psycopg.Connection, all_old: dict[str, int]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda on: prune(on, TOPIC, KEEP, WHO), (database, other))
    assert {table: one[table] + two[table] for table in all_old} == all_old
    left = rows_left(connection)
    assert (left["failed_message"], left["avtale_historikk"]) == (0, 0)
    assert connection.execute("SELECT count(*) FROM operator_log WHERE command <> 'prune'").fetchone() == (0,)


def test_rows_that_another_transaction_deletes_are_skipped(database: Database, other: Database) -> None:
    Pruner(TOPIC, KEEP).step(database)
    with other.transaction() as tx:
        handled = tx.clock() - KEEP.handled
        tx.run("prune_failed_message", handled=handled, unhandled=handled, limit=5)
        tx.run("prune_avtale_historikk", history=tx.clock() - KEEP.history, limit=5)
        deleted = prune(database, TOPIC, KEEP, WHO)
    assert (deleted["failed_message"], deleted["avtale_historikk"]) == (ROWS - 3 - 5, ROWS - 3 - 5)


def test_a_tombstone_deletes_versions_while_pruning_waits(
    database: Database, other: Database, connection: psycopg.Connection
) -> None:
    pruner = Pruner(TOPIC, KEEP)
    with ExitStack() as ours:
        tx = ours.enter_context(other.transaction())
        tx.lock_partition(TOPIC, 1)
        with meanwhile(connection, partial(pruner.step, database)) as step:
            # It waits for us and holds no version that we might wait for.
            assert tx.delete([Sletting(avtale_id(1), Place(0, 1, 200_000))]).versions == ROWS
            ours.close()
            assert step.result(20) == {"failed_message": 3, "operator_log": 3}
    assert claims(connection)[0] == claims(connection)[1] > LONG_AGO


def test_a_tombstone_waits_for_pruning_and_deletes_the_rest(
    database: Database, other: Database, connection: psycopg.Connection
) -> None:
    with ExitStack() as ours:
        tx = ours.enter_context(database.transaction())
        tx.run("prune_avtale_historikk", history=tx.clock() - KEEP.history, limit=5)

        def tombstone() -> int:
            with other.transaction() as live:
                live.lock_partition(TOPIC, 0)
                return live.delete([Sletting(avtale_id(1), Place(0, 0, 200_000))]).versions

        with meanwhile(connection, tombstone) as versions:
            ours.close()
            assert versions.result(20) == ROWS - 5


def test_pruning_does_not_wait_for_a_batch_being_written(
    database: Database, other: Database, connection: psycopg.Connection
) -> None:
    pruner = Pruner(TOPIC, KEEP)
    pruner.step(database)  # moves the start of complete history
    with other.transaction() as tx:
        tx.lock_partition(TOPIC, 0)
        while pruner.step(database):
            pass
    left = rows_left(connection)
    assert (left["failed_message"], left["avtale_historikk"]) == (0, 0)


@pytest.mark.parametrize("exchange", range(0, 60, 4))
def test_pruning_killed_at_any_point_leaves_whole_steps_and_can_be_repeated(
    db_url: str, connection: psycopg.Connection, all_old: dict[str, int], exchange: int
) -> None:
    def kill(backend: int) -> None:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))

    with closing(Brittle(db_url, "killed")) as killed:
        with killed.transaction():
            pass
        killed.die(exchange, kill)
        with pytest.raises(DatabaseUnavailable):
            prune(killed, TOPIC, KEEP, WHO)
        left = rows_left(connection)
        (records,) = connection.execute(
            "SELECT count(*) FROM operator_log WHERE command = 'prune'"
        ).fetchall()
        gone = {table: all_old[table] - left[table] for table in all_old}
        gone["operator_log"] += records[0]
        assert records == (int(any(gone.values())),)
        assert {rows % 3 for rows in gone.values()} == {0}
        assert (min(claims(connection)) > LONG_AGO) == (gone["avtale_historikk"] > 0)
        killed.recover()
        prune(killed, TOPIC, KEEP, WHO)
    assert rows_left(connection)["avtale_historikk"] == 0
    assert connection.execute("SELECT FROM operator_log WHERE command <> 'prune'").rowcount == 0
