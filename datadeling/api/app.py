"""One worker's application: wires the calls, tokens, errors, ids and metrics together."""

import math
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from flask import Flask, Response
from prometheus_client import CollectorRegistry

from datadeling.api import health, measured, pages, problems, responses
from datadeling.api.admin import blueprint as admin
from datadeling.api.graphql import blueprint as graphql
from datadeling.api.openapi.blueprint import Api
from datadeling.api.security import call_id, purpose
from datadeling.api.security.access import Access
from datadeling.api.security.keys import Keys
from datadeling.api.security.rate_limit import RateLimit
from datadeling.api.security.tokens import Authenticator
from datadeling.api.v1 import avtaler, historikk, tiltaksstatus
from datadeling.config import ApiConfig
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.metrics import ApiMetrics

POOL = "datadeling.pool"
"""Where the application keeps its `Pool`, in `extensions`: close it when the worker ends."""

_TELL_EVERY = 0.5  # seconds
_MAX_BODY = 64 * 1024  # bytes
_OSLO = ZoneInfo("Europe/Oslo")


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    config: ApiConfig,
    *,
    connections: int,
    registry: CollectorRegistry | None = None,
) -> Flask:
    """An application that begins to connect at once, and answers whether it can or not.

    Call it in the process that answers, after the fork. Without a `registry` the metrics go to
    prometheus-client's multiprocess directory.
    """
    pool = Pool(config.db_url, connections)
    metrics = ApiMetrics(registry)
    app = assemble(config, Lookups(pool), metrics)

    told = -math.inf

    @app.after_request
    def tell_pool(response: Response) -> Response:
        nonlocal told
        if time.monotonic() > told + _TELL_EVERY:  # each time would be 2 % of a lookup
            told = time.monotonic()
            for name, number in pool.state().items():
                metrics.pool[name].set(number)
        return response

    app.extensions[POOL] = pool
    pool.open()
    return app


def assemble(
    config: ApiConfig,
    lookups: Lookups,
    metrics: ApiMetrics,
    now: Callable[[], datetime] = _now,
) -> Flask:
    """The parts put together; connects to nothing. `now` gives an aware time."""
    app = Flask("datadeling", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY
    app.url_map.merge_slashes = False  # a redirect would repeat the address

    def today() -> date:
        return now().astimezone(_OSLO).date()

    limit = RateLimit(config.calls_per_second, config.workers)
    access = Access(config.consumer_fields)
    calls = [
        tiltaksstatus.blueprint(lookups, access, today),
        avtaler.blueprint(lookups, access),
        historikk.blueprint(lookups, access),
    ]
    responses.register(app)
    call_id.register(app)
    problems.register(app)

    api = Api(app)
    authenticate = Authenticator(config.entra, Keys(config.entra.jwks_uri), now)
    measure = measured.Measure(metrics)
    for blueprint in calls:
        measure.register(blueprint)
        blueprint.before_request(authenticate)
        blueprint.before_request(limit)
        blueprint.before_request(purpose.require_purpose)
        api.register_blueprint(blueprint, url_prefix="/api/v1")
    queries = graphql.blueprint(lookups, access)
    measure.register(queries)
    for before in (authenticate, limit, purpose.note_purpose):
        queries.before_request(before)
    app.register_blueprint(queries)
    app.register_blueprint(pages.blueprint())
    api.register_blueprint(admin.blueprint(config, authenticate), url_prefix="/api/v1/admin")
    app.register_blueprint(health.blueprint(lookups, metrics, config.consumer_port))
    return app
