"""The consumer's state, written by the loop, and the HTTP server that reports it on `CONSUMER_PORT`."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from threading import Event, Thread
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, MetricsHandler

from datadeling.errors import ConfigError, DatabaseUnavailable

_ALIVE = 60.0  # seconds that a turn of the loop may take
_SHORTEST_BACKOFF = 0.1  # seconds
_LONGEST_BACKOFF = 3.0  # seconds

_T = TypeVar("_T")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Service:
    """Availability of the database or the broker, and when to try again after a failure.

    Logs one line when the availability changes, none for each try.
    """

    name: str
    available: bool = False
    _failures: int = 0
    _retry_at: float = 0.0

    @property
    def failing(self) -> bool:
        """True from the first failure until the next success."""
        return self._failures > 0

    def pause_left(self) -> float:
        """Return the seconds until the next try; 0 when it may be now."""
        return max(0.0, self._retry_at - time.monotonic()) if self.failing else 0.0

    def answered(self) -> None:
        """Record a success."""
        if self.failing:
            log.info("service_available", service=self.name)
        self._failures = 0
        self.available = True

    def failed(self, cause: str) -> None:
        """Record a failure: back off, longer each time, with jitter, up to 3 s."""
        if not self.failing:
            log.warning("service_unavailable", service=self.name, cause=cause)
        self._failures = min(self._failures + 1, 10)
        self.available = False
        longest = min(_LONGEST_BACKOFF, _SHORTEST_BACKOFF * 2**self._failures)
        pause = random.uniform(_SHORTEST_BACKOFF, longest)  # noqa: S311 (jitter is no secret)
        self._retry_at = time.monotonic() + pause


@dataclass(slots=True)
class Health:
    """Liveness depends on the loop alone, not on the database: a restart would not bring that back."""

    database: Service = field(default_factory=lambda: Service("database"))
    broker: Service = field(default_factory=lambda: Service("broker"))
    migrating: bool = True
    stopped: dict[int, str] = field(default_factory=dict)
    lag: int = 0  # unhandled messages on all partitions of this consumer
    _last_turn: float = field(default_factory=time.monotonic)

    def record_turn(self) -> None:
        """Record that the loop has begun another turn."""
        self.migrating = False
        self._last_turn = time.monotonic()

    def alive(self) -> bool:
        """Return True while the loop turns, and while the schema is migrated or its lock waited for."""
        return self.migrating or time.monotonic() - self._last_turn < _ALIVE

    def faults(self) -> list[str]:
        """Return the reasons why the consumer is not ready; none when it is."""
        faults = ["migrating"] if self.migrating else []
        faults += [f"{s.name} unreachable" for s in (self.database, self.broker) if not s.available]
        return faults + [f"partition {p} stopped: {why}" for p, why in self.stopped.copy().items()]


def retried(step: Callable[[], _T], stop: Event, database: Service | None = None) -> _T:
    """Return the result of a step, which is tried again while the database is unavailable.

    Raise `DatabaseUnavailable` when it still is after `stop`.
    """
    database = database or Service("database")
    while True:
        try:
            result = step()
        except DatabaseUnavailable as error:
            database.failed(str(error))
            if stop.wait(database.pause_left()):
                raise
        else:
            database.answered()
            return result


class _Handler(MetricsHandler):
    """Answers probes and Prometheus. Logs nothing: they come every few seconds."""

    health: Health

    def do_GET(self) -> None:  # noqa: N802 (a name of http.server)
        match self.path.partition("?")[0]:
            case "/internal/health/liveness":
                self._respond([] if self.health.alive() else ["the loop stands still"])
            case "/internal/health/readiness":
                self._respond(self.health.faults())
            case "/internal/prometheus":
                super().do_GET()
            case _:
                self.send_error(HTTPStatus.NOT_FOUND)

    def _respond(self, faults: list[str]) -> None:
        self.send_response(HTTPStatus.SERVICE_UNAVAILABLE if faults else HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        body = {"status": "DOWN", "faults": faults} if faults else {"status": "UP"}
        self.wfile.write(json.dumps(body).encode())


@contextmanager
def serve_health(port: int, health: Health, registry: CollectorRegistry) -> Iterator[int]:
    """Serve health and metrics on all interfaces, from a thread, while the block runs. Yields the port.

    Raise `ConfigError` when the port is taken.
    """
    handler = type("Handler", (_Handler,), {"health": health, "registry": registry})
    try:
        server = ThreadingHTTPServer(("", port), handler)
    except OSError:
        raise ConfigError(f"CONSUMER_PORT: port {port} cannot be opened") from None
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
