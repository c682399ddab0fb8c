"""`python -m benchmarks.scale --avtaler 10000000`: what becomes slower when the table is large.

Two databases of one server, a small one and a large one, in turns: ingest of avtaler that are new, lookups
over HTTP, pages that are about any number of avtaler, and the size of everything.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

import click
import psycopg
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.figures import Figure, Rows, Spread
from benchmarks.large import Table, made, sizes
from benchmarks.limits import selecting
from benchmarks.loading import Full, fill, loading, make_template
from benchmarks.loads import Loads
from benchmarks.lookups import bolks
from benchmarks.report import machine, write_json
from benchmarks.serving import api, bare_route, headers
from benchmarks.setting import SEED
from benchmarks.wrk import Wrk
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.services import Services
from datadeling.domain.felt import FELTER
from datadeling.domain.search import AuditContext, Search
from datadeling.errors import DatabaseUnavailable

_SMALL = 200_000
_CONNECTIONS = 32
_ASKER = AuditContext("scale", "benchmark", None, None, ("B123",), "benchmark")
# Of a kind that half of the table is of, of one that hardly any is of, and of one that none is of.
_PAGES: dict[str, Search] = {
    "page of a status that half have": Search(avtale_status="AVSLUTTET"),
    "page of a type that one in 20,000 has": Search(tiltakstype="SOMMERJOBB"),
    "page of a type that none has": Search(tiltakstype="NY"),
    "page of a period that most are in": Search(fom=date(2026, 6, 1), tom=date(2026, 6, 2)),
    "page of a period that none is in": Search(fom=date(2040, 1, 1)),
}


@click.command()
@click.option("--avtaler", default=10_000_000, show_default=True, help="Rows of the large table.")
@click.option("--events", default=50_000, show_default=True, help="Of each round of ingest.")
@click.option("--rounds", default=3, show_default=True, help="How often everything is measured.")
@click.option("--seconds", default=5, show_default=True, help="Of each kind of lookup.")
@click.option("--json", "json_path", default="build/scale.json", show_default=True, type=Path)
def scale(avtaler: int, events: int, rounds: int, seconds: int, json_path: Path) -> None:
    """Fill the tables, then measure both in turns."""
    console = Console(width=150)
    with console.status("Starting the services") as status, Services() as services:
        make_template(services)
        tables = [made(services, size, status.update) for size in (_SMALL, avtaler)]
        rows = {f"{table.avtaler:,}": Rows() for table in tables}
        for number in range(1, rounds + 1):
            status.update(f"Round {number} of {rounds}")
            topic = fill(services, f"scale-{number}", events, 3, SEED + number)
            for table in tables[:: 1 if number % 2 else -1]:
                figures = [
                    *_ingest(services, table, topic),
                    *_lookups(services, table, seconds),
                    *_pages(table),
                ]
                rows[f"{table.avtaler:,}"].add(figures)
        for table in tables:
            rows[f"{table.avtaler:,}"].add(sizes(table))
    write_json(json_path, {**machine(), "runs": rounds}, rows)
    console.print(_beside(rows))


def _beside(rows: Mapping[str, Rows]) -> RichTable:
    """The small table's figures and the large one's, and how many times as much that is, run by run."""
    shown = RichTable("what", *(f"{name} avtaler" for name in rows), "times", "unit")
    for small, large in zip(*rows.values(), strict=True):
        times = Spread.over(b / a for a, b in zip(small.values, large.values, strict=True))
        shown.add_row(small.name, small.value.text, large.value.text, times.text, small.unit)
    return shown


def _ingest(services: Services, table: Table, topic: Full) -> Iterator[Figure]:
    with loading(services, topic, table.url) as load:
        reading = load.reading
    yield Figure("ingest of new avtaler", reading.rate, "events/s")
    yield Figure("its WAL", reading.used.wal / reading.events, "bytes/event")
    for what, seconds in (("consumer", reading.used.cpu), ("PostgreSQL", reading.used.cpu_of_database)):
        yield Figure(f"its CPU of {what}", 1_000 * seconds / reading.events, "ms/event")


def _lookups(services: Services, table: Table, seconds: int) -> Iterator[Figure]:
    directory = services.directory / table.name
    with TokenIssuer() as issuer:
        wrk = Wrk(directory, headers(issuer))
        one = wrk.bodies("one", [{"fnr": fnr} for fnr in table.numbers])
        many = wrk.bodies("bolk", bolks(table.numbers))
        with (
            psycopg.connect(table.url, autocommit=True) as connection,
            api(table.url, issuer, directory) as ours,
            bare_route(directory, ours.workers) as bare,
        ):
            load = Loads(wrk, connection, ours, bare, services.postgres.pid, seconds)
            figures = list(load.at(_CONNECTIONS, one, bare_first=True))
            limits = {figure.name: figure.value for figure in figures}
            for figure in (*figures, *load.bolk(many)):
                yield figure._replace(of="")
                if figure.of:
                    yield Figure(
                        f"{figure.name}: share of the bare route", figure.value / limits[figure.of], ""
                    )
    rate = selecting(services, table.url, table.avtaler, 8, seconds)
    yield Figure("pgbench: SELECT by fnr, 8 connections", rate, "a second")


def _pages(table: Table) -> Iterator[Figure]:
    """How long the first page takes, the second time; when it is cut off, as long as a statement may take."""
    pool = Pool(table.url, 1)
    pool.open()
    try:
        for what, search in _PAGES.items():
            took = [_page(Lookups(pool), search) for _ in range(2)]
            yield Figure(what, took[-1], "ms")
    finally:
        pool.close()


def _page(lookups: Lookups, search: Search) -> float:
    began = time.perf_counter()
    with suppress(DatabaseUnavailable):  # cut off: that is the figure
        lookups.search(_ASKER, search, FELTER, 100)
    return 1_000 * (time.perf_counter() - began)


if __name__ == "__main__":
    scale()
