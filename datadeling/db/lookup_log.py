"""The months of `lookup_log`: a partition for each, made long before it begins."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from psycopg.sql import Identifier, Literal

from datadeling.db.queries import queries
from datadeling.db.statements import Statements

_OSLO = ZoneInfo("Europe/Oslo")  # as reports are asked for
_AHEAD = 12  # months: longer than a consumer, which makes them, can be away unseen


class LookupLog(Statements):
    """The months of the log, inside an open transaction."""

    def make_months(self, now: datetime) -> list[str]:
        """Make those that are missing, from the month of `now` to a year later, and say which.

        Lookups go on meanwhile.
        """
        self._run("lock_lookup_log")
        there = {name for (name,) in self._run("lookup_log_months")}
        made = []
        for begins, ends in _months(now.astimezone(_OSLO)):
            name = f"lookup_log_{begins:%Y_%m}"
            if name not in there:
                parts = {"month": Identifier(name), "begins": Literal(begins), "ends": Literal(ends)}
                for statement in ("create", "attach", "comment"):
                    self._connection.execute(queries[f"{statement}_lookup_log_month"].format(**parts))
                made.append(name)
        return made


def _months(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    for number in range(now.year * 12 + now.month - 1, now.year * 12 + now.month + _AHEAD):
        yield _beginning(number), _beginning(number + 1)


def _beginning(number: int) -> datetime:
    year, month = divmod(number, 12)
    return datetime(year, month + 1, 1, tzinfo=_OSLO)
