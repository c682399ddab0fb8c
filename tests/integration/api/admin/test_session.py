"""Admin calls take few connections, and none for long."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from flask import Flask

from datadeling.api.admin.blueprint import open_database
from datadeling.api.problems import Problem
from tests.acceptance.processes import number
from tests.integration.api.admin.calls import Admin
from tests.waiting import wait_until

_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'datadeling admin'"


@pytest.fixture
def in_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.mark.usefixtures("in_app")
def test_a_third_call_at_once_is_refused() -> None:
    for _ in range(2):  # places are given back
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(open_database())
            with pytest.raises(Problem) as turned_away, open_database():
                pass
    assert (turned_away.value.status, turned_away.value.body["kode"]) == (503, "ADMIN_OPPTATT")
    assert ("Retry-After", "1") in turned_away.value.headers


@pytest.mark.usefixtures("in_app")
def test_a_place_is_given_back_when_the_call_fails() -> None:
    for _ in range(5):
        with pytest.raises(ValueError, match="x"), open_database():
            raise ValueError("x")
    with open_database():
        pass


def test_no_connection_is_left_behind(admin: Admin, connection: psycopg.Connection) -> None:
    for path, status in (("consumer", 200), ("replays/7", 404), ("failed-messages?limit=0", 400)):
        admin.get(path, status)
    # The server's end of it goes a moment after ours.
    wait_until(lambda: number(connection, _CONNECTIONS) == 0, "all connections are closed")


@pytest.mark.usefixtures("in_app")
def test_statements_have_time_limits() -> None:
    with open_database() as database, database.transaction() as tx:
        shown = [tx.connection.execute(f"SHOW {name}").fetchone() for name in _LIMITS]
    assert shown == [(limit,) for limit in _LIMITS.values()]


_LIMITS = {"lock_timeout": "2s", "transaction_timeout": "8s", "idle_in_transaction_session_timeout": "5s"}


def test_lookups_go_on_while_admin_calls_are_refused(app: Flask, admin: Admin) -> None:
    """Admin calls have connections of their own: here, one."""
    admin.get("consumer")
    assert app.test_client().get("/internal/health/readiness").status_code == 200
