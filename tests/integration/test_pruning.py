"""Retention: the rows that a step deletes, and the time from which history is complete."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest

from datadeling.config import Retention
from datadeling.db.database import Database
from datadeling.errors import DatabaseBug
from datadeling.operations import retention as module
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from datadeling.operations.retention import MONTHS, Pruner, count_prunable, prune
from datadeling.pipeline.store import Store
from tests.hendelser import FNR, avtale_id, melding
from tests.integration.ageing import claim, claims, mark, note, park, replayed, rows_left, supersede
from tests.integration.storing import TOPIC, tables, write

Step = Callable[[], dict[str, int]]

WHO = OperatorAction(f"an operator {FNR}")
KEEP = Retention()
YOUNG, OLD = -timedelta(minutes=1), timedelta(minutes=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def step(database: Database) -> Step:
    return partial(Pruner(TOPIC, KEEP).step, database)


@pytest.fixture
def all_old(store: Store, connection: psycopg.Connection) -> dict[str, int]:
    """Insert five old rows into each table, and return the number of rows by table."""
    park(store, connection, "resolved", KEEP.handled + OLD, 5)
    supersede(store, connection, KEEP.history + OLD, copies=5)
    for _ in range(5):
        note(connection, "failed discard", KEEP.operator_log + OLD)
        replayed(connection, "done", KEEP.replay_jobs + OLD)
    return rows_left(connection)


@pytest.mark.parametrize("past", [pytest.param(YOUNG, id="young"), pytest.param(OLD, id="old")])
@pytest.mark.parametrize("state", ["new", "resolved", "superseded", "discarded"])
def test_old_failed_messages_are_deleted(
    store: Store, step: Step, connection: psycopg.Connection, state: str, past: timedelta
) -> None:
    park(store, connection, state, (KEEP.unhandled if state == "new" else KEEP.handled) + past)
    assert step() == ({"failed_message": 1} if past == OLD else {})
    assert rows_left(connection)["failed_message"] == int(past != OLD)


def test_old_failed_messages_of_a_former_topic_are_deleted(
    store: Store, step: Step, connection: psycopg.Connection
) -> None:
    park(store, connection, "new", KEEP.unhandled + OLD)
    connection.execute("UPDATE failed_message SET topic = 'an earlier one'")
    assert step() == {"failed_message": 1}


@pytest.mark.parametrize("past", [pytest.param(YOUNG, id="young"), pytest.param(OLD, id="old")])
@pytest.mark.parametrize("state", ["requested", "stopped", "done", "failed", "cancelled"])
def test_old_replays_are_deleted(
    step: Step, connection: psycopg.Connection, state: str, past: timedelta
) -> None:
    replayed(connection, state, KEEP.replay_jobs + past)
    assert step() == ({"replay_job": 1} if past == OLD else {})
    assert rows_left(connection)["replay_job"] == int(past != OLD)


def test_old_versions_are_deleted_and_avtaler_and_markers_are_not(
    store: Store, step: Step, connection: psycopg.Connection
) -> None:
    supersede(store, connection, KEEP.history + YOUNG, KEEP.history + OLD)
    mark(connection, 2)
    connection.execute(
        "UPDATE avtale SET hendelse_tidspunkt = '2000-01-01', mottatt_tidspunkt = '2000-01-01'"
    )
    connection.execute("UPDATE avtale_slettet SET slettet_tidspunkt = '2000-01-01'")
    assert step() == {"avtale_historikk": 1}
    left = tables(connection)
    assert (len(left.present), len(left.history), len(left.markers)) == (1, 1, 1)
    assert connection.execute("SELECT kafka_offset FROM avtale_historikk").fetchall() == [(1,)]


def test_old_operator_records_are_deleted(step: Step, connection: psycopg.Connection) -> None:
    for past in (YOUNG, OLD):
        note(connection, "failed discard", KEEP.operator_log + past)
    assert step() == {"operator_log": 1}
    assert rows_left(connection)["operator_log"] == 1


def test_records_of_deletions_by_hand_are_kept(
    store: Store, database: Database, step: Step, connection: psycopg.Connection
) -> None:
    write(store, melding(1, offset=0), melding(2, offset=1))
    erase(database, TOPIC, avtale_id(1), WHO)
    note(connection, "delete", KEEP.operator_log, avtale_id(3))  # without a marker
    mark(connection, 4)
    note(connection, "failed discard", KEEP.operator_log, avtale_id(4))
    connection.execute("UPDATE operator_log SET tidspunkt = '2000-01-01'")
    assert step() == {"operator_log": 2}
    with database.transaction() as tx:
        assert tx.rows(str, "erased_by_hand") == [avtale_id(1)]


def test_a_step_deletes_a_limited_number_of_rows_and_a_round_ends(
    step: Step,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    all_old: dict[str, int],
) -> None:
    assert set(all_old.values()) == {5}
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 2)
    each = dict.fromkeys(all_old, 1)
    assert [step() for _ in range(4)] == [
        {table: rows * n for table, n in each.items()} for rows in (2, 2, 1)
    ] + [{}]
    assert set(rows_left(connection).values()) == {0}


def test_rows_that_become_old_during_a_round_are_left_to_the_next(
    step: Step, connection: psycopg.Connection
) -> None:
    note(connection, "failed discard", KEEP.operator_log + OLD)
    assert step() == {"operator_log": 1}
    note(connection, "failed discard", KEEP.operator_log)  # just become old
    assert step() == {}
    assert step() == {"operator_log": 1}


def test_counting_deletes_nothing(
    store: Store, database: Database, connection: psycopg.Connection, all_old: dict[str, int]
) -> None:
    park(store, connection, "new", KEEP.unhandled + YOUNG)
    note(connection, "delete", KEEP.operator_log + YOUNG)
    before = rows_left(connection)
    expected = {**all_old, MONTHS: 0}
    assert count_prunable(database, KEEP) == expected
    assert rows_left(connection) == before
    assert prune(database, TOPIC, KEEP, WHO) == expected


def test_the_configured_times_are_used(
    database: Database, connection: psycopg.Connection, all_old: dict[str, int]
) -> None:
    longer = timedelta(days=1)
    retention = Retention(
        KEEP.handled + longer,
        KEEP.unhandled,
        KEEP.history + longer,
        KEEP.operator_log + longer,
        KEEP.replay_jobs + longer,
    )
    assert set(prune(database, TOPIC, retention, WHO).values()) == {0}
    assert rows_left(connection) == all_old


def test_pruning_is_recorded_once_when_rows_were_deleted(
    database: Database,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    all_old: dict[str, int],
) -> None:
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 2)
    assert prune(database, TOPIC, KEEP, WHO) == {**all_old, MONTHS: 0}
    assert set(prune(database, TOPIC, KEEP, WHO).values()) == {0}
    rows = connection.execute("SELECT who, command, target, reason FROM operator_log").fetchall()
    assert rows == [("an operator ***********", "prune", TOPIC, None)]


def test_the_start_of_complete_history_only_moves_forward_to_the_cutoff(
    store: Store, step: Step, connection: psycopg.Connection
) -> None:
    supersede(store, connection, KEEP.history + OLD)
    ((now,),) = connection.execute("SELECT now()").fetchall()
    claim(connection, LONG_AGO, now, LONG_AGO)
    before = connection.execute("SELECT now() - %s", (KEEP.history,)).fetchall()[0][0]
    step()
    after = connection.execute("SELECT now() - %s", (KEEP.history,)).fetchall()[0][0]
    first, second, third = claims(connection)
    assert before <= first <= after
    assert (second, third) == (now, first)


def test_the_start_of_complete_history_stays_when_no_history_is_deleted(
    store: Store, step: Step, connection: psycopg.Connection
) -> None:
    claim(connection, LONG_AGO)
    assert step() == {}  # no history at all
    supersede(store, connection, KEEP.history + YOUNG)
    park(store, connection, "resolved", KEEP.handled + OLD)
    claim(connection, LONG_AGO)
    assert step() == {"failed_message": 1}
    assert claims(connection) == [LONG_AGO]


def test_the_start_of_complete_history_is_written_once_a_round(
    store: Store, step: Step, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 1)
    supersede(store, connection, KEEP.history + OLD, copies=3)
    claim(connection, LONG_AGO, LONG_AGO)
    assert step() == {"avtale_historikk": 1}
    written = connection.execute("SELECT xmin::text FROM consumer_offset").fetchall()
    assert [step() for _ in range(3)] == [{"avtale_historikk": 1}, {"avtale_historikk": 1}, {}]
    assert connection.execute("SELECT xmin::text FROM consumer_offset").fetchall() == written


def test_history_is_deleted_in_the_transaction_that_moves_its_start(
    store: Store, step: Step, connection: psycopg.Connection
) -> None:
    supersede(store, connection, KEEP.history + OLD)
    claim(connection, LONG_AGO)
    connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END'"
    )
    connection.execute(
        "CREATE TRIGGER refuse BEFORE DELETE ON avtale_historikk FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(DatabaseBug):
        step()
    assert claims(connection) == [LONG_AGO]


def test_pruning_does_not_scan_history(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    supersede(store, connection, KEEP.history + YOUNG, copies=5_000)
    connection.execute("VACUUM ANALYZE avtale_historikk")
    scanned = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_xact_user_tables"
    with database.transaction() as tx:
        cutoff = tx.clock() - KEEP.history
        tx.run("claims_pruned_history", topic=TOPIC, history=cutoff)
        tx.run("prune_avtale_historikk", history=cutoff, limit=1_000)
        rows = tx.connection.execute(scanned + " WHERE relname = 'avtale_historikk'").fetchall()
    assert rows == [(0,)]
