"""What Datastream reads, for the mirror in BigQuery: a publication of the table `avtale`, and a slot.

The role `datastream` is the platform's to make, and may come at any time. So this is no migration, but a step
after them, every time: it looks first, and writes only where something is not as it should be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from psycopg import sql
from psycopg.sql import Identifier

from datadeling.db.connection import DeadlineConnection, translated
from datadeling.db.queries import queries
from datadeling.db.statements import Statements
from datadeling.errors import Busy, DatabaseBug, DatabaseUnavailable, MigrationFailed

_WAIT_FOR_WRITERS = 40.0  # seconds: longer than any transaction of ours may take
_AN_ANSWER = 5.0  # seconds more, until a server that says nothing is given up

log = structlog.get_logger(__name__)


class Mirror(Statements):
    """Sets the mirror up, or removes it. For who holds the migration lock, outside any transaction."""

    def __init__(self, connection: DeadlineConnection, wait_for_writers: float = _WAIT_FOR_WRITERS) -> None:
        super().__init__(connection)
        self._impatient = connection
        self._wait_for_writers = wait_for_writers
        self._incomplete: list[str] = []

    def set_up(self) -> list[str]:
        """Make what is missing and take away what is too much; nothing where there is no role `datastream`.

        A step that this user may not take, or that the server cannot take now, is logged with what to run,
        holds up nothing else, and is tried again the next time. Returns the names of those steps. To make the
        slot waits for the writers of the whole server, for 40 s at most. Raise `DatabaseUnavailable` when the
        connection is lost.
        """
        self._incomplete = []
        if self._is("datastream_exists"):
            self._allow_replication()
            self._publish()
            self._keep_to_the_mirror()
            self._let_read()
            self._make_slot()
        return self._incomplete

    def remove(self) -> list[str]:
        """Undo all of it, whoever did it, and say what has been removed. Safe to call again.

        As long as there is the role `datastream`, the next `migrate` sets it up again. Raise `Busy` when
        somebody reads the slot, `MigrationFailed` when this user may not remove all of it, and
        `DatabaseUnavailable`.
        """
        self._incomplete = []
        removed = self._drop_slot()  # first: without its publication, it would go on keeping WAL
        if not self._incomplete and self._is("publication_exists"):
            removed += self._done("publication ds_publication", queries["drop_publication"])
        if not self._incomplete and self._is("datastream_exists"):
            removed += self._take_rights_away()
        if self._incomplete:
            raise MigrationFailed(f"of the mirror there is still: {', '.join(self._incomplete)}")
        return removed

    def _allow_replication(self) -> None:
        for (name,) in self._ask("roles_without_replication"):
            self._done(f"replication of {name}", queries["allow_replication"].format(role=Identifier(name)))

    def _publish(self) -> None:
        if self._is("publication_is_right"):
            return
        # One of all tables cannot be narrowed. In one transaction, so that a reader misses nothing.
        self._done("publication", queries["drop_publication"], queries["create_publication"])

    def _keep_to_the_mirror(self) -> None:
        """Take from `datastream` what it may read beyond `avtale`, now and of tables to come."""
        self._revoke_tables(also_needed=False)
        self._revoke_defaults()
        if others := [name for (name,) in self._ask("readable_beyond_the_mirror")]:
            self._tell("tables beyond the mirror", f"REVOKE what lets datastream read {', '.join(others)}")

    def _let_read(self) -> None:
        ((can_enter, can_read, schema),) = self._ask("datastream_can_read")
        if not can_enter:
            self._done("reading", queries["let_datastream_enter"].format(schema=Identifier(schema)))
        if not can_read:
            self._done("reading", queries["let_datastream_read"])

    def _make_slot(self) -> None:
        if found := self._ask("mirror_slot"):
            ((ours, _, lost),) = found
            if not ours:
                self._tell("slot", "another database, or another plugin, has a slot ds_replication: drop it")
            elif lost:
                self._tell("slot", "it was not read in time: remove the mirror, migrate, and backfill")
        elif self._ask("wal_level") != [("logical",)]:
            self._tell("slot", "wal_level must be logical: set cloudsql.logical_decoding")
        else:
            self._create_slot()

    def _create_slot(self) -> None:
        patience = self._impatient.patience
        self._impatient.patience = self._wait_for_writers + _AN_ANSWER
        try:
            with self._step("slot", f"end who writes for long; {queries['create_slot'].as_string()}"):
                self._run("patience_for_writers", milliseconds=str(round(self._wait_for_writers * 1000)))
                self._run("create_slot")
        finally:
            self._impatient.patience = patience

    def _drop_slot(self) -> list[str]:
        found = self._ask("mirror_slot")
        if not found or not found[0][0]:
            return []
        if found[0][1]:
            raise Busy("the slot ds_replication is being read: end the stream first")
        return self._done("slot ds_replication", queries["drop_slot"])

    def _take_rights_away(self) -> list[str]:
        rights = self._revoke_tables(also_needed=True) + self._revoke_defaults()
        for (schema,) in self._ask("schemas_opened"):
            statement = queries["keep_datastream_out"].format(schema=Identifier(schema))
            rights += self._done(f"rights on schema {schema}", statement)
        removed = ["rights of datastream"] if rights else []
        for (name,) in self._ask("roles_with_replication"):
            statement = queries["disallow_replication"].format(role=Identifier(name))
            removed += self._done(f"replication of {name}", statement)
        return removed

    def _revoke_tables(self, *, also_needed: bool) -> list[str]:
        rights = []
        for schema, name, needed in self._ask("granted_to_datastream"):
            if also_needed or not needed:
                statement = queries["revoke_from_datastream"].format(table=Identifier(schema, name))
                rights += self._done(f"rights on {name}", statement)
        return rights

    def _revoke_defaults(self) -> list[str]:
        rights = []
        for owner, schema in self._ask("defaults_for_datastream"):
            which = "revoke_defaults" if schema is None else "revoke_defaults_in_schema"
            statement = queries[which].format(owner=Identifier(owner), schema=Identifier(schema or "public"))
            rights += self._done("rights on tables to come", statement)
        return rights

    def _done(self, step: str, *statements: sql.SQL | sql.Composed) -> list[str]:
        """The step if it has been done, in one transaction; else nothing, and it has been told."""
        with self._step(step, "; ".join(statement.as_string() for statement in statements)):
            for statement in statements:
                self._connection.execute(statement)
        return [step] if step not in self._incomplete else []

    def _ask(self, name: str) -> list[tuple[Any, ...]]:
        with translated(self._connection):
            return self._run(name).fetchall()

    def _is(self, name: str) -> bool:
        return self._ask(name) == [(True,)]

    @contextmanager
    def _step(self, name: str, remedy: str) -> Iterator[None]:
        """One transaction. What is refused is told, and is not done; what follows goes on."""
        try:
            with translated(self._connection, writes=True), self._connection.transaction():
                yield
        except (DatabaseBug, DatabaseUnavailable) as error:
            if self._connection.closed:
                raise
            self._tell(name, remedy, cause=str(error))

    def _tell(self, name: str, remedy: str, **more: str) -> None:
        self._incomplete.append(name)
        log.warning("mirror_incomplete", step=name, run=remedy, **more)
