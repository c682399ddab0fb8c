"""The next batch is fetched while one is being written; nothing is lost, and the order holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from datadeling.db.transaction import Transaction
from datadeling.pipeline.message import Message
from tests.hendelser import melding, record
from tests.integration.consuming import Consumer, Produce, Start, count, thousand, turn_until, turning

_FULL = 3_600.0
"""Seconds that a batch may wait: so many that it is written only when it is full."""

_WAITING = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
"""


@contextmanager
def locked(connection: psycopg.Connection, topic: str) -> Iterator[None]:
    """Hold the locks of all partitions while the block runs, so that no other transaction can write."""
    with psycopg.connect(connection.info.dsn) as other, other.transaction():
        for partition in range(3):
            Transaction(other).lock_partition(topic, partition)
        yield


def running(consumer: Consumer) -> Consumer:
    turn_until(lambda: consumer.running == {0, 1, 2}, consumer)
    return consumer


def is_writing(connection: psycopg.Connection) -> bool:
    """Return True while a session waits for the locks of `locked`."""
    return connection.execute(_WAITING).fetchone() != (0,)


def begin_to_write(
    messages: list[Message],
    produce: Produce,
    wait_until: Callable[[Callable[[], bool]], None],
    connection: psycopg.Connection,
) -> None:
    """Produce messages, and block until writing a batch of them waits for the locks of `locked`."""
    produce(messages)
    wait_until(lambda: is_writing(connection))


def stored(connection: psycopg.Connection) -> bool:
    offsets = connection.execute("SELECT sum(next_offset)::int FROM consumer_offset").fetchone()
    return offsets == (150,)


def test_the_next_batch_is_fetched_while_one_is_written(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    consumer = running(start(wait=_FULL))
    with turning(consumer) as wait_until:
        with locked(connection, topic):
            begin_to_write(thousand()[:100], produce, wait_until, connection)
            produce(thousand(100)[:50])
            wait_until(lambda: len(consumer.batch.messages) == 50)
            assert is_writing(connection)
            assert count(connection) == 0
        wait_until(lambda: stored(connection))
    assert count(connection) == 150


def test_reading_ahead_is_limited(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    consumer = running(start())  # of a hundred at a time, and as many to spare
    with turning(consumer) as wait_until:
        with locked(connection, topic):
            begin_to_write(thousand()[:100], produce, wait_until, connection)
            produce(thousand(100)[:400])
            wait_until(lambda: not consumer.batch.room)
            assert is_writing(connection)
        wait_until(lambda: count(connection) == 500)
    batches = consumer.metric("datadeling_batch_events_count")
    assert batches is not None
    assert consumer.metric("datadeling_batch_events_bucket", le="250.0") == batches


def test_the_rest_of_a_full_batch_is_written_at_once_and_a_new_batch_waits(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    consumer = running(start())
    consumer.batch.wait = 3_600.0
    produce(thousand()[:150])
    turn_until(lambda: stored(connection), consumer)
    assert count(connection) == 150
    produce(thousand(150)[:1])
    turn_until(lambda: len(consumer.batch.messages) == 1, consumer)
    for _ in range(3):
        consumer.loop.run_once()
    assert count(connection) == 150


def test_a_batch_that_failed_is_written_before_the_next_one(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    consumer = running(start(wait=_FULL))
    with turning(consumer) as wait_until:
        with locked(connection, topic):
            begin_to_write(thousand()[:100], produce, wait_until, connection)
            # The same avtaler once more: were these written first, the others would count as older.
            produce([melding(n, partition=n % 3, avtaleStatus="AVSLUTTET") for n in range(50)])
            wait_until(lambda: len(consumer.batch.messages) == 50)
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'test consumer'"
            )
            wait_until(lambda: consumer.health.faults() == ["database unreachable"])
        wait_until(lambda: consumer.metric("datadeling_events_total", outcome="changed") == 50)
    assert stored(connection)
    assert consumer.metric("datadeling_events_total", outcome="new") == 100
    assert count(connection, "avtale_historikk") == 50


def test_a_refused_message_is_parked_while_the_next_batch_is_fetched(
    start: Start, produce: Produce, connection: psycopg.Connection
) -> None:
    connection.execute("ALTER TABLE avtale ADD CHECK (versjon < 1000)")
    consumer = running(start())
    good, bad = thousand()[:149], melding(149, partition=2, versjon=1_000)
    with turning(consumer) as wait_until:
        produce([*good[:70], bad, *good[70:]])
        wait_until(lambda: stored(connection))
    assert count(connection) == 149
    assert count(connection, "failed_message") == 1


def test_a_partition_lost_during_a_write_is_written_once(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    first, second = running(start()), start()
    with turning(first) as wait_until:
        with locked(connection, topic):
            begin_to_write(thousand()[:100], produce, wait_until, connection)
            turn_until(lambda: len(first.source.owned) < 3, second)
            assert is_writing(connection)
        with turning(second):
            produce(thousand(100)[:50])
            wait_until(lambda: stored(connection))
            wait_until(lambda: new_avtaler(first) + new_avtaler(second) == 150)
    assert count(connection) == 150
    assert count(connection, "avtale_historikk") == 0


def test_a_stopped_partition_drops_its_messages_in_the_next_batch(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    consumer = running(start())
    with turning(consumer) as wait_until:
        with locked(connection, topic):
            unreadable = [record(n, b"no key", b"no JSON") for n in range(11)]
            begin_to_write(unreadable, produce, wait_until, connection)
            produce([melding(n, partition=n % 2) for n in range(20)])
            wait_until(lambda: len(consumer.batch.messages) == 20)
        wait_until(lambda: consumer.metric("datadeling_events_total", outcome="new") == 10)
    assert count(connection, "failed_message") == 10
    places = connection.execute("SELECT kafka_partition, next_offset FROM consumer_offset ORDER BY 1")
    assert places.fetchall() == [(0, 10), (1, 10), (2, 0)]


def new_avtaler(consumer: Consumer) -> float:
    return consumer.metric("datadeling_events_total", outcome="new") or 0
