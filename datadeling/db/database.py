"""A connection of our own that is made when it is needed, and made again after it was lost."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from datadeling.db.connection import connect, translated
from datadeling.db.transaction import Transaction


class Database:
    """Hands out transactions over one connection. For one thread at a time."""

    def __init__(self, db_url: str, application: str) -> None:
        self._db_url = db_url
        self._application = application
        self._connection: psycopg.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything done inside is committed at the end, or nothing of it.

        Raise `DatabaseUnavailable` (the outcome of a commit that was cut off is unknown: try again, the
        compare-and-set of offsets tells), `UnstorableRow` or `DatabaseBug`.
        """
        connection = self._connected()
        with translated(connection), connection.transaction():
            yield Transaction(connection)

    def close(self) -> None:
        """Let go of the connection; the next use makes a new one."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self.close()
            self._connection = connect(self._db_url, application=self._application)
        return self._connection
