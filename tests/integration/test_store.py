"""The store against a real PostgreSQL: exactly the tables of the fold, and nothing written for nothing."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.db.connection import Impatient, connect, translated
from datadeling.db.database import Database
from datadeling.domain.hendelse import Position
from datadeling.errors import DatabaseBug, DatabaseUnavailable, LostPartition, UnstorableRow
from datadeling.ingest.melding import Melding
from datadeling.ingest.store import Store
from tests.conftest import fresh_database
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse, melding, record, tombstone
from tests.oracle import Tables, comparable, expected
from tests.strategies import cuts, logs, melding_of

TOPIC = "avtaler"
BEGINNING = Position(0, 0)
PARK_LIMIT = 4


@pytest.fixture
def store(db_url: str) -> Iterator[Store]:
    database = Database(db_url, "test")
    try:
        yield Store(database, TOPIC, PARK_LIMIT)
    finally:
        database.close()


def begin(store: Store, *partitions: int) -> dict[int, Position]:
    return {p: store.begin(p, 0, EPOCH) for p in partitions or (0,)}


def write(store: Store, *messages: Melding) -> Counter[str]:
    """Write from wherever the partitions stand."""
    positions = {m.partition: store.begin(m.partition, 0, EPOCH) for m in messages}
    return Counter({str(outcome): n for outcome, n in store.write(messages, positions).outcomes.items()})


def tables(connection: psycopg.Connection) -> Tables:
    """What the database holds, in the oracle's terms."""
    return Tables(
        present={
            row[0]: row[1:]
            for row in connection.execute("""
                SELECT avtale_id::text, extract(second FROM endret_tidspunkt)::int, avtale_status,
                       kafka_offset, hendelse_tidspunkt FROM avtale
            """)
        },
        history=connection.execute(
            "SELECT avtale_id::text, avtale_status, gyldig_fra, gyldig_til FROM avtale_historikk"
        ).fetchall(),
        markers=dict(
            connection.execute("SELECT avtale_id::text, kafka_offset FROM avtale_slettet").fetchall()
        ),
        failed={
            row[0]: row[1:]
            for row in connection.execute(
                "SELECT kafka_offset, convert_from(key, 'UTF8'), state FROM failed_message"
            )
        },
    )


def clear(connection: psycopg.Connection) -> None:
    connection.execute("TRUNCATE avtale, avtale_historikk, avtale_slettet, failed_message, consumer_offset")


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[tuple[Store, psycopg.Connection]]:
    """One database for all examples of a property, emptied before each."""
    postgres, template = request.getfixturevalue("postgres"), request.getfixturevalue("_template")
    with fresh_database(postgres, template) as (_, url):
        database = Database(url, "test")
        with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
            yield Store(database, TOPIC, 1_000), connection
        database.close()


@given(st.data())
def test_any_log_cut_anywhere_leaves_what_the_oracle_says(
    shared: tuple[Store, psycopg.Connection], data: st.DataObject
) -> None:
    store, connection = shared
    clear(connection)
    log = data.draw(logs(max_size=15))
    for batch in data.draw(cuts(log)):
        write(store, *map(melding_of, batch))
    assert comparable(tables(connection)) == comparable(expected(log))
    if log:
        assert store.position(0) is not None
        assert store.begin(0, 0, EPOCH).next_offset == log[-1].offset + 1


def test_a_row_is_stored_as_it_was_sent(store: Store, connection: psycopg.Connection) -> None:
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


def test_text_that_copy_could_stumble_over(store: Store, connection: psycopg.Connection) -> None:
    nasty = "\\N\t\\.\n\r\\\x01\"'\u2028Ø"
    write(store, melding(bedriftNr=nasty))
    assert connection.execute("SELECT bedrift_nr FROM avtale").fetchone() == (nasty,)


def test_what_changes_nothing_writes_nothing(store: Store, connection: psycopg.Connection) -> None:
    messages = [melding(n, offset=n) for n in range(1, 200)]
    write(store, *messages)
    connection.execute("UPDATE consumer_offset SET next_offset = 0")
    rows = "SELECT avtale_id, ctid, xmin::text, xmax::text FROM avtale ORDER BY 1"
    before = connection.execute(rows).fetchall()
    assert write(store, *messages) == {"unchanged": 199}
    assert connection.execute(rows).fetchall() == before
    assert connection.execute("SELECT count(*) FROM avtale_historikk").fetchone() == (0,)


def test_only_who_stands_there_may_move_on(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store)
    store.write([melding(1, offset=0)], positions)
    with pytest.raises(LostPartition) as error:
        store.write([melding(2, offset=0)], positions)
    assert error.value.partition == 0
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (1,)


def test_a_raised_generation_takes_the_partition_away(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store)
    connection.execute("UPDATE consumer_offset SET generation = 1")
    with pytest.raises(LostPartition):
        store.write([melding(1)], positions)


def test_a_lost_partition_undoes_the_others_in_the_batch(
    store: Store, connection: psycopg.Connection
) -> None:
    positions = begin(store, 0, 1)
    connection.execute("UPDATE consumer_offset SET next_offset = 9 WHERE kafka_partition = 1")
    with pytest.raises(LostPartition):
        store.write([melding(1, partition=0), melding(2, partition=1)], positions)
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (0,)
    assert store.position(0) == BEGINNING


def test_a_known_partition_is_not_begun_again(store: Store) -> None:
    assert store.position(0) is None
    assert store.begin(0, 5, EPOCH) == Position(0, 5)
    assert store.begin(0, 7, datetime.now(UTC)) == Position(0, 5)
    assert store.skip_to(0, Position(0, 5), 9) == store.position(0) == Position(0, 9)


def test_unreadable_messages_are_parked_as_they_came(store: Store, connection: psycopg.Connection) -> None:
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
    assert store.position(0) == Position(0, 5)


def test_unreadable_messages_in_a_row_are_counted(store: Store) -> None:
    write(store, record(0, b"a", b"{"), record(1, b"a", b"{"))
    write(store, record(2, b"a", b"{"))
    assert store.position(0) == Position(0, 3, 3)
    write(store, melding(1, offset=3), record(4, b"a", b"{"))
    assert store.position(0) == Position(0, 5, 1)


def bad(offset: int, partition: int = 0) -> Melding:
    return record(offset, b"nobody", b"{", partition)


def test_a_broken_contract_stops_its_partition_there(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store, 0, 1)
    run = [bad(0), bad(1), melding(1, offset=0, partition=1), *map(bad, range(2, 7)), melding(2, offset=7)]
    written = store.write([*run, melding(3, offset=1, partition=1)], positions)
    assert written.broken == {0}
    assert written.outcomes == {"failed": PARK_LIMIT, "new": 2}
    assert written.positions == {0: Position(0, PARK_LIMIT, PARK_LIMIT), 1: Position(0, 2)}
    # Another consumer, or this one after a restart, parks no more either.
    again = store.write([bad(PARK_LIMIT)], {0: store.begin(0, 0, EPOCH)})
    assert again.broken == {0}
    assert again.positions == {}
    # And a release that can read what comes next goes on by itself.
    mended = store.write([melding(2, offset=PARK_LIMIT)], {0: store.begin(0, 0, EPOCH)})
    assert mended.broken == set()
    assert mended.positions == {0: Position(0, PARK_LIMIT + 1)}
    assert connection.execute("SELECT count(*) FROM failed_message").fetchone() == (PARK_LIMIT,)


def test_what_the_database_refuses_counts_too(store: Store, connection: psycopg.Connection) -> None:
    refuse(connection, *map(str, range(8)))
    messages = [melding(n, offset=n, bedriftNr=str(n)) for n in range(12)]
    written = store.write(messages, begin(store))
    assert written.broken == {0}
    assert written.positions == {0: Position(0, PARK_LIMIT, PARK_LIMIT)}
    rows = connection.execute("SELECT kafka_offset FROM failed_message ORDER BY 1").fetchall()
    assert rows == [(n,) for n in range(PARK_LIMIT)]
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (0,)


def refuse(connection: psycopg.Connection, *bedrift_nr: str) -> None:
    """Let the database refuse what decode cannot know of."""
    connection.execute("ALTER TABLE avtale DROP CONSTRAINT IF EXISTS refused")
    values = ", ".join(f"'{number}'" for number in bedrift_nr)
    connection.execute(f"ALTER TABLE avtale ADD CONSTRAINT refused CHECK (bedrift_nr NOT IN ({values}))")


def test_what_only_the_database_refuses_is_isolated(store: Store, connection: psycopg.Connection) -> None:
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
    assert store.position(0) == Position(0, 20, 0)


def test_what_cannot_even_be_parked_stops_us(store: Store, connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE failed_message ADD CONSTRAINT refused CHECK (false)")
    with pytest.raises(UnstorableRow):
        write(store, record(0, b"a", b"{"))
    assert store.position(0) == BEGINNING


def test_a_missing_column_is_our_bug(store: Store, connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE avtale DROP COLUMN opphav")
    with pytest.raises(DatabaseBug, match="opphav"):
        write(store, melding(1))


def test_a_broken_connection_is_made_again(store: Store, connection: psycopg.Connection) -> None:
    positions = begin(store)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
    )
    with pytest.raises(DatabaseUnavailable):
        store.write([melding(1)], positions)
    assert store.write([melding(1)], positions).outcomes == {"new": 1}


def test_a_tombstone_erases_everything_of_the_avtale(store: Store, connection: psycopg.Connection) -> None:
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


def test_a_message_with_another_key_is_nobodys(store: Store, connection: psycopg.Connection) -> None:
    write(store, record(0, avtale_id(1).encode(), encoded(hendelse(2))), tombstone(1, offset=1))
    assert connection.execute("SELECT state FROM failed_message").fetchall() == [("new",)]


def test_a_partition_that_is_added_later_is_of_the_same_generation(
    store: Store, connection: psycopg.Connection
) -> None:
    write(store, melding(1, offset=5))
    connection.execute("UPDATE consumer_offset SET generation = 3")
    assert store.begin(1, 0, EPOCH) == Position(3, 0)
    assert write(store, melding(1, offset=0, partition=1, avtaleStatus="AVSLUTTET")) == {"changed": 1}


def test_long_text_in_an_index_can_become_history(store: Store, connection: psycopg.Connection) -> None:
    longest = "".join(chr(0x1F300 + n) for n in range(600))
    assert write(store, melding(1, offset=0, deltakerFnr=longest, bedriftNr=longest)) == {"new": 1}
    assert write(store, melding(1, offset=1, sistEndret="2022-03-04T08:46:39Z")) == {"changed": 1}
    assert connection.execute("SELECT count(*) FROM avtale_historikk").fetchone() == (1,)


def test_a_server_that_falls_silent_is_given_up(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Impatient, "patience", 0.2)
    database = Database(db_url, "test")
    with connect(db_url, application="test") as connection:
        with pytest.raises(DatabaseUnavailable), translated(connection):
            connection.execute("SELECT pg_sleep(60)")
        assert connection.closed
    with database.transaction() as tx:
        assert tx.count_failed(TOPIC) == {}
    database.close()


def test_a_retry_mends_what_a_new_release_can_read(store: Store, connection: psycopg.Connection) -> None:
    key = avtale_id(1).encode()
    write(store, record(0, key, b"{"), record(1, avtale_id(2).encode(), b"{"))
    connection.execute(
        "UPDATE failed_message SET value = %s WHERE kafka_offset = 0", (encoded(hendelse(1)),)
    )  # stands for a release that can read it
    assert store.retry_failed(0) == {"new": 1, "failed": 1}
    rows = connection.execute(
        "SELECT state, attempts, value FROM failed_message ORDER BY kafka_offset"
    ).fetchall()
    assert rows == [("resolved", 2, None), ("new", 2, b"{")]
    assert connection.execute("SELECT kafka_offset FROM avtale").fetchone() == (0,)
    assert store.position(0) == Position(0, 2, 2)


def test_a_retry_never_overwrites_a_newer_version(store: Store, connection: psycopg.Connection) -> None:
    old = encoded(hendelse(1, sistEndret="2020-01-01T00:00:00Z"))
    write(store, record(0, avtale_id(1).encode(), b"{"), melding(1, offset=1))
    connection.execute("UPDATE failed_message SET value = %s, state = 'new'", (old,))
    assert store.retry_failed(0) == {"older": 1}
    assert connection.execute("SELECT kafka_offset FROM avtale").fetchall() == [(1,)]
    assert connection.execute("SELECT state FROM failed_message").fetchone() == ("resolved",)


def test_a_retry_that_the_database_refuses_stays_parked(store: Store, connection: psycopg.Connection) -> None:
    refuse(connection, "2", "5")
    write(store, *(melding(n, offset=n, bedriftNr=str(n)) for n in range(8)))
    refuse(connection, "5")
    assert store.retry_failed(0) == {"new": 1, "failed": 1}
    rows = connection.execute("SELECT kafka_offset, state FROM failed_message ORDER BY 1").fetchall()
    assert rows == [(2, "resolved"), (5, "new")]
