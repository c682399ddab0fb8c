"""Batches that the database refuses: the outcome by SQLSTATE, each raised by the server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import ceil, log2

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.domain.hendelse import Position
from datadeling.errors import DatabaseBug, DatabaseUnavailable
from datadeling.pipeline.store import Store
from tests.hendelser import avtale_id, melding
from tests.integration.storing import BEGINNING, PARK_LIMIT, TOPIC, begin, position, tables, write_batch

CULPRIT = 7
MESSAGES = [melding(n, offset=n) for n in range(20)]

SERVICE = (
    pytest.param("08006", id="08006 connection failure"),
    pytest.param("25006", id="25006 read only: a standby"),
    pytest.param("25P03", id="25P03 idle in a transaction"),
    pytest.param("25P04", id="25P04 transaction timeout"),
    pytest.param("40001", id="40001 serialization failure"),
    pytest.param("40P01", id="40P01 deadlock"),
    pytest.param("53100", id="53100 disk full"),
    pytest.param("53200", id="53200 out of memory"),
    pytest.param("53300", id="53300 too many connections"),
    pytest.param("55P03", id="55P03 lock not available"),
    pytest.param("57014", id="57014 query canceled"),
    pytest.param("57P01", id="57P01 admin shutdown"),
)
MESSAGE = (
    pytest.param("22003", id="22003 out of range"),
    pytest.param("22021", id="22021 not in the encoding"),
    pytest.param("23502", id="23502 not null violation"),
    pytest.param("23514", id="23514 check violation"),
    pytest.param("54000", id="54000 program limit exceeded"),
)
BUG = (
    pytest.param("0A000", id="0A000 not supported"),
    pytest.param("21000", id="21000 cardinality violation"),
    pytest.param("23505", id="23505 unique violation, under the lock"),
    pytest.param("25001", id="25001 active transaction"),
    pytest.param("42501", id="42501 insufficient privilege"),
    pytest.param("42703", id="42703 undefined column"),
    pytest.param("P0001", id="P0001 raised"),
    pytest.param("XX000", id="XX000 internal error"),
)


def refuse(connection: psycopg.Connection, sqlstate: str, number: int = CULPRIT) -> None:
    """Let the database refuse one avtale with this SQLSTATE."""
    connection.execute(f"""
        CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF new.avtale_id = '{avtale_id(number)}' THEN
                RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN new;
        END $$;
        CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON avtale FOR EACH ROW EXECUTE FUNCTION refuse()
    """)


@pytest.mark.parametrize("sqlstate", SERVICE)
def test_an_error_of_the_service_is_retried_and_nothing_is_parked(
    store: Store, connection: psycopg.Connection, sqlstate: str
) -> None:
    refuse(connection, sqlstate)
    positions = begin(store)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable, match=sqlstate):
            write_batch(store, MESSAGES, positions)
    found = tables(connection)
    assert (found.present, found.failed) == ({}, {})
    assert position(store, 0) == BEGINNING
    connection.execute("DROP TRIGGER refuse ON avtale")
    assert write_batch(store, MESSAGES, positions).outcomes == {"new": 20}


@pytest.mark.parametrize("sqlstate", MESSAGE)
def test_an_error_of_a_message_parks_that_message_alone(
    store: Store, connection: psycopg.Connection, sqlstate: str
) -> None:
    refuse(connection, sqlstate)
    assert write_batch(store, MESSAGES, begin(store)).outcomes == {"new": 19, "failed": 1}
    rows = connection.execute("SELECT kafka_offset, reason, message FROM failed_message").fetchall()
    text = f"the database refused a value (SQLSTATE {sqlstate})"
    assert rows == [(CULPRIT, f"database_{sqlstate}", text)]
    assert position(store, 0) == Position(0, 20)


@pytest.mark.parametrize("sqlstate", BUG)
def test_any_other_error_is_a_database_bug(
    store: Store, connection: psycopg.Connection, sqlstate: str
) -> None:
    refuse(connection, sqlstate)
    positions = begin(store)
    with pytest.raises(DatabaseBug, match=sqlstate):
        write_batch(store, MESSAGES, positions)
    found = tables(connection)
    assert (found.present, found.failed) == ({}, {})
    assert position(store, 0) == BEGINNING


def test_a_connection_to_a_standby_is_replaced(store: Store, connection: psycopg.Connection) -> None:
    """A read-only database simulates the old primary, and the same one afterwards the new one."""
    positions = begin(store)
    store_in_recovery(connection, "on")
    end_sessions(connection)
    with pytest.raises(DatabaseUnavailable):  # the old session is gone
        write_batch(store, MESSAGES, positions)
    with pytest.raises(DatabaseUnavailable, match="25006"):
        write_batch(store, MESSAGES, positions)
    store_in_recovery(connection, "off")
    assert write_batch(store, MESSAGES, positions).outcomes == {"new": 20}


def store_in_recovery(connection: psycopg.Connection, value: str) -> None:
    connection.execute(
        f'ALTER DATABASE "{connection.info.dbname}" SET default_transaction_read_only = {value}'
    )


def end_sessions(connection: psycopg.Connection) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'test'"
    )


class Counting(Database):
    """A database that counts its transactions."""

    begun = 0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.begun += 1
        with super().transaction() as tx:
            yield tx


@pytest.mark.parametrize("culprit", [0, 333, 999])
def test_a_refused_message_is_found_by_halving_the_batch(
    db_url: str, connection: psycopg.Connection, culprit: int
) -> None:
    refuse(connection, "23514", culprit)
    messages = [melding(n, offset=n) for n in range(1_000)]
    with closing(Counting(db_url, "test")) as database:
        store = Store(database, TOPIC, PARK_LIMIT)
        positions = begin(store)
        database.begun = 0
        assert write_batch(store, messages, positions).outcomes == {"new": 999, "failed": 1}
    # The whole, two halves at each level, and the one that parks the culprit.
    assert database.begun <= 1 + 2 * ceil(log2(1_000)) + 1
