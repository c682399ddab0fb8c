"""The consumer group: partitions when consumers join, leave or stop polling."""

import psycopg
import pytest
from confluent_kafka import Consumer as KafkaConsumer

from datadeling.config import KafkaConfig
from datadeling.consumer import source
from datadeling.consumer.source import Source
from tests.hendelser import melding
from tests.integration.consuming import TURNS, Consumer, Produce, Start, count, thousand, turn_until
from tests.services import Kafka


def test_the_settings_of_the_group_are_passed_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, object] = {}

    def consumer(given: dict[str, object], **options: object) -> KafkaConsumer:
        settings.update(given)
        return KafkaConsumer(given, **options)

    monkeypatch.setattr(source, "Consumer", consumer)
    Source(KafkaConfig("127.0.0.1:1", "avtaler", "group", None)).close()
    wanted = {
        "session.timeout.ms": 6_000,
        "max.poll.interval.ms": 60_000,
        "reconnect.backoff.max.ms": 3_000,
        "partition.assignment.strategy": "cooperative-sticky",
        "auto.offset.reset": "error",
        "enable.auto.commit": False,
    }
    assert {name: settings[name] for name in wanted} == wanted


def owned(*consumers: Consumer) -> list[int]:
    """Return the running partitions, each once for every consumer that has it."""
    return sorted(p for consumer in consumers for p in consumer.running)


def test_a_consumer_that_does_not_poll_loses_its_partitions_and_rejoins(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    # It fetches and never writes.
    sleeper = start(wait=3_600.0, max_poll_interval=6.0)
    turn_until(lambda: owned(sleeper) == [0, 1, 2], sleeper)
    produce(thousand()[:90])
    turn_until(lambda: len(sleeper.batch.messages) == 90, sleeper)

    successor = start()
    turn_until(lambda: owned(successor) == [0, 1, 2], successor)
    turn_until(lambda: successor.metric("datadeling_events_total", outcome="new") == 90, successor)
    assert count(connection) == 90

    turn_until(lambda: not sleeper.batch.messages, sleeper, turns=20)  # of half a second
    sleeper.batch.wait = 0.05
    turn_until(lambda: bool(owned(sleeper)) and owned(sleeper, successor) == [0, 1, 2], sleeper, successor)
    produce(thousand(first=1_000))
    turn_until(lambda: count(connection) == 1_090, sleeper, successor)
    assert count(connection, "failed_message") == 0
    assert not sleeper.batch.messages


def test_kept_partitions_go_on_while_another_consumer_joins(
    start: Start, produce: Produce, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start()
    turn_until(lambda: owned(first) == [0, 1, 2], first)
    begun, disturbed, went_on = set[int](), set[int](), set[int]()
    monkeypatch.setattr(first.source, "start", lambda partition, _: begun.add(partition))

    second = start()
    numbers = iter(range(3 * TURNS))
    before = offsets(connection)
    for _ in range(TURNS):
        if owned(second):
            break
        produce([melding(next(numbers), partition=p) for p in range(3)])
        first.loop.run_once()
        went_on |= {p for p, at in offsets(connection).items() if at > before[p]}
        disturbed |= first.source.owned - first.running
        second.loop.run_once()
    stayed = first.source.owned
    assert 0 < len(stayed) < 3
    assert not begun
    assert not disturbed
    assert went_on >= stayed


def offsets(connection: psycopg.Connection) -> dict[int, int]:
    return dict(connection.execute("SELECT kafka_partition, next_offset FROM consumer_offset").fetchall())


def test_a_fourth_consumer_is_idle_until_another_leaves(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    consumers = [start() for _ in range(4)]
    turn_until(
        lambda: owned(*consumers) == [0, 1, 2] and all(len(owned(c)) <= 1 for c in consumers), *consumers
    )
    (idle,) = (c for c in consumers if not c.source.owned)
    turn_until(lambda: not any(c.health.faults() for c in consumers), *consumers)
    produce(thousand())
    turn_until(lambda: count(connection) == 1_000, *consumers)

    leaving = next(c for c in consumers if c is not idle)
    leaving.leave()
    consumers.remove(leaving)
    turn_until(lambda: owned(*consumers) == [0, 1, 2] and len(owned(idle)) == 1, *consumers)
    produce(thousand(first=1_000))
    turn_until(lambda: count(connection) == 2_000, *consumers)
    turn_until(lambda: (idle.metric("datadeling_events_total", outcome="new") or 0) > 300, *consumers)


def test_a_fenced_consumer_joins_with_a_new_name(
    start: Start,
    produce: Produce,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    kafka: Kafka,
    topic: str,
) -> None:
    names = iter(["name", "another name"])
    monkeypatch.setattr("datadeling.consumer.source.secrets.token_hex", lambda _: next(names))
    consumer = start()
    turn_until(lambda: owned(consumer) == [0, 1, 2], consumer)
    # Another member takes the name: the broker fences us, which is a fatal error for librdkafka.
    rival = KafkaConsumer(
        {
            "bootstrap.servers": kafka.brokers,
            "group.id": f"group-{topic}",
            "group.instance.id": "name",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 6_000,
        }
    )
    rival.subscribe([topic])
    turn_until(lambda: rival.poll(0) is not None or not consumer.source.owned, consumer)
    rival.unsubscribe()
    rival.close()
    produce(thousand())
    turn_until(lambda: count(connection) == 1_000, consumer)
    assert next(names, None) is None
