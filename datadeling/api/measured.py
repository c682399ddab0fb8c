"""Counts and times lookups. Labels hold who asks (the client's id), never whom about."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from flask import Blueprint, Response, g

from datadeling.api.security.access import Fields
from datadeling.api.security.purpose import route
from datadeling.crew import afterwards
from datadeling.metrics import ApiMetrics

_SERIES = 4_096
_NOBODY = "unknown"


class Measure:
    """Measures every call to a route of the blueprints registered, those that are refused, too."""

    def __init__(self, metrics: ApiMetrics) -> None:
        # Found by their labels once: to look for them each time was a third of what measuring took.
        self._lookups = lru_cache(_SERIES)(metrics.lookups.labels)
        self._fields = lru_cache(_SERIES)(metrics.lookup_fields.labels)
        self._seconds = lru_cache(_SERIES)(metrics.lookup_seconds.labels)

    def register(self, blueprint: Blueprint) -> None:
        """Measure this one's. Before anything else is to be done before its requests, so that it counts."""
        blueprint.before_request(self._begin)
        blueprint.after_request(self._end)

    def _begin(self) -> None:
        g.begun = time.perf_counter()

    def _end(self, response: Response) -> Response:
        endpoint = route()
        call = vars(g._get_current_object())  # noqa: SLF001 (its public way: each look at g asks for it anew)
        caller = call.get("caller")
        consumer = caller.consumer if caller else _NOBODY
        self._lookups(consumer, endpoint, str(response.status_code)).inc()
        if felter := call.get("felter"):
            afterwards(self._count, (consumer, felter))
        self._seconds(endpoint).observe(time.perf_counter() - call["begun"])
        return response

    def _count(self, read: Sequence[tuple[str, Fields]]) -> None:
        """Count fields, those of several calls at once: one by one they were a tenth of a lookup."""
        for (consumer, felter), times in Counter(read).items():
            for felt in felter:
                self._fields(consumer, felt.json).inc(times)
