"""What writes avtaler, over the database of a test."""

from collections.abc import Iterator

import pytest

from datadeling.db.database import Database
from datadeling.ingest.retry import Retry
from datadeling.ingest.rewrite import Rewrite
from datadeling.ingest.store import Store
from tests.integration.storing import PARK_LIMIT, TOPIC


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
def retry(database: Database) -> Retry:
    return Retry(database, TOPIC)


@pytest.fixture
def rewrite(database: Database) -> Rewrite:
    return Rewrite(database, TOPIC)
