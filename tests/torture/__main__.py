"""`make torture`: inject faults while events come in, then compare the tables with the oracle.

The same seed gives the same events and the same faults, at about the same times.
"""

import random
import secrets
import sys
import time
from collections import Counter

import click

from datadeling.demo.process import interruptible
from tests.torture.cluster import TOPIC, Cluster, ConsumerDied
from tests.torture.faults import Deck
from tests.torture.logs import Logs, Sending, landed, make_logs
from tests.torture.outcome import Outcome, outcome
from tests.torture.watch import Watch

PARTITIONS = 3
_CATCH_UP = 120.0  # seconds
_AFTERMATH = 2.0  # seconds for a consumer that was frozen to do damage
_RESUMES = 15.0  # seconds
_PATIENT = 0.7  # the share of faults that wait until work has resumed


@click.command()
@click.option(
    "--seed", type=int, default=lambda: secrets.randbelow(1_000_000), help="Say which run to repeat."
)
@click.option("--events", default=30_000, show_default=True, help="Messages, over all partitions.")
@click.option("--seconds", default=180, show_default=True, help="How long they take to come.")
@click.option(
    "--consumers", default=3, show_default=True, type=click.IntRange(min=2), help="Consumer processes."
)
def torture(seed: int, events: int, seconds: int, consumers: int) -> None:
    """Inject faults while events come in, and compare the tables with the oracle."""
    click.echo(f"seed {seed}")
    interruptible()
    rng = random.Random(seed)
    logs = make_logs(rng, PARTITIONS, events // PARTITIONS)
    try:
        with Cluster(PARTITIONS, consumers) as cluster:
            result = _run(cluster, rng, logs, seconds)
            if not result.good:
                click.echo(cluster.logs())
    except ConsumerDied as died:
        raise click.ClickException(str(died)) from None
    sys.exit(0 if result.good else 1)


def _run(cluster: Cluster, rng: random.Random, logs: Logs, seconds: float) -> Outcome:
    brokers = cluster.kafka.bootstrap_servers
    with (
        Sending(brokers, TOPIC, logs, seconds) as sending,
        Watch(cluster, sending.delivered, PARTITIONS) as watch,
    ):
        survived = _strike(cluster, rng, sending, watch, seconds)
        last = time.monotonic()
        cluster.await_thaw()
        cluster.wait(_AFTERMATH)
        on_topic = landed(brokers, TOPIC, logs)
        landed_count = sum(map(len, on_topic))
        while watch.handled < landed_count and time.monotonic() - last < _CATCH_UP:
            cluster.wait(0.1)
        caught_up = time.monotonic() - last
        cluster.check()
    with cluster.connect() as connection:
        result = outcome(connection, on_topic)
    _report(result, sending.events, landed_count, survived, watch)
    click.echo(f"longest stall {watch.longest:.1f} s, caught up {caught_up:.1f} s after the last event")
    return result


def _strike(
    cluster: Cluster, rng: random.Random, sending: Sending, watch: Watch, seconds: float
) -> Counter[str]:
    """Inject one fault after the other until all events are sent; return how often each occurred."""
    deck, survived = Deck(rng, seconds), Counter[str]()
    began = time.monotonic()
    while sending.going_on:
        _pause(cluster, rng, sending, watch)
        elapsed = time.monotonic() - began
        fault = deck.draw(seconds - elapsed, anybody_frozen=cluster.anybody_frozen)
        if fault:
            click.echo(f"  {elapsed:>6.1f} s {watch.handled:>8} handled, {fault.name}")
            watch.close()
            fault.strike(cluster, rng)
            watch.interrupted(fault.name)
            survived[fault.name] += 1
            cluster.check()
    return survived


def _pause(cluster: Cluster, rng: random.Random, sending: Sending, watch: Watch) -> None:
    """Let the consumers work for a while, mostly until they have resumed after the last fault."""
    if rng.random() < _PATIENT:
        until = time.monotonic() + _RESUMES
        while not watch.resumed and sending.going_on and time.monotonic() < until:
            cluster.wait(0.05)
    cluster.wait(rng.uniform(0.2, 1.5))


def _report(result: Outcome, events: int, landed_count: int, survived: Counter[str], watch: Watch) -> None:
    click.echo(
        f"events {events}, {landed_count - events} more on the topic (repeated when a broker was killed)"
    )
    click.echo(f"faults survived {survived.total()}, of {len(survived)} kinds:")
    for name, times in sorted(survived.items()):
        click.echo(f"  {times:>3} × {name:<50} work went on within {watch.slowest[name]:>5.1f} s")
    click.echo(
        f"lost {result.lost}, duplicated {result.duplicated}, failed that are not poison {result.not_poison}"
    )
    click.echo(f"wrong rows: {', '.join(f'{name} {rows}' for name, rows in result.wrong.items())}")


if __name__ == "__main__":
    torture()
