"""The part of `make bench` about lookups over HTTP: tokens checked, each with its record in the log."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.figures import Figure
from benchmarks.loading import TEMPLATE
from benchmarks.persons import FNR, fill, numbers, persons
from benchmarks.serving import Served, api, bare_route, headers
from benchmarks.usage import cpu
from benchmarks.wrk import Load, Wrk
from datadeling.demo.errors import ServiceFailed
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.services import Services

BARE = "limit: a bare route"
_DATABASE = "lookups"
_KINDS = {"tiltaksstatus": "/api/v1/tiltaksstatus", "sok by fnr": "/api/v1/avtaler/sok"}
_BOLK = "/api/v1/tiltaksstatus/bolk"
_LOADED = 32  # connections; what the goals are for
_GOALS = {_LOADED: "≥ 2,000; ≥ 0.65"}
_LONGEST = {_LOADED: "≤ 50"}
_PERSONS = 20_000
_IN_BOLK = 1_000
_WARM = 1  # seconds


class Lookups:
    """By `wrk`, for persons drawn from a list."""

    title = "Lookups over HTTP"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        self._avtaler = 20_000 if quick else 200_000
        self._connections = (8, 32) if quick else (1, 8, 32, 128)
        self._seconds = 2 if quick else 5
        self._url = services.postgres.create_database(_DATABASE, TEMPLATE)
        self._directory = services.directory / _DATABASE
        self._directory.mkdir()
        Wrk(self._directory, {})  # it is there
        with psycopg.connect(self._url, autocommit=True) as connection:
            fill(connection, self._avtaler)
            connection.execute("VACUUM ANALYZE avtale")
            self._numbers = numbers(connection, self._avtaler, _PERSONS)

    def run(self, number: int) -> Iterator[Figure]:
        """One run: with more and more connections, the bare route before ours and after it in turns."""
        with TokenIssuer() as issuer:
            wrk = Wrk(self._directory, headers(issuer))
            with (
                psycopg.connect(self._url, autocommit=True) as connection,
                api(self._url, issuer, self._directory) as ours,
                bare_route(self._directory, ours.workers) as bare,
            ):
                load = _Loads(wrk, connection, ours, bare, self._services.postgres.pid, self._seconds)
                one = wrk.bodies("one", [{"fnr": fnr} for fnr in self._numbers])
                for connections in self._connections[:: 1 if number % 2 else -1]:
                    yield from load.at(connections, one, bare_first=bool(number % 2))
                yield from load.bolk(wrk.bodies("bolk", self._bolks()))
        for clients in (1, 8):
            rate = self._select(clients)
            yield Figure(f"pgbench: SELECT by fnr, {clients} connections", rate, "a second")

    def _bolks(self) -> list[object]:
        starts = range(0, len(self._numbers) - _IN_BOLK + 1, _IN_BOLK)
        return [{"personer": [{"fnr": f} for f in self._numbers[s : s + _IN_BOLK]]} for s in starts]

    def _select(self, clients: int) -> float:
        """Bare SELECTs a second, prepared, without HTTP, token or record."""
        postgres = self._services.postgres
        script = self._directory / "select.sql"
        select = f"SELECT * FROM avtale WHERE deltaker_fnr = {' '.join(FNR.format(p=':p::int').split())};"
        script.write_text(f"\\set p random(0, {persons(self._avtaler) - 1})\n{select}\n")
        done = subprocess.run(
            [
                postgres.programs / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
                "-T", str(self._seconds), "-f", script, self._url,
            ],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if found is None:
            raise ServiceFailed(f"pgbench told no figure:\n{done.stdout}")
        return float(found[1])


class _Loads:
    """Loads of one run."""

    def __init__(
        self,
        wrk: Wrk,
        connection: psycopg.Connection,
        ours: Served,
        bare: Served,
        database_pid: int,
        seconds: int,
    ) -> None:
        self._wrk, self._connection, self._ours, self._bare = wrk, connection, ours, bare
        self._database_pid, self._seconds = database_pid, seconds

    def at(self, connections: int, bodies: Path, *, bare_first: bool) -> Iterator[Figure]:
        """All kinds and the bare route over so many connections."""
        suffix = f", {connections} connections"

        def bare() -> Iterator[Figure]:
            self._wrk.load(self._bare.address, bodies, connections, _WARM)
            load = self._wrk.load(self._bare.address, bodies, connections, self._seconds)
            yield Figure(f"{BARE}{suffix}", load.per_second, "a second")

        if bare_first:
            yield from bare()
        for kind, path in _KINDS.items():
            name = f"{kind}{suffix}"
            load, cpus = self._recorded(path, bodies, connections)
            yield Figure(name, load.per_second, "a second", f"{BARE}{suffix}", _GOALS.get(connections, ""))
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
            "bolk of 1,000 persons, 1 connection", load.per_second * _IN_BOLK, "persons/s", goal="> 20,000"
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
