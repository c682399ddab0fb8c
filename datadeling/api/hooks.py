"""Before and after every lookup: token, rate limit, purpose and audit context; metrics.

Flask runs `admit_…` before the view, and `measure_lookup` after it, also when a call is refused. Purposes are
numbers of NAV's Behandlingskatalog: `B` and three digits.
"""

import re
import time
from functools import lru_cache

from flask import Response, g, request
from prometheus_client import Counter, Histogram

from datadeling.api.headers import call_id
from datadeling.api.problems import Problem
from datadeling.api.security.access import Fields
from datadeling.api.services import services
from datadeling.domain.search import AuditContext
from datadeling.metrics import ApiMetrics

PURPOSE = "Behandlingsnummer"

_PURPOSES = re.compile(r"\s*B\d{3}\s*(,\s*B\d{3}\s*)*", re.ASCII | re.IGNORECASE)
_LONGEST_PURPOSES = 200  # characters


def admit_query() -> None:
    """Admit a query of GraphQL, where a purpose may be missing. For `before_request`."""
    admit_lookup(needs_purpose=False)


def identify() -> None:
    """Leave the caller in `g`, whatever it may do. Raise `Problem` 401 or 503. For `before_request`."""
    g.caller = services().authenticator.caller(request.environ.get("HTTP_AUTHORIZATION", ""))


def admit_lookup(*, needs_purpose: bool = True) -> None:
    """Leave caller and audit context in `g`, before a view. Raise `Problem` 400, 401, 403, 429 or 503."""
    g.started, g.route = time.perf_counter(), _route()
    parts, environ = services(), request.environ
    g.caller = caller = parts.authenticator.caller(environ.get("HTTP_AUTHORIZATION", ""))
    parts.authenticator.authorise(caller)
    if parts.config.calls_per_second:
        parts.rate_limit.check(caller.consumer)
    header = environ.get("HTTP_BEHANDLINGSNUMMER", "")
    purposes = _parse_purposes(header)
    if needs_purpose and not purposes:
        raise _no_purpose(header)
    g.audit = AuditContext(
        call_id(),
        caller.consumer,
        caller.name,
        caller.nav_ident,
        purposes,
        f"{environ['REQUEST_METHOD']} {g.route}",
    )


@lru_cache
def _parse_purposes(header: str) -> tuple[str, ...]:
    """Return purposes in upper case, each once, in their order; none when the header is no list of them."""
    if len(header) > _LONGEST_PURPOSES or not _PURPOSES.fullmatch(header):
        return ()
    return tuple(dict.fromkeys(number.strip().upper() for number in header.split(",")))


def _no_purpose(header: str) -> Problem:
    kode, fault = ("UGYLDIG", "må være") if header.strip() else ("MANGLER", "mangler:")
    detail = f"Headeren Behandlingsnummer {fault} B og tre siffer, flere med komma mellom."
    return Problem(400, kode=f"{kode}_BEHANDLINGSNUMMER", detail=detail)


def _route() -> str:
    """Return the route of the call at hand as OpenAPI writes it, never its address."""
    rule = request.url_rule
    return rule.rule.replace("<", "{").replace(">", "}") if rule else ""


def measure_lookup(response: Response) -> Response:
    """Count and time a lookup. Labels hold the client's id and names of fields. For `after_request`."""
    consumer = g.caller.consumer if "caller" in g else "unknown"
    seconds, counters = _series(
        services().metrics, consumer, g.route, response.status_code, g.get("felter", ())
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
