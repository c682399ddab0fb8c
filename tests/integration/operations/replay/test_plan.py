"""The ranges of a replay: as requested, never beyond the live consumer, never before the low watermark."""

from datetime import timedelta

import psycopg
import pytest

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.errors import NotFound, TopicChanged
from datadeling.operations.replay.jobs import Request
from datadeling.operations.replay.runner import plan
from datadeling.pipeline.partitioner import partition_of
from tests.hendelser import EPOCH, avtale_id, melding, record, tombstone
from tests.integration.consuming import Produce
from tests.integration.operations.replay.replaying import Handled, drop
from tests.services import Kafka

ALL = {0: (0, 10), 1: (0, 10), 2: (0, 10)}
ID = avtale_id(1)
NEITHER = (partition_of(ID.encode(), 3) + 1) % 3  # where the producer would not put it


def at(minute: float) -> timedelta:
    return timedelta(minutes=minute)


@pytest.fixture
def ten(handled: Handled, produce: Produce) -> None:
    """Three partitions: ten messages of each handled, a minute apart, and five more to come."""
    handled.take(*(melding(100 + n, offset=n, partition=p) for p in range(3) for n in range(10)))
    produce([melding(200 + n, offset=n, partition=p) for p in range(3) for n in range(10, 15)])


def planned(request: Request, database: Database, config: KafkaConfig) -> dict[int, tuple[int, int]]:
    return {one.partition: (one.from_offset, one.to_offset) for one in plan(request, database, config)}


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize(
    ("request_", "ranges"),
    [
        pytest.param(Request(), ALL, id="from the beginning"),
        pytest.param(Request(from_offsets={1: 4}), {1: (4, 10)}, id="one partition from an offset"),
        pytest.param(Request(from_offsets={2: 9, 0: 1}), {0: (1, 10), 2: (9, 10)}, id="some partitions"),
        pytest.param(Request(from_offsets={0: 12}), {0: (10, 10)}, id="from beyond the live consumer"),
        pytest.param(Request(from_time=EPOCH + at(3)), dict.fromkeys(ALL, (3, 10)), id="from a time"),
        pytest.param(Request(from_time=EPOCH + at(3.5)), dict.fromkeys(ALL, (4, 10)), id="between two"),
        pytest.param(Request(from_time=EPOCH - at(9)), ALL, id="from before the first"),
        pytest.param(Request(from_time=EPOCH + at(99)), dict.fromkeys(ALL, (10, 10)), id="after the last"),
        pytest.param(Request(to_offsets={0: 7, 2: 12}), {**ALL, 0: (0, 7)}, id="to offsets"),
        pytest.param(Request(to_time=EPOCH + at(6)), dict.fromkeys(ALL, (0, 6)), id="to a time"),
        pytest.param(Request(to_time=EPOCH + at(12)), ALL, id="to a time beyond the live consumer"),
        pytest.param(Request(to_time=EPOCH), dict.fromkeys(ALL, (0, 0)), id="to the first"),
        pytest.param(Request({1: 2}, None, {1: 5}), {1: (2, 5)}, id="from offset to offset"),
        pytest.param(Request({1: 5}, None, {1: 2}), {1: (2, 2)}, id="backwards"),
        pytest.param(
            Request(None, EPOCH + at(2), {1: 5}, EPOCH + at(8)), {0: (2, 8), 1: (2, 5), 2: (2, 8)}, id="all"
        ),
        pytest.param(Request({0: 1}, EPOCH + at(4), None, EPOCH + at(8)), {0: (4, 8)}, id="the later of two"),
    ],
)
def test_a_range_is_planned_as_requested(
    request_: Request, ranges: dict[int, tuple[int, int]], database: Database, config: KafkaConfig
) -> None:
    assert planned(request_, database, config) == ranges


@pytest.mark.usefixtures("ten")
def test_a_range_begins_at_the_low_watermark(
    database: Database, config: KafkaConfig, kafka: Kafka, topic: str
) -> None:
    drop(kafka, topic, 6)
    assert planned(Request(), database, config) == {**ALL, 0: (6, 10)}
    assert planned(Request(from_offsets={0: 2}), database, config) == {0: (6, 10)}
    assert planned(Request({0: 2}, None, {0: 4}), database, config) == {0: (4, 4)}


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize("request_", [Request(from_offsets={0: 1, 7: 1}), Request(to_offsets={7: 1})])
def test_an_unread_partition_is_named(request_: Request, database: Database, config: KafkaConfig) -> None:
    with pytest.raises(NotFound, match="partition 7"):
        plan(request_, database, config)


def test_an_unread_topic_is_refused(database: Database, config: KafkaConfig) -> None:
    with pytest.raises(NotFound, match="nothing has been read"):
        plan(Request(), database, config)


@pytest.mark.usefixtures("ten")
def test_a_recreated_topic_is_refused(
    database: Database, config: KafkaConfig, connection: psycopg.Connection
) -> None:
    connection.execute("UPDATE consumer_offset SET topic_id = %s", (Topic(config).identity(),))
    assert planned(Request(), database, config) == ALL
    connection.execute("UPDATE consumer_offset SET topic_id = 'another' WHERE kafka_partition = 1")
    with pytest.raises(TopicChanged):
        plan(Request(), database, config)


@pytest.mark.parametrize("known", ["row", "history", "marker", "failed", "another generation's", "nothing"])
def test_an_avtale_is_read_from_its_present_and_former_partitions(
    known: str, handled: Handled, database: Database, config: KafkaConfig, connection: psycopg.Connection
) -> None:
    by_hash = partition_of(ID.encode(), 3)
    message = {
        "marker": tombstone(1, offset=0, partition=NEITHER),
        "failed": record(0, ID.encode(), b"{", NEITHER),
        "nothing": melding(2, offset=0, partition=NEITHER),
    }.get(known, melding(1, offset=0, partition=NEITHER))
    later = melding(1, offset=1, partition=NEITHER, avtaleStatus="AVSLUTTET")
    handled.take(message, *([later] if known == "history" else []))
    if known == "history":
        connection.execute("DELETE FROM avtale")
    if known == "another generation's":
        with database.transaction() as tx:
            tx.raise_generation(config.topic, None)
    expected = {"nothing": {by_hash}, "another generation's": {by_hash, NEITHER}}.get(known, {NEITHER})
    assert planned(Request(avtale_id=ID), database, config).keys() == expected
    elsewhere = Request({p: 0 for p in range(3) if p not in expected}, avtale_id=ID)
    assert plan(elsewhere, database, config) == []


@pytest.mark.usefixtures("ten")
def test_a_range_is_planned_with_the_generation_of_its_offsets(
    database: Database, config: KafkaConfig
) -> None:
    with database.transaction() as tx:
        tx.raise_generation(config.topic, None)
    (one,) = plan(Request({0: 3}), database, config)
    assert (one.partition, one.generation, one.from_offset, one.to_offset) == (0, 1, 3, 10)
