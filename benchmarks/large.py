"""A table of avtaler that may be large: made in the database, its indexes at the end, and how large it is."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg

from benchmarks.figures import Figure
from benchmarks.loading import TEMPLATE
from benchmarks.persons import fill, numbers
from datadeling.demo.services import Services

_AT_ONCE = 500_000
_PERSONS = 20_000
_INDEXES = """
    SELECT c.conname, i.indexname, i.indexdef
    FROM pg_indexes AS i LEFT JOIN pg_constraint AS c ON c.conindid = i.indexname::regclass
    WHERE i.tablename = 'avtale' AND i.schemaname = 'public'
"""
_SIZES = """
    SELECT relname, pg_total_relation_size(oid) - CASE relkind WHEN 'r' THEN pg_indexes_size(oid) ELSE 0 END
    FROM pg_class
    WHERE relname = 'avtale' OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'avtale'::regclass)
    ORDER BY relkind DESC, relname
"""
_RECORD = """
    SELECT sum(pg_total_relation_size(inhrelid)) / greatest((SELECT count(*) FROM lookup_log), 1)
    FROM pg_inherits
    WHERE inhparent = 'lookup_log'::regclass
"""


class Table(NamedTuple):
    """A database with so many avtaler, and some persons of whom it has some."""

    name: str
    url: str
    avtaler: int
    numbers: list[str]


def made(services: Services, avtaler: int, tell: Callable[[str], None]) -> Table:
    """A database with so many avtaler; the indexes are made as they are in the migrations, but at the end."""
    name = f"scale_{avtaler}"
    url = services.postgres.create_database(name, TEMPLATE)
    (services.directory / name).mkdir()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        indexes = connection.execute(_INDEXES).fetchall()
        for constraint, index, _ in indexes:
            drop = f"ALTER TABLE avtale DROP CONSTRAINT {constraint}" if constraint else f"DROP INDEX {index}"
            connection.execute(drop.encode())
        for first in range(1, avtaler + 1, _AT_ONCE):
            tell(f"Filling: {first:,} of {avtaler:,}")
            fill(connection, avtaler, first, min(avtaler, first + _AT_ONCE - 1))
        for constraint, index, definition in indexes:
            tell(f"Making {index}")
            connection.execute(definition.encode())
            if constraint:
                key = f"ALTER TABLE avtale ADD CONSTRAINT {constraint} PRIMARY KEY USING INDEX {index}"
                connection.execute(key.encode())
        connection.execute("UPDATE avtale SET tiltakstype = 'SOMMERJOBB' WHERE avtale_nr % 20000 = 7")
        connection.execute("VACUUM ANALYZE avtale")
        return Table(name, url, avtaler, numbers(connection, avtaler, _PERSONS))


def sizes(table: Table) -> Iterator[Figure]:
    """Of the table, of each of its indexes, and of a record of a lookup."""
    with psycopg.connect(table.url) as connection:
        for name, size in connection.execute(_SIZES):
            yield Figure(f"size of {name}", size / 2**20, "MiB")
        for (size,) in connection.execute(_RECORD):
            yield Figure("size of a record of a lookup", float(size), "bytes")
