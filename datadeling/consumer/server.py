"""Health and metrics of the consumer, on `CONSUMER_PORT`, from a thread of its own."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from datadeling.consumer.health import Health
from datadeling.errors import ConfigError

Start = Callable[..., Any]


@contextmanager
def serve_health(port: int, health: Health, registry: CollectorRegistry) -> Iterator[int]:
    """Answer on all interfaces while the block runs; gives the port. Raise `ConfigError` when it is taken."""
    try:
        server = make_server(
            "", port, _application(health, registry), server_class=_Server, handler_class=_Quiet
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

    def application(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/internal/health/liveness":
                return _answer(start, ok=health.alive(), faults=["the loop stands still"])
            case "/internal/health/readiness":
                faults = health.faults()
                return _answer(start, ok=not faults, faults=faults)
            case "/internal/prometheus":
                body: Iterable[bytes] = metrics(environ, start)
                return body
            case _:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b""]

    return application


def _answer(start: Start, *, ok: bool, faults: list[str]) -> list[bytes]:
    status, body = ("200 OK", {"status": "UP"}) if ok else (
        "503 Service Unavailable", {"status": "DOWN", "faults": faults}
    )  # fmt: skip
    start(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps(body).encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: probes come every few seconds."""
