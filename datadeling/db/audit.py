"""What the log of lookups is asked: for reports, and for a person's right to know."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from datadeling.db.queries import queries
from datadeling.db.statements import Statements


class Reading(NamedTuple):
    """That a consumer read these fields by this call under these purposes, and how much. Nobody is named.

    `consumer` is the client's id, `consumer_name` what it was called last. `behandlingsnummer` and `felter`
    are sorted; without a purpose, over GraphQL, the first is empty. `lookups` are the calls that were
    answered, `hits` the avtaler in their answers. `persons` counts different numbers of persons, so one who
    was asked for under two counts twice; `users` the different users on whose behalf the consumer asked, 0
    when it was for itself. `first` and `last` are when, as aware times.
    """

    consumer: str
    consumer_name: str | None
    endpoint: str
    behandlingsnummer: Sequence[str]
    felter: Sequence[str]
    lookups: int
    persons: int
    hits: int
    users: int
    first: datetime
    last: datetime


class Audit(Statements):
    """Reads the log of lookups, inside an open transaction."""

    def readings(self, begins: datetime, ends: datetime, consumer: str | None) -> list[Reading]:
        """Who read what from a time until before another; None is any consumer. Sorted."""
        with self._connection.cursor(row_factory=class_row(Reading)) as cursor:
            values = {"begins": begins, "ends": ends, "consumer": consumer}
            return cursor.execute(queries["audit_lookups"], values).fetchall()
