"""`make torture`: events keep coming while everything fails; then the tables must be the fold of the log.

Seeded: the same seed gives the same events and the same faults, at about the same times.
"""

import random
import secrets
import sys
import time
from collections import Counter
from threading import Thread

import click
import psycopg
from confluent_kafka import Producer

from tests.strategies import melding_of
from tests.torture.cluster import TOPIC, Cluster
from tests.torture.outcome import Logs, differences, make_logs

PARTITIONS = 3
_CATCH_UP = 120.0  # seconds


@click.command()
@click.option(
    "--seed", type=int, default=lambda: secrets.randbelow(1_000_000), help="Say which run to repeat."
)
@click.option("--events", default=30_000, show_default=True, help="Messages, over all partitions.")
@click.option("--seconds", default=90, show_default=True, help="How long they take to come.")
@click.option("--consumers", default=2, show_default=True, help="Consumer processes.")
def torture(seed: int, events: int, seconds: int, consumers: int) -> None:
    """Let everything fail while events come in, and compare the tables with the oracle."""
    click.echo(f"seed {seed}")
    rng = random.Random(seed)
    logs = make_logs(rng, PARTITIONS, events // PARTITIONS)
    with Cluster(PARTITIONS, consumers) as cluster:
        producing = Thread(target=_produce, args=(cluster, logs, seconds), daemon=True)
        watch = _Watch(cluster)
        producing.start()
        survived = _fail(cluster, rng, producing, watch)
        producing.join()
        caught_up = _await_all(cluster, sum(map(len, logs)), watch)
        with cluster.connect() as connection:
            wrong = differences(connection, logs)
    click.echo(f"events {sum(map(len, logs))}, faults {survived.total()}: {dict(survived)}")
    click.echo(f"longest stall {watch.longest:.1f} s, caught up {caught_up:.1f} s after the last event")
    click.echo(f"wrong rows: {wrong or 'none'}")
    sys.exit(1 if wrong else 0)


class _Watch:
    """How far the consumers are, and how long they ever stood still."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._moved = time.monotonic()
        self.handled = 0
        self.longest = 0.0

    def look(self) -> None:
        try:
            with self._cluster.connect() as connection:
                row = connection.execute("SELECT sum(next_offset)::int FROM consumer_offset").fetchone()
        except psycopg.OperationalError:
            return
        handled = (row and row[0]) or 0
        if handled > self.handled:
            self.longest = max(self.longest, time.monotonic() - self._moved)
            self.handled, self._moved = handled, time.monotonic()


def _produce(cluster: Cluster, logs: Logs, seconds: float) -> None:
    producer = Producer(
        {
            "bootstrap.servers": cluster.kafka.bootstrap_servers,
            "enable.idempotence": True,
            "message.timeout.ms": 2_147_483_647,
            "log_level": 0,
        }
    )
    rounds = len(logs[0]) // 50 + 1
    for at in range(0, len(logs[0]), 50):
        for partition, log in enumerate(logs):
            for m in map(melding_of, log[at : at + 50]):
                milliseconds = int(m.timestamp.timestamp() * 1000)
                producer.produce(TOPIC, m.value, m.key, partition=partition, timestamp=milliseconds)
        producer.poll(0)
        cluster.wait(seconds / rounds)
    producer.flush()


def _fail(cluster: Cluster, rng: random.Random, producing: Thread, watch: _Watch) -> Counter[str]:
    """One fault after the other, until there are no more events to come."""
    survived: Counter[str] = Counter()
    while producing.is_alive():
        cluster.wait(rng.uniform(0.5, 3.0))
        faults = cluster.faults(rng)
        name = rng.choice(sorted(faults))
        click.echo(f"  {watch.handled:>8} handled, {name}")
        faults[name]()
        survived[name] += 1
        cluster.check()
        watch.look()
    return survived


def _await_all(cluster: Cluster, events: int, watch: _Watch) -> float:
    began = time.monotonic()
    while watch.handled < events and time.monotonic() - began < _CATCH_UP:
        watch.look()
        cluster.wait(0.1)
    return time.monotonic() - began


if __name__ == "__main__":
    torture()
