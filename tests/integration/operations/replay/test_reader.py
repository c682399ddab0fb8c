"""Reading a range: every message of it once, none beyond it, and no committed offset moves."""

from collections.abc import Callable

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import OPERATOR_TIMEOUT, Topic
from datadeling.errors import TopicChanged
from datadeling.operations.replay.reader import Reader
from datadeling.pipeline.message import Message
from tests.hendelser import EPOCH, melding
from tests.services import Kafka

Produce = Callable[[list[Message]], None]


@pytest.fixture
def config(kafka: Kafka, topic: str) -> KafkaConfig:
    return KafkaConfig(kafka.brokers, topic, "", None)


def read(config: KafkaConfig, ranges: dict[int, range]) -> list[tuple[int, int]]:
    """The places of all messages, partition by partition."""
    reader = Reader(config, ranges)
    found: list[Message] = []
    for _ in range(600):
        if not reader.left:
            break
        found += reader.fetch(7, 0.1)
    assert not reader.left
    assert reader.positions == {p: offsets.stop for p, offsets in ranges.items()}
    reader.close()
    return sorted((m.partition, m.offset) for m in found)


@pytest.mark.parametrize(
    "ranges",
    [
        pytest.param({0: range(20)}, id="to the end of the log"),
        pytest.param({0: range(3, 4)}, id="one message"),
        pytest.param({0: range(5, 5)}, id="nothing"),
        pytest.param({}, id="no partition"),
        pytest.param({0: range(3, 11), 1: range(20), 2: range(19, 20)}, id="several partitions"),
    ],
)
def test_each_message_of_a_range_is_read_once(
    ranges: dict[int, range], config: KafkaConfig, produce: Produce
) -> None:
    produce([melding(n, partition=p) for p in range(3) for n in range(20)])
    assert read(config, ranges) == [(p, o) for p, offsets in ranges.items() for o in offsets]


def test_a_range_beyond_the_end_of_the_log_is_refused(config: KafkaConfig, produce: Produce) -> None:
    produce([melding(n) for n in range(5)])
    with pytest.raises(TopicChanged, match="partition 0 ends at 5, before 6"):
        read(config, {0: range(2, 6)})
    with pytest.raises(TopicChanged):
        read(config, {0: range(9, 12)})


def test_messages_dropped_by_the_topic_are_skipped(
    config: KafkaConfig, produce: Produce, kafka: Kafka
) -> None:
    produce([melding(n) for n in range(10)])
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    gone = TopicPartition(config.topic, 0, 4)
    admin.delete_records([gone])[gone].result(30)
    assert read(config, {0: range(1, 8)}) == [(0, offset) for offset in range(4, 8)]
    assert read(config, {0: range(2)}) == []


def test_no_consumer_group_is_created(config: KafkaConfig, produce: Produce, kafka: Kafka) -> None:
    produce([melding(n) for n in range(5)])
    read(config, {0: range(5)})
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    groups = admin.list_consumer_groups().result(10).valid
    assert "datadeling-replay" not in {group.group_id for group in groups}


def test_an_offset_is_found_by_time(config: KafkaConfig, produce: Produce) -> None:
    messages = [melding(n, offset=n * 10) for n in range(5)]  # ten minutes apart
    produce(messages)
    topic = Topic(config, OPERATOR_TIMEOUT)
    assert topic.offset_at(0, EPOCH) == 0
    assert topic.offset_at(0, messages[2].timestamp) == 2
    assert topic.offset_at(0, messages[2].timestamp.replace(second=1)) == 3
    assert topic.offset_at(0, messages[4].timestamp.replace(second=1)) == 5
    assert topic.offset_at(1, EPOCH) == 0
