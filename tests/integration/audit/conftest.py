"""A log of lookups that reaches as far as the tests' records."""

import psycopg
import pytest

from datadeling.db.lookup_log import create_months
from datadeling.db.transaction import Transaction
from tests.integration.audit.records import WHEN


@pytest.fixture(autouse=True)
def months(connection: psycopg.Connection) -> None:
    """The months around the records of the tests."""
    with connection.transaction():
        create_months(Transaction(connection), WHEN.replace(month=9))
