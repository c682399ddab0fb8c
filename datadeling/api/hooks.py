"""Before and after every lookup: token, rate limit and purpose; metrics.

Flask runs `admit_…` before the view, and `measure_lookup` after it, also when a call is refused.
"""

import time
from functools import lru_cache

from flask import Response, g, request
from prometheus_client import Counter, Histogram

from datadeling.api.security.access import Fields
from datadeling.api.security.context import optional_purpose, required_purpose, route
from datadeling.api.services import services
from datadeling.metrics import ApiMetrics


def admit_lookup() -> None:
    """Leave caller and purpose in `g`. Raise `Problem` 400, 401, 403, 429 or 503. For `before_request`."""
    _admit()
    g.behandlingsnummer = required_purpose()


def admit_query() -> None:
    """Do the same for GraphQL, where a purpose may be missing."""
    _admit()
    g.behandlingsnummer = optional_purpose()


def identify() -> None:
    """Leave the caller in `g`, whatever it may do. Raise `Problem` 401 or 503. For `before_request`."""
    g.caller = services().authenticator.caller(request.environ.get("HTTP_AUTHORIZATION", ""))


def _admit() -> None:
    g.started = time.perf_counter()
    parts = services()
    g.caller = caller = parts.authenticator.caller(request.environ.get("HTTP_AUTHORIZATION", ""))
    parts.authenticator.authorise(caller)
    if parts.config.calls_per_second:
        parts.rate_limit.check(caller.consumer)


def measure_lookup(response: Response) -> Response:
    """Count and time a lookup. Labels hold the client's id and names of fields. For `after_request`."""
    consumer = g.caller.consumer if "caller" in g else "unknown"
    seconds, counters = _series(
        services().metrics, consumer, route(), response.status_code, g.get("felter", ())
    )
    seconds.observe(time.perf_counter() - g.started)
    for counter in counters:
        counter.inc()
    return response


@lru_cache(maxsize=4_096)
def _series(
    metrics: ApiMetrics, consumer: str, endpoint: str, status: int, felter: Fields
) -> tuple[Histogram, list[Counter]]:
    """Return the series of a lookup. Finding them by their labels each time is a tenth of a lookup."""
    return metrics.lookup_seconds.labels(endpoint), [
        metrics.lookups.labels(consumer, endpoint, str(status)),
        *(metrics.lookup_fields.labels(consumer, felt.json) for felt in felter),
    ]
