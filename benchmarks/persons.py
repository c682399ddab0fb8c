"""A table of avtaler made in the database itself, and the persons that they are about."""

import psycopg

PER_PERSON = 1.4  # avtaler, on average; everybody has one

# Persons by number, whose identity numbers have 80 added to the month.
FNR = """
    lpad(({p} % 28 + 1)::text, 2, '0') || (81 + {p} / 28 % 12) || lpad(({p} / 336 % 100)::text, 2, '0')
        || 10000 + {p} / 33600
"""
# The first avtaler are each about a person of their own, the others about anybody.
_ROWS = """
    SELECT
        gen_random_uuid(), n, {fnr},
        (800000000 + n % 40000)::text, 'Z' || 100000 + n % 4000,
        (ARRAY['ARBEIDSTRENING', 'MIDLERTIDIG_LONNSTILSKUDD', 'MENTOR', 'VTAO'])[n % 4 + 1],
        (ARRAY['AVSLUTTET', 'AVSLUTTET', 'PÅBEGYNT', 'GJENNOMFØRES'])[n % 4 + 1],
        1, 'VEILEDER', '2026-01-01'::date + n % 300, '2026-06-01'::date + n % 300, 50, 3, 'FAST',
        now(), now(), now(), now(), NULL, false, false, 'Z100000', NULL, NULL, false,
        '2026-01-01'::timestamptz + n * interval '1 minute', now(), 0, n % 3, n, now(), now()
    FROM generate_series({first}, {last}) AS n
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n <= {persons} THEN n - 1 ELSE (hashint4(n) & 2147483647) % {persons} END AS p
    ) AS person
"""


def persons(avtaler: int) -> int:
    """How many persons so many avtaler are about."""
    return int(avtaler / PER_PERSON)


def fill(connection: psycopg.Connection, avtaler: int, first: int = 1, last: int | None = None) -> None:
    """Add avtaler to `avtale`: of so many, those from `first` to `last`, or all."""
    rows = _ROWS.format(fnr=FNR.format(p="p"), persons=persons(avtaler), first=first, last=last or avtaler)
    connection.execute(f"INSERT INTO avtale {rows}".encode())


def numbers(connection: psycopg.Connection, avtaler: int, count: int) -> list[str]:
    """Identity numbers of so many persons, from all over the table."""
    step = max(1, persons(avtaler) // count)
    query = f"SELECT {FNR.format(p='p')} FROM generate_series(0, {persons(avtaler) - 1}, {step}) AS p"
    return [fnr for (fnr,) in connection.execute(query.encode())][:count]
