"""A new generation: what is read again in it, and what came on partitions that were added before it began."""

from datetime import timedelta

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.db.rows import OffsetRow
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from datadeling.operations.offsets import new_generation
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from tests.hendelser import EPOCH, avtale_id, melding, tombstone
from tests.integration.storing import TOPIC, tables, write

WHO = OperatorAction("a test")


def status(
    offset: int, text: str, *, partition: int = 0, number: int = 1, minute: int | None = None
) -> Message:
    """A change of status by date: it keeps the time of the edit."""
    changed = melding(number, offset=offset, partition=partition, avtaleStatus=text)
    return changed if minute is None else changed._replace(timestamp=EPOCH + timedelta(minutes=minute))


def statuses(connection: psycopg.Connection) -> tuple[str, list[tuple[str, int, int]]]:
    """The status of the one avtale, and the earlier ones: from which minute until which."""
    (now,) = (row[1] for row in tables(connection).present.values())
    minute = timedelta(minutes=1)
    return now, sorted((s, (fra - EPOCH) // minute, (til - EPOCH) // minute)
                       for _, s, fra, til in tables(connection).history)  # fmt: skip


def raise_from(database: Database, **back_to: int) -> None:
    new_generation(database, TOPIC, None, WHO, {int(name[1:]): offset for name, offset in back_to.items()})


def test_versions_at_the_same_offset_of_two_partitions_are_two(
    store: Store, connection: psycopg.Connection
) -> None:
    edits = [f"2022-02-04T08:46:0{n}Z" for n in range(3)]
    write(store, melding(1, offset=5, sistEndret=edits[0], avtaleStatus="A"))
    write(store, melding(1, offset=5, partition=1, sistEndret=edits[1], avtaleStatus="B"))
    write(store, melding(1, offset=6, partition=1, sistEndret=edits[2], avtaleStatus="C"))
    assert statuses(connection) == ("C", [("A", 5, 5), ("B", 5, 6)])


def test_a_message_at_the_same_offset_of_another_partition_is_not_the_rows_own(
    store: Store, connection: psycopg.Connection
) -> None:
    write(store, status(5, "A"))
    assert write(store, status(5, "B", partition=1)) == {"older": 1}
    assert statuses(connection) == ("A", [])


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
def test_history_that_is_read_again_is_told_once(
    store: Store, database: Database, connection: psycopg.Connection, *, at_once: bool
) -> None:
    log = [
        status(0, "A"),
        status(1, "B"),
        status(2, "B"),  # republished
        status(3, "A"),
        status(4, "C", minute=2),  # record times may run backwards
        status(5, "B"),
    ]
    write(store, *log)
    before = statuses(connection)
    assert before == ("B", [("A", 0, 1), ("A", 3, 3), ("B", 1, 3), ("C", 2, 5)])
    raise_from(database, p0=0)
    for batch in [log] if at_once else [[message] for message in log]:
        write(store, *batch)
        assert statuses(connection) == before
    assert connection.execute("SELECT generation, kafka_offset FROM avtale").fetchall() == [(1, 5)]
    write(store, status(6, "C"))
    assert statuses(connection) == ("C", sorted([*before[1], ("B", 5, 6)]))


def test_a_status_that_comes_back_in_a_later_generation_is_no_repetition(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    write(store, status(0, "A"), status(1, "B"))
    raise_from(database)
    write(store, status(2, "A"))
    assert statuses(connection) == ("A", [("A", 0, 1), ("B", 1, 2)])


def test_what_came_on_an_added_partition_too_early_is_mended_by_reading_it_again(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    old = [status(100, "A"), melding(2, offset=101)]
    added = [status(0, "B", partition=1, minute=200), tombstone(2, offset=1, partition=1)]
    write(store, *old)
    assert write(store, *added) == {"older": 1, "deleted": 1}
    # What the runbook warns of: an old status, and an avtale that should be gone.
    assert {(i, row[1]) for i, row in tables(connection).present.items()} == {
        (avtale_id(1), "A"),
        (avtale_id(2), "PÅBEGYNT"),
    }
    raise_from(database)
    assert Rewrite(database, TOPIC).write([*old, *added]).outcomes == {
        "unchanged": 2,
        "older": 2,
    }  # no replay mends it
    assert len(tables(connection).present) == 2

    raise_from(database, p1=0)
    write(store, *added)
    assert statuses(connection) == ("B", [("A", 100, 200)])
    assert Rewrite(database, TOPIC).write([*old, *added]).outcomes == {"older": 3, "unchanged": 1}


def test_what_was_erased_by_hand_stays_erased_on_a_partition_that_is_read_again(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    log = [melding(1, offset=0), melding(2, offset=1)]
    write(store, *log)
    assert erase(database, TOPIC, avtale_id(1), WHO).marker == Place(0, 0, 1)
    raise_from(database, p0=0)
    write(store, *log)
    assert set(tables(connection).present) == {avtale_id(2)}
    assert write(store, melding(1, offset=2)) == {"new": 1}


def test_from_its_beginning_a_topic_cannot_tell_the_old_place_of_an_avtale_from_the_new(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    """Why the runbook goes back to where partitions were added, and no further."""
    old = [status(100, "A"), melding(2, offset=101)]
    added = [status(0, "B", partition=1, minute=200), tombstone(2, offset=1, partition=1)]
    write(store, *old)
    raise_from(database)
    write(store, *added)
    assert statuses(connection)[0] == "B"
    assert set(tables(connection).present) == {avtale_id(1)}
    raise_from(database, p0=100, p1=0)
    write(store, *added)
    write(store, *old)
    assert {(i, row[1]) for i, row in tables(connection).present.items()} == {
        (avtale_id(1), "A"),
        (avtale_id(2), "PÅBEGYNT"),
    }


def test_a_partition_that_is_found_later_belongs_to_the_topic_of_the_others(
    store: Store, database: Database
) -> None:
    for partition, topic_id, is_known in ((0, "one", True), (1, "another", False), (2, "one", True)):
        store.begin(partition, 0, EPOCH)
        assert store.is_of_topic(partition, topic_id) == is_known
    raise_from(database)
    assert store.is_of_topic(1, "another")


def test_nobody_goes_back_to_where_nothing_has_been_read(store: Store, database: Database) -> None:
    write(store, melding(1, offset=0))
    for back_to in ({0: 2}, {1: 0}):
        with pytest.raises(NotFound):
            new_generation(database, TOPIC, None, WHO, back_to)
    with database.transaction() as tx:
        assert [
            (row.generation, row.next_offset) for row in tx.rows(OffsetRow, "list_offsets", topic=TOPIC)
        ] == [(0, 1)]
