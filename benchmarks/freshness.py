"""The part of `make bench` about freshness: how long after it was sent an avtale is told over HTTP."""

import secrets
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from benchmarks.figures import Figure
from benchmarks.loading import TEMPLATE
from benchmarks.serving import Served, api, headers
from benchmarks.setting import events, partitions_of, settings, wait_until
from benchmarks.stream import Stream
from datadeling.demo.commands import command
from datadeling.demo.generator import Record
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.process import ServiceFailed
from datadeling.demo.services import Services

_PARTITIONS = 3
_RATE = 100  # events a second
_ONE_IN = 5  # is looked for
_WARM = 200  # events
_PAUSE = 0.005  # seconds
_MOST = 10.0  # seconds
_OK, _NOT_FOUND = 200, 404


class _Sample(NamedTuple):
    """An avtale that no earlier event has been about, and which event it is."""

    number: int
    path: str


class Freshness:
    """Consumer and API with the settings that they have when they are told nothing."""

    title = f"Freshness: from sent to told over HTTP, {_RATE} events/s, default settings"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        count = _WARM + _RATE * (5 if quick else 30)
        self._records = list(
            events(count + round(_RATE * _MOST))
        )  # more than are sent until the last is told
        self._samples = list(_samples(self._records[:count]))

    def run(self, number: int) -> Iterator[Figure]:
        """One run, with a topic and a database of its own."""
        name = f"freshness-{number}-{secrets.token_hex(2)}"
        services = self._services
        services.kafka.create_topic(name, _PARTITIONS)
        url = services.postgres.create_database(name, TEMPLATE)
        environment = settings(services, name, url)
        directory = services.directory / name
        directory.mkdir()
        with (
            TokenIssuer() as issuer,
            api(url, issuer, directory) as served,
            command("consume", environment, directory) as consumer,
        ):
            ready = f"http://127.0.0.1:{environment['CONSUMER_PORT']}"
            wait_until(lambda: partitions_of(ready) == _PARTITIONS, consumer)
            brokers = services.kafka.bootstrap_servers
            with Stream(url, brokers, name, self._records, _RATE) as stream:
                took = sorted(self._watch(served, headers(issuer), stream))
        yield Figure("p50", 1_000 * _at(took, 0.5), "ms", goal="< 150")
        yield Figure("p99", 1_000 * _at(took, 0.99), "ms", goal="< 500")
        yield Figure("the latest", 1_000 * took[-1], "ms")
        yield Figure("avtaler looked for", len(took), "")

    def _watch(self, served: Served, sent: dict[str, str], stream: Stream) -> Iterator[float]:
        """Ask for each of some avtaler again and again from when it was sent; seconds until it was told.

        Few at a time, so that asking does not load the machine.
        """
        connection = HTTPConnection(urlsplit(served.address).netloc, timeout=_MOST)
        waiting = list(self._samples)
        while waiting:
            for sample in [each for each in waiting if each.number < len(stream.sent_at)]:
                is_told = _is_told(connection, sample.path, sent)
                took = time.monotonic() - stream.sent_at[sample.number]
                if is_told:
                    waiting.remove(sample)
                    yield took
                elif took > _MOST:
                    raise ServiceFailed("an avtale that was sent is not told")
            time.sleep(_PAUSE)
        connection.close()


def _samples(records: Sequence[Record]) -> Iterator[_Sample]:
    seen: set[bytes] = set()
    for number, record in enumerate(records):
        if number % _ONE_IN == 0 and number >= _WARM and record.key not in seen and _is_shown(record):
            yield _Sample(number, f"/api/v1/avtaler/{record.key.decode()}?felter=avtaleId")
        seen.add(record.key)


def _is_shown(record: Record) -> bool:
    message = msgspec.json.decode(record.value or b"{}")
    return not (message.get("feilregistrert") or message.get("slettemerket"))


def _is_told(connection: HTTPConnection, path: str, sent: dict[str, str]) -> bool:
    connection.request("GET", path, headers=sent)
    with connection.getresponse() as answer:
        answer.read()
        if answer.status not in {_OK, _NOT_FOUND}:
            raise ServiceFailed(f"the API answered {answer.status}")
        return answer.status == _OK


def _at(took: Sequence[float], share: float) -> float:
    return took[min(len(took) - 1, int(len(took) * share))]
