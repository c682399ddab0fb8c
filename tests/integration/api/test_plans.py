"""Lookups of a person, an employer or an avtale go by indexes among many with history, as of a time, too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.db.queries import columns
from datadeling.domain.avtale import COLUMNS
from datadeling.domain.felt import FELTER
from datadeling.domain.search import Marker, Search
from tests.integration.api.lookups import CONTEXT, look_up_together
from tests.integration.api.rows import FNR, OTHER_FNR, avtale_id, insert, row

_THEN = datetime(2025, 12, 2, 12, tzinfo=UTC)  # the second of three earlier versions held
_DAY = date(2026, 3, 1)
_RUNS = 12  # the last ones by the plan that serves any value
_MOST = 10_000  # in an answer over GraphQL
_COMMON = "ARBEIDSTRENING"
_OF_ITS_OWN = {
    "avtale_id": "lpad(to_hex(n), 32, '0')::uuid",
    "avtale_nr": "n",
    "deltaker_fnr": "'15877' || lpad((n / 3)::text, 6, '0')",
    "bedrift_nr": "(900000000 + n / 4)::text",
    "kafka_offset": "n",
    "tiltakstype": f"(ARRAY['{_COMMON}', 'MENTOR', 'VTAO'])[n %% 3 + 1]",
    "avtale_status": "(ARRAY['AVSLUTTET', 'GJENNOMFØRES'])[n %% 2 + 1]",
    "opprettet_tidspunkt": "timestamptz '2025-01-01 00:00Z' + n * interval '1 minute'",
}

_PAGE = Marker(datetime(2026, 3, 1, tzinfo=UTC), UUID(avtale_id(1)))
_LOOKUPS: dict[str, Callable[[Lookups], object]] = {
    "tiltaksstatus": lambda on: on.tiltaksstatus(CONTEXT, [FNR], _DAY, FELTER, None),
    "tiltaksstatus, all numbers": lambda on: on.tiltaksstatus(CONTEXT, [FNR, OTHER_FNR], _DAY, FELTER, None),
    "tiltaksstatus as of": lambda on: on.tiltaksstatus(CONTEXT, [FNR, OTHER_FNR], _DAY, FELTER, _THEN),
    "bolk": lambda on: on.tiltaksstatus_bolk(CONTEXT, _persons(50), _DAY, FELTER, None),
    "bolk of many as of": lambda on: on.tiltaksstatus_bolk(CONTEXT, _persons(1_000), _DAY, FELTER, _THEN),
    "bolk as of": lambda on: on.tiltaksstatus_bolk(CONTEXT, _persons(50), _DAY, FELTER, _THEN),
    "search": lambda on: on.search(CONTEXT, Search(identer=[FNR]), FELTER, 100),
    "search as of": lambda on: on.search(CONTEXT, Search(identer=[FNR], tidspunkt=_THEN), FELTER, 100),
    "a mistake as of": lambda on: on.search(
        CONTEXT, Search(identer=[FNR], tidspunkt=_THEN, feilregistrerte=True), FELTER, 100
    ),
    "another page": lambda on: on.search(CONTEXT, Search(identer=[FNR], marker=_PAGE), FELTER, 100),
    "another page as of": lambda on: on.search(
        CONTEXT, Search(identer=[FNR], tidspunkt=_THEN, fom=_DAY, marker=_PAGE), FELTER, 100
    ),
    "by employer": lambda on: on.search(CONTEXT, Search(bedrift_nr="900000001"), FELTER, 100),
    "by id": lambda on: on.find(CONTEXT, Search(avtale_id=avtale_id(1)), FELTER),
    "by number": lambda on: on.find(CONTEXT, Search(avtale_nr=1), FELTER),
    "by employer as of": lambda on: on.search(
        CONTEXT, Search(bedrift_nr="900000001", tidspunkt=_THEN), FELTER, 100
    ),
    "by every criterion": lambda on: on.search(
        CONTEXT,
        Search(
            identer=[FNR, OTHER_FNR], bedrift_nr="900000001", tiltakstype=_COMMON, avtale_status="AVSLUTTET",
            fom=_DAY, tom=_DAY, marker=_PAGE,
        ),
        FELTER, 100,
    ),
    "history": lambda on: on.history(CONTEXT, avtale_id(1), FELTER),
    "GraphQL: a person": lambda on: on.listed(CONTEXT, Search(identer=[FNR], numbered=True), FELTER, _MOST),
    "GraphQL: of an employer": lambda on: on.listed(
        CONTEXT, Search(bedrift_nr="900000001", numbered=True), FELTER, _MOST
    ),
    "GraphQL: one, by id": lambda on: on.listed(
        CONTEXT, Search(avtale_id=avtale_id(1), numbered=True), FELTER, _MOST
    ),
    "GraphQL: by number": lambda on: on.listed(CONTEXT, Search(avtale_nr=1, numbered=True), FELTER, _MOST),
}  # fmt: skip

# What is about any number of avtaler needs the role bulk. It is read page by page, newest first.
_PAGES: dict[str, Callable[[Lookups], object]] = {
    "of a kind": lambda on: on.search(CONTEXT, Search(tiltakstype=_COMMON), FELTER, 100),
    "of a kind, another page": lambda on: on.search(
        CONTEXT, Search(tiltakstype=_COMMON, marker=_PAGE), FELTER, 100
    ),
    "of a status": lambda on: on.search(CONTEXT, Search(avtale_status="AVSLUTTET"), FELTER, 100),
    "of a period": lambda on: on.search(CONTEXT, Search(fom=_DAY, tom=_DAY), FELTER, 100),
}


# Those that many may ask for in one statement.
_TOGETHER = [name for name in _LOOKUPS if "employer" not in name and "bolk" not in name]


@pytest.mark.parametrize(
    ("names", "members"),
    [
        pytest.param(list(_LOOKUPS), 1, id="alone"),
        pytest.param(_TOGETHER, 2, id="two together"),
        pytest.param(_TOGETHER, 16, id="many together"),
    ],
)
def test_no_lookup_reads_a_whole_table(
    names: list[str], members: int, db_url: str, connection: psycopg.Connection
) -> None:
    _fill(connection, 20_000)
    pool = Pool(db_url, 1)
    pool.open()
    scans = {}
    for name in names:
        before = _whole_reads(pool, connection)
        for _ in range(_RUNS):
            _look_up(_LOOKUPS[name], Lookups(pool), members)
        scans[name] = _whole_reads(pool, connection) - before
    pool.close()
    assert scans == dict.fromkeys(names, 0)


def test_plans_of_coalesced_lookups_scan_no_whole_table(db_url: str, connection: psycopg.Connection) -> None:
    _fill(connection, 20_000)
    with _explaining(db_url) as (lookups, plans):
        for name in _TOGETHER:
            _look_up(_LOOKUPS[name], lookups, 16)
    scans = [[node["Node Type"] for node in _nodes(plan) if _is_of_avtaler(node)] for plan in plans]
    found = dict(zip(_TOGETHER, scans, strict=True))  # one statement for all sixteen
    assert all(found.values())
    assert {name: nodes for name, nodes in found.items() if "Seq Scan" in nodes} == {}


def test_plans_of_lookups_scan_no_whole_table(db_url: str, connection: psycopg.Connection) -> None:
    """As planned for the very values; above, by what was read, after plans for any values, too."""
    _fill(connection, 20_000)
    with _explaining(db_url) as (lookups, plans):
        for look_up in (*_LOOKUPS.values(), *_PAGES.values()):
            look_up(lookups)
    scans = [[node["Node Type"] for node in _nodes(plan) if _is_of_avtaler(node)] for plan in plans]
    found = dict(zip((*_LOOKUPS, *_PAGES), scans, strict=True))
    assert all(found.values())
    assert {name: nodes for name, nodes in found.items() if "Seq Scan" in nodes} == {}
    assert all("Index Scan" in nodes for name, nodes in found.items() if name in _PAGES)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("name", ["tiltaksstatus", "search", "by id", "by number"])
def test_the_commonest_lookups_are_planned_once(
    name: str, members: int, db_url: str, connection: psycopg.Connection
) -> None:
    _fill(connection, 2_000)
    pool = Pool(db_url, 1)
    pool.open()
    for _ in range(30):
        _look_up(_LOOKUPS[name], Lookups(pool), members)
    with pool.connection() as session:
        ((generic,),) = session.execute("SELECT max(generic_plans) FROM pg_prepared_statements").fetchall()
    pool.close()
    assert generic >= 15


def _look_up(look_up: Callable[[Lookups], object], lookups: Lookups, members: int) -> None:
    """Have so many ask for the same at once."""
    answers = look_up_together(lookups, [lambda: look_up(lookups)] * members)
    assert all(answers)


def _fill(connection: psycopg.Connection, count: int) -> None:
    """So many avtaler, each with three earlier versions; three of each person, four of each employer."""
    insert(connection, [row(0)])
    values = sql.SQL(", ").join(
        sql.SQL(_OF_ITS_OWN[name]) if name in _OF_ITS_OWN else sql.Identifier("m", name) for name in COLUMNS
    )
    connection.execute(
        sql.SQL("INSERT INTO avtale ({}) SELECT {} FROM avtale AS m, generate_series(1, %s) AS n").format(
            columns(*COLUMNS), values
        ),
        (count,),
    )
    others = columns(*(name for name in COLUMNS if name != "kafka_offset"))
    connection.execute(
        sql.SQL("""
            INSERT INTO avtale_historikk ({others}, kafka_offset, gyldig_fra, gyldig_til)
            SELECT {others}, -v,
                   timestamptz '2025-12-01 00:00Z' + (v - 1) * interval '1 day',
                   timestamptz '2025-12-01 00:00Z' + v * interval '1 day'
            FROM avtale, generate_series(1, 3) AS v
        """).format(others=others)
    )
    connection.execute("ANALYZE avtale, avtale_historikk")


class _Explaining(psycopg.Cursor[tuple[Any, ...]]):
    """Has each lookup explained before it is carried out."""

    plans: ClassVar[list[Any]] = []

    def execute(self, query: Any, params: Any = None, **rest: Any) -> Self:
        if isinstance(query, bytes) and b"INSERT INTO lookup_log" in query:
            ((plan,),) = super().execute(b"EXPLAIN (FORMAT JSON) " + query, params, **rest).fetchall()
            self.plans.append(plan[0]["Plan"])
        return super().execute(query, params, **rest)


@contextmanager
def _explaining(db_url: str) -> Iterator[tuple[Lookups, list[Any]]]:
    """Lookups, and the plans of those that have been made."""
    pool = Pool(db_url, 1)
    assert isinstance(pool._pool.kwargs, dict)
    pool._pool.kwargs["cursor_factory"] = _Explaining
    _Explaining.plans.clear()
    pool.open()
    yield Lookups(pool), _Explaining.plans
    pool.close()


def _nodes(plan: Any) -> Iterator[Any]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _is_of_avtaler(node: Any) -> bool:
    return node.get("Relation Name") in {"avtale", "avtale_historikk"}


def _whole_reads(pool: Pool, connection: psycopg.Connection) -> int:
    """Return the number of sequential scans of the tables of avtaler."""
    with pool.connection() as session:
        session.execute("SELECT pg_stat_force_next_flush()")
    # This session filled the tables. It would report that at most once a second: perhaps after the lookups.
    connection.execute("SELECT pg_stat_force_next_flush()")
    row = connection.execute("""
        SELECT sum(seq_scan)::int FROM pg_stat_user_tables WHERE relname IN ('avtale', 'avtale_historikk')
    """).fetchone()
    assert row
    return int(row[0])


def _persons(count: int) -> list[list[str]]:
    return [[f"15877{number:06d}"] for number in range(count)]
