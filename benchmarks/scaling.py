"""`python -m benchmarks.scaling`: how much faster a backlog is read by two and by three consumers."""

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from urllib.request import urlopen

import click
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.setting import events, handled, send, settings, wait_until
from datadeling.demo.generator import Record
from datadeling.demo.process import Child
from datadeling.demo.processes import command, is_ready
from datadeling.demo.services import Services


@click.command()
@click.option("--events", "count", default=60_000, show_default=True, help="Messages on the topic.")
@click.option("--partitions", default=6, show_default=True, help="Partitions of the topic.")
@click.option("--most", default=3, show_default=True, help="Consumers, at most.")
def scaling(count: int, partitions: int, most: int) -> None:
    """Read the same backlog with one consumer, then with two, and so on."""
    console = Console()
    table = Table("consumers", "events", "seconds", "events/s", "times one")
    with console.status("Running"), Services() as services:
        records = list(events(count))
        rates = []
        for consumers in range(1, most + 1):
            topic = f"scaling-{consumers}"
            services.kafka.create_topic(topic, partitions)
            seconds = _run(services, records, topic, consumers, partitions)
            rates.append(count / seconds)
            table.add_row(
                str(consumers),
                f"{count:,}",
                f"{seconds:.1f}",
                f"{rates[-1]:,.0f}",
                f"{rates[-1] / rates[0]:.2f}",
            )
    console.print(table)
    console.print("Consumers, broker and database share the cores of this machine.")


def _run(services: Services, records: Sequence[Record], topic: str, consumers: int, partitions: int) -> float:
    """Seconds from the first row to the last. The consumers share the partitions before there is an event."""
    url = services.postgres.create_database(topic)
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        children, ports = [], []
        for number in range(consumers):
            environment = settings(services, topic, url)
            directory = services.directory / f"{topic}-{number}"
            directory.mkdir(mode=0o755)
            children.append(stack.enter_context(command("consume", environment, directory)))
            ports.append(environment["CONSUMER_PORT"])
        wait_until(lambda: _shared(ports, partitions), *children)
        _signal(children, signal.SIGSTOP)  # shorter than the session of the group lasts
        send(records, services.kafka.bootstrap_servers, topic)
        _signal(children, signal.SIGCONT)
        first = wait_until(lambda: handled(connection) > 0, *children)
        return wait_until(lambda: handled(connection) >= len(records), *children) - first


def _shared(ports: Sequence[str], partitions: int) -> bool:
    """Whether each consumer says that it has its fair share of the partitions."""
    shares = [_partitions(f"http://127.0.0.1:{port}") for port in ports]
    return sum(shares) == partitions and min(shares) >= partitions // len(ports)


def _partitions(address: str) -> int:
    if not is_ready(address):
        return 0
    with urlopen(f"{address}/internal/prometheus", timeout=2) as answer:
        return sum(line.startswith(b"datadeling_consumer_lag{") for line in answer)


def _signal(children: Sequence[Child], number: signal.Signals) -> None:
    for child in children:
        os.kill(child.pid, number)


if __name__ == "__main__":
    scaling()
