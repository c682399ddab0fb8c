"""Before and after every lookup: token, rate limit and purpose; metrics; headers of every answer.

Flask runs `admit_…` before the view, and `measure_lookup` and `finish` after it, also when a call is refused.
"""

import time
from collections.abc import Mapping
from functools import lru_cache

from flask import Response, g, request
from prometheus_client import Counter

from datadeling.api.security.access import Fields
from datadeling.api.security.context import CALL_ID, optional_purpose, required_purpose, route
from datadeling.api.services import services
from datadeling.metrics import ApiMetrics

SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",  # answers hold personal data: nobody on the way keeps them
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""Headers for browsers and caches that every answer has, also an answer to what never became a request."""


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
    parts, endpoint = services(), route()
    consumer = g.caller.consumer if "caller" in g else "unknown"
    parts.metrics.lookups.labels(consumer, endpoint, str(response.status_code)).inc()
    parts.metrics.lookup_seconds.labels(endpoint).observe(time.perf_counter() - g.started)
    for counter in _field_counters(parts.metrics, consumer, g.get("felter", ())):
        counter.inc()
    if parts.pool is not None:
        for name, number in parts.pool.state().items():
            parts.metrics.pool[name].set(number)
    return response


@lru_cache(maxsize=4_096)
def _field_counters(metrics: ApiMetrics, consumer: str, felter: Fields) -> list[Counter]:
    """Return the counters of fields. Looking them up by their labels each time is a tenth of a lookup."""
    return [metrics.lookup_fields.labels(consumer, felt.json) for felt in felter]


def finish(response: Response) -> Response:
    """Add the call id, and the security headers that the answer has not set itself. For `after_request`."""
    own = dict(response.headers)
    response.headers.extend({name: value for name, value in SECURITY_HEADERS.items() if name not in own})
    response.headers[CALL_ID] = g.call_id
    return response
