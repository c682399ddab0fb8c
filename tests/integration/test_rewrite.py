"""Rewriting in a replay: only rows that differ, only behind the live consumer, and nothing deleted."""

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.domain.hendelse import Position
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import FAILED_STATES, Store
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse, melding, record, tombstone
from tests.integration.inside import Inside
from tests.integration.storing import TOPIC, position, write

LATER = "2022-03-04T08:46:39Z"


@pytest.fixture
def inside(connection: psycopg.Connection) -> Inside:
    return Inside(connection)


def broken(number: int, offset: int) -> Message:
    return record(offset, avtale_id(number).encode(), b"{")


def test_an_up_to_date_log_writes_nothing(store: Store, rewrite: Rewrite, inside: Inside) -> None:
    log = [
        melding(1, offset=0),
        melding(1, offset=1, sistEndret=LATER, bedriftNr="888888888"),
        melding(2, offset=2),
        tombstone(2, offset=3),
        broken(1, offset=4),
        broken(3, offset=5),
        melding(3, offset=6),
        record(7, None, b"{"),
        melding(4, offset=0, partition=1),
    ]
    write(store, *log)
    before = inside.traces()
    assert rewrite.write(log).outcomes == {"older": 3, "unchanged": 3, "failed": 3}
    assert rewrite.write(log[:2]).outcomes == {"older": 1, "unchanged": 1}
    assert inside.traces() == before


def test_messages_ahead_are_left_to_the_live_consumer(store: Store, rewrite: Rewrite, inside: Inside) -> None:
    write(store, melding(1, offset=4))
    before = inside.traces()
    ahead = [melding(1, offset=5, sistEndret=LATER), tombstone(1, offset=6), broken(2, 7)]
    unknown = melding(3, offset=0, partition=7)
    assert rewrite.write([melding(1, offset=4), *ahead, unknown]).outcomes == {"unchanged": 1}
    assert inside.traces() == before
    assert position(store, 0) == Position(0, 5)
    assert position(store, 7) is None


def test_lost_rows_are_restored(store: Store, rewrite: Rewrite, connection: psycopg.Connection) -> None:
    log = [melding(1, offset=0), melding(2, offset=1), broken(3, offset=2)]
    write(store, *log)
    connection.execute("DELETE FROM avtale WHERE avtale_nr = 1")
    connection.execute("DELETE FROM failed_message")
    assert rewrite.write(log).outcomes == {"new": 1, "unchanged": 1, "failed": 1}
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (2,)
    assert connection.execute("SELECT kafka_offset, state FROM failed_message").fetchall() == [(2, "new")]


def test_a_message_before_a_stored_one_of_its_key_is_not_parked(
    store: Store, rewrite: Rewrite, connection: psycopg.Connection
) -> None:
    log = [broken(1, 0), melding(1, offset=1), broken(1, 2)]
    write(store, *log)
    connection.execute("DELETE FROM failed_message")  # as after pruning
    rewrite.write(log[:1])
    rewrite.write(log)
    assert connection.execute("SELECT kafka_offset FROM failed_message").fetchall() == [(2,)]


@pytest.mark.parametrize("state", FAILED_STATES)
def test_a_parked_message_stays_unchanged(
    state: str, store: Store, rewrite: Rewrite, connection: psycopg.Connection, inside: Inside
) -> None:
    """Neither its own message nor a later one of its key changes it, even if they can be stored now."""
    write(store, broken(1, 0), broken(2, 1))
    connection.execute("UPDATE failed_message SET state = %s", (state,))
    before = inside.traces()
    rewrite.write([broken(1, 0), broken(2, 1)])
    assert inside.traces() == before
    readable = [melding(1, offset=0), melding(2, offset=1)]  # simulates a release that can read them
    assert rewrite.write(readable).outcomes == {"new": 2}
    assert inside.traces()[3] == before[3]


def test_a_later_message_supersedes_no_parked_one(store: Store, rewrite: Rewrite, inside: Inside) -> None:
    write(store, broken(1, 0), melding(2, offset=1))
    before = inside.traces()
    assert rewrite.write([broken(1, 0), melding(1, offset=1)]).outcomes == {"failed": 1, "new": 1}
    assert inside.traces()[3] == before[3]


def test_a_new_column_of_the_same_message_is_no_new_version(
    store: Store, rewrite: Rewrite, connection: psycopg.Connection
) -> None:
    log = [melding(1, offset=0), melding(1, offset=1)]  # the second is republished: valid from the first
    write(store, *log)
    row = "SELECT mottatt_tidspunkt, hendelse_tidspunkt, kafka_offset, opphav, bedrift_nr FROM avtale"
    before = connection.execute(row).fetchone()
    assert before is not None
    assert before[1] == EPOCH
    connection.execute("UPDATE avtale SET opphav = 'unknown', bedrift_nr = NULL")
    assert rewrite.write(log).outcomes == {"older": 1, "changed": 1}
    assert connection.execute(row).fetchone() == before
    assert connection.execute("SELECT count(*) FROM avtale_historikk").fetchone() == (0,)
    assert rewrite.write(log).outcomes == {"older": 1, "unchanged": 1}


def test_an_avtale_deleted_by_a_tombstone_is_not_restored(
    store: Store, rewrite: Rewrite, inside: Inside
) -> None:
    log = [melding(1, offset=0), broken(1, 1), tombstone(1, offset=2)]
    write(store, *log)
    before = inside.traces()
    assert rewrite.write(log[:2]).outcomes == {"older": 2}
    assert rewrite.write(log).outcomes == {"older": 3}
    assert inside.traces() == before


def test_an_avtale_deleted_by_hand_is_not_restored(
    store: Store, rewrite: Rewrite, database: Database, inside: Inside
) -> None:
    """Nor are parked messages that name it with another key, on another partition, or without a key."""
    value = encoded(hendelse(1))
    log = [
        melding(1, offset=0),
        broken(1, 1),
        record(2, avtale_id(4).encode(), value),
        record(90, avtale_id(2).encode(), value, partition=1),
        record(91, None, b"\xff" + value, partition=1),
        record(92, avtale_id(2).encode(), b"{", partition=1),
    ]
    write(store, *log)
    assert erase(database, TOPIC, avtale_id(1), OperatorAction("a test"))[:3] == (1, 0, 4)
    before = inside.traces()
    rewrite.write(log)
    assert inside.traces() == before


def test_messages_keep_the_generation_of_their_offsets(
    store: Store, rewrite: Rewrite, database: Database, connection: psycopg.Connection, inside: Inside
) -> None:
    log: list[Message] = []
    for offset in range(0, 9, 3):  # three generations, on two partitions
        part = [
            melding(1, offset=offset, avtaleStatus=f"A{offset}"),
            broken(2, offset + 1),
            tombstone(3, offset=offset + 2),
            melding(4, offset=offset + 50, partition=1, avtaleStatus=f"B{offset}"),
        ]
        write(store, *part)
        log += part
        with database.transaction() as tx:
            tx.raise_generation(TOPIC, None)
    before = inside.traces()
    rewrite.write(log)
    for message in reversed(log):
        rewrite.write([message])
    assert inside.traces() == before
    connection.execute("TRUNCATE avtale, avtale_historikk, failed_message")
    rewrite.write(log)
    places = "SELECT generation, kafka_partition, kafka_offset FROM"
    assert connection.execute(f"{places} avtale ORDER BY 2").fetchall() == [(2, 0, 6), (2, 1, 56)]
    assert connection.execute(f"{places} failed_message ORDER BY 1").fetchall() == [
        (0, 0, 1),
        (1, 0, 4),
        (2, 0, 7),
    ]
