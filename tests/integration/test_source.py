"""The source, over a network that is slow during an assignment."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from datadeling.config import KafkaConfig
from datadeling.consumer.source import Source
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.process import free_port
from tests.relay import Relay

TOPIC = "avtaler"
_PATIENCE = 30.0  # seconds


class SlowAtAssignment(Source):
    """A source whose requests during an assignment get no response until `relay` flows again."""

    relay: Relay

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.relay.fall_silent()
        super()._on_assign(consumer, partitions)


@pytest.fixture
def relay() -> Iterator[Relay]:
    behind = free_port()
    with Relay("127.0.0.1", behind) as relay:
        relay.start()
        yield relay


@pytest.fixture
def broker(relay: Relay) -> Iterator[EmbeddedKafka]:
    """A broker that advertises the port of the relay to its clients."""
    with EmbeddedKafka(side_door=(relay.target[1], relay.port)) as broker:
        broker.create_topic(TOPIC)
        yield broker


def test_a_late_response_does_not_move_a_partition_that_has_started(
    relay: Relay, broker: EmbeddedKafka
) -> None:
    _produce(broker, 10)
    source = SlowAtAssignment(KafkaConfig(f"127.0.0.1:{relay.port}", TOPIC, "group", None))
    source.relay = relay
    try:
        while not source.owned:
            source.fetch(100, 0.05)
        for partition in source.owned:
            source.start(partition, 0)
        relay.flow()
        fetched = source.fetch(100, 0.5)
        _produce(broker, 10)
        give_up_at = time.monotonic() + _PATIENCE
        while len(fetched) < 60 and time.monotonic() < give_up_at:
            fetched += source.fetch(100, 0.05)
    finally:
        source.close()
    offsets = sorted((m.partition, m.offset) for m in fetched)
    assert offsets == [(p, o) for p in range(3) for o in range(20)]


def _produce(broker: EmbeddedKafka, count: int) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for partition in range(3):
        for _ in range(count):
            producer.produce(TOPIC, b"{", b"key", partition=partition)
    assert producer.flush(30) == 0
