"""Loads of lookups over HTTP, each answer held against its record, and a bare route beside them."""

from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.figures import Figure
from benchmarks.serving import Served
from benchmarks.usage import cpu
from benchmarks.wrk import Load, Wrk
from datadeling.demo.process import ServiceFailed

BARE = "limit: a bare route"
STOCK = "limit: a bare route, gunicorn's own threads"
IN_BOLK = 1_000  # persons
_KINDS = {"tiltaksstatus": "/api/v1/tiltaksstatus", "sok by fnr": "/api/v1/avtaler/sok"}
_BOLK = "/api/v1/tiltaksstatus/bolk"
_LOADED = 32  # connections; what the goals are for
_GOALS = {_LOADED: "≥ 2,000; ≥ 0.65"}
_LONGEST = {_LOADED: "≤ 50"}
_WARM = 1  # seconds


class Loads:
    """Loads of one run."""

    def __init__(
        self,
        wrk: Wrk,
        connection: psycopg.Connection,
        ours: Served,
        bare: Served,
        database_pid: int,
        seconds: int,
        stock: Served | None = None,
    ) -> None:
        self._wrk, self._connection, self._ours, self._bare = wrk, connection, ours, bare
        self._stock = stock
        self._database_pid, self._seconds = database_pid, seconds

    def at(self, connections: int, bodies: Path, *, bare_first: bool) -> Iterator[Figure]:
        """All kinds and the bare route over so many connections."""
        suffix = f", {connections} connections"

        def bare() -> Iterator[Figure]:
            limits = {BARE: self._bare}
            if self._stock and connections == _LOADED:
                limits[STOCK] = self._stock
            for name, served in limits.items():
                self._wrk.load(served.address, bodies, connections, _WARM)
                load = self._wrk.load(served.address, bodies, connections, self._seconds)
                yield Figure(f"{name}{suffix}", load.per_second, "a second")

        if bare_first:
            yield from bare()
        for kind, path in _KINDS.items():
            name = f"{kind}{suffix}"
            load, cpus = self._recorded(path, bodies, connections)
            yield Figure(name, load.per_second, "a second", f"{BARE}{suffix}", _GOALS.get(connections, ""))
            if self._stock and connections == _LOADED:
                yield Figure(f"{name}, as a share", load.per_second, "a second", f"{STOCK}{suffix}")
            yield Figure(f"{name}: p50", load.p50, "ms")
            yield Figure(f"{name}: p99", load.p99, "ms", goal=_LONGEST.get(connections, ""))
            for what, seconds in cpus.items() if connections == _LOADED else ():
                yield Figure(f"{name}: CPU of {what}", 1_000 * seconds / load.answers, "ms each")
        if not bare_first:
            yield from bare()

    def bolk(self, bodies: Path) -> Iterator[Figure]:
        """1,000 persons at a time, over one connection."""
        load, _ = self._recorded(_BOLK, bodies, 1)
        yield Figure("bolk of 1,000 persons, 1 connection: p50", load.p50, "ms", goal="< 50")
        yield Figure("bolk of 1,000 persons, 1 connection: p99", load.p99, "ms")
        yield Figure(
            "bolk of 1,000 persons, 1 connection", load.per_second * IN_BOLK, "persons/s", goal="> 20,000"
        )

    def _recorded(self, path: str, bodies: Path, connections: int) -> tuple[Load, dict[str, float]]:
        """A load, and the CPU that it took. Raise `ServiceFailed` unless there is a record of each answer."""
        url = f"{self._ours.address}{path}"
        self._wrk.load(url, bodies, connections, _WARM)
        records, before = self._records(), self._cpu()
        load = self._wrk.load(url, bodies, connections, self._seconds)
        more = self._records() - records
        # What is under way when wrk ends is recorded, and not counted.
        if not load.answers <= more <= load.answers + 2 * connections:
            raise ServiceFailed(f"{load.answers} lookups were answered, {more} recorded")
        return load, {what: now - before[what] for what, now in self._cpu().items()}

    def _cpu(self) -> dict[str, float]:
        return {"the API": cpu(self._ours.pid), "PostgreSQL": cpu(self._database_pid)}

    def _records(self) -> int:
        row = self._connection.execute("SELECT count(*)::int FROM lookup_log").fetchone()
        return int(row[0]) if row else 0
