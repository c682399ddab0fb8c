"""A topic that was deleted and created again, and the new generation that an operator begins."""

from collections.abc import Callable

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from datadeling.config import KafkaConfig
from datadeling.consumer.partitions import ANOTHER_TOPIC
from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import is_another_topic, list_positions, new_generation
from tests.integration.consuming import Consumer, Produce, Start, count, thousand, turn_until
from tests.services import Kafka

WHO = OperatorAction("an operator", "a test")


@pytest.fixture
def broker_topic(kafka: Kafka, topic: str) -> Topic:
    return Topic(KafkaConfig(kafka.brokers, topic, "", None))


@pytest.fixture
def recreate_topic(kafka: Kafka, topic: str) -> Callable[[], None]:
    """Delete the topic of this test and create another one of the same name."""
    admin = AdminClient({"bootstrap.servers": kafka.brokers})

    def recreate_topic() -> None:
        admin.delete_topics([topic])[topic].result(30)
        admin.create_topics([NewTopic(topic, 3, 1, config={"retention.ms": "-1"})])[topic].result(30)

    return recreate_topic


def stopped(consumer: Consumer) -> bool:
    return consumer.health.faults() == [f"partition {p} stopped: {ANOTHER_TOPIC}" for p in range(3)]


def test_a_recreated_topic_stops_the_consumer_until_a_new_generation(
    start: Start,
    produce: Produce,
    connection: psycopg.Connection,
    recreate_topic: Callable[[], None],
    broker_topic: Topic,
    topic: str,
    db_url: str,
) -> None:
    produce(thousand()[:300])
    consumer = start()
    turn_until(lambda: count(connection) == 300, consumer)
    consumer.leave()
    recreate_topic()
    produce(thousand(first=1_000))

    again = start()
    turn_until(lambda: stopped(again), again)
    assert again.health.alive()
    assert again.metric("datadeling_stopped_partitions") == 3
    assert count(connection) == 300

    # The operator says that it is to be read from its beginning; the consumer goes on by itself.
    database = Database(db_url, "operator")
    assert is_another_topic(database, topic, broker_topic)
    raised = new_generation(database, topic, broker_topic, WHO)
    assert (raised.generation, raised.next_offsets) == (1, {0: 0, 1: 0, 2: 0})
    turn_until(lambda: count(connection) == 1_300, again)
    assert again.health.faults() == []
    assert [one["lag"] for one in list_positions(database, topic, broker_topic)] == [0, 0, 0]
    assert not is_another_topic(database, topic, broker_topic)
    database.close()


def test_a_topic_recreated_during_consumption_stops_the_consumer(
    start: Start, produce: Produce, connection: psycopg.Connection, recreate_topic: Callable[[], None]
) -> None:
    produce(thousand()[:300])
    consumer = start()
    turn_until(lambda: count(connection) == 300, consumer)
    recreate_topic()
    turn_until(lambda: stopped(consumer), consumer)
    rows = connection.execute("SELECT DISTINCT next_offset FROM consumer_offset").fetchall()
    assert rows == [(100,)]


def test_another_topic_id_stops_the_consumer_without_a_rebalance(
    start: Start, produce: Produce, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    produce(thousand()[:300])
    consumer = start()
    turn_until(lambda: count(connection) == 300, consumer)
    # A topic can be made anew faster than the group learns of it; that cannot be brought about at will.
    monkeypatch.setattr(Topic, "identity", lambda _: "another")
    turn_until(lambda: stopped(consumer), consumer)


def test_a_new_generation_with_the_same_offsets_is_adopted_without_a_message(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str, db_url: str
) -> None:
    produce(thousand())
    consumer = start()
    turn_until(lambda: count(connection) == 1_000, consumer)
    database = Database(db_url, "operator")
    raised = new_generation(database, topic, None, WHO)
    assert (raised.generation, raised.next_offsets) == (1, {0: 334, 1: 333, 2: 333})
    database.close()

    def is_adopted() -> bool:
        return count(connection, "consumer_offset WHERE topic_id IS NOT NULL AND generation = 1") == 3

    turn_until(is_adopted, consumer)
    produce(thousand(first=1_000))
    turn_until(lambda: count(connection) == 2_000, consumer)
    assert connection.execute("SELECT generation, count(*) FROM avtale GROUP BY 1 ORDER BY 1").fetchall() == [
        (0, 1_000),
        (1, 1_000),
    ]
    ended = connection.execute("SELECT generation, end_offset FROM earlier_generation ORDER BY 2").fetchall()
    assert ended == [(0, 333), (0, 333), (0, 334)]
