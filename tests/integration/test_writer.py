"""One batch is being written while the next one is fetched: nothing is lost, and nothing overtakes."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from datadeling.db.transaction import Transaction
from tests.hendelser import melding
from tests.integration.consuming import Consumer, Produce, Start, count, thousand, turn_until


@contextmanager
def locked(connection: psycopg.Connection, topic: str) -> Iterator[None]:
    """Nobody else can write avtaler of the topic while the block runs."""
    with psycopg.connect(connection.info.dsn) as other, other.transaction():
        for partition in range(3):
            Transaction(other).lock_partition(topic, partition)
        yield


def writing(consumer: Consumer, produce: Produce) -> None:
    """Have it begin to write a hundred messages; then it gathers whatever comes for as long as it is let."""
    consumer.batch.wait = 3_600.0
    produce(thousand()[:100])
    turn_until(lambda: consumer.writer.is_writing, consumer)


def running(consumer: Consumer) -> Consumer:
    turn_until(lambda: consumer.source.owned == {0, 1, 2} and not consumer.source.waiting, consumer)
    return consumer


def stored(connection: psycopg.Connection) -> bool:
    offsets = connection.execute("SELECT sum(next_offset)::int FROM consumer_offset").fetchone()
    return offsets == (150,)


def test_the_next_batch_is_fetched_meanwhile(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    consumer = running(start())
    with locked(connection, topic):
        writing(consumer, produce)
        produce(thousand(100)[:50])
        turn_until(lambda: len(consumer.batch.messages) == 50, consumer)
        assert consumer.writer.is_writing
        assert count(connection) == 0
    consumer.batch.wait = 0.05
    turn_until(lambda: stored(connection), consumer)
    assert count(connection) == 150


def test_what_could_not_be_written_comes_before_what_was_fetched_meanwhile(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    consumer = running(start())
    with locked(connection, topic):
        writing(consumer, produce)
        # The same avtaler once more: were these written first, the others would count as older.
        produce([melding(n, partition=n % 3, avtaleStatus="AVSLUTTET") for n in range(50)])
        turn_until(lambda: len(consumer.batch.messages) == 50, consumer)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test consumer'"
        )
        turn_until(lambda: len(consumer.batch.messages) == 150, consumer)
        assert consumer.health.faults() == ["database unreachable"]
    turn_until(lambda: stored(connection), consumer)
    turn_until(lambda: consumer.metric("datadeling_events_total", outcome="changed") == 50, consumer)
    assert consumer.metric("datadeling_events_total", outcome="new") == 100
    assert count(connection, "avtale_historikk") == 50


def test_a_partition_that_goes_to_another_consumer_meanwhile_is_written_once(
    start: Start, produce: Produce, connection: psycopg.Connection, topic: str
) -> None:
    first = running(start())
    with locked(connection, topic):
        writing(first, produce)
        second = start()
        turn_until(lambda: len(first.source.owned) < 3, first, second)
        assert first.writer.is_writing
    produce(thousand(100)[:50])
    first.batch.wait = 0.05
    turn_until(lambda: stored(connection), first, second)
    assert count(connection) == 150
    assert count(connection, "avtale_historikk") == 0
    turn_until(lambda: told(first) + told(second) == 150, first, second)


def told(consumer: Consumer) -> float:
    return consumer.metric("datadeling_events_total", outcome="new") or 0
