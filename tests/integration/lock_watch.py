"""Find statements of a migration that read a table while they lock it against readers.

A lock for a change of the catalogue is short. One that is held while rows are read (a rewrite, a check of all
rows, the creation of an index) takes longer the larger the table is.
"""

from typing import Any, NamedTuple

import psycopg
from psycopg.pq import TransactionStatus

_LOCKED = """
    SELECT relation::regclass::text, pg_stat_get_xact_tuples_returned(relation)
        + pg_stat_get_xact_tuples_fetched(relation)
    FROM pg_locks
    JOIN pg_class ON pg_class.oid = relation AND relkind IN ('r', 'p')
    WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'
"""
_READ = """
    SELECT oid::regclass::text, pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid)
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
"""


class Fault(NamedTuple):
    """A table that a statement has read under a lock against readers."""

    table: str
    statement: str


class Watching(psycopg.Cursor[Any]):
    """A cursor that notes the faults of each statement; it runs every statement in a transaction."""

    faults: list[Fault]  # of the connection's class, see `watched`

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        if self.connection.info.transaction_status == TransactionStatus.INTRANS:
            return self._watched(query, *args, **kwargs)
        if _is_control(str(query)):
            return super().execute(query, *args, **kwargs)
        with self.connection.transaction():
            return self._watched(query, *args, **kwargs)

    def _watched(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        looking = psycopg.Cursor(self.connection)
        before = dict(looking.execute(_READ).fetchall())
        result = super().execute(query, *args, **kwargs)
        if self.connection.info.transaction_status == TransactionStatus.INTRANS:
            for table, read in looking.execute(_LOCKED).fetchall():
                if read > before.get(table, read):
                    self.faults.append(Fault(table, " ".join(str(query).split())))
        return result


def watched(connection: psycopg.Connection[Any]) -> list[Fault]:
    """Let the connection's cursors note faults from now on, in the list that is returned."""
    faults: list[Fault] = []
    connection.cursor_factory = type("Watching", (Watching,), {"faults": faults})
    return faults


def _is_control(query: str) -> bool:
    """Return True when it begins or ends a transaction, or cannot be run in one."""
    return "CONCURRENTLY" in query or query.startswith(("BEGIN", "COMMIT", "ROLLBACK"))
