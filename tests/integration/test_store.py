"""The store on a real PostgreSQL: the tables of the oracle, and no write without a change."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.db.connection import BACKGROUND, connect, translated
from datadeling.db.database import Database
from datadeling.domain.hendelse import Position
from datadeling.errors import DatabaseBug, DatabaseUnavailable, LostPartition
from datadeling.pipeline.store import Store
from tests.conftest import fresh_database
from tests.hendelser import avtale_id, melding, record, tombstone
from tests.integration.storing import (
    BEGINNING,
    TOPIC,
    begin,
    begin_at,
    clear,
    position,
    tables,
    write,
    write_batch,
)
from tests.oracle import comparable, expected
from tests.strategies import cuts, logs, to_message


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[tuple[Store, psycopg.Connection]]:
    """Create one database for all examples of a property; each empties it."""
    postgres, template = request.getfixturevalue("postgres"), request.getfixturevalue("_template")
    with fresh_database(postgres, template) as (_, url):
        database = Database(url, "test")
        with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
            yield Store(database, TOPIC, 1_000), connection
        database.close()


@given(st.data())
def test_any_log_in_any_batches_leaves_the_tables_of_the_oracle(
    shared: tuple[Store, psycopg.Connection], data: st.DataObject
) -> None:
    store, connection = shared
    clear(connection)
    log = data.draw(logs(max_size=15))
    for batch in data.draw(cuts(log)):
        write(store, *map(to_message, batch))
    assert comparable(tables(connection)) == comparable(expected(log))
    if log:
        assert position(store, 0) is not None
        assert begin_at(store, 0).next_offset == log[-1].offset + 1


def test_a_row_has_the_values_of_its_message(store: Store, connection: psycopg.Connection) -> None:
    write(store, melding(7, offset=5, partition=2, avtaleStatus="PÅBEGYNT", stillingprosent=33.3333))
    row = connection.execute(
        """SELECT avtale_id::text, avtale_nr, avtale_status, stillingprosent::text,
                  antall_dager_per_uke::text, endret_tidspunkt::text, opprettet_tidspunkt::text,
                  avtale_inngaatt::text, feilregistrert, generation, kafka_partition, kafka_offset,
                  hendelse_tidspunkt FROM avtale"""
    ).fetchone()
    assert row == (
        avtale_id(7), 7, "PÅBEGYNT", "33.3333", "3.0000", "2022-02-04 08:46:39.573884+00",
        "2022-01-18 07:43:00+00", "2022-01-20 11:00:00.123456+00", False, 0, 2, 5,
        melding(offset=5).timestamp,
    )  # fmt: skip


def test_characters_that_copy_must_escape_are_stored(store: Store, connection: psycopg.Connection) -> None:
    nasty = "\\N\t\\.\n\r\\\x01\"'\u2028Ø"
    write(store, melding(bedriftNr=nasty))
    assert connection.execute("SELECT bedrift_nr FROM avtale").fetchone() == (nasty,)


def test_unchanged_messages_write_no_row(store: Store, connection: psycopg.Connection) -> None:
    messages = [melding(n, offset=n) for n in range(1, 200)]
    write(store, *messages)
    connection.execute("UPDATE consumer_offset SET next_offset = 0")
    rows = "SELECT avtale_id, ctid, xmin::text, xmax::text FROM avtale ORDER BY 1"
    before = connection.execute(rows).fetchall()
    assert write(store, *messages) == {"unchanged": 199}
    assert connection.execute(rows).fetchall() == before
    assert connection.execute("SELECT count(*) FROM avtale_historikk").fetchone() == (0,)


def test_a_batch_from_a_past_offset_is_refused(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store)
    write_batch(store, [melding(1, offset=0)], positions)
    with pytest.raises(LostPartition) as error:
        write_batch(store, [melding(2, offset=0)], positions)
    assert error.value.partition == 0
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (1,)


def test_a_batch_of_an_earlier_generation_is_refused(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store)
    connection.execute("UPDATE consumer_offset SET generation = 1")
    with pytest.raises(LostPartition):
        write_batch(store, [melding(1)], positions)


def test_a_lost_partition_rolls_back_the_whole_batch(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store, 0, 1)
    connection.execute("UPDATE consumer_offset SET next_offset = 9 WHERE kafka_partition = 1")
    with pytest.raises(LostPartition):
        write_batch(store, [melding(1, partition=0), melding(2, partition=1)], positions)
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (0,)
    assert position(store, 0) == BEGINNING


def test_a_known_partition_keeps_its_offset(store: Store) -> None:
    assert position(store, 0) is None
    assert begin_at(store, 0, 5) == Position(0, 5)
    assert begin_at(store, 0, 7) == Position(0, 5)


def test_a_missing_column_is_a_database_bug(store: Store, connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE avtale DROP COLUMN opphav")
    with pytest.raises(DatabaseBug, match="opphav"):
        write(store, melding(1))


def test_a_broken_connection_is_replaced(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
    )
    with pytest.raises(DatabaseUnavailable):
        write_batch(store, [melding(1)], positions)
    assert write_batch(store, [melding(1)], positions).outcomes == {"new": 1}


def test_a_tombstone_deletes_the_avtale_its_history_and_failed_messages(
    store: Store, connection: psycopg.Connection
) -> None:
    edited = "2022-03-04T08:46:39Z"
    write(
        store,
        melding(1, offset=0),
        melding(1, offset=1, sistEndret=edited),
        record(2, avtale_id(1).encode(), b"{"),
    )
    write(store, melding(2, offset=3), tombstone(1, offset=4))
    found = tables(connection)
    assert set(found.present) == {avtale_id(2)}
    assert (found.history, found.failed, found.markers) == ([], {}, {avtale_id(1): 4})


def test_an_added_partition_has_the_present_generation(store: Store, connection: psycopg.Connection) -> None:
    write(store, melding(1, offset=5))
    connection.execute("UPDATE consumer_offset SET generation = 3")
    assert begin_at(store, 1) == Position(3, 0)
    assert write(store, melding(1, offset=0, partition=1, avtaleStatus="AVSLUTTET")) == {"changed": 1}


def test_the_longest_text_in_an_index_can_become_history(
    store: Store, connection: psycopg.Connection
) -> None:
    longest = "".join(chr(0x1F300 + n) for n in range(600))
    assert write(store, melding(1, offset=0, deltakerFnr=longest, bedriftNr=longest)) == {"new": 1}
    assert write(store, melding(1, offset=1, sistEndret="2022-03-04T08:46:39Z")) == {"changed": 1}
    assert connection.execute("SELECT count(*) FROM avtale_historikk").fetchone() == (1,)


def test_a_statement_without_a_response_closes_the_connection(db_url: str) -> None:
    with connect(db_url, "test", BACKGROUND._replace(timeout=0.2)) as connection:
        with pytest.raises(DatabaseUnavailable), translated(connection):
            connection.execute("SELECT pg_sleep(60)")
        assert connection.closed
