"""The months of `lookup_log`: a partition for each, created long before it begins.

The functions run in an open transaction. One process at a time creates or drops months.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from psycopg.sql import Identifier, Literal

from datadeling.db.connection import translated
from datadeling.db.queries import queries
from datadeling.db.transaction import Transaction
from datadeling.domain.month import Month
from datadeling.errors import DatabaseBug, Locked, UnstorableRow

_AHEAD = 12  # months: longer than the consumer, which creates them, can be down unnoticed

log = structlog.get_logger(__name__)


class Partition(NamedTuple):
    """A month that exists, by its limits."""

    schema: str
    name: str
    begins: datetime
    ends: datetime


def create_months(tx: Transaction, now: datetime | None = None) -> list[str]:
    """Create the missing months, from that of `now` to the eleventh after it, and return their names.

    `now` defaults to the database's clock, which stamps the records. Lookups go on meanwhile. A table that
    somebody created under a month's name becomes the month, if it fits. A month that cannot be created is
    logged, and the others are created all the same.
    """
    tx.run("lock_lookup_log")
    there = months(tx)
    first = Month.of(now or tx.clock())
    created = []
    for month in (first.later(n) for n in range(_AHEAD)):
        if any(other.begins < month.ends and other.ends > month.begins for other in there):
            continue
        name = f"lookup_log_{month.year}_{month.month:02d}"
        parts = {"month": Identifier(name), "begins": Literal(month.begins), "ends": Literal(month.ends)}
        try:
            with translated(tx.connection), tx.connection.transaction():  # a savepoint
                for statement in ("create", "attach", "comment"):
                    tx.connection.execute(queries[f"{statement}_lookup_log_month"].format(**parts))
            created.append(name)
        except (DatabaseBug, UnstorableRow, Locked) as error:
            log.error("lookup_log_month_refused", month=name, cause=str(error))  # noqa: TRY400
    return created


def months(tx: Transaction) -> list[Partition]:
    """Return the months that exist, in order."""
    return tx.rows(Partition, "lookup_log_months")


def time_left(tx: Transaction, now: datetime | None = None) -> timedelta:
    """Return the time from `now` (default: the database's clock) until the first that no month covers."""
    began = end = now or tx.clock()
    for month in months(tx):
        if month.begins <= end < month.ends:
            end = month.ends
    return end - began


def months_over(tx: Transaction, cutoff: datetime) -> list[Partition]:
    """Return the months that ended by then, the oldest first."""
    return [month for month in months(tx) if month.ends <= cutoff]


def drop_month(tx: Transaction, cutoff: datetime) -> bool:
    """Drop the oldest month that ended by then. Return False when there is none.

    Lookups queue while this waits for a lock, so it waits for the log and the month for 0.1 s at most each,
    and then raises `Locked`.
    """
    tx.run("hurry")
    tx.run("lock_lookup_log")
    for month in months_over(tx, cutoff)[:1]:
        name = Identifier(month.schema, month.name)
        tx.connection.execute(queries["drop_lookup_log_month"].format(month=name))
        return True
    return False
