"""Connections with our time limits, and the one place that translates the driver's errors.

The driver's own text quotes values of the message. It never leaves this module: what is raised instead
carries the SQLSTATE and names of ours at most, and is raised `from None`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from datadeling.db.waiting import Meanwhile, wait_at_work
from datadeling.errors import ConfigError, DatabaseBug, DatabaseUnavailable, Locked, UnstorableRow

# A silently dead peer is noticed within 30 s; who waits for a connection gives up after 5 s.
TCP = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

# client_connection_check_interval: a statement whose client has been killed ends, and lets the lock go.
_CONSUMER = (
    "-c timezone=UTC -c lock_timeout=5s"
    " -c idle_in_transaction_session_timeout=10s -c transaction_timeout=30s"
    " -c client_connection_check_interval=2s"
)

# The same for who waits for an answer meanwhile.
_CALL = (
    "-c timezone=UTC -c lock_timeout=2s"
    " -c idle_in_transaction_session_timeout=5s -c transaction_timeout=8s"
    " -c client_connection_check_interval=2s"
)

_T = TypeVar("_T")

_UNAVAILABLE = {"08", "40", "53", "55", "57"}
_MESSAGE = {"22", "23", "54"}
_UNIQUE_VIOLATION = "23505"  # writers hold the partition's lock: two rows of one key are our mistake
# A time limit of the session struck: idle in a transaction, or a transaction too long. The server has
# closed it; the work is as undone as after any lost connection.
_TIMED_OUT = {"25P03", "25P04"}
# read_only_sql_transaction: after a failover this is a connection to a server that has become a standby and
# may never take a write again. The next one may lead to the new primary; this one is dropped.
_STANDBY = "25006"
_LOCKED = "55P03"  # lock_not_available: lock_timeout has struck


class DeadlineConnection(psycopg.Connection[TupleRow]):
    """A connection that does not wait for ever: the limits of a session are kept by the server, if it lives.

    `patience` is in seconds: longer than a lock is waited for, and short enough that a server that keeps the
    connection and says nothing is noticed within 30 s. `meanwhile` is what to do while the server works.
    """

    patience = 25.0
    meanwhile: Meanwhile | None = None

    def wait(self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        """As psycopg does, but with a time limit; the connection is closed when it is up."""
        patience = self.patience if timeout is None else timeout
        try:
            if self.meanwhile is not None:
                return wait_at_work(gen, self.pgconn.socket, self.meanwhile, patience)
            return super().wait(gen, interval, patience)
        except BaseException:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
            raise


class Limits(NamedTuple):
    """Time limits of a connection that writes: the server's settings, and `DeadlineConnection.patience`."""

    options: str
    patience: float


UNHURRIED = Limits(_CONSUMER, DeadlineConnection.patience)
"""For who can wait, and holds nobody up."""

FOR_A_CALL = Limits(_CALL, 10.0)
"""For who answers a call: a lock is waited for 2 s, a transaction ends after 8 s."""


def connect(db_url: str, *, options: str = _CONSUMER, application: str) -> DeadlineConnection:
    """Open a connection in autocommit mode, so that transactions are explicit blocks.

    Blocks for 5 s at most. Raise `DatabaseUnavailable` when there is none to be had.
    """
    with translated():
        return DeadlineConnection.connect(
            conninfo(db_url, options=options, application=application), autocommit=True
        )


def conninfo(db_url: str, *, options: str, application: str) -> str:
    """`db_url` with our settings; what it says itself about options and names is kept.

    Raise `ConfigError` when libpq cannot read it, without libpq's text, which quotes.
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
    """Raise the `translation` of what psycopg raises inside."""
    try:
        yield
    except psycopg.Error as error:
        raise translation(error, connection, writes=writes) from None


def translation(
    error: psycopg.Error, connection: psycopg.Connection | None, *, writes: bool
) -> DatabaseUnavailable | UnstorableRow | DatabaseBug:
    """What the caller must do about it, by SQLSTATE.

    Not by class: `OperationalError` is also a row too large for an index. For who `writes`, a server that
    takes no writes is unavailable, and the connection is closed; for who only reads, a write is a bug.
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
        what = Locked if sqlstate == _LOCKED and not lost else DatabaseUnavailable
        return what(f"SQLSTATE {sqlstate or 'none'}")
    if sqlstate[:2] in _MESSAGE and sqlstate != _UNIQUE_VIOLATION:
        return UnstorableRow(sqlstate)
    if sqlstate:
        return DatabaseBug(sqlstate, _what(error))
    match error:
        case psycopg.DataError():  # refused by the driver itself, before anything was sent
            return UnstorableRow("none")
        case psycopg.ProgrammingError() | psycopg.NotSupportedError() | psycopg.InternalError():
            return DatabaseBug("none", type(error).__name__)
        case _:
            return DatabaseUnavailable("no connection")


def _what(error: psycopg.Error) -> str:
    """What an error is about, in names alone. Only class 42 is let speak: it quotes names, never values."""
    if (error.sqlstate or "").startswith("42") and error.diag.message_primary:
        return error.diag.message_primary
    return error.diag.constraint_name or error.diag.table_name or type(error).__name__
