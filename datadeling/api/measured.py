"""Counts and times lookups. Labels hold who asks (the client's id), never whom about."""

import time

from flask import Flask, Response, g, request

from datadeling.metrics import ApiMetrics

_NOBODY = "unknown"


def register(app: Flask, metrics: ApiMetrics, blueprints: frozenset[str]) -> None:
    """Measure every call to a route of these blueprints, those that are refused, too."""

    def begin() -> None:
        g.begun = time.perf_counter()

    def end(response: Response) -> Response:
        if request.url_rule is not None and request.blueprint in blueprints:
            endpoint = request.url_rule.rule.translate({ord("<"): "{", ord(">"): "}"})
            consumer = g.caller.consumer if "caller" in g else None
            metrics.lookups.labels(consumer or _NOBODY, endpoint, str(response.status_code)).inc()
            metrics.lookup_seconds.labels(endpoint).observe(time.perf_counter() - g.begun)
        return response

    app.before_request(begin)
    app.after_request(end)
