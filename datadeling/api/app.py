"""Wires one worker's application: calls, tokens, errors, metrics."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from time import sleep

from flask import Flask
from prometheus_client import CollectorRegistry

from datadeling.api import admin, health, pages, problems
from datadeling.api.graphql import view as graphql
from datadeling.api.headers import CommonHeaders
from datadeling.api.openapi.blueprint import Api
from datadeling.api.security.access import Access
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
_REFRESH = 1.0  # seconds
_now = partial(datetime.now, UTC)


def create_app(config: ApiConfig, *, connections: int, registry: CollectorRegistry | None = None) -> Flask:
    """Return an application that connects to the database in the background, and answers with or without it.

    Call it in the process that answers, after the fork. Without a `registry` the metrics go to
    prometheus-client's multiprocess directory.
    """
    pool = Pool(config.db_url, connections)
    metrics = ApiMetrics(registry)
    app = assemble(config, Lookups(pool), metrics)
    app.extensions[POOL] = pool
    pool.open()
    Thread(target=_refresh_pool_metrics, args=(pool, metrics), daemon=True).start()
    return app


def _refresh_pool_metrics(pool: Pool, metrics: ApiMetrics) -> None:
    while not pool.is_closed:
        for name, number in pool.state().items():
            metrics.pool[name].set(number)
        sleep(_REFRESH)


def assemble(
    config: ApiConfig,
    lookups: Lookups,
    metrics: ApiMetrics,
    now: Callable[[], datetime] = _now,
) -> Flask:
    """Return the application, connected to nothing. `now` returns an aware time."""
    app = Flask("datadeling", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.url_map.merge_slashes = False  # a redirect would repeat the address
    app.wsgi_app = CommonHeaders(app.wsgi_app)  # type: ignore[method-assign]
    problems.register(app)
    authenticator = Authenticator(config.entra, Keys(config.entra.jwks_uri), now)
    limit = RateLimit(config.calls_per_second, config.workers)
    access = Access(config.consumer_fields)
    install(app, Services(config, lookups, authenticator, access, limit, metrics, now))

    api = Api(app)
    for calls in (tiltaksstatus.blueprint, avtaler.blueprint, historikk.blueprint):
        api.register_blueprint(calls, url_prefix="/api/v1")
    api.register_blueprint(admin.blueprint, url_prefix="/api/v1/admin")
    app.register_blueprint(graphql.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(health.blueprint)
    return app
