"""The limits that ours is held against, each measured beside it: of Kafka and Python, and of PostgreSQL."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice

import psycopg

from benchmarks.loading import TEMPLATE, Full
from benchmarks.persons import FNR, persons
from datadeling.demo.process import ServiceFailed
from datadeling.demo.services import Services
from datadeling.domain.avtale import COLUMNS

_BATCH = 2_000
_NAMES = ", ".join(COLUMNS)
_PLACE = "(endret_tidspunkt, generation, kafka_offset)"
_VERSIONS = f"""
    COPY (
        SELECT {_NAMES} FROM (SELECT {_NAMES} FROM avtale UNION ALL SELECT {_NAMES} FROM avtale_historikk)
        ORDER BY kafka_offset, kafka_partition
    ) TO STDOUT
"""
_MERGE = f"""
    MERGE INTO avtale USING ny ON avtale.avtale_id = ny.avtale_id
    WHEN MATCHED AND {_PLACE.replace("(", "(avtale.").replace(", ", ", avtale.")}
                   < {_PLACE.replace("(", "(ny.").replace(", ", ", ny.")}
        THEN UPDATE SET {", ".join(f"{name} = ny.{name}" for name in COLUMNS[1:])}
    WHEN NOT MATCHED THEN INSERT ({_NAMES}) VALUES ({", ".join(f"ny.{name}" for name in COLUMNS)})
"""


def reading(services: Services, full: Full) -> float:
    """Events a second of who consumes and parses them, in a process of its own, and does no more."""
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.reading",
            services.kafka.bootstrap_servers, full.topic, str(full.events),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout)


def versions(connection: psycopg.Connection) -> list[bytes]:
    """The versions that a load has left, as lines for COPY, in the order in which they came."""
    with connection.cursor() as cursor, cursor.copy(_VERSIONS.encode()) as copy:
        return b"".join(copy).splitlines(keepends=True)


def writing(services: Services, lines: Sequence[bytes]) -> float:
    """Versions a second of one connection that has them ready: COPY to a temporary table, merge, commit.

    Into the real table with its indexes, 2,000 at a time, one for each avtale; no history, no offsets. The
    first batch does not count.
    """
    url = services.postgres.create_database("writing", TEMPLATE)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TEMPORARY TABLE ny (LIKE avtale) ON COMMIT DELETE ROWS")
            connection.execute("CHECKPOINT")
            batches = _batches(lines)
            _write(connection, next(batches))
            ready = list(batches)
            begun = time.perf_counter()
            for batch in ready:
                _write(connection, batch)
            return (len(lines) - _BATCH) / (time.perf_counter() - begun)
    finally:
        with psycopg.connect(services.postgres.url, autocommit=True) as admin:
            admin.execute("DROP DATABASE writing WITH (FORCE)")


def selecting(services: Services, url: str, avtaler: int, clients: int, seconds: int) -> float:
    """Prepared SELECTs by fnr a second, by PostgreSQL's own load generator: no HTTP, no token, no record."""
    select = f"SELECT * FROM avtale WHERE deltaker_fnr = {' '.join(FNR.format(p=':p::int').split())};"
    done = subprocess.run(
        [
            services.postgres.programs / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
            "-T", str(seconds), "-f", "/dev/stdin", url,
        ],
        input=f"\\set p random(0, {persons(avtaler) - 1})\n{select}\n",
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise ServiceFailed(f"pgbench told no figure:\n{done.stdout}")
    return float(found[1])


def _batches(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The newest line of each avtale of a batch: it begins with its id."""
    left = iter(lines)
    while batch := list(islice(left, _BATCH)):
        yield b"".join({line[:36]: line for line in batch}.values())


def _write(connection: psycopg.Connection, batch: bytes) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(f"COPY ny ({_NAMES}) FROM STDIN".encode()) as copy:
            copy.write(batch)
        cursor.execute(_MERGE.encode())
