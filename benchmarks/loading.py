"""The first load of a full topic into a database, from the first row to the last, and its cost."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import psutil
import psycopg

from benchmarks.topic import SEED, consumer_settings, events, handled, send, wait_until
from datadeling.db.migrate import migrate
from datadeling.demo.generator import Record
from datadeling.demo.process import ServiceFailed
from datadeling.demo.services import Services, command

TEMPLATE = "migrated"
_POLL_S = 0.005  # 20,000 events may take half a second
_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8"


class Full(NamedTuple):
    """A topic with all its events, about so many avtaler."""

    topic: str
    events: int
    avtaler: int


class Usage(NamedTuple):
    """CPU seconds of a process of ours and of PostgreSQL, and bytes of WAL, since they started."""

    cpu: float
    cpu_of_database: float
    wal: float

    @classmethod
    def now(cls, connection: psycopg.Connection, pid: int, database_pid: int) -> "Usage":
        """Read the usage so far."""
        return cls(cpu(pid), cpu(database_pid), number(connection, _WAL))

    def since(self, before: "Usage") -> "Usage":
        """Return the usage since `before`."""
        return Usage(*(b - a for a, b in zip(before, self, strict=True)))


class Load(NamedTuple):
    """A database that a consumer, still running, has filled from a topic; `rate` is in events a second."""

    rate: float
    events: int
    usage: Usage
    connection: psycopg.Connection
    environment: dict[str, str]


def fill(services: Services, topic: str, count: int, seed: int = SEED) -> Full:
    """Create a topic with three partitions and so many events."""
    keys: set[bytes] = set()

    def noting() -> Iterator[Record]:
        for record in events(count, seed):
            keys.add(record.key)
            yield record

    services.kafka.create_topic(topic, 3, {"retention.ms": "-1"})
    send(noting(), services.kafka.bootstrap_servers, topic)
    return Full(topic, count, len(keys))


def create_template(services: Services) -> None:
    """Create the database that all others are copies of: the schema, and no rows."""
    migrate(services.postgres.create_database(TEMPLATE))


@contextmanager
def loaded(services: Services, full: Full) -> Iterator[Load]:
    """Load a topic into a database of its own, which is dropped after the block; see `loading`."""
    name = f"load_{secrets.token_hex(4)}"
    try:
        with loading(services, full, services.postgres.create_database(name, TEMPLATE)) as load:
            yield load
    finally:
        with psycopg.connect(services.postgres.url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def loading(services: Services, full: Full, url: str) -> Iterator[Load]:
    """Load a topic into a database that has no rows of it; the consumer runs until the block ends.

    The clock starts with the first row, so that starting the process and joining the group do not count;
    neither do the events of the first batch. Raises `ServiceFailed` when avtaler are missing.
    """
    group = f"load-{secrets.token_hex(4)}"
    environment = {**consumer_settings(services, full.topic, url), "KAFKA_GROUP_ID": group}
    with psycopg.connect(url, autocommit=True) as connection:
        old, end = stored(connection), handled(connection) + full.events
        connection.execute("CHECKPOINT")
        with command("consume", environment, services.directory) as consumer:

            def usage() -> Usage:
                return Usage.now(connection, consumer.pid, services.postgres.pid)

            begun = wait_until(lambda: handled(connection) > end - full.events, consumer, poll_s=_POLL_S)
            count, before = end - handled(connection), usage()
            ended = wait_until(lambda: handled(connection) >= end, consumer, poll_s=_POLL_S)
            used = usage().since(before)
            if stored(connection) != old + full.avtaler:
                raise ServiceFailed(f"{full.avtaler:,} avtaler are on the topic, not all are stored")
            yield Load(count / (ended - begun), count, used, connection, environment)


def stored(connection: psycopg.Connection) -> int:
    """Return the number of avtaler."""
    return int(number(connection, "SELECT count(*) FROM avtale"))


def number(connection: psycopg.Connection, query: str) -> float:
    """Return the only value of a query; 0 for none."""
    row = connection.execute(query.encode()).fetchone()
    return float(row[0]) if row and row[0] is not None else 0.0


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process and its children, including those that have ended."""
    process = psutil.Process(pid)
    total = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            total += sum(child.cpu_times()[:2])
    return float(total)
