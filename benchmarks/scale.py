"""`python -m benchmarks.scale --avtaler 10000000`: the same figures for a small table and a large one.

Two databases of one server, in turns: ingest of new avtaler, lookups over HTTP, pages of a search that is not
about a person, and the size of everything.
"""

import json
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.avtaler import Table, create_table, sizes
from benchmarks.figures import Figure, Rows, Spread
from benchmarks.ingest import costs
from benchmarks.loading import Full, create_template, fill, loading
from benchmarks.lookups import lookup_load
from benchmarks.report import machine, write_json
from benchmarks.serving import Served, api
from benchmarks.topic import SEED
from datadeling.demo.process import ServiceFailed, interruptible
from datadeling.demo.services import Services, running_services

_SMALL = 200_000
_CONNECTIONS = 32
_INGEST = "ingest of new avtaler"
_PAGES: dict[str, dict[str, object]] = {
    "page of a status that half have": {"avtaleStatus": "AVSLUTTET"},
    "page of a type that one in 20,000 has": {"tiltakstype": "SOMMERJOBB"},
    "page of a type that none has": {"tiltakstype": "NY"},
    "page of a period that most are in": {"periode": {"fom": "2026-06-01", "tom": "2026-06-02"}},
    "page of a period that none is in": {"periode": {"fom": "2040-01-01"}},
}
_OK, _UNAVAILABLE = 200, 503


@click.command()
@click.option("--avtaler", default=10_000_000, show_default=True, help="Rows of the large table.")
@click.option("--events", default=50_000, show_default=True, help="Events ingested in each run.")
@click.option("--runs", default=3, show_default=True, help="Times that everything is measured.")
@click.option("--seconds", default=5, show_default=True, help="Duration of each load of lookups.")
@click.option("--json", "json_path", default="build/scale.json", show_default=True, type=Path)
def scale(avtaler: int, events: int, runs: int, seconds: int, json_path: Path) -> None:
    """Fill a small table and a large one, then measure both in turns."""
    console = Console(width=150)
    interruptible()
    with console.status("Starting the services") as status, running_services() as services:
        create_template(services)
        tables = [create_table(services, f"scale_{n}", n, status.update) for n in (_SMALL, avtaler)]
        rows = {f"{table.avtaler:,}": Rows() for table in tables}
        for run in range(1, runs + 1):
            status.update(f"Run {run} of {runs}")
            topic = fill(services, f"scale-{run}", events, SEED + run)
            for table in tables[:: 1 if run % 2 else -1]:
                figures = [*_ingest(services, table, topic), *_lookups(services, table, seconds)]
                rows[f"{table.avtaler:,}"].add(figures)
        for table in tables:
            rows[f"{table.avtaler:,}"].add(sizes(table))
    write_json(json_path, {**machine(), "runs": runs}, rows)
    console.print(_comparison(rows))


def _comparison(rows: Mapping[str, Rows]) -> RichTable:
    """Return a table of both sizes, and the ratio of each figure, from run to run."""
    shown = RichTable("what", *(f"{name} avtaler" for name in rows), "times", "unit")
    for small, large in zip(*rows.values(), strict=True):
        times = Spread.over(b / a for a, b in zip(small.values, large.values, strict=True))
        shown.add_row(small.name, small.value.text, large.value.text, times.text, small.unit)
    return shown


def _ingest(services: Services, table: Table, topic: Full) -> Iterator[Figure]:
    with loading(services, topic, table.url) as load:
        yield Figure(_INGEST, load.rate, "events/s")
        yield from costs(_INGEST, load)


def _lookups(services: Services, table: Table, seconds: int) -> Iterator[Figure]:
    with lookup_load(services, table, seconds) as load:
        yield from load.lookups(_CONNECTIONS)
        yield from load.bolk()
    with api(table.url, services.directory / table.name) as served:
        for what, body in _PAGES.items():
            # The second time. A search that takes too long is cut off, and that time is the figure.
            yield Figure(what, [_page(served, body) for _ in range(2)][-1], "ms")


def _page(served: Served, body: Mapping[str, object]) -> float:
    """Return the milliseconds that the first page takes."""
    connection = HTTPConnection(urlsplit(served.address).netloc, timeout=30)
    headers = {**served.headers, "Content-Type": "application/json"}
    began = time.perf_counter()
    connection.request("POST", "/api/v1/avtaler/sok", json.dumps({**body, "antall": 100}), headers)
    with connection.getresponse() as answer:
        answer.read()
    took = 1_000 * (time.perf_counter() - began)
    connection.close()
    if answer.status not in {_OK, _UNAVAILABLE}:
        raise ServiceFailed(f"the API answered {answer.status}")
    return took


if __name__ == "__main__":
    scale()
