"""A connection that is opened when it is needed, and again after it was lost."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer

import psycopg

from datadeling.db.connection import BACKGROUND, DeadlineConnection, Limits, Meanwhile, connect, translated
from datadeling.db.transaction import Transaction
from datadeling.errors import DatabaseUnavailable


class Database:
    """Transactions over one connection. For one thread at a time, except `wind_up`."""

    def __init__(self, db_url: str, application: str, limits: Limits = BACKGROUND) -> None:
        self._db_url = db_url
        self._application = application
        self._limits = limits
        self._connection: DeadlineConnection | None = None
        self._meanwhile: Meanwhile | None = None
        self._winding_up = False

    @contextmanager
    def working(self, meanwhile: Meanwhile) -> Iterator[None]:
        """Call `meanwhile` repeatedly while transactions in this block wait for the server.

        It must not use this database.
        """
        self._meanwhile = meanwhile
        try:
            yield
        finally:
            self._meanwhile = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit everything that is done inside, or nothing.

        Raise `DatabaseUnavailable`, `UnstorableRow` or `DatabaseBug`. After `DatabaseUnavailable` the commit
        may have happened: run the transaction again, and the compare-and-set of offsets decides.
        """
        connection = self._connected()
        connection.meanwhile = self._meanwhile
        with translated(connection), connection.transaction():
            yield Transaction(connection)

    def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def wind_up(self, seconds: float) -> None:
        """Open no more connections, and cut the present one after so many seconds.

        From then on everything raises `DatabaseUnavailable`, also a statement that is waiting for a silent
        server. Returns at once. May be called from any thread and from a signal handler.
        """
        self._winding_up = True
        timer = Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()

    def _cut(self) -> None:
        connection = self._connection
        if connection is None:
            return
        # Only the socket: psycopg's connection belongs to the thread that is waiting.
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> DeadlineConnection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        self.close()
        connection = None if self._winding_up else connect(self._db_url, self._application, self._limits)
        self._connection = connection
        if connection is None or self._winding_up:  # maybe only since it connected
            self.close()
            raise DatabaseUnavailable("winding up")
        return connection


class Claim:
    """The right to run one replay: an advisory lock on a connection of its own. For one thread.

    So it is free as soon as the process dies.
    """

    def __init__(self, db_url: str, replay: int) -> None:
        self._database = Database(db_url, "datadeling replay")
        self._replay = replay

    def take(self) -> bool:
        """Take the lock, or check that it is still ours. Return False when another process has it.

        Raise `DatabaseUnavailable`; the next call connects again.
        """
        with self._database.transaction() as tx:
            taken = tx.first(bool, "take_replay", id=self._replay)
        if not taken:
            self.release()
        return bool(taken)

    def release(self) -> None:
        """Let other processes take it."""
        self._database.close()
