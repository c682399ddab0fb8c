"""A topic that is full before a consumer begins, read into an empty database: first row to last."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from benchmarks.memory import PeakMemory
from benchmarks.setting import SEED, events, handled, send, settings, wait_until
from benchmarks.usage import Usage, Written
from datadeling.db.migrate import migrate
from datadeling.demo.commands import command
from datadeling.demo.generator import Record
from datadeling.demo.process import ServiceFailed, clean_environment
from datadeling.demo.services import Services

TEMPLATE = "migrated"
_OFTEN = 0.005  # seconds; 20,000 events may take half of one
_TOOK = """
    SELECT extract(epoch FROM finished_at - started_at)::float8
    FROM replay_job WHERE state = 'done' ORDER BY id DESC LIMIT 1
"""


class Full(NamedTuple):
    """A topic with all its events, about so many avtaler."""

    topic: str
    events: int
    avtaler: int


class Reading(NamedTuple):
    """Events a second, of how many, and what they took. `written` is in rows; a load counts none."""

    rate: float
    events: int
    used: Usage
    peak_mib: float = 0.0
    written: float = 0.0


class Loaded(NamedTuple):
    """A database that a running consumer has filled from a topic."""

    reading: Reading
    connection: psycopg.Connection
    url: str
    environment: dict[str, str]


def fill(services: Services, topic: str, count: int, partitions: int, seed: int = SEED) -> Full:
    """Make a topic with so many events."""
    keys: set[bytes] = set()

    def noting() -> Iterator[Record]:
        for record in events(count, seed):
            keys.add(record.key)
            yield record

    services.kafka.create_topic(topic, partitions, {"retention.ms": "-1"})
    send(noting(), services.kafka.bootstrap_servers, topic)
    return Full(topic, count, len(keys))


def make_template(services: Services) -> None:
    """Make the database that all others are copies of: with the schema, and nothing in it."""
    migrate(services.postgres.create_database(TEMPLATE))


@contextmanager
def loaded(services: Services, full: Full) -> Iterator[Loaded]:
    """Read a topic into a database of its own, which is dropped after the block; see `loading`."""
    name = f"load_{secrets.token_hex(4)}"
    try:
        with loading(services, full, services.postgres.create_database(name, TEMPLATE)) as load:
            yield load
    finally:
        with psycopg.connect(services.postgres.url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def loading(services: Services, full: Full, url: str) -> Iterator[Loaded]:
    """Read a topic into a database that knows nothing of it yet; the consumer runs until the block ends.

    The clock begins with the first row, so how long the process takes to start and to join the group does not
    count; neither do the events of the first batch. Raise `ServiceFailed` when avtaler are missing.
    """
    group = f"load-{secrets.token_hex(4)}"
    environment = {**settings(services, full.topic, url), "KAFKA_GROUP_ID": group}
    with psycopg.connect(url, autocommit=True) as connection:
        old, end = _count(connection), handled(connection) + full.events
        connection.execute("CHECKPOINT")
        with (
            command("consume", environment, services.directory) as consumer,
            PeakMemory(consumer.pid) as memory,
        ):

            def used() -> Usage:
                return Usage.now(connection, consumer.pid, services.postgres.pid)

            begun = wait_until(lambda: handled(connection) > end - full.events, consumer, poll_s=_OFTEN)
            count, before = end - handled(connection), used()
            ended = wait_until(lambda: handled(connection) >= end, consumer, poll_s=_OFTEN)
            _require(connection, old + full.avtaler)
            reading = Reading(count / (ended - begun), count, used().since(before), memory.peak)
            yield Loaded(reading, connection, url, environment)


def replayed(services: Services, load: Loaded, full: Full) -> Reading:
    """Read the topic again from the beginning, as an operator does, while the consumer stands by."""
    load.connection.execute("CHECKPOINT")
    written = Written(load.connection)
    database = services.postgres.pid
    before = Usage.now(load.connection, database, database)
    subprocess.run(
        [sys.executable, "-m", "datadeling", "replay", "--from-beginning"],
        env={**clean_environment(), **load.environment}, check=True, capture_output=True,
    )  # fmt: skip
    used = Usage.now(load.connection, database, database).since(before)
    row = load.connection.execute(_TOOK).fetchone()
    if row is None:
        raise ServiceFailed("the replay has not been done")
    _require(load.connection, full.avtaler)
    return Reading(full.events / row[0], full.events, used, written=written.rows)


def _count(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*)::int FROM avtale").fetchone()
    return int(row[0]) if row else 0


def _require(connection: psycopg.Connection, avtaler: int) -> None:
    if (found := _count(connection)) != avtaler:
        raise ServiceFailed(f"{avtaler:,} avtaler should be stored, and {found:,} are")
