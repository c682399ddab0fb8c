"""The parts `ingest` and `replay` of `make bench`: a first load beside its limit, and replays beside it."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice

import psycopg

from benchmarks.figures import Figure
from benchmarks.loading import TEMPLATE, Full, Load, Usage, fill, loaded, number, stored
from datadeling.demo.process import ServiceFailed, clean_environment
from datadeling.demo.services import Services
from datadeling.domain.avtale import COLUMNS

_RATE = "events/s"
_FIRST_LOAD = "first load"
_MISSING = "SELECT count(*) FILTER (WHERE bedrift_nr IS NULL) FROM avtale"
_TOOK = """
    SELECT extract(epoch FROM finished_at - started_at)::float8
    FROM replay_job WHERE state = 'done' ORDER BY id DESC LIMIT 1
"""
_NEXT_TRANSACTION = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::float8"
_TABLES = ("avtale", "avtale_historikk", "avtale_slettet")

_BATCH = 2_000
_NAMES = ", ".join(COLUMNS)
_PLACE = ("endret_tidspunkt", "generation", "kafka_offset")
_VERSIONS = f"""
    COPY (
        SELECT {_NAMES} FROM (SELECT {_NAMES} FROM avtale UNION ALL SELECT {_NAMES} FROM avtale_historikk)
        ORDER BY kafka_offset, kafka_partition
    ) TO STDOUT
"""
_MERGE = f"""
    MERGE INTO avtale USING ny ON avtale.avtale_id = ny.avtale_id
    WHEN MATCHED AND ({", ".join(f"avtale.{name}" for name in _PLACE)})
                   < ({", ".join(f"ny.{name}" for name in _PLACE)})
        THEN UPDATE SET {", ".join(f"{name} = ny.{name}" for name in COLUMNS[1:])}
    WHEN NOT MATCHED THEN INSERT ({_NAMES}) VALUES ({", ".join(f"ny.{name}" for name in COLUMNS)})
"""


class Ingest:
    """First loads of a short and a long topic, each beside what PostgreSQL can do with the same rows."""

    title = "Ingest: one consumer, 3 partitions, messages of some 3 kB"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        topics = [
            fill(services, f"ingest-{size}", size)
            for size in ((5_000, 20_000) if quick else (20_000, 100_000))
        ]
        # A load that warms everything up also leaves the rows to measure PostgreSQL's limit with.
        self._lines = {full: self._versions(full) for full in topics}

    def run(self, run: int) -> Iterator[Figure]:
        """Measure the limits before the loads and after them, in turns."""
        for measure in (self._limits, self._loads)[:: 1 if run % 2 else -1]:
            yield from measure()

    def _versions(self, full: Full) -> list[bytes]:
        """Load a topic; return the stored versions as lines for COPY, in the order of the topic."""
        with (
            loaded(self._services, full) as load,
            load.connection.cursor() as cursor,
            cursor.copy(_VERSIONS.encode()) as copy,
        ):
            return b"".join(copy).splitlines(keepends=True)

    def _limits(self) -> Iterator[Figure]:
        for full, lines in self._lines.items():
            yield Figure(_limit(full), copy_and_merge(self._services, lines), _RATE)

    def _loads(self) -> Iterator[Figure]:
        for full in self._lines:
            name = f"{_FIRST_LOAD} of {full.events:,}"
            with loaded(self._services, full) as load:
                yield Figure(name, load.rate, _RATE, _limit(full), "≥ 0.75")
                yield from costs(name, load)


class Replay:
    """A replay without a change, and one after a release that reads another field, beside the first load."""

    title = "Replay: the whole topic, by command, beside the consumer"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        self._full = fill(services, "replay", 20_000 if quick else 100_000)

    def run(self, run: int) -> Iterator[Figure]:  # noqa: ARG002
        """Load the topic into a new database, and replay it twice."""
        with loaded(self._services, self._full) as load:
            yield Figure(_FIRST_LOAD, load.rate, _RATE)
            yield from self._replay("replay, unchanged", load, "≥ 1", "0")
            missing = number(load.connection, _MISSING)
            load.connection.execute("UPDATE avtale SET bedrift_nr = NULL")
            load.connection.execute("VACUUM ANALYZE avtale")
            yield from self._replay("replay, one column changed", load)
            if number(load.connection, _MISSING) != missing:
                raise ServiceFailed("the replay has not filled the column")

    def _replay(self, name: str, load: Load, goal: str = "", rows_goal: str = "") -> Iterator[Figure]:
        load.connection.execute("CHECKPOINT")
        first = number(load.connection, _NEXT_TRANSACTION)
        database = self._services.postgres.pid
        before = Usage.now(load.connection, database, database)
        subprocess.run(
            [sys.executable, "-m", "datadeling", "replay", "--from-beginning"],
            env={**clean_environment(), **load.environment}, check=True, capture_output=True,
        )  # fmt: skip
        used = Usage.now(load.connection, database, database).since(before)
        if stored(load.connection) != self._full.avtaler:
            raise ServiceFailed("the replay has added or removed avtaler")
        events = self._full.events
        yield Figure(name, events / number(load.connection, _TOOK), _RATE, _FIRST_LOAD, goal)
        yield Figure(f"{name}: rows written", _written(load.connection, first), "rows", goal=rows_goal)
        yield Figure(f"{name}: CPU of PostgreSQL", 1_000 * used.cpu_of_database / events, "ms/event")
        yield Figure(f"{name}: WAL", used.wal / events, "bytes/event")


def costs(name: str, load: Load) -> Iterator[Figure]:
    """Return the CPU and the WAL of a load, for each event."""
    yield Figure(f"{name}: CPU of the consumer", 1_000 * load.usage.cpu / load.events, "ms/event")
    yield Figure(f"{name}: CPU of PostgreSQL", 1_000 * load.usage.cpu_of_database / load.events, "ms/event")
    yield Figure(f"{name}: WAL", load.usage.wal / load.events, "bytes/event")


def copy_and_merge(services: Services, lines: Sequence[bytes]) -> float:
    """Return the versions a second of one connection: COPY to a temporary table, merge, commit.

    Into the real table with its indexes, 2,000 at a time, one for each avtale; no history, no offsets. The
    first batch does not count.
    """
    url = services.postgres.create_database("writing", TEMPLATE)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TEMPORARY TABLE ny (LIKE avtale) ON COMMIT DELETE ROWS")
            connection.execute("CHECKPOINT")
            first, *batches = _batches(lines)
            _write(connection, first)
            begun = time.perf_counter()
            for batch in batches:
                _write(connection, batch)
            return (len(lines) - _BATCH) / (time.perf_counter() - begun)
    finally:
        with psycopg.connect(services.postgres.url, autocommit=True) as admin:
            admin.execute("DROP DATABASE writing WITH (FORCE)")


def _limit(full: Full) -> str:
    return f"limit: COPY and merge, {full.events:,}"


def _batches(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Keep the newest line of each avtale of a batch: a line begins with the id."""
    left = iter(lines)
    while batch := list(islice(left, _BATCH)):
        yield b"".join({line[:36]: line for line in batch}.values())


def _write(connection: psycopg.Connection, batch: bytes) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(f"COPY ny ({_NAMES}) FROM STDIN".encode()) as copy:
            copy.write(batch)
        cursor.execute(_MERGE.encode())


def _written(connection: psycopg.Connection, first: float) -> float:
    """Return the number of rows written since transaction `first`, read from the rows themselves.

    The server's own counts come late.
    """
    counts = (f"(SELECT count(*) FROM {name} WHERE xmin::text::bigint >= {first:.0f})" for name in _TABLES)
    return number(connection, f"SELECT {' + '.join(counts)}")
