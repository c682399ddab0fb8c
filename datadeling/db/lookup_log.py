"""The months of `lookup_log`: a partition for each, made long before it begins."""

from datetime import datetime

from psycopg.sql import Identifier, Literal

from datadeling.db.queries import queries
from datadeling.db.statements import Statements
from datadeling.domain.month import Month

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
        for month in (Month.of(now).later(months) for months in range(_AHEAD)):
            name = f"lookup_log_{month.year}_{month.month:02d}"
            if name not in there:
                parts = {
                    "month": Identifier(name),
                    "begins": Literal(month.begins),
                    "ends": Literal(month.ends),
                }
                for statement in ("create", "attach", "comment"):
                    self._connection.execute(queries[f"{statement}_lookup_log_month"].format(**parts))
                made.append(name)
        return made
