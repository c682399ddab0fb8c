"""The months of `lookup_log`: a partition for each, made long before it begins."""

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

_AHEAD = 12  # months: longer than a consumer, which makes them, can be away unseen

log = structlog.get_logger(__name__)


class _Partition(NamedTuple):
    schema: str
    name: str
    begins: datetime | None
    ends: datetime | None


class LookupLog(Statements):
    """The months of the log, inside an open transaction. One process at a time makes or drops them."""

    def make_months(self, now: datetime | None = None) -> list[str]:
        """Make those that are missing, from the month of `now` to the eleventh after it, and say which.

        `now` is the database's clock, which stamps the records, if left out. Lookups go on meanwhile. A
        table that has been made by hand under a month's name becomes the month, if it can be one. A month
        that cannot be made, for whatever reason, is logged and holds up nothing else.
        """
        self._run("lock_lookup_log")
        made = []
        for month in self._missing(now or self._run("clock").fetchall()[0][0]):
            name = f"lookup_log_{month.year}_{month.month:02d}"
            try:
                with translated(self._connection, writes=True), self._connection.transaction():  # a savepoint
                    self._make(name, month)
                made.append(name)
            except (DatabaseBug, UnstorableRow, Locked) as error:
                log.error("lookup_log_month_refused", month=name, cause=str(error))  # noqa: TRY400
        return made

    def spans(self) -> list[tuple[datetime, datetime]]:
        """When the months that there are begin and end, in their order."""
        return [(month.begins, month.ends) for month in self._months() if month.begins and month.ends]

    def time_left(self, now: datetime | None = None) -> timedelta:
        """For how long from `now`, the database's clock if left out, lookups can be recorded.

        Up to the first moment that no month covers, whatever comes after it; 0 when `now` is one.
        """
        began = end = now or self._run("clock").fetchall()[0][0]
        for begins, ends in self.spans():
            if begins <= end < ends:
                end = ends
        return end - began

    def months_over(self, cutoff: datetime) -> int:
        """How many months ended by then."""
        return len(self._over(cutoff))

    def drop_month(self, cutoff: datetime) -> bool:
        """Drop the oldest month that ended by then; False when there is none.

        Nobody can look anything up while it waits for a lock. It waits for 0.1 s at most, for the log as for
        the month, and raises `Locked` then.
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

    def _make(self, name: str, month: Month) -> None:
        parts = {"month": Identifier(name), "begins": Literal(month.begins), "ends": Literal(month.ends)}
        for statement in ("create", "attach", "comment"):
            self._connection.execute(queries[f"{statement}_lookup_log_month"].format(**parts))
