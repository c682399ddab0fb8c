"""Counts and times lookups. Labels hold the client's id and names of fields, never a value."""

import time
from collections import Counter

from flask import Blueprint, Response, g

from datadeling.api.security.access import Fields
from datadeling.api.security.purpose import route
from datadeling.metrics import ApiMetrics

_UNKNOWN = "unknown"
_FLUSH_EVERY = 0.5  # seconds


class Measure:
    """Measures every call to the registered blueprints, also those that are refused."""

    def __init__(self, metrics: ApiMetrics) -> None:
        self._metrics = metrics
        self._fields: Counter[tuple[str, Fields]] = Counter()
        self._flush_at = 0.0

    def register(self, blueprint: Blueprint) -> None:
        """Measure the calls of a blueprint. Register it before other hooks, so that their time counts."""
        blueprint.before_request(self._begin)
        blueprint.after_request(self._end)

    def _begin(self) -> None:
        g.begun = time.perf_counter()

    def _end(self, response: Response) -> Response:
        endpoint = route()
        consumer = g.caller.consumer if "caller" in g else _UNKNOWN
        self._metrics.lookups.labels(consumer, endpoint, str(response.status_code)).inc()
        self._fields[consumer, g.get("felter", ())] += 1
        if time.monotonic() > self._flush_at:
            self._flush()
        self._metrics.lookup_seconds.labels(endpoint).observe(time.perf_counter() - g.begun)
        return response

    def _flush(self) -> None:
        """Count the fields of all lookups since the last time: one by one they are a tenth of a lookup."""
        self._flush_at = time.monotonic() + _FLUSH_EVERY
        counted, self._fields = self._fields, Counter()
        for (consumer, felter), lookups in counted.items():
            for felt in felter:
                self._metrics.lookup_fields.labels(consumer, felt.json).inc(lookups)
