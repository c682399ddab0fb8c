"""The consumer's loop between a real broker and a real database."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from datadeling.domain.hendelse import Hendelse
from datadeling.errors import UgyldigHendelse
from datadeling.pipeline import transform
from datadeling.pipeline.decode import decode
from tests.hendelser import melding, record
from tests.integration.consuming import Consumer, Produce, Start, count, thousand, turn_until
from tests.services import Kafka


def test_all_messages_are_stored_or_parked(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    produce([*thousand(), record(0, b"nobody", b"{", partition=1)])
    consumer = start()
    turn_until(lambda: count(connection) == 1_000 and count(connection, "failed_message") == 1, consumer)
    turn_until(lambda: consumer.metric("datadeling_events_total", outcome="new") == 1_000, consumer)
    assert consumer.health.faults() == []
    assert consumer.metric("datadeling_events_total", outcome="failed") == 1
    assert consumer.metric("datadeling_consumer_lag", partition="1") == 0


def test_a_new_consumer_continues_at_the_offsets_in_the_database(
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


def test_a_consumer_whose_offsets_were_moved_drops_its_batch_and_continues_there(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    produce(thousand())
    consumer = start()
    turn_until(lambda: count(connection) == 1_000, consumer)
    connection.execute("UPDATE consumer_offset SET next_offset = next_offset - 10")
    connection.execute("DELETE FROM avtale WHERE kafka_offset >= 324")
    produce(thousand(first=1_000))
    turn_until(lambda: count(connection) == 2_000, consumer)


def test_deleted_offsets_are_skipped_and_counted(
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


def test_an_offset_beyond_the_end_of_the_topic_stops_its_partition(
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


def test_too_many_unreadable_messages_in_a_row_stop_their_partition(
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


def test_a_release_that_can_read_them_retries_the_parked_messages_and_continues(
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


def test_a_missing_topic_is_waited_for(db_url: str, kafka: Kafka, connection: psycopg.Connection) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    name = f"late-{secrets.token_hex(4)}"
    consumer = Consumer(db_url, kafka.brokers, name)
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


def test_a_lost_connection_loses_no_message(
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
def refusing_connections(connection: psycopg.Connection, database: str) -> Iterator[None]:
    """Refuse connections to the database while the block runs."""
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


def test_an_unavailable_database_is_waited_for(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    consumer = start()
    turn_until(lambda: not consumer.health.faults() and len(consumer.source.owned) == 3, consumer)
    produce(thousand())
    with refusing_connections(connection, connection.info.dbname):
        turn_until(lambda: consumer.health.faults() == ["database unreachable"], consumer)
        assert consumer.health.alive()
    turn_until(lambda: count(connection) == 1_000, consumer)
    assert consumer.health.faults() == []
    assert len(consumer.source.owned) == 3
