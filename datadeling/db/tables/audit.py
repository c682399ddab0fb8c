"""What the log of lookups is asked: for reports, and for a person's right to know."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from datadeling.db.connection import DeadlineConnection
from datadeling.db.queries import queries
from datadeling.db.statements import Statements

_ANSWER = 5.0  # seconds that the server gets to say that the time is up


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


class PersonLookup(NamedTuple):
    """That a person was looked up: when, by whom, why, and which fields were read. The person is not named.

    `nav_ident` is the user on whose behalf the consumer asked. `asked_for` is False when no person was asked
    for, and this one was in the answer. `call_id` finds the call in the logs.
    """

    tidspunkt: datetime
    consumer: str
    consumer_name: str | None
    nav_ident: str | None
    endpoint: str
    behandlingsnummer: Sequence[str]
    felter: Sequence[str]
    asked_for: bool
    call_id: str


class Audit(Statements):
    """Reads the log of lookups, inside an open transaction."""

    @contextmanager
    def taking_time(self, seconds: float) -> Iterator[None]:
        """Inside, a statement may take so long, whatever the session says."""
        self._run("take_time", limit=f"{int(seconds)}s")
        connection = self._connection
        if not isinstance(connection, DeadlineConnection):
            yield
            return
        patience, connection.patience = connection.patience, seconds + _ANSWER
        try:
            yield
        finally:
            connection.patience = patience

    def readings(self, begins: datetime, ends: datetime, consumer: str | None) -> list[Reading]:
        """Who read what from a time until before another; None is any consumer. Sorted."""
        with self._connection.cursor(row_factory=class_row(Reading)) as cursor:
            values = {"begins": begins, "ends": ends, "consumer": consumer}
            return cursor.execute(queries["audit_lookups"], values).fetchall()

    def person_lookups(self, identer: Sequence[str], begins: datetime, ends: datetime) -> list[PersonLookup]:
        """Who looked a person up, by any of the numbers, from a time until before another. Oldest first."""
        with self._connection.cursor(row_factory=class_row(PersonLookup)) as cursor:
            values = {"identer": list(identer), "begins": begins, "ends": ends}
            return cursor.execute(queries["audit_person"], values).fetchall()
