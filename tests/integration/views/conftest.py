"""A BigQuery with the mirrored table for each test, and its real client."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from datadeling.mirror.views import DATASET, METADATA, SOURCE
from tests.bigquery import BigQuery, served

PROJECT = "arbeidsgiver-test"

# What Datastream makes of PostgreSQL's types.
_DATASTREAM = {
    "uuid": "STRING",
    "text": "STRING",
    "integer": "INTEGER",
    "bigint": "INTEGER",
    "numeric(9,4)": "NUMERIC",
    "date": "DATE",
    "timestamp with time zone": "TIMESTAMP",
    "boolean": "BOOLEAN",
}


def mirrored_types(connection: psycopg.Connection) -> dict[str, str]:
    """Return the columns of `avtale` with the types that Datastream gives them in BigQuery."""
    rows = connection.execute("""
        SELECT attname, format_type(atttypid, atttypmod)
        FROM pg_attribute
        WHERE attrelid = 'avtale'::regclass AND attnum > 0 AND NOT attisdropped
        ORDER BY attnum
    """)
    return {name: _DATASTREAM[re.sub(r"\s*,\s*", ",", type_)] for name, type_ in rows}


@pytest.fixture
def cloud(connection: psycopg.Connection) -> BigQuery:
    """Create the dataset with the mirrored table."""
    cloud = BigQuery(PROJECT)
    cloud.dataset(DATASET)
    cloud.table(DATASET, SOURCE, {**mirrored_types(connection), METADATA: "RECORD"})
    return cloud


@pytest.fixture
def client(cloud: BigQuery) -> Iterator[bigquery.Client]:
    with served(cloud) as address:
        client = bigquery.Client(
            PROJECT,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=address),
        )
        yield client
        client.close()  # type: ignore[no-untyped-call]
