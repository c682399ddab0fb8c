"""Connections with our time limits, and the translation of the driver's errors.

The driver's text quotes values, so it never leaves this module: our exceptions contain the SQLSTATE and names
from the schema at most, and are raised `from None`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import POLLIN, POLLOUT, poll
from typing import NamedTuple, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.json import JsonbDumper
from psycopg.waiting import Ready, Wait

from datadeling.errors import ConfigError, DatabaseBug, DatabaseUnavailable, Locked, UnstorableRow

_T = TypeVar("_T")

Meanwhile = Callable[[], bool]
"""Do a small part of other work, and return True if there was any. Must not use the connection."""

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


class Limits(NamedTuple):
    """The settings of a session, and the seconds to wait for a server, which may be silent.

    These are longer than `lock_timeout`, and short enough that a silent server is noticed within 30 s.
    """

    options: str
    timeout: float


BACKGROUND = Limits(
    f"{_SESSION} -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s -c transaction_timeout=30s",
    25.0,
)
"""For work that nobody waits for."""

REQUEST = Limits(
    f"{_SESSION} -c lock_timeout=2s -c idle_in_transaction_session_timeout=5s -c transaction_timeout=8s", 10.0
)
"""For work that an HTTP request waits for."""

REPORT = Limits(f"{BACKGROUND.options} -c transaction_timeout=0 -c statement_timeout=30min", 1_805.0)
"""For a long report, which an operator can interrupt."""

# read_only_sql_transaction: after a failover, this server is a standby and may never accept a write again.
# The next connection may lead to the new primary, so this one is closed.
_STANDBY = "25006"
# After idle_in_transaction_session_timeout (25P03) and transaction_timeout (25P04) the server has closed the
# session, and the work is undone as after any lost connection.
_UNAVAILABLE = ("08", "40", "53", "55", "57", "25P03", "25P04", _STANDBY)
_MESSAGE = ("22", "23", "54")
_UNIQUE_VIOLATION = "23505"  # writers hold the partition's lock, so two rows of one key are a bug of ours
_LOCKED = "55P03"  # lock_not_available: after lock_timeout

_EVENTS = {Wait.R: POLLIN, Wait.W: POLLOUT, Wait.RW: POLLIN | POLLOUT}
_PAUSE_MS = 10  # when there was no other work

psycopg.adapters.register_dumper(dict, JsonbDumper)


class DeadlineConnection(psycopg.Connection[TupleRow]):
    """A connection that does not wait for ever: the session's own limits hold only while the server lives.

    `timeout` is in seconds. `meanwhile` is called repeatedly, in the same thread, while the server works: a
    second thread would cost a quarter more CPU (adr/0022).
    """

    timeout = BACKGROUND.timeout
    meanwhile: Meanwhile | None = None

    def wait(self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        """Wait as psycopg does, but not for ever; close the connection after the timeout."""
        timeout = self.timeout if timeout is None else timeout
        try:
            if self.meanwhile is None:
                return super().wait(gen, interval, timeout)
            return _wait_with_work(gen, self.pgconn.socket, self.meanwhile, timeout)
        except BaseException:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
            raise


def _wait_with_work(gen: PQGen[_T], fileno: int, meanwhile: Meanwhile, timeout: float) -> _T:
    """Run `gen` over the socket and return its result; poll the socket between two parts of the other work.

    psycopg implements each operation as a generator that yields the socket events it waits for.
    """
    deadline = time.monotonic() + timeout
    socket = poll()
    try:
        wanted = next(gen)
        while True:
            socket.register(fileno, _EVENTS[wanted])
            while not (events := socket.poll(0)):
                if time.monotonic() > deadline:
                    raise psycopg.OperationalError("the server has not answered in time")
                if not meanwhile() and (events := socket.poll(_PAUSE_MS)):
                    break
            # `gen` finds an error or the end of the connection itself when it reads.
            ready = Ready.R if events[0][1] & ~POLLOUT else Ready.NONE
            wanted = gen.send(Ready(ready | Ready.W) if events[0][1] & POLLOUT else ready)
    except StopIteration as end:
        result: _T = end.value
        return result


def connect(db_url: str, application: str, limits: Limits = BACKGROUND) -> DeadlineConnection:
    """Open a connection in autocommit mode, so that transactions are explicit blocks.

    Blocks for 5 s at most. Raise `DatabaseUnavailable` when it cannot connect.
    """
    with translated():
        info = conninfo(db_url, options=limits.options, application=application)
        connection = DeadlineConnection.connect(info, autocommit=True)
    connection.timeout = limits.timeout
    return connection


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
def translated(connection: psycopg.Connection | None = None) -> Iterator[None]:
    """Replace an error of psycopg by its `translation`."""
    try:
        yield
    except psycopg.Error as error:
        raise translation(error, connection) from None


def translation(
    error: psycopg.Error, connection: psycopg.Connection | None
) -> DatabaseUnavailable | UnstorableRow | DatabaseBug:
    """Return the exception that says what the caller must do, by SQLSTATE.

    Not by class: a row that is too large for an index is an `OperationalError`, too.
    """
    sqlstate = error.sqlstate or ""
    if sqlstate == _STANDBY and connection is not None:
        connection.close()
    lost = connection is not None and connection.closed
    if lost or sqlstate.startswith(_UNAVAILABLE):
        kind = Locked if sqlstate == _LOCKED and not lost else DatabaseUnavailable
        return kind(f"SQLSTATE {sqlstate or 'none'}")
    if sqlstate.startswith(_MESSAGE) and sqlstate != _UNIQUE_VIOLATION:
        return UnstorableRow(sqlstate)
    if sqlstate:
        # Names from the schema. The text of class 42 quotes names, never values.
        name = error.diag.constraint_name or error.diag.table_name
        subject = error.diag.message_primary if sqlstate.startswith("42") else name
        return DatabaseBug(sqlstate, subject or type(error).__name__)
    match error:
        case psycopg.DataError():  # refused by the driver itself, before anything was sent
            return UnstorableRow("none")
        case psycopg.ProgrammingError() | psycopg.NotSupportedError() | psycopg.InternalError():
            return DatabaseBug("none", type(error).__name__)
        case _:
            return DatabaseUnavailable("no connection")
