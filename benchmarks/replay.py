"""`python -m benchmarks.replay`: a replay beside the first load, and what it does to the live consumer."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import islice

import click
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.setting import events, handled, send, settings, wait_until
from benchmarks.stream import Stream
from datadeling.demo.commands import command
from datadeling.demo.process import Child, clean_environment
from datadeling.demo.services import Services

TOPIC = "replay"
_TOOK = """
    SELECT extract(epoch FROM finished_at - started_at)::float8 FROM replay_job ORDER BY id DESC LIMIT 1
"""
_DONE = "SELECT count(*)::int FROM replay_job WHERE state = 'done'"


@click.command()
@click.option("--events", "count", default=150_000, show_default=True, help="Messages of the first load.")
@click.option("--rate", default=2_000, show_default=True, help="Live events a second during a replay.")
@click.option("--partitions", default=3, show_default=True, help="Partitions of the topic.")
def replay(count: int, rate: int, partitions: int) -> None:
    """Load a topic, replay it unchanged, then replay it again while live events come in."""
    console = Console()
    table = Table("what", "events/s", "times the first load", "live consumer late, at most")
    with console.status("Running"), Services() as services:
        services.kafka.create_topic(TOPIC, partitions)
        records = iter(events(count * 10))
        send(islice(records, count), services.kafka.bootstrap_servers, TOPIC)
        env = settings(services, TOPIC, services.postgres.url)
        with (
            psycopg.connect(services.postgres.url, autocommit=True) as connection,
            command("consume", env, services.directory) as consumer,
        ):
            load = _first_load(connection, consumer, count)
            table.add_row("first load", f"{load:,.0f}", "1.00", "")
            for workers in (1, 2, 4):
                read = count / _by_command(connection, env, workers)
                table.add_row(f"replay, {workers} workers", f"{read:,.0f}", f"{read / load:.2f}", "")

            def beside_live(what: str, run: Callable[[], float]) -> None:
                held = handled(connection)
                with Stream(services.postgres.url, env["KAFKA_BROKERS"], TOPIC, records, rate) as stream:
                    read = held / run()
                figures = (f"{read:,.0f}", f"{read / load:.2f}") if read else ("", "")
                row = (what, *figures, f"{stream.worst:.1f} s")
                wait_until(lambda: handled(connection) == held + len(stream.sent_at), consumer)
                table.add_row(*row)

            beside_live(f"by command beside {rate}/s", lambda: _by_command(connection, env, 4))
            beside_live(f"by the consumer beside {rate}/s", lambda: _by_consumer(connection, env, consumer))
            beside_live(f"{rate}/s alone", lambda: _nothing(consumer))
    console.print(table)
    console.print("Consumer, replay, broker, database and the sender share the cores of this machine.")


def _first_load(connection: psycopg.Connection, consumer: Child, count: int) -> float:
    begun = wait_until(lambda: handled(connection) > 0, consumer)
    before = handled(connection)
    return (count - before) / (wait_until(lambda: handled(connection) >= count, consumer) - begun)


def _by_command(connection: psycopg.Connection, env: Mapping[str, str], workers: int) -> float:
    """How many seconds it takes."""
    _datadeling(env, "replay", "--from-beginning", "--workers", str(workers))
    return _number(connection, _TOOK)


def _by_consumer(connection: psycopg.Connection, env: Mapping[str, str], consumer: Child) -> float:
    before = _number(connection, _DONE)
    _datadeling(env, "replay", "--from-beginning", "--background")
    wait_until(lambda: _number(connection, _DONE) > before, consumer)
    return _number(connection, _TOOK)


def _nothing(consumer: Child) -> float:
    """For comparison: ten seconds without any."""
    until = wait_until(lambda: True, consumer) + 10
    wait_until(lambda: wait_until(lambda: True, consumer) > until, consumer)
    return float("inf")


def _datadeling(env: Mapping[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "datadeling", *arguments],
        env={**clean_environment(), **env}, check=True, capture_output=True,
    )  # fmt: skip


def _number(connection: psycopg.Connection, query: str) -> float:
    row = connection.execute(query.encode()).fetchone()
    return float(row[0]) if row else 0.0


if __name__ == "__main__":
    replay()
