"""A stand-in for Datastream: signs in as `datastream`, reads the slot as a replica does, and keeps a copy.

Its description of the table comes from the messages alone.
"""

import subprocess
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from datadeling.demo.postgres import programs
from tests.pgoutput import (
    Begin,
    Commit,
    Delete,
    Insert,
    Message,
    Relation,
    Row,
    Truncate,
    Unchanged,
    Update,
    decode,
)

SLOT = "ds_replication"
PUBLICATION = "ds_publication"
ROLE = "datastream"


class Sent(NamedTuple):
    """The output of the slot: the bytes, and the messages in them."""

    stream: bytes
    messages: list[Message]

    @property
    def changes(self) -> list[Insert | Update | Delete | Truncate]:
        """Messages that change rows."""
        return [m for m in self.messages if isinstance(m, Insert | Update | Delete | Truncate)]

    @property
    def relations(self) -> list[Relation]:
        """Descriptions of tables."""
        return [m for m in self.messages if isinstance(m, Relation)]


class Datastream:
    """The reader of a database's slot."""

    def __init__(self, db_url: str) -> None:
        self._admin_url = db_url
        self.url = as_role(db_url, ROLE)

    def read(self) -> Sent:
        """Return everything committed until now, and confirm it, so that it is not sent again."""
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            # The flush: what commits without waiting is behind the end for a moment.
            connection.execute("SELECT pg_logical_emit_message(false, 'test', '', true)")
            ((end,),) = connection.execute("SELECT pg_current_wal_lsn()").fetchall()
        options = (
            "--no-loop",
            "--file=-",
            "--option=proto_version=1",
            f"--option=publication_names={PUBLICATION}",
        )
        done = subprocess.run(
            [programs() / "pg_recvlogical", f"--dbname={self.url}", f"--slot={SLOT}", "--start",
             f"--endpos={end}", *options],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return Sent(done.stdout, list(decode(done.stdout, end=b"\n")))


class Copy:
    """The mirrored tables in a second database. Each change must hit exactly one row."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._known: dict[int, Relation] = {}

    def apply(self, sent: Sent) -> None:
        """Apply the changes to the copy."""
        inside = False
        for message in sent.messages:
            match message:
                case Begin() | Commit():
                    assert inside == isinstance(message, Commit)
                    inside = not inside
                case Relation():
                    self._add_table(message)
                case Truncate(oids):
                    for oid in oids:
                        self._connection.execute(sql.SQL("TRUNCATE {}").format(self._name(oid)))
                case _:
                    assert inside
                    self._change(message)
        assert not inside

    def _add_table(self, relation: Relation) -> None:
        if relation.oid not in self._known:
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(self._type(c.type, c.modifier)))
                for c in relation.columns
            ]
            key = [sql.Identifier(c.name) for c in relation.columns if c.key]
            statement = sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                sql.Identifier(relation.name), sql.SQL(", ").join(columns), sql.SQL(", ").join(key)
            )
            self._connection.execute(statement)
        self._known[relation.oid] = relation

    def _type(self, number: int, modifier: int) -> str:
        ((name,),) = self._connection.execute("SELECT format_type(%s, %s)", (number, modifier)).fetchall()
        return str(name)

    def _name(self, oid: int) -> sql.Identifier:
        return sql.Identifier(self._known[oid].name)

    def _change(self, change: Insert | Update | Delete) -> None:
        table = self._name(change.oid)
        match change:
            case Insert(oid, new):
                names, values = zip(*self._values(oid, new), strict=True)
                statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                    table, sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(values)
                )
            case Update(oid, old, new):
                assignments = [
                    sql.SQL("{} = {}").format(sql.Identifier(name), value)
                    for name, value in self._values(oid, new)
                ]
                statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
                    table, sql.SQL(", ").join(assignments), self._key(oid, new if old is None else old)
                )
            case Delete(oid, old):
                statement = sql.SQL("DELETE FROM {} WHERE {}").format(table, self._key(oid, old))
        assert self._connection.execute(statement).rowcount == 1

    def _key(self, oid: int, row: Row) -> sql.Composed:
        key = {column.name for column in self._known[oid].columns if column.key}
        values = [
            sql.SQL("{} = {}").format(sql.Identifier(name), value)
            for name, value in self._values(oid, row)
            if name in key
        ]
        return sql.SQL(" AND ").join(values)

    def _values(self, oid: int, row: Row) -> Iterator[tuple[str, sql.Literal]]:
        for column, value in zip(self._known[oid].columns, row, strict=True):
            if not isinstance(value, Unchanged):
                yield column.name, sql.Literal(value)


def as_role(db_url: str, role: str) -> str:
    """Return the URL of the same database for another role."""
    parts = urlsplit(db_url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}@{place}"))
