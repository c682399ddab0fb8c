"""A topic and tables that may differ, and the report of `verify`."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.operations.action import OperatorAction
from datadeling.operations.verify.summary import MEANINGS
from datadeling.operations.verify.verifier import OnProgress, Report, Verifier
from datadeling.pipeline.message import Message
from datadeling.pipeline.store import Store
from tests.integration.inside import Inside
from tests.integration.storing import PARK_LIMIT, begin_at, write
from tests.services import Kafka

WHO = OperatorAction("a test", "the topic lacks it")


def counts(report: Report) -> dict[str, int]:
    """Return the number of avtaler of each category that is not empty."""
    return {category: n for category in MEANINGS if (n := report.found.counts[category])}


def once(when: str, act: Callable[[], object]) -> OnProgress:
    """Acts when the first messages have been read, or when the first page of rows has been compared."""
    acted = False

    def progress(what: str, _: int, __: int) -> None:
        nonlocal acted
        if what == when and not acted:
            acted = True
            act()

    return progress


class Both:
    """The topic of a test, and its tables as a consumer would have written them."""

    def __init__(
        self,
        database: Database,
        config: KafkaConfig,
        produce: Callable[[list[Message]], None],
        connection: psycopg.Connection,
    ) -> None:
        self.database = database
        self.name = config.topic
        self.store = Store(database, config.topic, PARK_LIMIT)
        self._config = config
        self._produce = produce
        self._connection = connection
        self._ends: dict[int, int] = {}

    def sent(self, *messages: Message) -> list[Message]:
        """Put messages at the end of the topic; as they come back, with the offsets they got."""
        self._produce(list(messages))
        placed = []
        for message in messages:
            at = self._ends.get(message.partition, 0)
            placed.append(message._replace(offset=at))
            self._ends[message.partition] = at + 1
        return placed

    def handled(self, *messages: Message) -> list[Message]:
        """Send messages, and write them as the consumer does."""
        placed = self.sent(*messages)
        write(self.store, *placed)
        return placed

    def stored(self, *messages: Message) -> None:
        """Write messages that the topic, as it is now, does not have."""
        write(self.store, *messages)

    def stand_at(self, next_offset: int, partition: int = 0) -> None:
        """Say that a partition has been handled up to there, whatever has been."""
        begin_at(self.store, partition)
        self._connection.execute(
            "UPDATE consumer_offset SET next_offset = %s WHERE kafka_partition = %s", (next_offset, partition)
        )

    def verify(
        self, *, repair: bool = False, delete: bool = False, progress: OnProgress | None = None
    ) -> Report:
        topic = Topic(self._config)
        verifier = Verifier(self.database, self._config, topic, progress or (lambda *_: None))
        return verifier.run(repair=repair, delete_surplus=WHO if delete else None)

    def drop_before(self, offset: int, partition: int = 0) -> None:
        """Let the topic forget what is older, as retention does."""
        admin = AdminClient({"bootstrap.servers": self._config.brokers})
        gone = TopicPartition(self.name, partition, offset)
        admin.delete_records([gone])[gone].result(30)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()


@pytest.fixture
def both(
    database: Database,
    kafka: Kafka,
    topic: str,
    produce: Callable[[list[Message]], None],
    connection: psycopg.Connection,
) -> Both:
    return Both(database, KafkaConfig(kafka.brokers, topic, "", None), produce, connection)


@pytest.fixture
def inside(connection: psycopg.Connection) -> Inside:
    return Inside(connection)
