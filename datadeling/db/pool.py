"""The API's connections: a few per worker, with time limits on everything."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog
from psycopg_pool import ConnectionPool

from datadeling.db.connection import DeadlineConnection, conninfo, translation
from datadeling.db.migrate import is_current, known
from datadeling.errors import DatabaseUnavailable

# Times are formatted with the offset of Oslo. The server ends a statement after 2 s. JIT is off: for a lookup
# of many persons, compiling takes longer than running.
_OPTIONS = (
    "-c timezone=Europe/Oslo -c statement_timeout=2s -c lock_timeout=1s"
    " -c idle_in_transaction_session_timeout=5s -c jit=off"
)
_WAIT = 0.8  # seconds that a lookup waits for a connection: 503 within one
_FRESH = 1.0  # seconds that a connection is trusted after it was checked
_TIMEOUT = 3.0  # seconds until a silent server is given up
# The pool's own pauses between attempts to connect grow to minutes. Given up this early, it begins anew with
# the next lookup, and is back within 2 s of the database.
_RECONNECT = 2.0

log = structlog.get_logger(__name__)


class _PooledConnection(DeadlineConnection):
    timeout = _TIMEOUT
    checked = -math.inf  # by the monotonic clock


class Pool:
    """Connections of one process. Works with no database there, and again as soon as there is one."""

    def __init__(self, db_url: str, size: int) -> None:
        # The pool logs every connection at INFO, and the texts of errors, which may quote, at WARNING.
        logging.getLogger("psycopg").setLevel(logging.ERROR)
        self._needed = known()
        self._is_current = False
        self._available = True
        self._pool = ConnectionPool(
            pool_conninfo(db_url),
            connection_class=_PooledConnection,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=size,
            open=False,
            check=self._check,
            timeout=_WAIT,
            reconnect_timeout=_RECONNECT,
            name="datadeling serve",
        )

    def state(self) -> dict[str, int]:
        """Return the numbers of connections (`size`), of free ones (`available`), of callers `waiting`."""
        stats = self._pool.get_stats()
        names = {"size": "pool_size", "available": "pool_available", "waiting": "requests_waiting"}
        return {name: stats.get(key, 0) for name, key in names.items()}

    def open(self) -> None:
        """Begin to connect, in the background. Call it in the process that uses the pool: after the fork."""
        self._pool.open(wait=False)

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed, or not been opened."""
        return self._pool.closed

    def close(self) -> None:
        """Close every connection."""
        self._pool.close(timeout=1.0)

    @contextmanager
    def connection(self) -> Iterator[DeadlineConnection]:
        """A connection whose server answers and has the schema; in autocommit mode, one statement a snapshot.

        Blocks for a second at most. Raise `DatabaseUnavailable` when there is none, or when what is done with
        it cannot be answered in time; or `UnstorableRow` or `DatabaseBug`.
        """
        connection = None
        try:
            connection = self._pool.getconn()
            if not self._is_current:
                self._require_schema(connection)
            yield connection
        except (psycopg.Error, DatabaseUnavailable) as error:
            meaning = translation(error, connection) if isinstance(error, psycopg.Error) else error
            if isinstance(meaning, DatabaseUnavailable):
                self._log_change(available=False, cause=str(meaning))
            raise meaning from None
        finally:
            if connection is not None:
                self._pool.putconn(connection)
        if not self._available:
            self._log_change(available=True)

    def _check(self, connection: _PooledConnection) -> None:
        """Check a connection before it is handed out. If the server has closed it or is silent, replace all.

        By itself the pool would try a second one, and then rest until the caller has given up. The server is
        called once a second at most: before each lookup, that would cost the database a third more.
        """
        try:
            for _ in range(2):  # the server's last message, and then the end
                connection.pgconn.consume_input()
            if time.monotonic() - connection.checked > _FRESH:
                connection.timeout = _WAIT
                ConnectionPool.check_connection(connection)
                connection.timeout = _TIMEOUT
                connection.checked = time.monotonic()
        except psycopg.Error:
            self._pool.drain()
            raise

    def _require_schema(self, connection: DeadlineConnection) -> None:
        if not is_current(connection, self._needed):
            raise DatabaseUnavailable("the schema lacks migrations")
        self._is_current = True

    def _log_change(self, *, available: bool, **cause: str) -> None:
        """Log one line when the database goes and one when it is back, none for each lookup."""
        if available and not self._available:
            log.info("database_available")
        elif self._available and not available:
            log.warning("database_unavailable", **cause)
        self._available = available


def pool_conninfo(db_url: str) -> str:
    """Return the connection string. Raise `ConfigError` when libpq cannot read `DB_URL`."""
    return conninfo(db_url, options=_OPTIONS, application="datadeling serve")
