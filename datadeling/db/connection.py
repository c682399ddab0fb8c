"""Connections with our time limits, and the translation of the driver's errors.

The driver's text quotes values, so it never leaves this module: our exceptions contain the SQLSTATE and names
from the schema at most, and are raised `from None`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.json import JsonbDumper

from datadeling.db.waiting import Meanwhile, wait_with_work
from datadeling.errors import ConfigError, DatabaseBug, DatabaseUnavailable, Locked, UnstorableRow

# A peer that is silently dead is noticed within 30 s; connecting gives up after 5 s.
TCP = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

# The statement of a client that was killed ends, and the session of a machine that is gone, within half a
# minute. Then their locks are free.
_SESSION = (
    "-c timezone=UTC -c client_connection_check_interval=2s"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)

psycopg.adapters.register_dumper(dict, JsonbDumper)

_T = TypeVar("_T")

_UNAVAILABLE = {"08", "40", "53", "55", "57"}
_MESSAGE = {"22", "23", "54"}
_UNIQUE_VIOLATION = "23505"  # writers hold the partition's lock, so two rows of one key are a bug of ours
# idle_in_transaction_session_timeout and transaction_timeout: the server has closed the session, and the work
# is undone as after any lost connection.
_TIMED_OUT = {"25P03", "25P04"}
# read_only_sql_transaction: after a failover, this server is a standby and may never accept a write again.
# The next connection may lead to the new primary, so this one is closed.
_STANDBY = "25006"
_LOCKED = "55P03"  # lock_not_available: after lock_timeout


class DeadlineConnection(psycopg.Connection[TupleRow]):
    """A connection that does not wait for ever: the session's own limits hold only while the server lives.

    `timeout` is in seconds: longer than `lock_timeout`, and short enough that a silent server is noticed
    within 30 s. `meanwhile` is called while the server works.
    """

    timeout = 25.0
    meanwhile: Meanwhile | None = None

    @contextmanager
    def with_timeout(self, seconds: float) -> Iterator[None]:
        """Wait for the server for so many seconds inside the block."""
        before, self.timeout = self.timeout, seconds
        try:
            yield
        finally:
            self.timeout = before

    def wait(self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        """Wait as psycopg does, but not for ever; close the connection after the timeout."""
        timeout = self.timeout if timeout is None else timeout
        try:
            if self.meanwhile is not None:
                return wait_with_work(gen, self.pgconn.socket, self.meanwhile, timeout)
            return super().wait(gen, interval, timeout)
        except BaseException:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
            raise


class Limits(NamedTuple):
    """The time limits of a connection: the session's settings, and `DeadlineConnection.timeout`."""

    options: str
    timeout: float


BACKGROUND = Limits(
    f"{_SESSION} -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s -c transaction_timeout=30s",
    DeadlineConnection.timeout,
)
"""For work that nobody waits for."""

REQUEST = Limits(
    f"{_SESSION} -c lock_timeout=2s -c idle_in_transaction_session_timeout=5s -c transaction_timeout=8s", 10.0
)
"""For work that an HTTP request waits for."""

REPORT = Limits(f"{BACKGROUND.options} -c transaction_timeout=0 -c statement_timeout=30min", 1_805.0)
"""For a long report, which an operator can interrupt."""


def connect(db_url: str, *, options: str = BACKGROUND.options, application: str) -> DeadlineConnection:
    """Open a connection in autocommit mode, so that transactions are explicit blocks.

    Blocks for 5 s at most. Raise `DatabaseUnavailable` when it cannot connect.
    """
    with translated():
        return DeadlineConnection.connect(
            conninfo(db_url, options=options, application=application), autocommit=True
        )


def conninfo(db_url: str, *, options: str, application: str) -> str:
    """Return `db_url` with our settings; its own options and names win.

    Raise `ConfigError` when libpq cannot parse it, without libpq's text, which quotes it.
    """
    try:
        given = conninfo_to_dict(db_url)
        own = {**TCP, "application_name": application, **given}
        own["options"] = f"{options} {given.get('options', '')}".strip()
        return make_conninfo("", **own)
    except psycopg.ProgrammingError:
        raise ConfigError("DB_URL cannot be read by libpq") from None


@contextmanager
def translated(connection: psycopg.Connection | None = None, *, writes: bool = False) -> Iterator[None]:
    """Replace an error of psycopg by its `translation`."""
    try:
        yield
    except psycopg.Error as error:
        raise translation(error, connection, writes=writes) from None


def translation(
    error: psycopg.Error, connection: psycopg.Connection | None, *, writes: bool
) -> DatabaseUnavailable | UnstorableRow | DatabaseBug:
    """Return the exception that says what the caller must do, by SQLSTATE.

    Not by class: a row that is too large for an index is an `OperationalError`, too. For a caller that
    `writes`, a server that accepts no writes is unavailable, and the connection is closed; for a caller that
    only reads, a write is a bug.
    """
    if writes and error.sqlstate == _STANDBY:
        if connection is not None:
            connection.close()
        return DatabaseUnavailable(f"SQLSTATE {_STANDBY}")
    lost = connection is not None and (connection.broken or connection.closed)
    return _translate(error, lost=lost)


def _translate(error: psycopg.Error, *, lost: bool) -> DatabaseUnavailable | UnstorableRow | DatabaseBug:
    sqlstate = error.sqlstate or ""
    if lost or sqlstate[:2] in _UNAVAILABLE or sqlstate in _TIMED_OUT:
        kind = Locked if sqlstate == _LOCKED and not lost else DatabaseUnavailable
        return kind(f"SQLSTATE {sqlstate or 'none'}")
    if sqlstate[:2] in _MESSAGE and sqlstate != _UNIQUE_VIOLATION:
        return UnstorableRow(sqlstate)
    if sqlstate:
        return DatabaseBug(sqlstate, _subject(error))
    match error:
        case psycopg.DataError():  # refused by the driver itself, before anything was sent
            return UnstorableRow("none")
        case psycopg.ProgrammingError() | psycopg.NotSupportedError() | psycopg.InternalError():
            return DatabaseBug("none", type(error).__name__)
        case _:
            return DatabaseUnavailable("no connection")


def _subject(error: psycopg.Error) -> str:
    """Return names from the schema alone. The text of class 42 quotes names, never values."""
    if (error.sqlstate or "").startswith("42") and error.diag.message_primary:
        return error.diag.message_primary
    return error.diag.constraint_name or error.diag.table_name or type(error).__name__
