"""A real broker, a real database and several consumers, and everything that can be done to them."""

import random
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event

import psycopg

from datadeling.db.migrate import migrate
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.ports import free_port
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.services import Services
from tests.acceptance.processes import Process

TOPIC = "avtaler"


class Cluster:
    """Consumers of one topic with their services. Use as a context manager: nothing is left running."""

    def __init__(self, partitions: int, consumers: int) -> None:
        self._partitions = partitions
        self._count = consumers
        self._services = Services()
        self._consumers: list[Process] = []
        self._clock = Event()  # never set: waits

    def __enter__(self) -> "Cluster":
        self._services.start()
        try:
            # The messages are older than any retention.
            self.kafka.create_topic(TOPIC, self._partitions, {"retention.ms": "-1"})
            migrate(self.postgres.url)
            self._consumers = [self._start(number) for number in range(self._count)]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for consumer in self._consumers:
            consumer.process.send_signal(signal.SIGCONT)
            consumer.__exit__()
        self._services.stop()

    @property
    def kafka(self) -> EmbeddedKafka:
        """The broker."""
        return self._services.kafka

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The database server."""
        return self._services.postgres

    def connect(self) -> psycopg.Connection:
        """Look at the database from outside."""
        return psycopg.connect(self.postgres.url, autocommit=True, options="-c timezone=UTC")

    def faults(self, rng: random.Random) -> dict[str, Callable[[], None]]:
        """Everything that can happen, by name; each comes back when it is over."""
        victim = rng.randrange(self._count)
        return {
            "consumer killed": lambda: self._kill(victim),
            "consumer terminated": lambda: self._terminate(victim),
            "consumer frozen for a moment": lambda: self._freeze(victim, 1.0),
            "consumer frozen until others have its partitions": lambda: self._freeze(victim, 13.0),
            "database stopped as in a crash": lambda: self._stop_database(rng.uniform(0, 6)),
            "connections cut": self._cut_connections,
            "broker restarted": self.kafka.restart,
            "broker killed": lambda: self._kill_broker(rng.uniform(0, 4)),
        }

    def check(self) -> None:
        """Fail when a consumer has ended by itself, with what it said."""
        for consumer in self._consumers:
            assert consumer.process.poll() is None, consumer.output[-4_000:]

    def wait(self, seconds: float) -> None:
        """Let them work."""
        self._clock.wait(seconds)

    def _start(self, number: int) -> Process:
        env = {
            "KAFKA_BROKERS": self.kafka.bootstrap_servers,
            "KAFKA_TOPIC": TOPIC,
            "KAFKA_GROUP_ID": "torture",
            "DB_URL": self.postgres.url,
            "CONSUMER_PORT": str(free_port()),
        }
        log = Path(self._services.directory, f"consumer-{number}-{free_port()}.log")
        return Process(log, env, "consume")

    def _kill(self, number: int) -> None:
        self._consumers[number].kill()
        self._consumers[number] = self._start(number)

    def _terminate(self, number: int) -> None:
        assert self._consumers[number].terminate(timeout=10) in {0, -signal.SIGTERM}
        self._consumers[number] = self._start(number)

    def _freeze(self, number: int, seconds: float) -> None:
        process = self._consumers[number].process
        process.send_signal(signal.SIGSTOP)
        self.wait(seconds)
        process.send_signal(signal.SIGCONT)

    def _stop_database(self, seconds: float) -> None:
        self.postgres.stop("immediate")
        self.wait(seconds)
        self.postgres.start()

    def _kill_broker(self, seconds: float) -> None:
        self.kafka.kill()
        self.wait(seconds)
        self.kafka.start()

    def _cut_connections(self) -> None:
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'datadeling consume'"
            )
