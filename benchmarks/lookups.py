"""The part of `make bench` about lookups over HTTP: tokens checked, each with its record in the log."""

from collections.abc import Iterator, Sequence

import psycopg

from benchmarks.figures import Figure
from benchmarks.limits import selecting
from benchmarks.loading import TEMPLATE
from benchmarks.loads import IN_BOLK, Loads
from benchmarks.persons import fill, numbers
from benchmarks.serving import api, bare_route, headers
from benchmarks.wrk import Wrk
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.services import Services

_DATABASE = "lookups"
_PERSONS = 20_000


class Lookups:
    """By `wrk`, for persons drawn from a list."""

    title = "Lookups over HTTP"

    def __init__(self, services: Services, *, quick: bool) -> None:
        self._services = services
        self._avtaler = 20_000 if quick else 200_000
        self._connections = (8, 32) if quick else (1, 8, 32, 128)
        self._seconds = 2 if quick else 5
        self._url = services.postgres.create_database(_DATABASE, TEMPLATE)
        self._directory = services.directory / _DATABASE
        self._directory.mkdir()
        Wrk(self._directory, {})  # it is there
        with psycopg.connect(self._url, autocommit=True) as connection:
            fill(connection, self._avtaler)
            connection.execute("VACUUM ANALYZE avtale")
            self._numbers = numbers(connection, self._avtaler, _PERSONS)

    def run(self, number: int) -> Iterator[Figure]:
        """One run: with more and more connections, the bare route before ours and after it in turns."""
        with TokenIssuer() as issuer:
            wrk = Wrk(self._directory, headers(issuer))
            with (
                psycopg.connect(self._url, autocommit=True) as connection,
                api(self._url, issuer, self._directory) as ours,
                bare_route(self._directory, ours.workers) as bare,
                bare_route(self._directory, ours.workers, stock=True) as stock,
            ):
                load = Loads(wrk, connection, ours, bare, self._services.postgres.pid, self._seconds, stock)
                one = wrk.bodies("one", [{"fnr": fnr} for fnr in self._numbers])
                for connections in self._connections[:: 1 if number % 2 else -1]:
                    yield from load.at(connections, one, bare_first=bool(number % 2))
                yield from load.bolk(wrk.bodies("bolk", bolks(self._numbers)))
        for clients in (1, 8):
            rate = selecting(self._services, self._url, self._avtaler, clients, self._seconds)
            yield Figure(f"pgbench: SELECT by fnr, {clients} connections", rate, "a second")


def bolks(numbers: Sequence[str]) -> list[object]:
    """Bodies that ask about 1,000 persons each."""
    starts = range(0, len(numbers) - IN_BOLK + 1, IN_BOLK)
    return [{"personer": [{"fnr": fnr} for fnr in numbers[start : start + IN_BOLK]]} for start in starts]
