"""The API's connections: a few per worker, with time limits on everything."""

import logging
import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from datadeling.db.connection import DeadlineConnection, conninfo, translation
from datadeling.db.migrate import is_current, known
from datadeling.errors import DatabaseUnavailable

# Times go out with the offset of Oslo. The server ends a statement after 2 s. To compile one, as it would
# where many persons are asked about, takes longer than to run it.
_OPTIONS = (
    "-c timezone=Europe/Oslo -c statement_timeout=2s -c lock_timeout=1s"
    " -c idle_in_transaction_session_timeout=5s -c jit=off"
)
_WAIT = 0.8  # seconds that a lookup waits for a connection: 503 within one
_FRESH = 1.0  # seconds that a connection is trusted after its server has answered
_PATIENCE = 3.0  # seconds until a server that says nothing at all is given up
# A pool that is told nothing waits longer and longer between its attempts to connect, up to minutes. Ours
# gives up soon, and begins afresh with the next lookup: it is back within 2 s of the database.
_GIVE_UP = 2.0

_Connection = psycopg.Connection[TupleRow]

log = structlog.get_logger(__name__)


class _Checked(DeadlineConnection):
    """A connection of the pool."""

    patience = _PATIENCE
    answered = -math.inf  # when, by the monotonic clock

    def ping(self) -> None:
        """Raise `psycopg.Error` unless the server answers soon, or did so a moment ago.

        A server that has gone has closed the connection, which is seen without asking it. To ask each time
        would be a third of what the database does for a lookup.
        """
        if time.monotonic() - self.answered < _FRESH and not self._has_news():
            return
        self.patience = _WAIT
        try:
            ConnectionPool.check_connection(self)
        finally:
            self.patience = _PATIENCE
        self.answered = time.monotonic()

    def _has_news(self) -> bool:
        """Whether the server has sent something that nobody asked for, such as its farewell."""
        news = select.poll()
        news.register(self.pgconn.socket, select.POLLIN)
        return bool(news.poll(0))


class Pool:
    """Connections of one process. Works with no database there, and again as soon as there is one."""

    def __init__(self, db_url: str, size: int) -> None:
        # The pool tells at INFO of every connection given and returned; texts of errors come at WARNING.
        logging.getLogger("psycopg").setLevel(logging.ERROR)
        self._needed = known()
        self._is_current = False
        self._available = True
        self._pool = ConnectionPool(
            pool_conninfo(db_url),
            connection_class=_Checked,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=size,
            open=False,
            check=self._check,
            timeout=_WAIT,
            reconnect_timeout=_GIVE_UP,
            name="datadeling serve",
        )

    def state(self) -> dict[str, int]:
        """How many connections there are (`size`), are free (`available`), are waited for (`waiting`)."""
        stats = self._pool.get_stats()
        names = {"size": "pool_size", "available": "pool_available", "waiting": "requests_waiting"}
        return {name: stats.get(key, 0) for name, key in names.items()}

    def open(self) -> None:
        """Begin to connect, in the background. Call it in the process that uses the pool: after the fork."""
        self._pool.open(wait=False)

    def close(self) -> None:
        """Let go of every connection."""
        self._pool.close(timeout=1.0)

    @contextmanager
    def connection(self) -> Iterator[_Connection]:
        """A connection whose server answers and has the schema; in autocommit mode, one statement a snapshot.

        Blocks for a second at most. Raise `DatabaseUnavailable` when there is none, or when what is done with
        it cannot be answered in time; or `UnstorableRow` or `DatabaseBug`.
        """
        connection = None
        try:
            connection = self._pool.getconn()
            self._require_schema(connection)
            yield connection
        except (psycopg.Error, DatabaseUnavailable) as error:
            meaning = (
                translation(error, connection, writes=True) if isinstance(error, psycopg.Error) else error
            )
            if isinstance(meaning, DatabaseUnavailable):
                self._tell(available=False, cause=str(meaning))
            raise meaning from None
        finally:
            if connection is not None:
                self._pool.putconn(connection)
        self._tell(available=True)

    def _check(self, connection: _Checked) -> None:
        """For each connection before it is given out. What one has lost, the others have, too: begin afresh.

        Left to itself, the pool tries a second one and then rests until the caller has given up.
        """
        try:
            connection.ping()
        except psycopg.Error:
            self._pool.drain()
            raise

    def _require_schema(self, connection: _Connection) -> None:
        if not self._is_current:
            if not is_current(connection, self._needed):
                raise DatabaseUnavailable("the schema lacks migrations")
            self._is_current = True

    def _tell(self, *, available: bool, cause: str | None = None) -> None:
        """One line when it goes and one when it comes back, none for each lookup."""
        if available == self._available:
            return
        self._available = available
        if available:
            log.info("database_available")
        else:
            log.warning("database_unavailable", cause=cause)


def pool_conninfo(db_url: str) -> str:
    """How to connect. Raise `ConfigError` when libpq cannot read `DB_URL`."""
    return conninfo(db_url, options=_OPTIONS, application="datadeling serve")
