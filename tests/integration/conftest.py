"""A store over the database of a test."""

from collections.abc import Iterator

import pytest

from datadeling.db.database import Database
from datadeling.ingest.store import Store
from tests.integration.storing import PARK_LIMIT, TOPIC


@pytest.fixture
def store(db_url: str) -> Iterator[Store]:
    database = Database(db_url, "test")
    try:
        yield Store(database, TOPIC, PARK_LIMIT)
    finally:
        database.close()
