"""New generations: messages read again, and partitions that were added before."""

from datetime import timedelta

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place, Position
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from datadeling.operations.offsets import new_generation
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from tests.hendelser import EPOCH, avtale_id, melding, tombstone
from tests.integration.storing import TOPIC, begin_at, tables, write

WHO = OperatorAction("a test")


def status(
    offset: int, text: str, *, partition: int = 0, number: int = 1, minute: int | None = None
) -> Message:
    """Return a change of status by date, which keeps the time of the edit."""
    changed = melding(number, offset=offset, partition=partition, avtaleStatus=text)
    return changed if minute is None else changed._replace(timestamp=EPOCH + timedelta(minutes=minute))


def statuses(connection: psycopg.Connection) -> tuple[str, list[tuple[str, int, int]]]:
    """Return the avtale's status, and its earlier ones with the minutes of their validity."""
    (now,) = (row[1] for row in tables(connection).present.values())
    minute = timedelta(minutes=1)
    return now, sorted((s, (fra - EPOCH) // minute, (til - EPOCH) // minute)
                       for _, s, fra, til in tables(connection).history)  # fmt: skip


def begin_generation(database: Database, **back_to: int) -> None:
    new_generation(database, TOPIC, None, WHO, {int(name[1:]): offset for name, offset in back_to.items()})


def test_versions_at_the_same_offset_of_two_partitions_are_both_kept(
    store: Store, connection: psycopg.Connection
) -> None:
    edits = [f"2022-02-04T08:46:0{n}Z" for n in range(3)]
    write(store, melding(1, offset=5, sistEndret=edits[0], avtaleStatus="A"))
    write(store, melding(1, offset=5, partition=1, sistEndret=edits[1], avtaleStatus="B"))
    write(store, melding(1, offset=6, partition=1, sistEndret=edits[2], avtaleStatus="C"))
    assert statuses(connection) == ("C", [("A", 5, 5), ("B", 5, 6)])


def test_a_message_at_the_same_offset_of_another_partition_is_another_message(
    store: Store, connection: psycopg.Connection
) -> None:
    write(store, status(5, "A"))
    assert write(store, status(5, "B", partition=1)) == {"older": 1}
    assert statuses(connection) == ("A", [])


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
def test_reading_again_adds_no_history(
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
    begin_generation(database, p0=0)
    for batch in [log] if at_once else [[message] for message in log]:
        write(store, *batch)
        assert statuses(connection) == before
    assert connection.execute("SELECT generation, kafka_offset FROM avtale").fetchall() == [(1, 5)]
    write(store, status(6, "C"))
    assert statuses(connection) == ("C", sorted([*before[1], ("B", 5, 6)]))


def test_a_status_that_returns_in_a_later_generation_is_a_new_version(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    write(store, status(0, "A"), status(1, "B"))
    begin_generation(database)
    write(store, status(2, "A"))
    assert statuses(connection) == ("A", [("A", 0, 1), ("B", 1, 2)])


# The messages of two avtaler on their old partition, and the later ones on a partition that was added.
OLD = [status(100, "A"), melding(2, offset=101)]
ADDED = [status(0, "B", partition=1, minute=200), tombstone(2, offset=1, partition=1)]


def test_messages_read_too_early_on_an_added_partition_are_repaired_by_reading_it_again(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    write(store, *OLD)
    assert write(store, *ADDED) == {"older": 1, "deleted": 1}
    # The state that the runbook describes: an old status, and an avtale that should be deleted.
    assert {(i, row[1]) for i, row in tables(connection).present.items()} == {
        (avtale_id(1), "A"),
        (avtale_id(2), "PÅBEGYNT"),
    }
    begin_generation(database)
    assert Rewrite(database, TOPIC).write([*OLD, *ADDED]).outcomes == {
        "unchanged": 2,
        "older": 2,
    }  # a replay does not repair it
    assert len(tables(connection).present) == 2

    begin_generation(database, p1=0)
    write(store, *ADDED)
    assert statuses(connection) == ("B", [("A", 100, 200)])
    assert Rewrite(database, TOPIC).write([*OLD, *ADDED]).outcomes == {"older": 3, "unchanged": 1}


def test_a_deleted_avtale_stays_deleted_when_its_partition_is_read_again(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    log = [melding(1, offset=0), melding(2, offset=1)]
    write(store, *log)
    assert erase(database, TOPIC, avtale_id(1), WHO).marker == Place(0, 0, 1)
    begin_generation(database, p0=0)
    write(store, *log)
    assert set(tables(connection).present) == {avtale_id(2)}
    assert write(store, melding(1, offset=2)) == {"new": 1}


def test_reading_from_before_the_partitions_were_added_restores_old_versions(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    """So the runbook goes back to where partitions were added, and no further."""
    write(store, *OLD)
    begin_generation(database)
    write(store, *ADDED)
    assert statuses(connection)[0] == "B"
    assert set(tables(connection).present) == {avtale_id(1)}
    begin_generation(database, p0=100, p1=0)
    write(store, *ADDED)
    write(store, *OLD)
    assert {(i, row[1]) for i, row in tables(connection).present.items()} == {
        (avtale_id(1), "A"),
        (avtale_id(2), "PÅBEGYNT"),
    }


def recognise(database: Database, partition: int, topic_id: str) -> str | None:
    """Return the id of the topic that a partition belongs to."""
    with database.transaction() as tx:
        tx.run("recognise_topic", topic=TOPIC, partition=partition, topic_id=topic_id)
        return tx.first(str, "select_topic_id", topic=TOPIC, partition=partition)


def test_an_added_partition_must_have_the_topic_id_of_the_others(store: Store, database: Database) -> None:
    for partition, topic_id, is_known in ((0, "one", True), (1, "another", False), (2, "one", True)):
        begin_at(store, partition)
        assert (recognise(database, partition, topic_id) == topic_id) is is_known
    begin_generation(database)
    assert recognise(database, 1, "another") == "another"


def test_a_generation_cannot_begin_at_an_offset_that_was_never_read(store: Store, database: Database) -> None:
    write(store, melding(1, offset=0))
    for back_to in ({0: 2}, {1: 0}):
        with pytest.raises(NotFound):
            new_generation(database, TOPIC, None, WHO, back_to)
    with database.transaction() as tx:
        assert tx.positions(TOPIC) == {0: Position(0, 1, 0)}
