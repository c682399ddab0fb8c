"""Liveness, readiness, and the metrics of both processes on one page. No call needs a token."""

from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from datadeling.api.services import services
from datadeling.errors import DatabaseUnavailable

_TIMEOUT = 1.0  # seconds
_no_proxy = build_opener(ProxyHandler({}))

blueprint = Blueprint("internal", __name__, url_prefix="/internal")


@blueprint.get("/health/liveness")
def liveness() -> dict[str, object]:
    """Answer that the worker runs. A restart would not bring a database back."""
    return {"status": "UP"}


@blueprint.get("/health/readiness")
def readiness() -> tuple[dict[str, object], int]:
    """Answer whether lookups can be answered: the database is there, with the schema of this release."""
    try:
        services().lookups.ping()
    except DatabaseUnavailable as error:
        return {"status": "DOWN", "faults": [f"database: {error}"]}, 503
    return {"status": "UP"}, 200


@blueprint.get("/prometheus")
def prometheus() -> Response:
    """Answer with the metrics of all workers, and the consumer's when it answers."""
    parts = services()
    consumer = _scrape(f"http://127.0.0.1:{parts.config.consumer_port}/internal/prometheus")
    body = parts.metrics.exposition(consumer_scraped=consumer is not None) + (consumer or b"")
    return Response(body, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _scrape(url: str) -> bytes | None:
    """Return the page, or None when it does not come in time or is no exposition."""
    try:
        with _no_proxy.open(url, timeout=_TIMEOUT) as response:
            page: bytes = response.read()
            return page if response.headers.get_content_type() == "text/plain" else None
    except (OSError, HTTPException):
        return None
