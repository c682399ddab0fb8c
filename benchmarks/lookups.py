"""The parts `lookups` and `bolk` of `make bench`: over HTTP, tokens checked, each with its record."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.avtaler import Table, create_table
from benchmarks.figures import Figure
from benchmarks.loading import cpu, number
from benchmarks.serving import Served, api
from benchmarks.wrk import Wrk
from datadeling.demo.process import ServiceFailed
from datadeling.demo.services import Services

_CALLS = {"tiltaksstatus": "/api/v1/tiltaksstatus", "sok by fnr": "/api/v1/avtaler/sok"}
_BOLK = "/api/v1/tiltaksstatus/bolk"
_IN_BOLK = 1_000  # persons
_CONNECTIONS = (1, 8, 32, 128)
_GOALS = {
    "tiltaksstatus, 32 connections: p99": "≤ 50",
    "sok by fnr, 32 connections: p99": "≤ 50",
    "bolk: p50": "≤ 50",
}
_WARM_S = 1


class Lookups:
    """One person at a time, over more and more connections."""

    title = "Lookups over HTTP"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        self._seconds = 1 if quick else 5
        self._table = create_table(services, "lookups", 20_000 if quick else 200_000)

    def run(self, run: int) -> Iterator[Figure]:
        """Measure with more and more connections, or fewer and fewer in turns."""
        with lookup_load(self._services, self._table, self._seconds) as load:
            for connections in _CONNECTIONS[:: 1 if run % 2 else -1]:
                yield from load.lookups(connections)


class Bolk:
    """1,000 persons at a time, over one connection."""

    title = "Bolk: 1,000 persons a call"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        self._seconds = 1 if quick else 5
        self._table = create_table(services, "bolk", 20_000 if quick else 200_000)

    def run(self, run: int) -> Iterator[Figure]:  # noqa: ARG002
        """Measure one connection."""
        with lookup_load(self._services, self._table, self._seconds) as load:
            yield from load.bolk()


class LookupLoad:
    """Sends lookups to an API for so many seconds at a time, and checks that each answer has its record."""

    def __init__(
        self,
        served: Served,
        connection: psycopg.Connection,
        database_pid: int,
        wrk: Wrk,
        table: Table,
        seconds: int,
    ) -> None:
        self._served, self._connection, self._database_pid, self._wrk = served, connection, database_pid, wrk
        self._persons, self._seconds = table.numbers, seconds

    def lookups(self, connections: int) -> Iterator[Figure]:
        """Measure each kind of lookup about one person."""
        bodies = self._wrk.write_bodies("one", [{"fnr": fnr} for fnr in self._persons])
        for kind, path in _CALLS.items():
            name = f"{kind}, {connections} connection{'s' if connections > 1 else ''}"
            yield from self._measure(name, path, bodies, connections)

    def bolk(self) -> Iterator[Figure]:
        """Measure lookups about many persons."""
        starts = range(0, len(self._persons) - _IN_BOLK + 1, _IN_BOLK)
        calls = [{"personer": [{"fnr": fnr} for fnr in self._persons[at : at + _IN_BOLK]]} for at in starts]
        yield from self._measure("bolk", _BOLK, self._wrk.write_bodies("bolk", calls), 1)

    def _measure(self, name: str, path: str, bodies: Path, connections: int) -> Iterator[Figure]:
        url = f"{self._served.address}{path}"
        self._wrk.load(url, bodies, connections, _WARM_S)
        records, before = self._records(), self._cpu()
        result = self._wrk.load(url, bodies, connections, self._seconds)
        more, used = self._records() - records, self._cpu()
        # The lookups under way when wrk ends are recorded, and not counted.
        if not result.answers <= more <= result.answers + 2 * connections:
            raise ServiceFailed(f"{result.answers} lookups were answered, {more} recorded")
        yield Figure(name, result.per_second, "a second")
        for part, milliseconds in (("p50", result.p50), ("p99", result.p99)):
            yield Figure(f"{name}: {part}", milliseconds, "ms", goal=_GOALS.get(f"{name}: {part}", ""))
        for what, seconds in used.items():
            yield Figure(
                f"{name}: CPU of {what}", 1_000 * (seconds - before[what]) / result.answers, "ms each"
            )

    def _cpu(self) -> dict[str, float]:
        return {"the API": cpu(self._served.pid), "PostgreSQL": cpu(self._database_pid)}

    def _records(self) -> int:
        return int(number(self._connection, "SELECT count(*) FROM lookup_log"))


@contextmanager
def lookup_load(services: Services, table: Table, seconds: int) -> Iterator[LookupLoad]:
    """Serve a table while the block runs."""
    directory = services.directory / table.name
    with api(table.url, directory) as served, psycopg.connect(table.url, autocommit=True) as connection:
        wrk = Wrk(directory, served.headers)
        yield LookupLoad(served, connection, services.postgres.pid, wrk, table, seconds)
