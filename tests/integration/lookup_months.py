"""The monthly partitions of `lookup_log`, for their tests."""

from datetime import date, datetime

import psycopg

from datadeling.db import lookup_log
from datadeling.db.lookups import Lookups
from datadeling.db.transaction import Transaction
from datadeling.domain.month import Month
from tests.integration.api.lookups import status
from tests.integration.api.rows import FNR


def months(connection: psycopg.Connection) -> dict[str, str]:
    rows = connection.execute("""
        SELECT relname, pg_get_expr(relpartbound, pg_class.oid)
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'lookup_log'::regclass
    """)
    return dict(rows.fetchall())


def create_months(connection: psycopg.Connection, now: datetime | None = None) -> list[str]:
    with connection.transaction():
        return lookup_log.create_months(Transaction(connection), now)


def drop_months(connection: psycopg.Connection) -> None:
    for name in months(connection):
        connection.execute(f"DROP TABLE {name}")


def look_up(lookups: Lookups) -> str:
    return status(lookups, [FNR], date(2026, 1, 1))


def present(connection: psycopg.Connection) -> Month:
    ((now,),) = connection.execute("SELECT now()").fetchall()
    return Month.of(now)


def name_of(month: Month) -> str:
    return f"lookup_log_{month.year}_{month.month:02d}"
