"""The schema of a database, and single migrations on it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import yoyo
from yoyo.backends import DatabaseBackend


def tables(connection: psycopg.Connection) -> set[str]:
    """Return our tables, without the partitions of `lookup_log`."""
    rows = connection.execute("""
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    """).fetchall()
    return {name for (name,) in rows if "yoyo" not in name}


@contextmanager
def migration_backend(url: str) -> Iterator[DatabaseBackend]:
    """Open a backend of yoyo, which runs the steps of single migrations."""
    backend = yoyo.get_backend(url.replace("postgresql:", "postgresql+psycopg:"))
    with closing(backend.connection):
        yield backend
