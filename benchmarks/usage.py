"""What processes have used: CPU, and the WAL and rows of a database."""

from contextlib import suppress
from typing import NamedTuple

import psutil
import psycopg

_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8"
_NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'avtale%'"


class Usage(NamedTuple):
    """CPU seconds of our process and of PostgreSQL, and bytes of WAL, since they began."""

    cpu: float
    cpu_of_database: float
    wal: float

    @classmethod
    def now(cls, connection: psycopg.Connection, pid: int, database_pid: int) -> "Usage":
        """What it has come to."""
        return cls(cpu(pid), cpu(database_pid), _number(connection, _WAL))

    def since(self, before: "Usage") -> "Usage":
        """What has come to it meanwhile."""
        return Usage(*(b - a for a, b in zip(before, self, strict=True)))


def cpu(pid: int) -> float:
    """Seconds of CPU of a process and all that it has begun, also of what has ended."""
    process = psutil.Process(pid)
    total = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        with suppress(psutil.Error):
            total += sum(child.cpu_times()[:2])
    return float(total)


class Written:
    """Which rows of avtaler, versions and markers have been written since this was made, by anybody.

    By who wrote each: the server's own counts come late.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._next = int(connection.execute(_NEXT).fetchall()[0][0])

    @property
    def rows(self) -> float:
        """How many there are; reads the tables from end to end."""
        tables = [name for (name,) in self._connection.execute(_TABLES).fetchall()]
        counts = (
            f"(SELECT count(*) FROM {name} WHERE xmin::text::bigint >= {self._next})" for name in tables
        )
        return _number(self._connection, f"SELECT ({' + '.join(counts)})::float8")


def _number(connection: psycopg.Connection, query: str) -> float:
    row = connection.execute(query.encode()).fetchone()
    return float(row[0]) if row and row[0] is not None else 0.0
