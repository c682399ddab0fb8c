"""What replays of tests are about: a topic that has been handled live, and who else is at work on it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from datadeling.db.database import Claim, Database
from datadeling.db.rows import PartitionProgress
from datadeling.db.transaction import Transaction
from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.operations.replay.runner import Progress, Runner
from datadeling.pipeline.message import Message
from datadeling.pipeline.store import Store
from datadeling.pipeline.tally import Tally
from tests.hendelser import EPOCH, avtale_id, melding, record, tombstone
from tests.integration.consuming import Produce
from tests.integration.storing import begin, write_batch
from tests.services import Kafka

LOG = [
    *(melding(n, offset=n, partition=0) for n in range(8)),
    melding(1, offset=8, avtaleStatus="AVSLUTTET"),
    record(9, avtale_id(2).encode(), b"{"),
    *(melding(20 + n, offset=n, partition=1) for n in range(5)),
    tombstone(22, offset=5, partition=1),
]
WHO = OperatorAction("a test")
NO_REQUEST = Request()


def unreported(_: Progress) -> None:
    """Do nothing with the progress."""


def ask(jobs: Jobs, request: Request = NO_REQUEST, *, background: bool = True) -> int:
    return jobs.add(request, WHO, background=background)


def unread(partition: int, start: int, end: int) -> PartitionProgress:
    """Return a range of which nothing has been read."""
    return PartitionProgress(partition, 0, start, start, end, 0, Tally().as_dict(), EPOCH)


def run(runner: Runner, jobs: Jobs, replay: int | None = None) -> str:
    return runner.run(jobs.get(replay or ask(jobs)), Event(), unreported).state


def lose(connection: psycopg.Connection) -> None:
    connection.execute("TRUNCATE avtale, avtale_historikk")


class Claims:
    """Whoever runs replays, each with a connection of its own."""

    def __init__(self, db_url: str, stack: ExitStack, connection: psycopg.Connection) -> None:
        self._db_url = db_url
        self._stack = stack
        self._connection = connection

    def on(self, replay: int) -> Claim:
        claim = Claim(self._db_url, replay)
        self._stack.callback(claim.release)
        return claim

    def kill(self, claim: Claim) -> None:
        """End its backend, and see it gone."""
        assert claim._database._connection is not None
        pid = claim._database._connection.info.backend_pid
        self._connection.execute("SELECT pg_terminate_backend(%s, 20000)", (pid,))


class Handled:
    """Puts messages on the topic, and handles them as the live consumer does; their offsets must be right."""

    def __init__(self, database: Database, topic: str, produce: Produce) -> None:
        self._store = Store(database, topic, park_limit=1_000)
        self._produce = produce

    def take(self, *messages: Message, partitions: int = 3) -> None:
        """All of these partitions are known then."""
        self._produce(list(messages))
        self.write(*messages, partitions=partitions)

    def write(self, *messages: Message, partitions: int = 3) -> None:
        """Those that lie on the topic already."""
        write_batch(self._store, messages, begin(self._store, *range(partitions)))


class Between(Database):
    """Somebody acts before each of its transactions."""

    act: Callable[[], None]

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.act()
        with super().transaction() as tx:
            yield tx


def act_between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Call a function before each transaction of a replay."""
    monkeypatch.setattr(Between, "act", staticmethod(act), raising=False)
    monkeypatch.setattr("datadeling.operations.replay.runner.Database", Between)


def events(connection: psycopg.Connection) -> dict[int, int]:
    """Return the number of messages read of each partition, over all replays."""
    counted = "SELECT kafka_partition, sum(events)::int FROM replay_job_partition GROUP BY 1 ORDER BY 1"
    return dict(connection.execute(counted).fetchall())


def drop(kafka: Kafka, topic: str, offset: int) -> None:
    """Let the topic forget what lies on partition 0 before this offset."""
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    gone = TopicPartition(topic, 0, offset)
    admin.delete_records([gone])[gone].result(30)
