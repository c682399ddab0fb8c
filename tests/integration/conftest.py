"""Fixtures that write avtaler to a test's database, and consumers of its topic."""

from collections.abc import Iterator

import pytest

from datadeling.db.database import Database
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from tests.integration.consuming import Consumer, Start
from tests.integration.storing import PARK_LIMIT, TOPIC
from tests.services import Kafka


@pytest.fixture
def database(db_url: str) -> Iterator[Database]:
    database = Database(db_url, "test")
    try:
        yield database
    finally:
        database.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database, TOPIC, PARK_LIMIT)


@pytest.fixture
def lookups(db_url: str) -> Iterator[Lookups]:
    pool = Pool(db_url, 2)
    pool.open()
    yield Lookups(pool)
    pool.close()


@pytest.fixture
def retry(database: Database) -> Retry:
    return Retry(database, TOPIC)


@pytest.fixture
def rewrite(database: Database) -> Rewrite:
    return Rewrite(database, TOPIC)


@pytest.fixture
def start(db_url: str, kafka: Kafka, topic: str) -> Iterator[Start]:
    """Return a function that starts consumers of the topic; all leave the group at the end."""
    running: list[Consumer] = []

    def start(**options: float) -> Consumer:
        consumer = Consumer(db_url, kafka.brokers, topic, **options)
        running.append(consumer)
        return consumer

    yield start
    for consumer in running:
        consumer.leave()
