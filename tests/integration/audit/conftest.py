"""A log of lookups that reaches as far as the tests' records."""

import psycopg
import pytest

from datadeling.db.tables.lookup_log import LookupLog
from tests.integration.audit.records import WHEN


@pytest.fixture(autouse=True)
def months(connection: psycopg.Connection) -> None:
    """The months around the records of the tests."""
    with connection.transaction():
        LookupLog(connection).create_months(WHEN.replace(month=9))
