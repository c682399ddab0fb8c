"""`make torture`: events keep coming while everything fails; then the tables must be the fold of the log.

Seeded: the same seed gives the same events and the same faults, at about the same times.
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
_AFTERMATH = 2.0  # seconds that whoever was frozen has to do damage
_RESUMES = 15.0  # seconds
_PATIENT = 0.7  # how often the next fault waits until work has gone on


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
    """Let everything fail while events come in, and compare the tables with the oracle."""
    click.echo(f"seed {seed}")
    rng = random.Random(seed)
    logs = make_logs(rng, PARTITIONS, events // PARTITIONS)
    try:
        with interruptible(), Cluster(PARTITIONS, consumers) as cluster:
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
        there = sum(map(len, on_topic))
        while watch.handled < there and time.monotonic() - last < _CATCH_UP:
            cluster.wait(0.1)
        caught_up = time.monotonic() - last
        cluster.check()
    with cluster.connect() as connection:
        result = outcome(connection, on_topic)
    _report(result, sending.events, there, survived, watch)
    click.echo(f"longest stall {watch.longest:.1f} s, caught up {caught_up:.1f} s after the last event")
    return result


def _strike(
    cluster: Cluster, rng: random.Random, sending: Sending, watch: Watch, seconds: float
) -> Counter[str]:
    """One fault after the other, until there are no more events to come."""
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
            watch.broken_off(fault.name)
            survived[fault.name] += 1
            cluster.check()
    return survived


def _pause(cluster: Cluster, rng: random.Random, sending: Sending, watch: Watch) -> None:
    """Let them work for a while; mostly until they do."""
    if rng.random() < _PATIENT:
        until = time.monotonic() + _RESUMES
        while not watch.resumed and sending.going_on and time.monotonic() < until:
            cluster.wait(0.05)
    cluster.wait(rng.uniform(0.2, 1.5))


def _report(result: Outcome, events: int, there: int, survived: Counter[str], watch: Watch) -> None:
    click.echo(f"events {events}, {there - events} more on the topic (repeated when a broker was killed)")
    click.echo(f"faults survived {survived.total()}, of {len(survived)} kinds:")
    for name, times in sorted(survived.items()):
        click.echo(f"  {times:>3} × {name:<50} work went on within {watch.slowest[name]:>5.1f} s")
    click.echo(
        f"lost {result.lost}, duplicated {result.duplicated}, failed that are not poison {result.not_poison}"
    )
    click.echo(f"wrong rows: {', '.join(f'{name} {rows}' for name, rows in result.wrong.items())}")


if __name__ == "__main__":
    torture()
