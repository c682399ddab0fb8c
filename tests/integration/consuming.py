"""Consumers without a process: the parts of `datadeling consume`, whose loop a test runs turn by turn."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import psycopg
from prometheus_client import CollectorRegistry

from datadeling.config import ConsumerConfig, KafkaConfig
from datadeling.consumer.health import Health
from datadeling.consumer.loop import Loop
from datadeling.consumer.source import Source
from datadeling.db.database import Database
from datadeling.metrics import ConsumerMetrics
from datadeling.operations.retention import Pruner
from datadeling.pipeline.message import Message
from tests.hendelser import melding

Produce = Callable[[list[Message]], None]
TURNS = 600  # of at most 50 ms each
_PATIENCE = 30.0  # seconds
_POLL = 0.01  # seconds


class Consumer:
    """The parts of `datadeling consume`, without its process."""

    def __init__(
        self, url: str, brokers: str, topic: str, *, wait: float = 0.05, max_poll_interval: float = 60.0
    ) -> None:
        self.health = Health()
        self.registry = CollectorRegistry()
        self.database = Database(url, "test consumer")
        kafka = KafkaConfig(brokers, topic, f"group-{topic}", None)
        self.source = Source(kafka, max_poll_interval=max_poll_interval)
        config = ConsumerConfig(kafka, url, batch_size=100, batch_wait=wait, park_limit=10, port=0)
        metrics, prune = ConsumerMetrics(self.registry), Pruner(topic, config.retention).step
        self.loop = Loop(config, self.source, self.database, self.health, metrics, prune)
        self.batch = self.loop._batch

    @property
    def running(self) -> set[int]:
        """The partitions that it reads."""
        return set(self.loop._partitions.running)

    def leave(self) -> None:
        """Close the connections to broker and database; calling again is safe."""
        self.source.close()
        self.database.close()

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


Start = Callable[..., Consumer]


def turn_until(condition: Callable[[], bool], *consumers: Consumer, turns: int = TURNS) -> None:
    for _ in range(turns):
        if condition():
            return
        for consumer in consumers:
            consumer.loop.run_once()
    raise AssertionError("it never came about")


@contextmanager
def turning(*consumers: Consumer) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Run each consumer's loop in a thread while the block runs; yield a function that awaits a condition.

    Raise whatever a loop raises.
    """
    done = Event()

    def turn(consumer: Consumer) -> None:
        while not done.is_set():
            consumer.loop.run_once()

    with ThreadPoolExecutor(len(consumers)) as pool:
        threads = [pool.submit(turn, consumer) for consumer in consumers]

        def wait_until(condition: Callable[[], bool]) -> None:
            give_up_at = time.monotonic() + _PATIENCE
            while not condition():
                assert time.monotonic() < give_up_at, "it never came about"
                assert not any(thread.done() for thread in threads)
                done.wait(_POLL)

        try:
            yield wait_until
        finally:
            done.set()
    for thread in threads:
        thread.result()


def count(connection: psycopg.Connection, table: str = "avtale") -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def thousand(first: int = 0) -> list[Message]:
    return [melding(first + n, partition=n % 3) for n in range(1_000)]
