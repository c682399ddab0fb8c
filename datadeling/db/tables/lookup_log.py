"""The months of `lookup_log`: a partition for each, created long before it begins."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from psycopg.sql import Identifier, Literal

from datadeling.db.connection import translated
from datadeling.db.queries import queries
from datadeling.db.statements import Statements
from datadeling.domain.month import Month
from datadeling.errors import DatabaseBug, Locked, UnstorableRow

_AHEAD = 12  # months: longer than the consumer, which creates them, can be down unnoticed

log = structlog.get_logger(__name__)


class _Partition(NamedTuple):
    schema: str
    name: str
    begins: datetime | None
    ends: datetime | None


class LookupLog(Statements):
    """The months of the log, inside an open transaction. One process at a time creates or drops them."""

    def create_months(self, now: datetime | None = None) -> list[str]:
        """Create the missing months, from that of `now` to the eleventh after it, and return their names.

        `now` defaults to the database's clock, which stamps the records. Lookups go on meanwhile. A table
        that somebody created under a month's name becomes the month, if it fits. A month that cannot be
        created is logged, and the others are created all the same.
        """
        self._run("lock_lookup_log")
        created = []
        for month in self._missing(now or self._run("clock").fetchall()[0][0]):
            name = f"lookup_log_{month.year}_{month.month:02d}"
            try:
                with translated(self._connection, writes=True), self._connection.transaction():  # a savepoint
                    self._create(name, month)
                created.append(name)
            except (DatabaseBug, UnstorableRow, Locked) as error:
                log.error("lookup_log_month_refused", month=name, cause=str(error))  # noqa: TRY400
        return created

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Return the beginning and end of each month that exists, in order."""
        return [(month.begins, month.ends) for month in self._months() if month.begins and month.ends]

    def time_left(self, now: datetime | None = None) -> timedelta:
        """Return the time from `now` (default: the database's clock) until no lookup can be recorded.

        Until the first moment that no month covers; 0 when `now` is one.
        """
        began = end = now or self._run("clock").fetchall()[0][0]
        for begins, ends in self.spans():
            if begins <= end < ends:
                end = ends
        return end - began

    def months_over(self, cutoff: datetime) -> int:
        """Count the months that ended by then."""
        return len(self._over(cutoff))

    def drop_month(self, cutoff: datetime) -> bool:
        """Drop the oldest month that ended by then. Return False when there is none.

        Lookups queue while this waits for a lock, so it waits for the log and the month for 0.1 s at most
        each, and then raises `Locked`.
        """
        self._run("hurry")
        self._run("lock_lookup_log")
        over = self._over(cutoff)
        if over:
            month = Identifier(over[0].schema, over[0].name)
            self._connection.execute(queries["drop_lookup_log_month"].format(month=month))
        return bool(over)

    def _over(self, cutoff: datetime) -> list[_Partition]:
        return [month for month in self._months() if month.ends is not None and month.ends <= cutoff]

    def _missing(self, now: datetime) -> Iterator[Month]:
        there = self.spans()
        for month in (Month.of(now).later(months) for months in range(_AHEAD)):
            if not any(begins < month.ends and ends > month.begins for begins, ends in there):
                yield month

    def _months(self) -> list[_Partition]:
        return [_Partition(*row) for row in self._run("lookup_log_months")]

    def _create(self, name: str, month: Month) -> None:
        parts = {"month": Identifier(name), "begins": Literal(month.begins), "ends": Literal(month.ends)}
        for statement in ("create", "attach", "comment"):
            self._connection.execute(queries[f"{statement}_lookup_log_month"].format(**parts))
