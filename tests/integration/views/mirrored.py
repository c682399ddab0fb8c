"""Query the views over rows of the table `avtale`, as Datastream would mirror them.

PostgreSQL runs the queries: sqlglot translates them from BigQuery's SQL.
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
    """Copy the present rows of `avtale` to the table that the views read, in place of an earlier copy."""
    columns = ", ".join(f"{name}::{_TYPES[type_]}" for name, type_ in mirrored_types(connection).items())
    connection.execute(f"""
        DROP SCHEMA IF EXISTS {DATASET} CASCADE;
        CREATE SCHEMA {DATASET};
        CREATE TYPE {DATASET}.metadata AS (uuid text, source_timestamp bigint);
        CREATE TABLE {DATASET}.{SOURCE} AS
        SELECT {columns}, ROW('d5a5', 1767225600000)::{DATASET}.metadata AS {METADATA} FROM avtale;
    """)


def read(connection: psycopg.Connection, view: View, today: date | None = None) -> list[Row]:
    """Return the rows of a view; `today` replaces the present day."""
    text = query(view, today).sql("postgres")
    # BigQuery unnests for each row; PostgreSQL needs LATERAL for that, which sqlglot does not add.
    text = text.replace("CROSS JOIN (", "CROSS JOIN LATERAL (")
    return connection.cursor(row_factory=dict_row).execute(text).fetchall()


def query(view: View, today: date | None = None) -> exp.Expr:
    """Return the query of the view. `today` replaces the present day, which it must use exactly once."""
    parsed = sqlglot.parse_one(create(view), dialect="bigquery").expression
    assert isinstance(parsed, exp.Expr)
    if today is None:
        return parsed
    (now,) = parsed.find_all(exp.CurrentDate)
    assert now.this.name == "Europe/Oslo"
    now.replace(exp.cast(exp.Literal.string(today.isoformat()), "date"))
    return parsed
