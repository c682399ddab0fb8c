"""Unreadable and refused messages are parked, up to a limit, and can be retried."""

import psycopg
import pytest

from datadeling.domain.hendelse import Position
from datadeling.errors import UnstorableRow
from datadeling.pipeline.message import Message
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.store import Store
from tests.hendelser import avtale_id, encoded, hendelse, melding, record, tombstone
from tests.integration.storing import BEGINNING, PARK_LIMIT, begin, begin_at, position, write, write_batch


def test_unreadable_messages_are_parked_byte_for_byte(store: Store, connection: psycopg.Connection) -> None:
    bad = [record(1, b"\xff" * 3_000, b"\x00\xff"), record(2, None, b""), record(3, None, None)]
    assert write(store, melding(1, offset=0), *bad, melding(2, offset=4)) == {"new": 2, "failed": 3}
    rows = connection.execute(
        "SELECT key, value, reason, state FROM failed_message ORDER BY kafka_offset"
    ).fetchall()
    assert rows == [
        (b"\xff" * 3_000, b"\x00\xff", "not_utf8", "new"),
        (None, b"", "malformed_json", "new"),
        (None, None, "invalid_key", "new"),
    ]
    assert position(store, 0) == Position(0, 5)


def test_unreadable_messages_in_a_row_are_counted(store: Store) -> None:
    write(store, record(0, b"a", b"{"), record(1, b"a", b"{"))
    write(store, record(2, b"a", b"{"))
    assert position(store, 0) == Position(0, 3, 3)
    write(store, melding(1, offset=3), record(4, b"a", b"{"))
    assert position(store, 0) == Position(0, 5, 1)


def bad(offset: int, partition: int = 0) -> Message:
    return record(offset, b"nobody", b"{", partition)


def test_too_many_unreadable_messages_in_a_row_stop_the_partition(
    store: Store, connection: psycopg.Connection
) -> None:
    positions = begin(store, 0, 1)
    run = [bad(0), bad(1), melding(1, offset=0, partition=1), *map(bad, range(2, 7)), melding(2, offset=7)]
    written = write_batch(store, [*run, melding(3, offset=1, partition=1)], positions)
    assert written.broken == {0}
    assert written.outcomes == {"failed": PARK_LIMIT, "new": 2}
    assert written.positions == {0: Position(0, PARK_LIMIT, PARK_LIMIT), 1: Position(0, 2)}
    # Nor does another consumer park more, or this one after a restart.
    again = write_batch(store, [bad(PARK_LIMIT)], {0: begin_at(store, 0)})
    assert again.broken == {0}
    assert again.positions == {}
    # A release that can read the next message continues by itself.
    mended = write_batch(store, [melding(2, offset=PARK_LIMIT)], {0: begin_at(store, 0)})
    assert mended.broken == set()
    assert mended.positions == {0: Position(0, PARK_LIMIT + 1)}
    assert connection.execute("SELECT count(*) FROM failed_message").fetchone() == (PARK_LIMIT,)


def test_refused_messages_count_as_unreadable(store: Store, connection: psycopg.Connection) -> None:
    refuse(connection, *map(str, range(8)))
    messages = [melding(n, offset=n, bedriftNr=str(n)) for n in range(12)]
    written = write_batch(store, messages, begin(store))
    assert written.broken == {0}
    assert written.positions == {0: Position(0, PARK_LIMIT, PARK_LIMIT)}
    rows = connection.execute("SELECT kafka_offset FROM failed_message ORDER BY 1").fetchall()
    assert rows == [(n,) for n in range(PARK_LIMIT)]
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (0,)


def refuse(connection: psycopg.Connection, *bedrift_nr: str) -> None:
    """Let the database refuse avtaler of these bedrifter, which `decode` accepts."""
    connection.execute("ALTER TABLE avtale DROP CONSTRAINT IF EXISTS refused")
    values = ", ".join(f"'{number}'" for number in bedrift_nr)
    connection.execute(f"ALTER TABLE avtale ADD CONSTRAINT refused CHECK (bedrift_nr NOT IN ({values}))")


def test_a_refused_message_is_parked_alone(store: Store, connection: psycopg.Connection) -> None:
    refuse(connection, "3", "17")
    messages = [melding(n, offset=n, bedriftNr=str(n)) for n in range(20)]
    assert write(store, *messages) == {"new": 18, "failed": 2}
    rows = connection.execute(
        "SELECT kafka_offset, value, reason, message FROM failed_message ORDER BY 1"
    ).fetchall()
    assert rows == [
        (n, messages[n].value, "database_23514", "the database refused a value (SQLSTATE 23514)")
        for n in (3, 17)
    ]
    assert position(store, 0) == Position(0, 20, 0)


def test_a_message_that_cannot_be_parked_raises(store: Store, connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE failed_message ADD CONSTRAINT refused CHECK (false)")
    with pytest.raises(UnstorableRow):
        write(store, record(0, b"a", b"{"))
    assert position(store, 0) == BEGINNING


def test_a_tombstone_leaves_a_failed_message_with_another_avtale_id(
    store: Store, connection: psycopg.Connection
) -> None:
    write(store, record(0, avtale_id(1).encode(), encoded(hendelse(2))), tombstone(1, offset=1))
    assert connection.execute("SELECT state FROM failed_message").fetchall() == [("new",)]


def test_a_retry_stores_what_can_be_read_now(
    store: Store, retry: Retry, connection: psycopg.Connection
) -> None:
    key = avtale_id(1).encode()
    write(store, record(0, key, b"{"), record(1, avtale_id(2).encode(), b"{"))
    connection.execute(
        "UPDATE failed_message SET value = %s WHERE kafka_offset = 0", (encoded(hendelse(1)),)
    )  # simulates a release that can read it
    assert retry.partition(0) == {"new": 1, "failed": 1}
    rows = connection.execute(
        "SELECT state, attempts, value FROM failed_message ORDER BY kafka_offset"
    ).fetchall()
    assert rows == [("resolved", 2, None), ("new", 2, b"{")]
    assert connection.execute("SELECT kafka_offset FROM avtale").fetchone() == (0,)
    assert position(store, 0) == Position(0, 2, 2)


def test_a_retry_does_not_overwrite_a_newer_version(
    store: Store, retry: Retry, connection: psycopg.Connection
) -> None:
    old = encoded(hendelse(1, sistEndret="2020-01-01T00:00:00Z"))
    write(store, record(0, avtale_id(1).encode(), b"{"), melding(1, offset=1))
    connection.execute("UPDATE failed_message SET value = %s, state = 'new'", (old,))
    assert retry.partition(0) == {"older": 1}
    assert connection.execute("SELECT kafka_offset FROM avtale").fetchall() == [(1,)]
    assert connection.execute("SELECT state FROM failed_message").fetchone() == ("resolved",)


def test_a_retry_that_the_database_refuses_stays_parked(
    store: Store, retry: Retry, connection: psycopg.Connection
) -> None:
    refuse(connection, "2", "5")
    write(store, *(melding(n, offset=n, bedriftNr=str(n)) for n in range(8)))
    refuse(connection, "5")
    assert retry.partition(0) == {"new": 1, "failed": 1}
    rows = connection.execute("SELECT kafka_offset, state FROM failed_message ORDER BY 1").fetchall()
    assert rows == [(2, "resolved"), (5, "new")]
