"""What every benchmark needs: a topic full of events of real shape, and consumers of it."""

import time
from collections.abc import Callable, Iterable, Mapping
from urllib.request import urlopen

import psycopg
from confluent_kafka import Producer

from datadeling.demo.commands import await_true, is_ready
from datadeling.demo.generator import HendelseGenerator, Record
from datadeling.demo.process import Child, ServiceFailed, free_port
from datadeling.demo.services import Services

SEED = 2026
_POLL = 0.05  # seconds
_DEADLINE = 600.0  # seconds


def events(count: int, seed: int = SEED) -> Iterable[Record]:
    """Events of some 3 kB, always the same."""
    return HendelseGenerator(seed).hendelser(count)


def send(records: Iterable[Record], brokers: str, topic: str) -> None:
    """Put events on a topic; blocks until the broker has them all."""
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20})
    for number, record in enumerate(records, 1):
        producer.produce(topic, record.value, record.key)
        if number % 10_000 == 0:
            producer.flush()
    if producer.flush(60):
        raise ServiceFailed("the broker did not take all events")


def settings(services: Services, topic: str, db_url: str) -> Mapping[str, str]:
    """The environment of a consumer."""
    return {
        "KAFKA_BROKERS": services.kafka.bootstrap_servers,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": f"group-{topic}",
        "DB_URL": db_url,
        "CONSUMER_PORT": str(free_port()),
    }


def handled(connection: psycopg.Connection) -> int:
    """How many messages have been handled, as the offsets say; the topic has no holes."""
    try:
        row = connection.execute("SELECT coalesce(sum(next_offset), 0)::int FROM consumer_offset").fetchone()
    except psycopg.errors.UndefinedTable:
        return 0
    return int(row[0]) if row else 0


def partitions_of(address: str) -> int:
    """How many partitions the consumer at this address reads, as it says."""
    if not is_ready(address):
        return 0
    with urlopen(f"{address}/internal/prometheus", timeout=2) as answer:
        return sum(line.startswith(b"datadeling_consumer_lag{") for line in answer)


def wait_until(condition: Callable[[], bool], *children: Child, poll_s: float = _POLL) -> float:
    """Look again and again; the time at which it was so. Raise `ServiceFailed` when a consumer ends."""
    await_true(condition, *children, deadline_s=_DEADLINE, poll_s=poll_s)
    return time.monotonic()
