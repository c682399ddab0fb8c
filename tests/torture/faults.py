"""The kinds of faults, and their order in a run."""

import random
from collections.abc import Callable
from typing import NamedTuple

from psycopg import sql

from datadeling.db.transaction import Transaction
from tests.relay import Relay
from tests.torture.cluster import TOPIC, Cluster

_LONG_RUN = 90.0  # seconds; a shorter one has no room for what takes half a minute
_LONG = 30.0


class Fault(NamedTuple):
    """A kind of fault. `strike` returns when it is over; a freeze goes on by itself during other faults.

    `seconds` is the time that must be left before the last event.
    """

    name: str
    seconds: float
    strike: Callable[[Cluster, random.Random], None]
    freezes: bool = False


class Deck:
    """Draws every kind of fault that fits once before any comes again, long ones early."""

    def __init__(self, rng: random.Random, seconds: float) -> None:
        self._rng = rng
        self._faults = [fault for fault in _FAULTS if fault.seconds < _LONG or seconds >= _LONG_RUN]
        self._cards = self._shuffled()

    def draw(self, seconds: float, *, anybody_frozen: bool) -> Fault | None:
        """Return the next fault that fits into the seconds left, if any. One freeze at a time."""
        for cards in (self._cards, self._shuffled()):
            for fault in cards:
                if fault.seconds <= seconds and not (fault.freezes and anybody_frozen):
                    cards.remove(fault)
                    self._cards = cards
                    return fault
        return None

    def _shuffled(self) -> list[Fault]:
        late = {f: self._rng.random() / (3 if f.seconds >= _LONG else 1) for f in self._faults}
        return sorted(self._faults, key=late.__getitem__)


def _kill(cluster: Cluster, rng: random.Random) -> None:
    cluster.kill(cluster.any_awake(rng))
    cluster.add()


def _terminate(cluster: Cluster, rng: random.Random) -> None:
    cluster.terminate(cluster.any_awake(rng))
    cluster.add()


def _freeze_for_a_moment(cluster: Cluster, rng: random.Random) -> None:
    cluster.freeze(cluster.any_awake(rng), 1.0)
    cluster.wait(1.0)


def _freeze(seconds: float) -> Callable[[Cluster, random.Random], None]:
    return lambda cluster, rng: cluster.freeze(cluster.any_awake(rng), seconds)


def _visit(cluster: Cluster, rng: random.Random) -> None:
    number = cluster.add()
    cluster.wait(rng.uniform(5, 8))
    leave = rng.choice([cluster.kill, cluster.terminate])
    leave(number)


def _crash_database(cluster: Cluster, rng: random.Random) -> None:
    cluster.postgres.stop()
    cluster.wait(rng.uniform(0, 5))
    cluster.postgres.start()


def _end_sessions(cluster: Cluster, _: random.Random) -> None:
    with cluster.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'datadeling consume'"
        )


def _hold_partition(cluster: Cluster, rng: random.Random) -> None:
    """Hold the lock of a partition for longer than `lock_timeout`."""
    with cluster.connect() as connection, connection.transaction():
        Transaction(connection).lock_partition(TOPIC, rng.randrange(3))
        cluster.wait(rng.uniform(6, 8))


def _hold_table(cluster: Cluster, rng: random.Random) -> None:
    table = rng.choice(["avtale", "avtale_historikk", "failed_message"])
    with cluster.connect() as connection, connection.transaction():
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        cluster.wait(rng.uniform(6, 8))


def _restart_broker(cluster: Cluster, _: random.Random) -> None:
    cluster.kafka.stop()
    cluster.kafka.start()


def _kill_broker(cluster: Cluster, rng: random.Random) -> None:
    cluster.kafka.kill()
    cluster.wait(rng.uniform(0, 3))
    cluster.kafka.start()


def _silence(shortest: float, longest: float, *ways: str) -> Callable[[Cluster, random.Random], None]:
    def strike(cluster: Cluster, rng: random.Random) -> None:
        relays = _relays(cluster, ways)
        for relay in relays:
            relay.fall_silent()
        cluster.wait(rng.uniform(shortest, longest))
        for relay in relays:
            relay.flow()

    return strike


def _cut(way: str) -> Callable[[Cluster, random.Random], None]:
    def strike(cluster: Cluster, _: random.Random) -> None:
        for relay in _relays(cluster, [way]):
            relay.cut()

    return strike


def _relays(cluster: Cluster, ways: tuple[str, ...] | list[str]) -> list[Relay]:
    return [{"database": cluster.to_postgres, "broker": cluster.to_kafka}[way] for way in ways]


_FAULTS = (
    Fault("consumer killed", 2, _kill),
    Fault("consumer terminated", 2, _terminate),
    Fault("consumer frozen for a moment", 2, _freeze_for_a_moment),
    Fault("consumer frozen until others have its partitions", 13, _freeze(13), freezes=True),
    Fault("consumer frozen beyond max.poll.interval.ms", 68, _freeze(65), freezes=True),
    Fault("one more consumer comes and goes", 9, _visit),
    Fault("database stopped as in a crash", 6, _crash_database),
    Fault("database sessions terminated", 1, _end_sessions),
    Fault("database lock of a partition held", 9, _hold_partition),
    Fault("database table locked", 9, _hold_table),
    Fault("database connections cut", 1, _cut("database")),
    Fault("database silent", 7, _silence(2, 6, "database")),
    Fault("database silent for longer than any time limit", 40, _silence(33, 38, "database")),
    Fault("broker restarted", 6, _restart_broker),
    Fault("broker killed", 10, _kill_broker),
    Fault("broker connections cut", 1, _cut("broker")),
    Fault("broker silent", 7, _silence(2, 6, "broker")),
    Fault("broker silent until the group gives up", 13, _silence(8, 12, "broker")),
    Fault("database and broker silent", 7, _silence(2, 6, "database", "broker")),
)
