"""A topic of events with real shape, and the environment and progress of a consumer that reads it."""

import time
from collections.abc import Callable, Iterable
from urllib.request import urlopen

import psycopg
from confluent_kafka import Producer

from datadeling.demo.generator import Record, generate_events
from datadeling.demo.process import Child, ServiceFailed, await_true, free_port
from datadeling.demo.services import Services, is_ready

SEED = 2026
_POLL_S = 0.05
_DEADLINE_S = 600.0


def events(count: int, seed: int = SEED) -> Iterable[Record]:
    """Return events of some 3 kB, the same for each seed."""
    return generate_events(count, seed)


def send(records: Iterable[Record], brokers: str, topic: str) -> None:
    """Put events on a topic; blocks until the broker has them all."""
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20})
    for number, record in enumerate(records, 1):
        producer.produce(topic, record.value, record.key)
        if number % 10_000 == 0:
            producer.flush()
    if producer.flush(60):
        raise ServiceFailed("the broker did not take all events")


def consumer_settings(services: Services, topic: str, db_url: str) -> dict[str, str]:
    """Return the environment of a consumer."""
    return {
        "KAFKA_BROKERS": services.kafka.bootstrap_servers,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": f"group-{topic}",
        "DB_URL": db_url,
        "CONSUMER_PORT": str(free_port()),
    }


def handled(connection: psycopg.Connection) -> int:
    """Return the number of messages handled, from the offsets: the topic has no holes."""
    row = connection.execute("SELECT coalesce(sum(next_offset), 0)::int FROM consumer_offset").fetchone()
    return int(row[0]) if row else 0


def partitions_of(address: str) -> int:
    """Return the number of partitions that the consumer at this address reads."""
    if not is_ready(address):
        return 0
    with urlopen(f"{address}/internal/prometheus", timeout=2) as answer:
        return sum(line.startswith(b"datadeling_consumer_lag{") for line in answer)


def wait_until(condition: Callable[[], bool], *children: Child, poll_s: float = _POLL_S) -> float:
    """Block until the condition holds; return the time. Raise `ServiceFailed` when a process ends."""
    await_true(condition, *children, deadline_s=_DEADLINE_S, poll_s=poll_s)
    return time.monotonic()
