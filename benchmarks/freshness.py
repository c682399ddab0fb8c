"""The part `freshness` of `make bench`: the time from sending an event until the API has the avtale."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from confluent_kafka import Producer

from benchmarks.figures import Figure
from benchmarks.loading import TEMPLATE
from benchmarks.serving import Served, api
from benchmarks.topic import consumer_settings, events, partitions_of, wait_until
from datadeling.demo.generator import Record
from datadeling.demo.process import ServiceFailed
from datadeling.demo.services import Services, command

_PARTITIONS = 3
_RATE = 100  # events a second
_ONE_IN = 5  # is looked up
_WARM = 200  # events
_TICK_S = 0.02
_PAUSE_S = 0.005
_LONGEST_S = 10.0
_OK, _NOT_FOUND = 200, 404


class _Sample(NamedTuple):
    """An avtale that no earlier event is about, and the position of its event."""

    position: int
    path: str


class Freshness:
    """Consumer and API with their default settings."""

    title = f"Freshness: from sent to readable over HTTP, {_RATE} events/s, default settings"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        count = _WARM + _RATE * (5 if quick else 30)
        # Sending goes on until the last sample has been read.
        self._records = list(events(count + round(_RATE * _LONGEST_S)))
        self._samples = list(_samples(self._records[:count]))

    def run(self, run: int) -> Iterator[Figure]:
        """Measure with a new topic and a new database."""
        name = f"freshness-{run}-{secrets.token_hex(2)}"
        services = self._services
        services.kafka.create_topic(name, _PARTITIONS)
        url = services.postgres.create_database(name, TEMPLATE)
        environment = consumer_settings(services, name, url)
        directory = services.directory / name
        directory.mkdir()
        with api(url, directory) as served, command("consume", environment, directory) as consumer:
            ready = f"http://127.0.0.1:{environment['CONSUMER_PORT']}"
            wait_until(lambda: partitions_of(ready) == _PARTITIONS, consumer)
            with self._sending(name) as sent_at:
                took = sorted(self._watch(served, sent_at))
        yield Figure("p50", 1_000 * _at(took, 0.5), "ms", goal="< 150")
        yield Figure("p99", 1_000 * _at(took, 0.99), "ms", goal="< 500")
        yield Figure("the latest", 1_000 * took[-1], "ms")
        yield Figure("avtaler looked up", len(took), "")

    @contextmanager
    def _sending(self, topic: str) -> Iterator[Sequence[float]]:
        """Send events at a steady rate while the block runs; yield the times at which each was sent."""
        producer = Producer({"bootstrap.servers": self._services.kafka.bootstrap_servers, "linger.ms": 5})
        sent_at: list[float] = []
        done = Event()

        def send() -> None:
            began = time.monotonic()
            while not done.wait(_TICK_S):
                due = int((time.monotonic() - began) * _RATE)
                for record in self._records[len(sent_at) : due]:
                    producer.produce(topic, record.value, record.key)
                    sent_at.append(time.monotonic())
                producer.poll(0)
            producer.flush(10)

        thread = Thread(target=send, daemon=True)
        thread.start()
        try:
            yield sent_at
        finally:
            done.set()
            thread.join()

    def _watch(self, served: Served, sent_at: Sequence[float]) -> Iterator[float]:
        """Request each sample again and again from when it was sent; yield the seconds until it is there.

        A few at a time, so that the requests do not load the machine.
        """
        waiting = list(self._samples)
        with closing(HTTPConnection(urlsplit(served.address).netloc, timeout=_LONGEST_S)) as connection:
            while waiting:
                for sample in [each for each in waiting if each.position < len(sent_at)]:
                    found = _is_found(connection, sample.path, served.headers)
                    took = time.monotonic() - sent_at[sample.position]
                    if found:
                        waiting.remove(sample)
                        yield took
                    elif took > _LONGEST_S:
                        raise ServiceFailed(f"an avtale was not there {_LONGEST_S:.0f} s after it was sent")
                time.sleep(_PAUSE_S)


def _samples(records: Sequence[Record]) -> Iterator[_Sample]:
    seen: set[bytes] = set()
    for position, record in enumerate(records):
        if position % _ONE_IN == 0 and position >= _WARM and record.key not in seen and _is_shown(record):
            yield _Sample(position, f"/api/v1/avtaler/{record.key.decode()}?felter=avtaleId")
        seen.add(record.key)


def _is_shown(record: Record) -> bool:
    message = msgspec.json.decode(record.value or b"{}")
    return not (message.get("feilregistrert") or message.get("slettemerket"))


def _is_found(connection: HTTPConnection, path: str, headers: dict[str, str]) -> bool:
    connection.request("GET", path, headers=headers)
    with connection.getresponse() as answer:
        answer.read()
        if answer.status not in {_OK, _NOT_FOUND}:
            raise ServiceFailed(f"the API answered {answer.status}")
        return answer.status == _OK


def _at(took: Sequence[float], share: float) -> float:
    return took[min(len(took) - 1, int(len(took) * share))]
