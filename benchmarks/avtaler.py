"""A table of avtaler of any size, created in the database itself, and the persons that they are about."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg

from benchmarks.figures import Figure
from benchmarks.loading import TEMPLATE
from datadeling.demo.services import Services

_PER_PERSON = 1.4  # avtaler, on average; everybody has one
_PERSONS = 20_000  # whose numbers are drawn for lookups
_AT_ONCE = 500_000  # rows in one statement

# Persons by index, whose identity numbers have 80 added to the month.
_FNR = """
    lpad(({p} % 28 + 1)::text, 2, '0') || (81 + {p} / 28 % 12) || lpad(({p} / 336 % 100)::text, 2, '0')
        || 10000 + {p} / 33600
"""
# Each of the first avtaler is about another person, the rest about anybody.
_FILL = """
    INSERT INTO avtale (
        avtale_id, avtale_nr, deltaker_fnr, bedrift_nr, veileder_nav_ident, tiltakstype, avtale_status,
        versjon, opphav, start_dato, slutt_dato, stillingprosent, antall_dager_per_uke, stillingstype,
        avtale_inngaatt, godkjent_av_deltaker, godkjent_av_arbeidsgiver, godkjent_av_veileder,
        godkjent_paa_vegne_av, godkjent_paa_vegne_av_arbeidsgiver, feilregistrert, opprettet_tidspunkt,
        endret_tidspunkt, generation, kafka_partition, kafka_offset, hendelse_tidspunkt, mottatt_tidspunkt
    )
    SELECT
        gen_random_uuid(), n, {fnr}, (800000000 + n % 40000)::text, 'Z' || 100000 + n % 4000,
        (ARRAY['ARBEIDSTRENING', 'MIDLERTIDIG_LONNSTILSKUDD', 'MENTOR', 'VTAO'])[n % 4 + 1],
        (ARRAY['AVSLUTTET', 'AVSLUTTET', 'PÅBEGYNT', 'GJENNOMFØRES'])[n % 4 + 1],
        1, 'VEILEDER', '2026-01-01'::date + n % 300, '2026-06-01'::date + n % 300, 50, 3, 'FAST',
        now(), now(), now(), now(), false, false, false, '2026-01-01'::timestamptz + n * interval '1 minute',
        now(), 0, n % 3, n, now(), now()
    FROM generate_series({first}, {last}) AS n
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n <= {persons} THEN n - 1 ELSE (hashint4(n) & 2147483647) % {persons} END AS p
    ) AS person
"""
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
    """A database with so many avtaler, and the numbers of some of its persons."""

    name: str
    url: str
    avtaler: int
    numbers: list[str]


def create_table(
    services: Services, name: str, avtaler: int, report: Callable[[str], None] = lambda _: None
) -> Table:
    """Create a database with so many avtaler; its indexes are those of the migrations, built at the end."""
    url = services.postgres.create_database(name, TEMPLATE)
    (services.directory / name).mkdir()
    persons = int(avtaler / _PER_PERSON)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        indexes = connection.execute(_INDEXES).fetchall()
        for constraint, index, _ in indexes:
            drop = f"ALTER TABLE avtale DROP CONSTRAINT {constraint}" if constraint else f"DROP INDEX {index}"
            connection.execute(drop.encode())
        for first in range(1, avtaler + 1, _AT_ONCE):
            report(f"Filling {name}: {first:,} of {avtaler:,}")
            last = min(avtaler, first + _AT_ONCE - 1)
            rows = _FILL.format(fnr=_FNR.format(p="p"), persons=persons, first=first, last=last)
            connection.execute(rows.encode())
        for constraint, index, definition in indexes:
            report(f"Building {index} of {name}")
            connection.execute(definition.encode())
            if constraint:
                key = f"ALTER TABLE avtale ADD CONSTRAINT {constraint} PRIMARY KEY USING INDEX {index}"
                connection.execute(key.encode())
        connection.execute("UPDATE avtale SET tiltakstype = 'SOMMERJOBB' WHERE avtale_nr % 20000 = 7")
        connection.execute("VACUUM ANALYZE avtale")
        return Table(name, url, avtaler, _numbers(connection, persons))


def sizes(table: Table) -> Iterator[Figure]:
    """Return the size of the table, of each of its indexes, and of the record of a lookup."""
    with psycopg.connect(table.url) as connection:
        for name, size in connection.execute(_SIZES):
            yield Figure(f"size of {name}", size / 2**20, "MiB")
        for (size,) in connection.execute(_RECORD):
            yield Figure("size of a record of a lookup", float(size), "bytes")


def _numbers(connection: psycopg.Connection, persons: int) -> list[str]:
    """Return the identity numbers of persons from all over the table."""
    step = max(1, persons // _PERSONS)
    query = f"SELECT {_FNR.format(p='p')} FROM generate_series(0, {persons - 1}, {step}) AS p"
    return [fnr for (fnr,) in connection.execute(query.encode())][:_PERSONS]
