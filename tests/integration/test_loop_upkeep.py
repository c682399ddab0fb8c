"""The loop between batches: metrics, committed offsets for lag tools, and pruning."""

from datetime import timedelta

import psycopg
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from datadeling.operations import retention
from datadeling.pipeline.store import Store
from tests.hendelser import record
from tests.integration.ageing import note, park, rows_left, supersede
from tests.integration.consuming import Produce, Start, count, thousand, turn_until
from tests.services import Kafka


def test_offsets_are_committed_to_kafka_for_lag_tools(
    start: Start, produce: Produce, connection: psycopg.Connection, kafka: Kafka, topic: str
) -> None:
    produce(thousand())
    consumer = start()
    turn_until(lambda: count(connection) == 1_000, consumer)
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    group = ConsumerGroupTopicPartitions(f"group-{topic}")

    def committed() -> list[int]:
        answer = admin.list_consumer_group_offsets([group])[group.group_id].result(30)
        return sorted(place.offset for place in answer.topic_partitions)

    turn_until(lambda: committed() == [333, 333, 334], consumer)


def test_failed_messages_are_counted_by_state(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    produce([record(0, b"nobody", b"{", partition=1)])
    consumer = start()

    def waiting() -> float | None:
        consumer.loop.refresh_metrics()
        return consumer.metric("datadeling_failed_messages", state="new")

    turn_until(lambda: waiting() == 1, consumer)
    connection.execute("UPDATE failed_message SET state = 'discarded'")
    assert waiting() == 0
    assert consumer.metric("datadeling_failed_messages", state="discarded") == 1


def test_the_lag_of_a_replication_slot_is_measured(
    start: Start, connection: psycopg.Connection, topic: str
) -> None:
    consumer = start()

    def held_back() -> float | None:
        consumer.loop.refresh_metrics()
        return consumer.metric("datadeling_replication_slot_lag_bytes", slot=slot)

    slot = topic.replace("-", "_")
    assert held_back() is None
    connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [slot])
    try:
        before = held_back()
        connection.execute("SELECT pg_logical_emit_message(true, 'test', repeat('x', 100000))")
        after = held_back()
    finally:
        connection.execute("SELECT pg_drop_replication_slot(%s)", [slot])
    assert before is not None
    assert after is not None
    assert after >= before + 100_000
    assert held_back() is None


def test_old_rows_are_pruned_in_small_steps_once_an_hour(
    start: Start, store: Store, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_ROWS_AT_ONCE", 2)
    park(store, connection, "new", timedelta(days=91), 3)
    park(store, connection, "new", timedelta(days=89))
    supersede(store, connection, timedelta(days=1_825), timedelta(days=1_827), copies=3)
    for age in (1_826, 1_828, 1_828, 1_828):
        note(connection, "failed discard", timedelta(days=age))
    consumer = start()

    def after_a_turn() -> list[int]:
        consumer.loop.run_once()
        return list(rows_left(connection).values())

    assert [after_a_turn() for _ in range(3)] == [[2, 4, 2, 0], [1, 3, 1, 0], [1, 3, 1, 0]]
    # Then nothing is pruned for an hour.
    note(connection, "failed discard", timedelta(days=1_828))
    assert [after_a_turn() for _ in range(3)] == [[1, 3, 2, 0]] * 3
    consumer.loop._prune_at -= 3_600
    assert after_a_turn() == [1, 3, 1, 0]
