"""The audit record of a lookup, and the calls that leave one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry
from psycopg.rows import class_row
from werkzeug.test import TestResponse

from datadeling.api.app import POOL, create_app
from datadeling.config import ApiConfig, EntraConfig
from datadeling.demo.process import free_port
from tests.integration.api.rows import FNR, OTHER_FNR, avtale_id, insert, row
from tests.unit.api.issuer import CLIENT_ID, CONSUMER, ISSUER, OBO_CONSUMER, Issuer

THIRD_FNR = "15877512522"
_SEARCH, _BY_NUMBER = "POST /api/v1/avtaler/sok", "GET /api/v1/avtaler"
_NEVER = 4_102_444_800  # 2100-01-01
OBO: dict[str, Any] = {
    "idtyp": None, "roles": None, "azp": OBO_CONSUMER, "NAVident": "Z999999", "scp": "user"
}  # fmt: skip


class Record(NamedTuple):
    call_id: str
    consumer: str
    consumer_name: str | None
    nav_ident: str | None
    behandlingsnummer: list[str]
    endpoint: str
    criteria: list[str]
    felter: list[str]
    personer: list[str]
    hits: int


@pytest.fixture
def config(db_url: str, issuer: Issuer) -> ApiConfig:
    entra = EntraConfig(CLIENT_ID, ISSUER, issuer.uri, frozenset({OBO_CONSUMER}))
    return ApiConfig(db_url, entra, port=8080, consumer_port=free_port())


@contextmanager
def running(config: ApiConfig) -> Iterator[FlaskClient]:
    app = create_app(config, connections=1, registry=CollectorRegistry())
    try:
        yield app.test_client()
    finally:
        app.extensions[POOL].close()


@pytest.fixture
def client(config: ApiConfig) -> Iterator[FlaskClient]:
    """Create a client without a token."""
    with running(config) as client:
        yield client


@pytest.fixture
def headers(issuer: Issuer) -> dict[str, str]:
    return headers_for(issuer)


@pytest.fixture(autouse=True)
def rows(connection: psycopg.Connection) -> None:
    """Insert two avtaler of one person, one of another and one of nobody, all with one employer."""
    insert(
        connection,
        [row(1), row(2, start_dato=None), row(3, deltaker_fnr=OTHER_FNR), row(4, deltaker_fnr=None)],
    )


def headers_for(issuer: Issuer, purpose: str | None = "B123", **claims: Any) -> dict[str, str]:
    token = issuer.token(0, **{"exp": _NEVER, **claims})
    headers = {"Authorization": f"Bearer {token}", "Nav-Call-Id": "call-1"}
    return headers if purpose is None else {**headers, "Behandlingsnummer": purpose}


def records(connection: psycopg.Connection) -> list[Record]:
    with connection.cursor(row_factory=class_row(Record)) as cursor:
        names = ", ".join(Record._fields)
        return cursor.execute(f"SELECT {names} FROM lookup_log ORDER BY tidspunkt").fetchall()


def record(connection: psycopg.Connection) -> Record:
    (found,) = records(connection)
    return found


def call(client: FlaskClient, path: str, body: object, headers: dict[str, str]) -> TestResponse:
    method = "GET" if body is None else "POST"
    return client.open(f"/api/v1/{path}", method=method, json=body, headers=headers)


def test_a_record_has_the_consumer_the_purpose_and_the_fields(
    client: FlaskClient, connection: psycopg.Connection, headers: dict[str, str]
) -> None:
    body = {"identer": [FNR, OTHER_FNR], "felter": ["startDato", "avtaleId"], "dato": "2026-02-01"}
    assert call(client, "tiltaksstatus", body, headers).status_code == 200
    assert record(connection) == Record(
        call_id="call-1",
        consumer=CONSUMER,
        consumer_name="prod-gcp:team:consumer",
        nav_ident=None,
        behandlingsnummer=["B123"],
        endpoint="POST /api/v1/tiltaksstatus",
        criteria=["identer"],
        felter=["avtaleId", "startDato"],
        personer=[FNR, OTHER_FNR],
        hits=2,
    )
    ((age,),) = connection.execute("SELECT clock_timestamp() - tidspunkt FROM lookup_log").fetchall()
    assert timedelta(0) < age < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("path", "body", "endpoint", "criteria", "about"),
    [
        pytest.param(
            "tiltaksstatus/bolk",
            {"personer": [{"fnr": FNR}, {"fnr": "x"}, {"identer": [OTHER_FNR, THIRD_FNR]}, {"fnr": FNR}]},
            "POST /api/v1/tiltaksstatus/bolk",
            ["identer"],
            ([FNR, OTHER_FNR, THIRD_FNR], 3),
            id="bolk: the valid persons of the request, each once",
        ),
        pytest.param("avtaler/sok", {"fnr": FNR}, _SEARCH, ["identer"], ([FNR], 2), id="person"),
        pytest.param("avtaler/sok", {"fnr": THIRD_FNR}, _SEARCH, ["identer"], ([THIRD_FNR], 0), id="no hits"),
        pytest.param(
            "avtaler/sok",
            {"bedriftNr": "999999999", "avtaleStatus": "GJENNOMFØRES"},
            _SEARCH,
            ["bedrift_nr", "avtale_status"],
            ([FNR, OTHER_FNR], 4),
            id="employer: the persons of the response",
        ),
        pytest.param(
            "avtaler/sok",
            {"bedriftNr": "999999999", "antall": 2, "felter": ["avtaleId"]},
            _SEARCH,
            ["bedrift_nr"],
            ([OTHER_FNR], 2),
            id="a page: its persons, also without their numbers in the response",
        ),
        pytest.param(
            f"avtaler/{avtale_id(3)}",
            None,
            "GET /api/v1/avtaler/{avtaleId}",
            ["avtale_id"],
            ([OTHER_FNR], 1),
            id="avtaleId",
        ),
        pytest.param("avtaler?avtaleNr=1", None, _BY_NUMBER, ["avtale_nr"], ([FNR], 1), id="avtaleNr"),
    ],
)
def test_a_record_has_the_criteria_and_the_persons(
    path: str,
    body: object,
    endpoint: str,
    criteria: list[str],
    about: tuple[list[str], int],
    client: FlaskClient,
    connection: psycopg.Connection,
    headers: dict[str, str],
) -> None:
    assert call(client, path, body, headers).status_code == 200
    found = record(connection)
    assert (found.endpoint, found.criteria) == (endpoint, criteria)
    assert (sorted(found.personer), found.hits) == about


@pytest.mark.parametrize("path", [f"avtaler/{avtale_id(9)}", "avtaler?avtaleNr=9"])
def test_an_unknown_avtale_is_recorded_without_hits(
    path: str, client: FlaskClient, connection: psycopg.Connection, headers: dict[str, str]
) -> None:
    assert call(client, path, None, headers).status_code == 404
    found = record(connection)
    assert (found.hits, found.personer) == (0, [])


def test_every_call_is_recorded_once(
    client: FlaskClient, connection: psycopg.Connection, headers: dict[str, str]
) -> None:
    for number in range(3):
        call(client, "avtaler/sok", {"fnr": FNR}, {**headers, "Nav-Call-Id": f"call-{number}"})
    assert [each.call_id for each in records(connection)] == ["call-0", "call-1", "call-2"]


def test_the_record_has_the_call_id_of_the_response(
    client: FlaskClient, connection: psycopg.Connection, headers: dict[str, str]
) -> None:
    response = call(client, "avtaler/sok", {"fnr": FNR}, {**headers, "Nav-Call-Id": f"no id {FNR}"})
    assert record(connection).call_id == response.headers["Nav-Call-Id"]
    assert FNR not in record(connection).call_id


@pytest.mark.parametrize(("sent", "recorded"), [("b123", ["B123"]), (" B123 ,\tb007,B123", ["B123", "B007"])])
def test_purposes_are_recorded_in_their_standard_form(
    sent: str, recorded: list[str], client: FlaskClient, connection: psycopg.Connection, issuer: Issuer
) -> None:
    call(client, "avtaler/sok", {"fnr": FNR}, headers_for(issuer, sent))
    assert record(connection).behandlingsnummer == recorded


def test_the_user_is_recorded(client: FlaskClient, connection: psycopg.Connection, issuer: Issuer) -> None:
    call(client, "avtaler/sok", {"fnr": FNR}, headers_for(issuer, **OBO))
    found = record(connection)
    assert (found.consumer, found.nav_ident) == (OBO_CONSUMER, "Z999999")


@pytest.mark.parametrize(
    ("claims", "mangler"),
    [
        pytest.param({**OBO, "azp": CONSUMER, "azp_name": OBO_CONSUMER}, "godkjenning av klienten", id="obo"),
        pytest.param(
            {**OBO, "azp": CONSUMER, "azp_name": OBO_CONSUMER, "roles": ["access_as_application", "bulk"]},
            "godkjenning av klienten",
            id="obo with roles",
        ),
        pytest.param({"azp_name": OBO_CONSUMER, "roles": []}, "access_as_application", id="machine"),
    ],
)
def test_rights_depend_on_the_client_id_and_not_on_its_name(
    claims: dict[str, Any],
    mangler: str,
    client: FlaskClient,
    connection: psycopg.Connection,
    issuer: Issuer,
) -> None:
    response = call(client, "avtaler/sok", {"fnr": FNR}, headers_for(issuer, **claims))
    assert response.status_code == 403
    assert response.json is not None
    assert response.json["mangler"] == mangler
    assert records(connection) == []


def test_consumers_of_one_name_are_distinguished_by_their_ids(
    config: ApiConfig, connection: psycopg.Connection, issuer: Issuer
) -> None:
    """The fields that a consumer may read depend on its id, too."""
    narrow = replace(config, consumer_fields={CONSUMER: frozenset({"avtaleId"})})
    other = "44444444-dddd-4ddd-8ddd-444444444444"
    with running(narrow) as client:
        for azp in (CONSUMER, other):
            call(client, "avtaler/sok", {"fnr": FNR}, headers_for(issuer, azp=azp))
    first, second = records(connection)
    assert (first.consumer, second.consumer) == (CONSUMER, other)
    assert first.consumer_name == second.consumer_name
    assert first.felter == ["avtaleId"]
    assert len(second.felter) > 1


@pytest.mark.parametrize(
    ("status", "path", "body", "claims", "purpose"),
    [
        pytest.param(400, "avtaler/sok", {"fnr": "1"}, {}, "B123", id="no person"),
        pytest.param(400, "avtaler/sok", {"fnr": FNR, "x": 1}, {}, "B123", id="unknown property"),
        pytest.param(400, "avtaler/sok", {}, {}, "B123", id="no criterion"),
        pytest.param(400, "avtaler/sok", {"fnr": FNR, "felter": ["x"]}, {}, "B123", id="unknown field"),
        pytest.param(400, "avtaler/sok", {"fnr": FNR}, {}, None, id="no purpose"),
        pytest.param(400, "avtaler/sok", {"fnr": FNR}, {}, "B12", id="bad purpose"),
        pytest.param(401, "avtaler/sok", {"fnr": FNR}, {"exp": 1}, "B123", id="expired token"),
        pytest.param(401, "avtaler/sok", {"fnr": FNR}, {"azp": None}, "B123", id="token of nobody"),
        pytest.param(403, "avtaler/sok", {"fnr": FNR}, {"roles": []}, "B123", id="no role"),
        pytest.param(403, "avtaler/sok", {"tiltakstype": "VTAO"}, {}, "B123", id="not for bulk"),
        pytest.param(403, "avtaler/sok", {"fnr": FNR}, {**OBO, "azp": CONSUMER}, "B123", id="obo"),
        pytest.param(405, "tiltaksstatus", None, {}, "B123", id="method"),
        pytest.param(404, "nothing", None, {}, "B123", id="no such call"),
    ],
)
def test_a_refused_call_is_not_recorded(
    status: int,
    path: str,
    body: object,
    claims: dict[str, Any],
    purpose: str | None,
    client: FlaskClient,
    connection: psycopg.Connection,
    issuer: Issuer,
) -> None:
    assert call(client, path, body, headers_for(issuer, purpose, **claims)).status_code == status
    assert records(connection) == []


def test_a_call_for_a_forbidden_field_is_not_recorded(
    config: ApiConfig, connection: psycopg.Connection, headers: dict[str, str]
) -> None:
    narrow = replace(config, consumer_fields={CONSUMER: frozenset({"avtaleId"})})
    with running(narrow) as client:
        response = call(client, "avtaler/sok", {"fnr": FNR, "felter": ["bedriftNr"]}, headers)
    assert response.status_code == 403
    assert records(connection) == []
