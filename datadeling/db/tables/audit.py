"""Reports from the log of lookups: who read which fields, and who looked a person up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from datadeling.db.connection import DeadlineConnection
from datadeling.db.queries import queries
from datadeling.db.statements import Statements

_GRACE = 5.0  # seconds in which the server can report its own timeout


class Reading(NamedTuple):
    """The lookups of one consumer with the same call, purposes and fields, as totals. Names no person.

    `consumer` is the client's id, `consumer_name` its newest name. `behandlingsnummer` and `felter` are
    sorted; over GraphQL, which has no purposes, the first is empty. `lookups` counts the answered calls,
    `hits` the avtaler in their answers, `persons` the different identity numbers (two of one person count
    twice), and `users` the different users on whose behalf the consumer called. `first` and `last` are aware
    times.
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
    """One lookup of a person: time, consumer, purposes and fields. Does not name the person.

    `nav_ident` is the user on whose behalf the consumer called. `asked_for` is False when the request named
    no person, and this one was in the answer. `call_id` is that of the logs.
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
    """The log of lookups, inside an open transaction."""

    _connection: DeadlineConnection

    @contextmanager
    def with_timeout(self, seconds: float) -> Iterator[None]:
        """Let statements in the block take so long, whatever the limits of the session."""
        self._run("set_statement_timeout", limit=f"{int(seconds)}s")
        with self._connection.with_timeout(seconds + _GRACE):
            yield

    def readings(self, begins: datetime, ends: datetime, consumer: str | None) -> list[Reading]:
        """Return the readings from `begins` until before `ends`, sorted; None is any consumer."""
        with self._connection.cursor(row_factory=class_row(Reading)) as cursor:
            values = {"begins": begins, "ends": ends, "consumer": consumer}
            return cursor.execute(queries["audit_lookups"], values).fetchall()

    def person_lookups(self, identer: Sequence[str], begins: datetime, ends: datetime) -> list[PersonLookup]:
        """Return the lookups of a person by any of the numbers in the interval, oldest first."""
        with self._connection.cursor(row_factory=class_row(PersonLookup)) as cursor:
            values = {"identer": list(identer), "begins": begins, "ends": ends}
            return cursor.execute(queries["audit_person"], values).fetchall()
