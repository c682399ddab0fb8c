"""Counts and times lookups. Labels hold who asks (the client's id), never whom about."""

import time

from flask import Flask, Response, g, request

from datadeling.api.purpose import route
from datadeling.metrics import ApiMetrics

_NOBODY = "unknown"


def register(app: Flask, metrics: ApiMetrics, blueprints: frozenset[str]) -> None:
    """Measure every call to a route of these blueprints, those that are refused, too."""

    def begin() -> None:
        g.begun = time.perf_counter()

    def end(response: Response) -> Response:
        if request.url_rule is not None and request.blueprint in blueprints:
            endpoint = route()
            consumer = g.caller.consumer if "caller" in g else _NOBODY
            metrics.lookups.labels(consumer, endpoint, str(response.status_code)).inc()
            for felt in g.get("felter", ()):
                metrics.lookup_fields.labels(consumer, felt.json).inc()
            metrics.lookup_seconds.labels(endpoint).observe(time.perf_counter() - g.begun)
        return response

    app.before_request(begin)
    app.after_request(end)
