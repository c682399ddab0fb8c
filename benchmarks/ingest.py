"""The part of `make bench` about ingest: a first load, replays of it, a backlog, and their limits."""

from collections.abc import Iterator

import psycopg

from benchmarks.figures import Figure
from benchmarks.limits import reading, versions, writing
from benchmarks.loading import Full, Loaded, Reading, fill, loaded, replayed
from datadeling.demo.process import ServiceFailed
from datadeling.demo.services import Services

PARTITIONS = 3
READ = "limit: consume and parse"
_RATE = "events/s"
_MISSING = "SELECT count(*) FILTER (WHERE bedrift_nr IS NULL) FROM avtale"


class Ingest:
    """First row to last with the real consumer, from a topic that is full already."""

    title = "Ingest, one consumer, 3 partitions, messages of some 3 kB"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        sizes = (5_000, 20_000) if quick else (20_000, 100_000, 200_000)
        self._short, self._long, *self._backlog = (
            fill(services, f"ingest-{size}", size, PARTITIONS) for size in sizes
        )
        # What the limit of PostgreSQL is measured with, and a load that warms everything up.
        self._lines = {full: self._versions(full) for full in (self._short, self._long)}

    def run(self, number: int) -> Iterator[Figure]:
        """One run: the limits come first and last in turns."""
        ours = (self._short_load, self._long_load)
        limits = (self._limits,)
        for measure in (*limits, *ours) if number % 2 else (*ours, *limits):
            yield from measure()
        for full in self._backlog:
            with loaded(self._services, full) as load:
                yield Figure(f"backlog of {full.events:,}", load.reading.rate, _RATE, READ)
                yield Figure("its RSS at most", load.reading.peak_mib, "MiB")

    def _versions(self, full: Full) -> list[bytes]:
        with loaded(self._services, full) as load:
            return versions(load.connection)

    def _limits(self) -> Iterator[Figure]:
        yield Figure(READ, reading(self._services, self._long), _RATE)
        for full, lines in self._lines.items():
            yield Figure(_write_limit(full), writing(self._services, lines), _RATE)

    def _short_load(self) -> Iterator[Figure]:
        with loaded(self._services, self._short) as load:
            yield _load(self._short, load, "≥ 30,000; ≥ 0.75")

    def _long_load(self) -> Iterator[Figure]:
        full = self._long
        with loaded(self._services, full) as load:
            yield _load(full, load, "")
            yield from _used("the same load", load.reading)
            yield Figure("the same load: RSS at most", load.reading.peak_mib, "MiB")
            unchanged = replayed(self._services, load, full)
            yield Figure("replay, unchanged", unchanged.rate, _RATE, READ, "≥ 45,000")
            yield Figure("replay, unchanged: written", unchanged.written, "rows", goal="0")
            yield Figure("replay, unchanged: WAL", unchanged.used.wal / full.events, "bytes/event")
            changed = self._one_column_changed(load, full)
            yield Figure("replay, one column changed", changed.rate, _RATE, _write_limit(full))
            yield Figure("replay, one column changed: written", changed.written / full.events, "rows/event")

    def _one_column_changed(self, load: Loaded, full: Full) -> Reading:
        """As after a release that has learnt to read another field."""
        missing = _number(load.connection, _MISSING)
        load.connection.execute("UPDATE avtale SET bedrift_nr = NULL")
        load.connection.execute("VACUUM ANALYZE avtale")
        done = replayed(self._services, load, full)
        if _number(load.connection, _MISSING) != missing:
            raise ServiceFailed("the replay has not mended the column")
        return done


def _load(full: Full, load: Loaded, goal: str) -> Figure:
    return Figure(f"first load of {full.events:,}", load.reading.rate, _RATE, _write_limit(full), goal)


def _write_limit(full: Full) -> str:
    return f"limit: COPY and merge, {full.events:,}"


def _used(what: str, reading: Reading) -> Iterator[Figure]:
    thousands = reading.events / 1_000
    yield Figure(f"{what}: CPU of the consumer", reading.used.cpu / thousands, "s/1,000 events")
    yield Figure(f"{what}: CPU of PostgreSQL", reading.used.cpu_of_database / thousands, "s/1,000 events")
    yield Figure(f"{what}: WAL", reading.used.wal / reading.events, "bytes/event")


def _number(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
