"""The consumer's state, written by the loop, and the HTTP server that reports it on `CONSUMER_PORT`."""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from datadeling.errors import ConfigError

_ALIVE = 60.0  # seconds that a turn of the loop may take
_SHORTEST_BACKOFF = 0.1  # seconds
_LONGEST_BACKOFF = 3.0  # seconds

StartResponse = Callable[..., Any]

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


@contextmanager
def serve_health(port: int, health: Health, registry: CollectorRegistry) -> Iterator[int]:
    """Serve health and metrics on all interfaces, from a thread, while the block runs. Yields the port.

    Raise `ConfigError` when the port is taken.
    """
    try:
        server = make_server(
            "", port, _application(health, registry), server_class=_Server, handler_class=_SilentHandler
        )
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


def _application(health: Health, registry: CollectorRegistry) -> Callable[..., Iterable[bytes]]:
    metrics = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/internal/health/liveness":
                faults = [] if health.alive() else ["the loop stands still"]
                return _health_response(start_response, faults)
            case "/internal/health/readiness":
                return _health_response(start_response, health.faults())
            case "/internal/prometheus":
                body: Iterable[bytes] = metrics(environ, start_response)
                return body
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [b""]

    return application


def _health_response(start_response: StartResponse, faults: list[str]) -> list[bytes]:
    status = "503 Service Unavailable" if faults else "200 OK"
    body = {"status": "DOWN", "faults": faults} if faults else {"status": "UP"}
    start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps(body).encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: probes come every few seconds."""
