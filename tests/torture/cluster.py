"""A real broker, a real database and several consumers.

The consumers connect through relays, which stand for the network; everything else connects directly.
"""

import os
import random
import signal
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from threading import Event, Lock, Timer
from typing import Self

import psycopg

from datadeling.db.migrate import migrate
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.process import Child, free_port
from tests.relay import Relay

TOPIC = "avtaler"

_ROOT = Path(__file__).parents[2]
_GRACE = 30.0  # seconds that a consumer may take to end


class ConsumerDied(Exception):
    """A consumer ended by itself, or with a wrong exit code. The text has the end of its log."""


class Cluster:
    """Consumers of one topic with their services. Use as a context manager: nothing is left running."""

    def __init__(self, partitions: int, consumers: int) -> None:
        self._partitions = partitions
        self._count = consumers
        self._consumers: dict[int, Child] = {}
        self._numbers = count(1)
        self._frozen: dict[int, Timer] = {}
        self._freezing = Lock()
        self._clock = Event()  # never set: waits

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.postgres = stack.enter_context(EmbeddedPostgres())
            self.to_postgres = stack.enter_context(Relay.to(self.postgres.url))
            behind = free_port()
            self.to_kafka = stack.enter_context(Relay("127.0.0.1", behind))
            self.kafka = stack.enter_context(EmbeddedKafka(side_door=(behind, self.to_kafka.port)))
            # The messages are older than any retention.
            self.kafka.create_topic(TOPIC, self._partitions, {"retention.ms": "-1"})
            migrate(self.postgres.url)
            self.to_postgres.start()
            self.to_kafka.start()
            stack.callback(self._end_all)
            for _ in range(self._count):
                self.add()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connect(self) -> psycopg.Connection:
        """Connect to the database directly."""
        return psycopg.connect(
            self.postgres.url, autocommit=True, options="-c timezone=UTC", connect_timeout=5
        )

    def wait(self, seconds: float) -> None:
        """Let the consumers work for so many seconds."""
        self._clock.wait(seconds)

    def add(self) -> int:
        """Start one more consumer; return its number."""
        number = next(self._numbers)
        settings = {
            "KAFKA_BROKERS": f"127.0.0.1:{self.to_kafka.port}",
            "KAFKA_TOPIC": TOPIC,
            "KAFKA_GROUP_ID": "torture",
            "DB_URL": self.to_postgres.way_to(self.postgres.url),
            "CONSUMER_PORT": str(free_port()),
            "KEEP_HISTORY_DAYS": "36500",  # the messages grow older than any retention
        }
        self._consumers[number] = Child(
            [sys.executable, "-m", "datadeling", "consume"],
            log=self.kafka.directory / f"consumer-{number}.log",
            cwd=_ROOT,
            settings=settings,
        )
        return number

    def any_awake(self, rng: random.Random) -> int:
        """Return the number of a consumer that is not frozen."""
        return rng.choice(sorted(self._consumers.keys() - self._frozen.keys()))

    def kill(self, number: int) -> None:
        """Send SIGKILL to a consumer, and wait for its end."""
        self._consumers.pop(number).stop(sign=signal.SIGKILL)

    def terminate(self, number: int) -> None:
        """Send SIGTERM to a consumer, and wait for its end. Raise `ConsumerDied` for a wrong exit code."""
        child = self._consumers.pop(number)
        # Before it has started its loop, a signal ends it as it would any process.
        if (code := child.stop(_GRACE)) not in {0, -signal.SIGTERM}:
            raise ConsumerDied(f"consumer {number} did not end well ({code}):\n{child.log_tail()}")

    def freeze(self, number: int, seconds: float) -> None:
        """Send SIGSTOP now, and SIGCONT after so many seconds. Does not block."""
        with self._freezing:
            os.kill(self._consumers[number].pid, signal.SIGSTOP)
            self._frozen[number] = timer = Timer(seconds, self._thaw, [number])
            timer.daemon = True
            timer.start()

    @property
    def anybody_frozen(self) -> bool:
        """True while a consumer is frozen."""
        return bool(self._frozen)

    def await_thaw(self) -> None:
        """Block until no consumer is frozen."""
        for timer in list(self._frozen.values()):
            timer.join()

    def check(self) -> None:
        """Raise `ConsumerDied` when a consumer has ended by itself."""
        for number, child in self._consumers.items():
            if (code := child.poll()) is not None:
                raise ConsumerDied(f"consumer {number} ended by itself ({code}):\n{child.log_tail()}")

    def logs(self) -> str:
        """Return the last log lines of every running consumer."""
        return "\n".join(f"consumer {n}:\n{child.log_tail()}" for n, child in self._consumers.items())

    def _thaw(self, number: int) -> None:
        with self._freezing:
            if self._frozen.pop(number, None):
                os.kill(self._consumers[number].pid, signal.SIGCONT)

    def _end_all(self) -> None:
        for number, timer in list(self._frozen.items()):
            timer.cancel()
            self._thaw(number)
        for child in self._consumers.values():
            child.stop(sign=signal.SIGKILL)
