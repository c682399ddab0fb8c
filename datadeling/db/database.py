"""A connection of our own that is made when it is needed, and made again after it was lost."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer

import psycopg

from datadeling.db.connection import UNHURRIED, DeadlineConnection, Limits, connect, translated
from datadeling.db.transaction import Transaction
from datadeling.db.waiting import Meanwhile
from datadeling.errors import DatabaseUnavailable


class Database:
    """Hands out transactions over one connection. For one thread at a time, but for `wind_up`."""

    def __init__(self, db_url: str, application: str, limits: Limits = UNHURRIED) -> None:
        self._db_url = db_url
        self._application = application
        self._limits = limits
        self._connection: DeadlineConnection | None = None
        self._meanwhile: Meanwhile | None = None
        self._winding_up = False

    @contextmanager
    def working(self, meanwhile: Meanwhile) -> Iterator[None]:
        """In this block, transactions call `meanwhile` again and again while they wait for the server.

        It must not use this database.
        """
        self._meanwhile = meanwhile
        try:
            yield
        finally:
            self._meanwhile = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything done inside is committed at the end, or nothing of it.

        Raise `DatabaseUnavailable` (the outcome of a commit that was cut off is unknown: try again, the
        compare-and-set of offsets tells), `UnstorableRow` or `DatabaseBug`.
        """
        connection = self._connected()
        connection.meanwhile = self._meanwhile
        with translated(connection, writes=True), connection.transaction():
            yield Transaction(connection)

    def close(self) -> None:
        """Let go of the connection; the next use makes a new one."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def wind_up(self, seconds: float) -> None:
        """Connect no more, and cut the connection there is after so many seconds.

        From then on everything raises `DatabaseUnavailable`, also what is waiting for a silent server right
        then. Returns at once. Any thread and a signal handler may call it.
        """
        self._winding_up = True
        cutting = Timer(seconds, self._cut)
        cutting.daemon = True
        cutting.start()

    def _cut(self) -> None:
        connection = self._connection
        if connection is None:
            return
        # Only the kernel's end of it: what psycopg holds belongs to the thread that is waiting.
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> DeadlineConnection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self.close()
            if not self._winding_up:
                self._connection = connect(
                    self._db_url, options=self._limits.options, application=self._application
                )
                self._connection.patience = self._limits.patience
            if self._winding_up:  # maybe only since
                self.close()
        if self._connection is None:
            raise DatabaseUnavailable("winding up")
        return self._connection
