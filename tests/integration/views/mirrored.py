"""Runs the views over rows that stand in the table `avtale`, as Datastream would mirror them.

By PostgreSQL: sqlglot parses the SQL as BigQuery's, and writes it anew.
"""

from datetime import date
from typing import Any

import psycopg
import sqlglot
from psycopg.rows import dict_row
from sqlglot import exp

from datadeling.mirror.views import DATASET, METADATA, SOURCE, View, create
from tests.integration.views.conftest import mirrored_types

Row = dict[str, Any]

# What PostgreSQL calls BigQuery's types. A NUMERIC has 38 digits, 9 of them after the point.
_TYPES = {
    "STRING": "text",
    "INTEGER": "bigint",
    "NUMERIC": "numeric(38, 9)",
    "DATE": "date",
    "TIMESTAMP": "timestamptz",
    "BOOLEAN": "boolean",
}


def mirror(connection: psycopg.Connection) -> None:
    """Copy the table as it stands now to where the views look for it, in place of an earlier copy."""
    columns = ", ".join(f"{name}::{_TYPES[type_]}" for name, type_ in mirrored_types(connection).items())
    connection.execute(f"""
        DROP SCHEMA IF EXISTS {DATASET} CASCADE;
        CREATE SCHEMA {DATASET};
        CREATE TYPE {DATASET}.metadata AS (uuid text, source_timestamp bigint);
        CREATE TABLE {DATASET}.{SOURCE} AS
        SELECT {columns}, ROW('d5a5', 1767225600000)::{DATASET}.metadata AS {METADATA} FROM avtale;
    """)


def read(connection: psycopg.Connection, view: View, today: date | None = None) -> list[Row]:
    """The rows of a view, by name; as of a day, where one is given."""
    text = query(view, today).sql("postgres")
    # BigQuery unnests for each row; PostgreSQL needs LATERAL for that, which sqlglot does not add.
    text = text.replace("CROSS JOIN (", "CROSS JOIN LATERAL (")
    return connection.cursor(row_factory=dict_row).execute(text).fetchall()


def query(view: View, today: date | None = None) -> exp.Expr:
    """The query of the view's file; the present day, which it must ask for once, is `today`."""
    parsed = sqlglot.parse_one(create(view), dialect="bigquery").expression
    assert isinstance(parsed, exp.Expr)
    if today is None:
        return parsed
    (now,) = parsed.find_all(exp.CurrentDate)
    assert now.this.name == "Europe/Oslo"
    now.replace(exp.cast(exp.Literal.string(today.isoformat()), "date"))
    return parsed
