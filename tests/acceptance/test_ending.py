"""SIGTERM ends `consume` in time, also with an unresponsive database or broker, and no message is lost."""

import os
import signal
from collections.abc import Callable, Iterator

import psycopg
import pytest
from confluent_kafka import Producer

from datadeling.demo.kafka import EmbeddedKafka
from tests.acceptance.conftest import Run, Setting, by_way_of
from tests.acceptance.operating import Produce
from tests.acceptance.processes import Process, handled, number, wait_until_handled
from tests.hendelser import melding
from tests.waiting import wait_until

MESSAGES = [melding(n, offset=n) for n in range(100)]
OURS = "application_name = 'datadeling consume' AND datname = current_database()"


def check_that_all_is_stored(connection: psycopg.Connection) -> None:
    wait_until_handled(connection, len(MESSAGES))
    assert number(connection, "SELECT count(*) FROM avtale") == len(MESSAGES)
    assert number(connection, "SELECT count(*) FROM failed_message") == 0


@pytest.fixture
def sleeping(connection: psycopg.Connection) -> Callable[[], bool]:
    """Let the database take a minute for each row; return a function that is true while it writes one."""
    connection.execute("""
        CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(60); RETURN new; END $$;
        CREATE TRIGGER sleep BEFORE INSERT ON avtale FOR EACH ROW EXECUTE FUNCTION sleep()
    """)
    query = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND {OURS}"
    return lambda: number(connection, query) == 1


@pytest.mark.parametrize("silent", [False, True], ids=["slow", "silent"])
def test_sigterm_ends_it_while_the_database_is_unresponsive(
    run: Run,
    consumer: Setting,
    produce: Produce,
    connection: psycopg.Connection,
    sleeping: Callable[[], bool],
    silent: bool,
) -> None:
    produce(MESSAGES)
    with by_way_of(consumer) as (relay, env):
        process = run(env, "consume")
        wait_until(sleeping, "the database is busy with a batch")
        if silent:
            relay.fall_silent()
        assert process.terminate() == 0, process.output
    assert handled(connection) == 0

    connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OURS}")
    connection.execute("DROP TRIGGER sleep ON avtale")
    run(consumer.env, "consume")
    check_that_all_is_stored(connection)


def test_sigterm_ends_it_while_it_connects_to_an_unresponsive_database(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection
) -> None:
    with by_way_of(consumer) as (relay, env):
        process = run(env, "consume")
        process.answers(f"{consumer.url}/internal/health/readiness")
        relay.fall_silent()
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OURS}")
        relay.stop()
        relay.start()
        relay.fall_silent()
        process.answers(f"{consumer.url}/internal/health/readiness", 503)
        assert process.terminate() == 0, process.output
    produce(MESSAGES)
    run(consumer.env, "consume")
    check_that_all_is_stored(connection)


@pytest.fixture
def broker(topic: str) -> Iterator[EmbeddedKafka]:
    """Start a broker that the test may stop, with the messages on it."""
    with EmbeddedKafka() as broker:
        broker.create_topic(topic, 3, {"retention.ms": "-1"})
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        for m in MESSAGES:
            producer.produce(topic, m.value, m.key, partition=0)
        assert producer.flush(30) == 0
        try:
            yield broker
        finally:
            os.kill(broker.pid, signal.SIGCONT)


def held(connection: psycopg.Connection) -> bool:
    """Return True while the consumer waits for the lock of a partition."""
    query = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND {OURS}"
    return number(connection, query) == 1


def start_with_a_batch_in_hand(
    run: Run, consumer: Setting, broker: EmbeddedKafka, connection: psycopg.Connection, url: str
) -> tuple[Process, psycopg.Connection]:
    """Start a consumer that cannot write before the transaction of the returned connection ends."""
    lock = psycopg.connect(url)
    lock.execute("LOCK TABLE avtale IN ACCESS EXCLUSIVE MODE")
    process = run({**consumer.env, "KAFKA_BROKERS": broker.bootstrap_servers}, "consume")
    wait_until(lambda: held(connection), "the consumer has a batch in hand")
    return process, lock


@pytest.mark.parametrize("sign", [signal.SIGSTOP, signal.SIGKILL], ids=["silent", "gone"])
def test_sigterm_ends_it_while_the_broker_is_unresponsive(
    run: Run,
    consumer: Setting,
    broker: EmbeddedKafka,
    connection: psycopg.Connection,
    db_url: str,
    sign: signal.Signals,
) -> None:
    process, lock = start_with_a_batch_in_hand(run, consumer, broker, connection, db_url)
    with lock:
        os.kill(broker.pid, sign)
    # The offsets have been committed to the broker, which does not respond: librdkafka would wait for that.
    check_that_all_is_stored(connection)
    assert process.terminate() == 0, process.output
