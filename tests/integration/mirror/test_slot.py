"""The slot waits for who was writing when it was made, and is made later where it cannot be made now."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from structlog.testing import capture_logs

from datadeling.db import mirror
from datadeling.db.connection import connect
from datadeling.db.migrate import migrate
from datadeling.demo.postgres import EmbeddedPostgres
from tests.datastream import SLOT
from tests.integration.mirror.platform import COMPLETE, Platform
from tests.waiting import wait_until

_WAITING = """
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE wait_event = 'transactionid' AND query ~ 'pg_create_logical'
"""
_WAITING_FOR_LONG = f"{_WAITING} AND clock_timestamp() - query_start > interval '2500 ms'"


def set_up(url: str, wait: float = 0.2) -> list[str]:
    with connect(url, application="test") as connection:
        return mirror.set_up(connection, wait_for_writers=wait)


@contextmanager
def open_writer(url: str) -> Iterator[psycopg.Connection]:
    """Write to the table in a transaction that stays open until the block ends."""
    with psycopg.connect(url) as writer:
        writer.execute("DELETE FROM avtale")
        writer.execute("SELECT pg_current_xact_id()")
        yield writer


def is_true(connection: psycopg.Connection, query: str) -> Callable[[], bool]:
    return lambda: connection.execute(query).fetchone() == (True,)


def test_the_creation_of_the_slot_waits_for_open_writers(
    platform: Platform, admin: psycopg.Connection
) -> None:
    migrate(platform.url)
    platform.add_datastream()
    with ThreadPoolExecutor(1) as pool, open_writer(platform.url) as writer:
        migration = pool.submit(migrate, platform.url)
        wait_until(is_true(admin, _WAITING), "the slot waits for the writer")
        assert platform.mirrored().published == ["avtale"]  # what locks the table has not waited
        writer.execute("SELECT count(*) FROM avtale")  # nobody is in the way of the writer
        writer.commit()
        migration.result(60)
    assert platform.mirrored() == COMPLETE


def test_a_long_writer_is_not_waited_for(platform: Platform) -> None:
    migrate(platform.url)
    platform.add_datastream()
    with open_writer(platform.url):
        assert set_up(platform.url) == ["slot"]
        assert platform.mirrored() == COMPLETE._replace(slots=[])
    assert set_up(platform.url) == []
    assert platform.mirrored() == COMPLETE


def test_waiting_for_writers_has_a_longer_timeout(platform: Platform, admin: psycopg.Connection) -> None:
    """A silent connection is closed after its `timeout`, but not while it waits for writers."""
    migrate(platform.url)
    platform.add_datastream()
    with (
        ThreadPoolExecutor(1) as pool,
        open_writer(platform.url) as writer,
        connect(platform.url, application="test") as connection,
    ):
        connection.timeout = 1.5
        done = pool.submit(mirror.set_up, connection)
        wait_until(is_true(admin, _WAITING_FOR_LONG), "it has waited for longer than that")
        writer.commit()
        assert done.result(60) == []


def test_a_transaction_that_has_written_creates_no_slot(
    platform: Platform, admin: psycopg.Connection
) -> None:
    """PostgreSQL refuses it. All steps that write come in the same run, in transactions of their own."""
    platform.add_datastream()
    with admin.transaction():
        admin.execute("SELECT pg_current_xact_id()")
        with pytest.raises(psycopg.errors.ActiveSqlTransaction), admin.transaction():
            admin.execute("SELECT pg_create_logical_replication_slot('another', 'pgoutput')")
    migrate(platform.url)
    assert platform.mirrored() == COMPLETE


def test_a_slot_beyond_the_limit_is_logged(platform: Platform, admin: psycopg.Connection) -> None:
    platform.add_datastream()
    ((room,),) = admin.execute("SELECT current_setting('max_replication_slots')::integer").fetchall()
    for number in range(room):
        admin.execute("SELECT pg_create_physical_replication_slot(%s)", (f"slot_{number}",))
    migrate(platform.url)
    assert set_up(platform.url) == ["slot"]
    admin.execute("SELECT pg_drop_replication_slot('slot_0')")
    assert set_up(platform.url) == []


def test_a_server_without_logical_wal_is_logged() -> None:
    with (
        EmbeddedPostgres(settings={"wal_level": "replica", "shared_buffers": "32MB"}) as server,
        psycopg.connect(server.url, autocommit=True) as admin,
    ):
        platform = Platform(server.url, admin)
        platform.add_datastream()
        with capture_logs() as logs:
            migrate(server.url)
        assert [line["run"] for line in logs] == ["wal_level must be logical: set cloudsql.logical_decoding"]
        assert platform.mirrored() == COMPLETE._replace(slots=[])


def test_a_lost_slot_is_logged_and_not_replaced(platform: Platform, admin: psycopg.Connection) -> None:
    """It is not replaced silently: the mirror must read the lost changes from the table."""
    platform.add_datastream()
    migrate(platform.url)
    admin.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    try:
        admin.execute("SELECT pg_reload_conf()")
        wait_until(is_true(admin, "SELECT current_setting('max_slot_wal_keep_size') = '1MB'"), "it is read")
        for _ in range(3):
            admin.execute("SELECT pg_logical_emit_message(false, 'test', 'x', true)")
            admin.execute("SELECT pg_switch_wal()")
        admin.execute("CHECKPOINT")
    finally:
        admin.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        admin.execute("SELECT pg_reload_conf()")
    lost = f"SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
    assert admin.execute(lost).fetchone() == (True,)
    assert set_up(platform.url) == ["slot"]
    assert admin.execute(lost).fetchone() == (True,)
