"""Applies the migrations and reports which have been applied.

yoyo commits the steps of a migration and its own mark on different connections, and its lock row outlives a
killed process. So every migration can be run again, and an advisory lock of ours, which ends with its
connection, lets one process migrate at a time.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
import yoyo
from yoyo.backends import DatabaseBackend
from yoyo.exceptions import LockTimeout
from yoyo.migrations import MigrationList

from datadeling.db import lookup_log, mirror
from datadeling.db.connection import BACKGROUND, TCP, DeadlineConnection, Limits, connect, translated
from datadeling.db.queries import queries
from datadeling.db.transaction import Transaction
from datadeling.errors import MigrationFailed

_LIMITS = Limits("-c timezone=UTC -c lock_timeout=5s", BACKGROUND.timeout)
_RETRY_LOCK = 0.2  # seconds


class Migration(NamedTuple):
    """A migration of this release. `applied` is True when the database has it."""

    id: str
    applied: bool


def migrate(db_url: str) -> list[str]:
    """Apply the missing migrations and return their ids; create the months of the log, and set up the mirror.

    Blocks for as long as another process migrates. Raise `DatabaseUnavailable`, or `MigrationFailed` when a
    migration is refused. Can be run again after it was killed at any point.
    """
    with _alone(db_url) as connection, _migrations() as migrations, _backend(db_url) as backend:
        try:
            with translated():
                backend.break_lock()  # we hold ours, so the process of this one is gone
                with backend.lock():
                    missing = backend.to_apply(migrations)
                    ids = [migration.id for migration in missing]
                    backend.apply_migrations(missing)
        except LockTimeout:
            raise MigrationFailed("somebody else is migrating without our lock") from None
        with translated(connection), connection.transaction():
            lookup_log.create_months(Transaction(connection))
        mirror.set_up(connection)
        return ids


def remove_mirror(db_url: str) -> list[str]:
    """Undo the mirror's part of `migrate` and return the names of what was removed; see `mirror.remove`.

    Blocks while another process migrates.
    """
    with _alone(db_url) as connection:
        return mirror.remove(connection)


def status(db_url: str) -> list[Migration]:
    """Return every migration of this release, in order. Raise `DatabaseUnavailable`."""
    with connect(db_url, "datadeling migrate", _LIMITS) as connection:
        applied = _applied(connection)
    return [Migration(name, name in applied) for name in known()]


def known() -> list[str]:
    """Return the ids of the migrations that this release needs, in order."""
    with _migrations() as migrations:
        return [migration.id for migration in migrations]


def is_current(connection: psycopg.Connection, needed: list[str]) -> bool:
    """Return True when the database has every migration of `needed`; it may have newer ones, too."""
    return set(needed) <= _applied(connection)


def _applied(connection: psycopg.Connection) -> set[str]:
    with translated(connection):
        if connection.execute(queries["migration_table"]).fetchone() == (None,):
            return set()
        return {name for (name,) in connection.execute(queries["select_migrations"])}


@contextmanager
def _alone(db_url: str) -> Iterator[DeadlineConnection]:
    """Hold the migration lock. Tries repeatedly: a blocking wait would hang CREATE INDEX CONCURRENTLY."""
    with connect(db_url, "datadeling migrate", _LIMITS) as connection:
        with translated(connection):
            while connection.execute(queries["try_migration_lock"]).fetchone() != (True,):
                time.sleep(_RETRY_LOCK)
        yield connection


@contextmanager
def _migrations() -> Iterator[MigrationList]:
    shipped = files("datadeling") / "_migrations"
    checkout = Path(__file__).parents[2] / "migrations"
    with as_file(shipped) as folder:
        yield yoyo.read_migrations(str(folder if folder.is_dir() else checkout))


@contextmanager
def _backend(db_url: str) -> Iterator[DatabaseBackend]:
    url = urlsplit(db_url)
    settings = {**TCP, "options": "", **dict(parse_qsl(url.query))}
    settings["options"] = f"{_LIMITS.options} {settings['options']}".strip()
    with translated():
        address = url._replace(scheme="postgresql+psycopg", query=urlencode(settings)).geturl()
        backend = yoyo.get_backend(address)
    try:
        yield backend
    finally:
        backend.connection.close()
