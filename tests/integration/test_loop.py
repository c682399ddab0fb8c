"""The loop between a real broker and a real database, turned by hand."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from datadeling.domain.hendelse import Hendelse
from datadeling.errors import UgyldigHendelse
from datadeling.operations import retention
from datadeling.pipeline import transform
from datadeling.pipeline.decode import decode
from datadeling.pipeline.store import Store
from tests.hendelser import melding, record
from tests.integration.ageing import note, park, rows_left, supersede
from tests.integration.consuming import Consumer, Produce, Start, count, thousand, turn_until
from tests.services import Kafka


def test_everything_produced_is_stored(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    produce([*thousand(), record(0, b"nobody", b"{", partition=1)])
    consumer = start()
    turn_until(lambda: count(connection) == 1_000 and count(connection, "failed_message") == 1, consumer)
    turn_until(lambda: consumer.metric("datadeling_events_total", outcome="new") == 1_000, consumer)
    assert consumer.health.faults() == []
    assert consumer.metric("datadeling_events_total", outcome="failed") == 1
    assert consumer.metric("datadeling_consumer_lag", partition="1") == 0


def test_lag_tools_see_where_we_stand(
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


def test_failed_messages_that_are_handled_are_counted_no_more(
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


def test_what_has_been_kept_long_enough_goes_by_itself_bit_by_bit(
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


def test_a_new_consumer_goes_on_from_the_database(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    produce(thousand())
    first = start()
    turn_until(lambda: count(connection) == 1_000, first)
    first.source.close()
    # What Kafka thinks of our offsets does not matter: the database says how far we are.
    connection.execute("DELETE FROM avtale")
    connection.execute("UPDATE consumer_offset SET next_offset = 100 WHERE kafka_partition = 1")
    second = start()
    turn_until(lambda: second.metric("datadeling_events_total", outcome="new") == 233, second)
    assert count(connection) == 233


def test_two_consumers_share_the_partitions(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    first, second = start(), start()
    turn_until(lambda: len(first.source.owned) + len(second.source.owned) == 3, first, second)
    turn_until(lambda: bool(first.source.owned and second.source.owned), first, second)
    produce(thousand())
    turn_until(lambda: count(connection) == 1_000, first, second)
    second.source.close()
    produce(thousand(first=1_000))
    turn_until(lambda: count(connection) == 2_000, first)
    assert count(connection, "failed_message") == 0


def test_who_was_overtaken_drops_its_batch_and_reads_on(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    produce(thousand())
    consumer = start()
    turn_until(lambda: count(connection) == 1_000, consumer)
    connection.execute("UPDATE consumer_offset SET next_offset = next_offset - 10")
    connection.execute("DELETE FROM avtale WHERE kafka_offset >= 324")
    produce(thousand(first=1_000))
    turn_until(lambda: count(connection) == 2_000, consumer)


def test_offsets_that_are_gone_are_skipped_and_logged(
    start: Start, produce: Produce, connection: psycopg.Connection, kafka: Kafka, topic: str
) -> None:
    produce(thousand())
    consumer = start()
    turn_until(lambda: count(connection) == 1_000, consumer)
    consumer.source.close()
    produce(thousand(first=1_000))
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    gone = TopicPartition(topic, 0, 400)
    admin.delete_records([gone])[gone].result(30)
    again = start()
    turn_until(lambda: count(connection) == 2_000 - (400 - 334), again)
    assert again.metric("datadeling_skipped_offsets_total") == 400 - 334


def test_a_topic_shorter_than_the_offset_stops_its_partition_alone(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    connection.execute(
        "INSERT INTO consumer_offset (topic, kafka_partition, next_offset, historikk_fra)"
        " VALUES (%s, 1, 5000, now())",
        (topic,),
    )
    produce(thousand())
    consumer = start()
    turn_until(lambda: count(connection) == 667, consumer)
    assert consumer.health.faults() == [
        "partition 1 stopped: the stored offset is beyond the end of the topic"
    ]
    assert connection.execute(
        "SELECT next_offset FROM consumer_offset WHERE kafka_partition = 1"
    ).fetchone() == (5000,)


def test_a_broken_contract_stops_its_partition_alone(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    produce([*thousand(), *(record(n, b"nobody", b"{", partition=2) for n in range(50))])
    produce(thousand(first=1_000))
    consumer = start()
    turn_until(lambda: count(connection) == 1_667, consumer)
    turn_until(lambda: bool(consumer.health.stopped), consumer)
    assert consumer.health.faults() == ["partition 2 stopped: too many unreadable messages in a row"]
    assert consumer.health.alive()
    assert consumer.metric("datadeling_stopped_partitions") == 1
    assert count(connection, "failed_message") == 10
    row = connection.execute(
        "SELECT next_offset, unreadable_in_a_row FROM consumer_offset WHERE kafka_partition = 2"
    )
    assert row.fetchone() == (333 + 10, 10)


def test_a_release_that_can_read_them_mends_what_was_parked_and_goes_on(
    start: Start, produce: Produce, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(key: bytes | None, value: bytes) -> Hendelse:
        if b"NYTT_TILTAK" in value:
            raise UgyldigHendelse("invalid_field", "this release does not know it")
        return decode(key, value)

    produce(thousand())
    new = [melding(1_000 + n, partition=2, tiltakstype="NYTT_TILTAK") for n in range(50)]
    produce([*new, *thousand(first=2_000)])
    with monkeypatch.context() as old_release:
        old_release.setattr(transform, "decode", refuse)
        old = start()
        turn_until(lambda: count(connection) == 1_667, old)
        turn_until(lambda: bool(old.health.stopped), old)
        assert count(connection, "failed_message WHERE state = 'new'") == 10
        old.leave()

    release = start()
    turn_until(lambda: count(connection) == 2_050, release)
    assert count(connection, "failed_message WHERE state = 'resolved' AND value IS NULL") == 10
    assert count(connection, "failed_message") == 10
    assert release.health.faults() == []
    rows = connection.execute("SELECT DISTINCT unreadable_in_a_row FROM consumer_offset").fetchall()
    assert rows == [(0,)]


def test_a_topic_that_is_not_there_is_waited_for(
    db_url: str, kafka: Kafka, connection: psycopg.Connection
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    name = f"late-{secrets.token_hex(4)}"
    consumer = Consumer(db_url, kafka.brokers, name)
    consumer.source.subscribe()
    try:
        turn_until(lambda: consumer.health.faults() == ["broker unreachable"], consumer)
        admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
        turn_until(
            lambda: not consumer.health.faults() and count(connection, "consumer_offset") == 1, consumer
        )
    finally:
        consumer.leave()
    admin.delete_topics([name])[name].result(30)


def test_history_is_complete_from_the_end_of_the_log(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    messages = thousand()
    produce(messages)
    consumer = start()
    turn_until(lambda: count(connection) == 1_000, consumer)
    rows = connection.execute("SELECT historikk_fra FROM consumer_offset ORDER BY kafka_partition").fetchall()
    assert rows == [(max(m.timestamp for m in messages if m.partition == p),) for p in range(3)]


def test_a_lost_connection_costs_nothing(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    consumer = start()
    turn_until(lambda: not consumer.health.faults() and len(consumer.source.owned) == 3, consumer)
    produce(thousand())
    for _ in range(5):
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test consumer'"
        )
        consumer.loop.run_once()
    turn_until(lambda: count(connection) == 1_000, consumer)
    assert count(connection, "failed_message") == 0


@contextmanager
def closed(connection: psycopg.Connection, database: str) -> Iterator[None]:
    """Nobody gets into the database while the block runs."""
    with psycopg.connect(
        connection.info.dsn, dbname="postgres", user=connection.info.user, autocommit=True
    ) as admin:
        admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test consumer'"
        )
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')


def test_a_database_that_is_away_is_waited_for(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    consumer = start()
    turn_until(lambda: not consumer.health.faults() and len(consumer.source.owned) == 3, consumer)
    produce(thousand())
    with closed(connection, connection.info.dbname):
        turn_until(lambda: consumer.health.faults() == ["database unreachable"], consumer)
        assert consumer.health.alive()
    turn_until(lambda: count(connection) == 1_000, consumer)
    assert consumer.health.faults() == []
    assert len(consumer.source.owned) == 3
