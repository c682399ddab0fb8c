"""The source of the mirror in BigQuery: a publication of the table `avtale`, and a replication slot.

The platform creates the role `datastream`, which can happen at any time. So the set-up is no migration, but a
step after every one: it reads the state first, and writes only what differs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from psycopg import sql
from psycopg.sql import Identifier

from datadeling.db.connection import DeadlineConnection, connect, translated
from datadeling.db.queries import queries
from datadeling.db.statements import Statements
from datadeling.errors import Busy, DatabaseBug, DatabaseUnavailable, MigrationFailed, NotFound

_WAIT_FOR_WRITERS = 40.0  # seconds: longer than any transaction of ours may take
_GRACE = 5.0  # seconds in which the server can report its own timeout

log = structlog.get_logger(__name__)


def mirrored_columns(db_url: str) -> list[str]:
    """Return the columns of `avtale`. Raise `DatabaseUnavailable`, or `NotFound` when there is no table."""
    with connect(db_url, application="datadeling views") as connection, translated(connection):
        columns = [name for (name,) in connection.execute(queries["select_columns"])]
    if not columns:
        raise NotFound("the database has no table avtale: run datadeling migrate")
    return columns


class Mirror(Statements):
    """Sets the mirror up, or removes it. The caller holds the migration lock, and is in no transaction."""

    _connection: DeadlineConnection

    def __init__(self, connection: DeadlineConnection, wait_for_writers: float = _WAIT_FOR_WRITERS) -> None:
        super().__init__(connection)
        self._wait_for_writers = wait_for_writers
        self._incomplete: list[str] = []

    def set_up(self) -> list[str]:
        """Create what is missing and revoke what is too much; do nothing where the role does not exist.

        A step that this user may not take, or that the server cannot take now, is logged with the statement
        to run; the others are taken, and the next call tries again. Return the names of the failed steps.
        Creating the slot waits for the writers of the whole server, for 40 s at most. Raise
        `DatabaseUnavailable` when the connection is lost.
        """
        self._incomplete = []
        if self._is("datastream_exists"):
            for (name,) in self._rows("roles_without_replication"):
                statement = queries["allow_replication"].format(role=Identifier(name))
                self._take(f"replication of {name}", statement)
            if not self._is("publication_is_right"):
                # A publication of all tables cannot be narrowed. In one transaction, so that a reader misses
                # nothing.
                self._take("publication", queries["drop_publication"], queries["create_publication"])
            self._restrict_to_the_mirror()
            self._let_read()
            self._set_up_slot()
        return self._incomplete

    def remove(self) -> list[str]:
        """Remove all of it, also what was created by hand; return the names of it. Safe to call again.

        While the role `datastream` exists, the next `migrate` sets it up again. Raise `Busy` while the slot
        is read, `MigrationFailed` when this user may not remove all of it, and `DatabaseUnavailable`.
        """
        self._incomplete = []
        removed = self._drop_slot()  # first: without its publication, it would go on retaining WAL
        if not self._incomplete and self._is("publication_exists"):
            removed += self._take("publication ds_publication", queries["drop_publication"])
        if not self._incomplete and self._is("datastream_exists"):
            removed += self._revoke_rights()
        if self._incomplete:
            raise MigrationFailed(f"of the mirror there is still: {', '.join(self._incomplete)}")
        return removed

    def _restrict_to_the_mirror(self) -> None:
        """Revoke the rights of `datastream` on other tables, present and future."""
        self._revoke_tables(also_needed=False)
        self._revoke_defaults()
        if others := [name for (name,) in self._rows("readable_beyond_the_mirror")]:
            self._failed("tables beyond the mirror", f"REVOKE what lets datastream read {', '.join(others)}")

    def _let_read(self) -> None:
        ((can_enter, can_read, schema),) = self._rows("datastream_can_read")
        if not can_enter:
            self._take("reading", queries["let_datastream_enter"].format(schema=Identifier(schema)))
        if not can_read:
            self._take("reading", queries["let_datastream_read"])

    def _set_up_slot(self) -> None:
        slots = self._rows("mirror_slot")
        if slots:
            ((is_ours, _, is_lost),) = slots
            if not is_ours:
                self._failed(
                    "slot", "another database, or another plugin, has a slot ds_replication: drop it"
                )
            elif is_lost:
                self._failed("slot", "it was not read in time: remove the mirror, migrate, and backfill")
        elif self._rows("wal_level") != [("logical",)]:
            self._failed("slot", "wal_level must be logical: set cloudsql.logical_decoding")
        else:
            remedy = f"end who writes for long; {queries['create_slot'].as_string()}"
            with (
                self._connection.with_timeout(self._wait_for_writers + _GRACE),
                self._step("slot", remedy),
            ):
                limit = str(round(self._wait_for_writers * 1000))
                self._run("set_timeout_for_writers", milliseconds=limit)
                self._run("create_slot")

    def _drop_slot(self) -> list[str]:
        slots = self._rows("mirror_slot")
        if not slots or not slots[0][0]:
            return []
        if slots[0][1]:
            raise Busy("the slot ds_replication is being read: end the stream first")
        return self._take("slot ds_replication", queries["drop_slot"])

    def _revoke_rights(self) -> list[str]:
        rights = self._revoke_tables(also_needed=True) + self._revoke_defaults()
        for (schema,) in self._rows("schemas_opened"):
            statement = queries["keep_datastream_out"].format(schema=Identifier(schema))
            rights += self._take(f"rights on schema {schema}", statement)
        removed = ["rights of datastream"] if rights else []
        for (name,) in self._rows("roles_with_replication"):
            statement = queries["disallow_replication"].format(role=Identifier(name))
            removed += self._take(f"replication of {name}", statement)
        return removed

    def _revoke_tables(self, *, also_needed: bool) -> list[str]:
        rights = []
        for schema, name, needed in self._rows("granted_to_datastream"):
            if also_needed or not needed:
                statement = queries["revoke_from_datastream"].format(table=Identifier(schema, name))
                rights += self._take(f"rights on {name}", statement)
        return rights

    def _revoke_defaults(self) -> list[str]:
        rights = []
        for owner, schema in self._rows("defaults_for_datastream"):
            revoke = queries["revoke_defaults" if schema is None else "revoke_defaults_in_schema"]
            statement = revoke.format(owner=Identifier(owner), schema=Identifier(schema or "public"))
            rights += self._take("rights on tables to come", statement)
        return rights

    def _take(self, step: str, *statements: sql.SQL | sql.Composed) -> list[str]:
        """Take a step in one transaction. Return its name, or nothing when it failed."""
        with self._step(step, "; ".join(statement.as_string() for statement in statements)):
            for statement in statements:
                self._connection.execute(statement)
        return [step] if step not in self._incomplete else []

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        with translated(self._connection):
            return self._run(name).fetchall()

    def _is(self, name: str) -> bool:
        return self._rows(name) == [(True,)]

    @contextmanager
    def _step(self, name: str, remedy: str) -> Iterator[None]:
        """Run the block in one transaction. A refusal is logged and undoes the block alone."""
        try:
            with translated(self._connection, writes=True), self._connection.transaction():
                yield
        except (DatabaseBug, DatabaseUnavailable) as error:
            if self._connection.closed:
                raise
            self._failed(name, remedy, cause=str(error))

    def _failed(self, name: str, remedy: str, **more: str) -> None:
        self._incomplete.append(name)
        log.warning("mirror_incomplete", step=name, run=remedy, **more)
