"""`python -m benchmarks.backlog`: how fast a backlog is read from a slow database, and in how much memory."""

from typing import NamedTuple

import click
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.memory import PeakMemory
from benchmarks.setting import events, handled, send, settings, wait_until
from datadeling.demo.commands import command
from datadeling.demo.services import Services
from tests.relay import Relay

TOPIC = "backlog"


class Figures(NamedTuple):
    """What came out of it."""

    lag_at_start: int
    seconds: float
    peak_mib: float


@click.command()
@click.option("--events", "count", default=200_000, show_default=True, help="Messages on the topic.")
@click.option("--delay-ms", default=10, show_default=True, help="What each statement takes longer.")
@click.option("--partitions", default=3, show_default=True, help="Partitions of the topic.")
def backlog(count: int, delay_ms: int, partitions: int) -> None:
    """Start one consumer on a topic that is full already."""
    console = Console()
    with console.status("Running"), Services() as services:
        services.kafka.create_topic(TOPIC, partitions)
        send(events(count), services.kafka.bootstrap_servers, TOPIC)
        figures = _run(services, count, delay_ms / 1_000)
    table = Table("events", "lag at start", "added to a statement", "events/s", "peak RSS")
    table.add_row(
        f"{count:,}",
        f"{figures.lag_at_start:,}",
        f"{delay_ms} ms",
        f"{figures.lag_at_start / figures.seconds:,.0f}",
        f"{figures.peak_mib:.0f} MiB",
    )
    console.print(table)


def _run(services: Services, count: int, delay: float) -> Figures:
    url = services.postgres.url
    with psycopg.connect(url, autocommit=True) as connection, Relay.to(url, delay=delay) as slow:
        slow.start()
        env = settings(services, TOPIC, slow.way_to(url))
        with command("consume", env, services.directory) as consumer, PeakMemory(consumer.pid) as memory:
            first = wait_until(lambda: handled(connection) > 0, consumer)
            lag = count - handled(connection)
            last = wait_until(lambda: handled(connection) >= count, consumer)
            return Figures(lag, last - first, memory.peak)


if __name__ == "__main__":
    backlog()
