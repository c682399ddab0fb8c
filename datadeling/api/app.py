"""Wires one worker's application: calls, tokens, errors, metrics."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from flask import Flask
from prometheus_client import CollectorRegistry

from datadeling.api import admin, health, hooks, pages, problems
from datadeling.api.graphql import view as graphql
from datadeling.api.openapi.blueprint import Api
from datadeling.api.security.access import Access
from datadeling.api.security.context import set_call_id
from datadeling.api.security.rate_limit import RateLimit
from datadeling.api.security.tokens import Authenticator, Keys
from datadeling.api.services import Services, install
from datadeling.api.v1 import avtaler, historikk, tiltaksstatus
from datadeling.config import ApiConfig
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.metrics import ApiMetrics

POOL = "datadeling.pool"
"""The name of the application's `Pool` in `extensions`. Close it when the worker ends."""

_LARGEST_BODY = 64 * 1024  # bytes
_now = partial(datetime.now, UTC)


def create_app(config: ApiConfig, *, connections: int, registry: CollectorRegistry | None = None) -> Flask:
    """Return an application that connects to the database in the background, and answers with or without it.

    Call it in the process that answers, after the fork. Without a `registry` the metrics go to
    prometheus-client's multiprocess directory.
    """
    pool = Pool(config.db_url, connections)
    app = assemble(config, Lookups(pool), ApiMetrics(registry), pool=pool)
    app.extensions[POOL] = pool
    pool.open()
    return app


def assemble(
    config: ApiConfig,
    lookups: Lookups,
    metrics: ApiMetrics,
    now: Callable[[], datetime] = _now,
    pool: Pool | None = None,
) -> Flask:
    """Return the application, connected to nothing. `now` returns an aware time."""
    app = Flask("datadeling", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.url_map.merge_slashes = False  # a redirect would repeat the address
    app.before_request(set_call_id)
    app.after_request(hooks.finish)
    problems.register(app)
    authenticator = Authenticator(config.entra, Keys(config.entra.jwks_uri), now)
    limit = RateLimit(config.calls_per_second, config.workers)
    access = Access(config.consumer_fields)
    install(app, Services(config, lookups, authenticator, access, limit, metrics, now, pool))

    api = Api(app)
    for calls in (tiltaksstatus.blueprint, avtaler.blueprint, historikk.blueprint):
        api.register_blueprint(calls, url_prefix="/api/v1")
    api.register_blueprint(admin.blueprint, url_prefix="/api/v1/admin")
    app.register_blueprint(graphql.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(health.blueprint)
    return app
