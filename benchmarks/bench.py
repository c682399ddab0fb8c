"""`make bench`: throughput, latency and CPU on this machine, with real services as in the tests.

Prints tables, writes JSON, and puts the tables into `benchmarks/RESULTS.md`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console

from benchmarks.figures import Figure, Rows
from benchmarks.freshness import Freshness
from benchmarks.ingest import Ingest, Replay
from benchmarks.loading import create_template
from benchmarks.lookups import Bolk, Lookups
from benchmarks.report import machine, terminal, write_json, write_results
from datadeling.demo.process import ServiceFailed, interruptible
from datadeling.demo.services import Services, running_services

RESULTS = Path(__file__).parent / "RESULTS.md"


class Part(Protocol):
    """Something to measure. Creating it may take a while; then it is run several times."""

    title: str

    def __init__(self, services: Services, *, quick: bool) -> None: ...

    def run(self, run: int) -> Iterable[Figure]:
        """Measure everything once; `run` counts from 1. Raise `ServiceFailed` when something is wrong."""


PARTS: dict[str, type[Part]] = {
    "ingest": Ingest,
    "replay": Replay,
    "lookups": Lookups,
    "bolk": Bolk,
    "freshness": Freshness,
}


def _parts(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(value.split(",")) if value else tuple(PARTS)
    if unknown := set(names) - PARTS.keys():
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    return names


@click.command()
@click.option("--runs", type=click.IntRange(1), help="Times that each part is measured.  [default: 5]")
@click.option("--quick", is_flag=True, help="One short run, to see that it works; RESULTS.md stays as it is.")
@click.option("--only", callback=_parts, metavar="PART,…", help=f"Of {', '.join(PARTS)}.")
@click.option("--json", "json_path", default="build/bench.json", show_default=True, type=Path)
def bench(runs: int | None, quick: bool, only: tuple[str, ...], json_path: Path) -> None:  # noqa: FBT001
    """Measure each part in each run, and report medians and spreads."""
    runs = runs or (1 if quick else 5)
    console = Console(width=150)
    interruptible()
    try:
        rows = _measure(console, only, runs, quick=quick)
    except ServiceFailed as error:
        raise click.ClickException(str(error)) from None
    about: dict[str, Any] = {**machine(), "runs": runs, "quick": quick}
    write_json(json_path, about, rows)
    if not quick:
        write_results(RESULTS, about, rows)
    for name in only:
        console.print(terminal(f"\n{PARTS[name].title}", rows[name]))
    console.print(f"Medians of {runs} runs, with the spread. Everything shares the cores of this machine.")


def _measure(console: Console, names: Iterable[str], runs: int, *, quick: bool) -> dict[str, Rows]:
    """Run all parts in each run, so that other load on the machine meets all of them."""
    with console.status("Starting the services") as status, running_services() as services:
        create_template(services)
        parts: dict[str, Part] = {}
        for name in names:
            status.update(f"Preparing {name}")
            parts[name] = PARTS[name](services, quick=quick)
        rows = {name: Rows() for name in parts}
        for run in range(1, runs + 1):
            for name, part in parts.items():
                status.update(f"Run {run} of {runs}: {name}")
                rows[name].add(part.run(run))
    return rows


if __name__ == "__main__":
    bench()
