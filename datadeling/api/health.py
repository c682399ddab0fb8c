"""What the platform asks: alive, ready, and the metrics of both processes on one page."""

import json
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from datadeling.db.lookups import Lookups
from datadeling.errors import DatabaseUnavailable
from datadeling.metrics import ApiMetrics

_TIMEOUT = 1.0  # seconds
_no_proxy = build_opener(ProxyHandler({}))


def blueprint(lookups: Lookups, metrics: ApiMetrics, consumer_port: int) -> Blueprint:
    """The pages under `/internal`; none asks for a token."""
    pages = Blueprint("internal", __name__, url_prefix="/internal")

    @pages.get("/health/liveness")
    def liveness() -> Response:
        """That we answer: a restart would not bring a database back."""
        return _status(200, {"status": "UP"})

    @pages.get("/health/readiness")
    def readiness() -> Response:
        """That lookups can be answered: the database is there, with the schema of this release."""
        try:
            lookups.ping()
        except DatabaseUnavailable as error:
            return _status(503, {"status": "DOWN", "faults": [f"database: {error}"]})
        return _status(200, {"status": "UP"})

    @pages.get("/prometheus")
    def prometheus() -> Response:
        """Our workers' metrics, and the consumer's when it answers."""
        consumer = _scrape(f"http://127.0.0.1:{consumer_port}/internal/prometheus")
        body = metrics.exposition(consumer_scraped=consumer is not None) + (consumer or b"")
        return Response(body, content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return pages


def _scrape(url: str) -> bytes | None:
    """The page, or None when it cannot be had in time or is no exposition."""
    try:
        with _no_proxy.open(url, timeout=_TIMEOUT) as response:
            if response.headers.get_content_type() != "text/plain":
                return None
            page: bytes = response.read()
    except (OSError, HTTPException):
        return None
    return page


def _status(status: int, body: dict[str, object]) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")
