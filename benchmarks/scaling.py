"""The part of `make bench` about more consumers: a backlog shared by one, two and four of them.

Two are what is deployed: each pod has one.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial

import psycopg
from confluent_kafka.admin import AdminClient

from benchmarks.figures import Figure
from benchmarks.limits import versions, writing
from benchmarks.loading import TEMPLATE
from benchmarks.setting import events, handled, partitions_of, send, settings, wait_until
from datadeling.demo.commands import command
from datadeling.demo.process import Child, ServiceFailed
from datadeling.demo.services import Services

_DEPLOYED = 2
_RATE = "events/s"
_OFTEN = 0.005  # seconds
_STOPPED = 5.0  # seconds; the session of a consumer lasts one more


class Scaling:
    """The consumers share the partitions before there is an event."""

    title = "More consumers, 12 partitions"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        self._records = list(events(10_000 if quick else 60_000))
        self._limit = f"limit: COPY and merge, {len(self._records):,}"
        self._lines: list[bytes] = []  # what the first load leaves

    def run(self, number: int) -> Iterator[Figure]:
        """One run, with more consumers each time, or with fewer in turns."""
        rates = {
            consumers: self._rate(f"scaling-{consumers}-{number}", consumers)
            for consumers in (1, 2, 4)[:: 1 if number % 2 else -1]
        }
        yield Figure(self._limit, writing(self._services, self._lines), _RATE)
        for consumers, rate in sorted(rates.items()):
            goal = "≥ 30,000; ≥ 0.75" if consumers == _DEPLOYED else ""
            yield Figure(_name(consumers), rate, _RATE, self._limit, goal)
        for consumers in (2, 4):
            yield Figure(f"{_name(consumers)}, beside one", rates[consumers], _RATE, _name(1))

    def _rate(self, topic: str, consumers: int, partitions: int = 12) -> float:
        """Events a second, from the first row to the last."""
        self._services.kafka.create_topic(topic, partitions)
        url = self._services.postgres.create_database(topic, TEMPLATE)
        with ExitStack() as stack:
            stack.callback(self._forget, topic)
            connection = stack.enter_context(psycopg.connect(url, autocommit=True))
            children, ports = [], []
            for number in range(consumers):
                environment = settings(self._services, topic, url)
                directory = self._services.directory / f"{topic}-{number}"
                directory.mkdir(mode=0o755)
                children.append(stack.enter_context(command("consume", environment, directory)))
                ports.append(environment["CONSUMER_PORT"])
            wait_until(partial(_shared, ports, partitions), *children)
            self._fill(topic, children)
            begun = wait_until(lambda: handled(connection) > 0, *children, poll_s=_OFTEN)
            count = len(self._records) - handled(connection)
            ended = wait_until(lambda: handled(connection) >= len(self._records), *children, poll_s=_OFTEN)
            self._lines = self._lines or versions(connection)
            return count / (ended - begun)

    def _fill(self, topic: str, children: Sequence[Child]) -> None:
        """Send everything while the consumers stand still. Raise `ServiceFailed` when the group notices."""
        _signal(children, signal.SIGSTOP)
        begun = time.monotonic()
        send(self._records, self._services.kafka.bootstrap_servers, topic)
        _signal(children, signal.SIGCONT)
        if time.monotonic() - begun > _STOPPED:
            raise ServiceFailed("the topic was filled so slowly that the group has shared it anew")

    def _forget(self, topic: str) -> None:
        admin = AdminClient({"bootstrap.servers": self._services.kafka.bootstrap_servers})
        admin.delete_topics([topic])[topic].result(30)
        with psycopg.connect(self._services.postgres.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{topic}" WITH (FORCE)'.encode())


def _name(consumers: int) -> str:
    return "1 consumer" if consumers == 1 else f"{consumers} consumers"


def _shared(ports: Sequence[str], partitions: int) -> bool:
    """Whether each consumer says that it has its fair share of the partitions."""
    shares = [partitions_of(f"http://127.0.0.1:{port}") for port in ports]
    return sum(shares) == partitions and min(shares) >= partitions // len(ports)


def _signal(children: Sequence[Child], number: signal.Signals) -> None:
    for child in children:
        os.kill(child.pid, number)
