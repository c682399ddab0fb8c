"""`python -m benchmarks.verify`: how long a million avtaler take to verify, and in how much memory."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import click
import msgspec
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.memory import PeakMemory
from benchmarks.setting import SEED, events, handled, send, settings, wait_until
from datadeling.demo.commands import command
from datadeling.demo.generator import Record
from datadeling.demo.process import Child, ServiceFailed
from datadeling.demo.services import Services

TOPIC = "verify"
_FIRST = datetime(2022, 1, 1, tzinfo=UTC)


class Figures(NamedTuple):
    """What came out of it. `code` is that of the command: 1 when it found faults."""

    rows: int
    seconds: float
    peak_mib: float
    code: int


@click.command()
@click.option("--events", "count", default=1_000_000, show_default=True, help="Messages on the topic.")
@click.option("--real", is_flag=True, help="Messages of real shape, some 2.8 kB each, instead of some 300 B.")
@click.option("--partitions", default=3, show_default=True, help="Partitions of the topic.")
def verify(count: int, real: bool, partitions: int) -> None:  # noqa: FBT001 (a flag of a command line)
    """Verify tables that are up to date, then tables in which there is not one row."""
    console = Console()
    table = Table("tables", "messages", "rows", "seconds", "a second", "peak RSS", "exit")
    with console.status("Running") as status, Services() as services:
        services.kafka.create_topic(TOPIC, partitions, {"retention.ms": "-1"})
        send(events(count) if real else small(count), services.kafka.bootstrap_servers, TOPIC)
        status.update("Consuming")
        url = services.postgres.url
        with psycopg.connect(url, autocommit=True) as connection:
            env = settings(services, TOPIC, url)
            with command("consume", env, services.directory) as consumer:
                wait_until(lambda: handled(connection) >= count, consumer)
            for name in ("up to date", "empty"):
                status.update(f"Verifying: {name}")
                figures = _run(services, connection, url)
                table.add_row(
                    name,
                    f"{count:,}",
                    f"{figures.rows:,}",
                    f"{figures.seconds:.0f}",
                    f"{count / figures.seconds:,.0f}",
                    f"{figures.peak_mib:.0f} MiB",
                    str(figures.code),
                )
                connection.execute("TRUNCATE avtale")
    console.print(table)


def small(count: int) -> Iterator[Record]:
    """As many avtaler with one message each, as small as one can be; always the same."""
    rng = random.Random(SEED)  # noqa: S311 - to be foreseen is the point
    for number in range(count):
        avtale_id = str(UUID(int=rng.getrandbits(128)))
        message = {
            "avtaleId": avtale_id,
            "avtaleNr": number,
            "bedriftNr": f"{rng.randrange(10**9):09}",
            "tiltakstype": "ARBEIDSTRENING",
            "avtaleStatus": "AVSLUTTET",
            "versjon": 1,
            "startDato": "2022-02-01",
            "sluttDato": "2022-08-01",
            "opprettetTidspunkt": "2022-01-18T08:43:00",
            "sistEndret": f"{_FIRST + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}",
        }
        yield Record(avtale_id.encode(), msgspec.json.encode(message))


def _run(services: Services, connection: psycopg.Connection, url: str) -> Figures:
    row = connection.execute("SELECT count(*) FROM avtale").fetchone()
    with (
        command("verify", settings(services, TOPIC, url), services.directory) as child,
        PeakMemory(child.pid) as memory,
    ):
        first = time.monotonic()
        code = _ended(child)
        seconds = time.monotonic() - first
    return Figures(row[0] if row else 0, seconds, memory.peak, code)


def _ended(child: Child) -> int:
    code = child.wait()
    if code not in {0, 1}:
        raise ServiceFailed(child.log_tail())
    return code


if __name__ == "__main__":
    verify()
