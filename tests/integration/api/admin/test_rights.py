"""Access to the admin calls: the group of administrators, and no effect for anybody else."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask

from datadeling.db.database import Database
from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.pipeline.store import Store
from tests.hendelser import record
from tests.integration.api.admin.calls import (
    EVERY_CALL,
    GROUP,
    NAV_IDENT,
    OTHER_GROUP,
    Admin,
    machine,
    person,
)
from tests.integration.api.admin.conftest import Log, Serve
from tests.integration.storing import TOPIC, write
from tests.unit.api.issuer import CONSUMER, Issuer

Token = Callable[[Issuer], str | None]
_TABLES = ("replay_job", "replay_job_partition", "failed_message", "operator_log", "avtale")
_NOT_THESE = [
    pytest.param(machine, id="a machine that may look up"),
    pytest.param(lambda issuer: machine(issuer, groups=[OTHER_GROUP]), id="a machine of another group"),
    pytest.param(lambda issuer: person(issuer, groups=None), id="a person without groups"),
    pytest.param(lambda issuer: person(issuer, groups=[OTHER_GROUP]), id="a person of another group"),
    pytest.param(lambda issuer: person(issuer, groups=GROUP), id="groups that are no list"),
    pytest.param(lambda issuer: person(issuer, groups=[GROUP[:-1]]), id="a part of the group"),
    pytest.param(lambda issuer: person(issuer, groups=None, roles=[GROUP]), id="the group as a role"),
]


@pytest.fixture
def what_there_is(store: Store, jobs: Jobs) -> None:
    write(store, record(0, b"x", b"{"))
    jobs.add(Request(), OperatorAction("a test"), background=True)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, TOPIC)


def trace(connection: psycopg.Connection) -> list[list[tuple[Any, ...]]]:
    """Return the transaction that wrote each row."""
    return [
        connection.execute(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY ctid").fetchall()
        for table in _TABLES
    ]


def test_every_admin_call_is_tested(app: Flask) -> None:
    ours = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/admin")]
    assert len(ours) == len(EVERY_CALL)


@pytest.mark.usefixtures("what_there_is")
@pytest.mark.parametrize("token", _NOT_THESE)
def test_a_caller_outside_the_group_gets_403_without_effect(
    token: Token, app: Flask, issuer: Issuer, connection: psycopg.Connection
) -> None:
    before = trace(connection)
    stranger = Admin(app.test_client(), token(issuer))
    for method, path, body in EVERY_CALL:
        response = stranger.call(method, path, body)
        assert response.status_code == 403, path
        assert response.json is not None
        assert (response.json["kode"], response.json["mangler"]) == ("MANGLER_GRUPPE", GROUP)
        assert "roller" in response.json
        assert OTHER_GROUP not in response.text
    assert trace(connection) == before


@pytest.mark.usefixtures("what_there_is")
def test_without_a_token_it_is_401(app: Flask, connection: psycopg.Connection) -> None:
    before = trace(connection)
    for method, path, body in EVERY_CALL:
        assert Admin(app.test_client(), None).call(method, path, body).status_code == 401
    assert trace(connection) == before


def test_without_a_configured_group_every_call_is_403(serve: Serve, issuer: Issuer) -> None:
    app = serve(group=None)
    for token in (person(issuer), person(issuer, groups=[""]), person(issuer, groups=["None", None])):
        for method, path, body in EVERY_CALL:
            response = Admin(app.test_client(), token).call(method, path, body)
            assert response.json is not None
            assert (response.status_code, response.json["mangler"]) == (403, "ADMIN_GROUP")


def test_403_has_the_roles_of_the_caller(app: Flask, issuer: Issuer) -> None:
    problem = Admin(app.test_client(), machine(issuer)).get("consumer", 403)
    assert problem["roller"] == ["access_as_application"]
    assert "access_as_application" in problem["detail"]


@pytest.mark.parametrize(
    ("token", "who"),
    [
        pytest.param(person, NAV_IDENT, id="a person"),
        pytest.param(
            lambda issuer: machine(issuer, groups=[GROUP], roles=None),
            f"prod-gcp:team:consumer ({CONSUMER})",
            id="a machine without a role",
        ),
        pytest.param(
            lambda issuer: machine(issuer, groups=[GROUP], azp_name=None), CONSUMER, id="a nameless machine"
        ),
        pytest.param(
            lambda issuer: person(issuer, NAVident="15877512360"), "***********", id="a number of a person"
        ),
    ],
)
def test_the_record_has_the_user(
    token: Callable[[Issuer], str], who: str, app: Flask, issuer: Issuer, operator_log: Log
) -> None:
    Admin(app.test_client(), token(issuer)).post("replays", {"fromBeginning": True}, 202)
    assert operator_log() == [(who, "replay", "replay 1", None)]


@pytest.mark.usefixtures("what_there_is")
def test_a_change_is_rolled_back_with_its_record(admin: Admin, connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE operator_log ADD CONSTRAINT refused CHECK (false) NOT VALID")
    before = trace(connection)
    for method, path, body in EVERY_CALL:
        if method == "POST" or path.startswith("lookups"):
            assert admin.call(method, path, body).status_code == 503
    assert trace(connection) == before


def test_no_purpose_is_required(admin: Admin) -> None:
    assert admin.get("replays") == {"replays": []}


def test_without_a_topic_it_is_404(serve: Serve, issuer: Issuer) -> None:
    admin = Admin(serve(topic=None).test_client(), person(issuer))
    for method, path, body in EVERY_CALL:
        response = admin.call(method, path, body)
        assert response.json is not None
        if path.startswith("lookups"):
            assert response.status_code == 200  # of no topic
        else:
            assert (response.status_code, response.json["kode"]) == (404, "ADMIN_IKKE_SATT_OPP")
