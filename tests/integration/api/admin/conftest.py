"""The calls of administrators over a real database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from flask import Flask
from prometheus_client import CollectorRegistry

from datadeling.api.app import POOL, create_app
from datadeling.config import ApiConfig, EntraConfig
from datadeling.demo.process import free_port
from tests.integration.api.admin.calls import GROUP, Admin, person
from tests.integration.storing import PARK_LIMIT, TOPIC
from tests.unit.api.issuer import CLIENT_ID, ISSUER, Issuer

Serve = Callable[..., Flask]
Log = Callable[[], list[tuple[str, str, str, str | None]]]


@pytest.fixture
def consumer_port() -> int:
    """Nobody listens there, unless a test does."""
    return free_port()


@pytest.fixture
def serve(db_url: str, issuer: Issuer, consumer_port: int) -> Iterator[Serve]:
    """An application over the database of this test, with the topic that its messages are of."""
    with ExitStack() as stack:

        def serve(topic: str | None = TOPIC, group: str | None = GROUP) -> Flask:
            entra = EntraConfig(CLIENT_ID, ISSUER, issuer.uri, frozenset(), group)
            config = ApiConfig(
                db_url, entra, port=8080, consumer_port=consumer_port, topic=topic, park_limit=PARK_LIMIT
            )
            app = create_app(config, connections=1, registry=CollectorRegistry())
            stack.callback(app.extensions[POOL].close)
            return app

        yield serve


@pytest.fixture
def app(serve: Serve) -> Flask:
    return serve()


@pytest.fixture
def admin(app: Flask, issuer: Issuer) -> Admin:
    """An administrator at work."""
    return Admin(app.test_client(), person(issuer))


@pytest.fixture
def operator_log(connection: psycopg.Connection) -> Log:
    """Return the operator log: who, command, target and reason, in order."""

    def read() -> list[tuple[str, str, str, str | None]]:
        return connection.execute(
            "SELECT who, command, target, reason FROM operator_log ORDER BY id"
        ).fetchall()

    return read
