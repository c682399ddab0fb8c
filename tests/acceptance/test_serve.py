"""Both processes together: lookups of an event, refused tokens and requests, readiness."""

import json
from datetime import UTC, datetime, timedelta

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from prometheus_client.parser import text_string_to_metric_families

from datadeling.demo.issuer import TokenIssuer
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.operating import Produce
from tests.acceptance.processes import Answer, call
from tests.hendelser import FNR, avtale_id, melding
from tests.waiting import wait_until

BODY = {"fnr": FNR, "dato": "2022-03-01"}


def look_up(
    api: Setting, token: str | None, body: dict[str, str] = BODY, path: str = "tiltaksstatus"
) -> Answer:
    headers = {"Behandlingsnummer": "B123"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return call(f"{api.url}/api/v1/{path}", body=json.dumps(body).encode(), headers=headers)


def test_an_event_is_found_by_lookups(
    run: Run, consumer: Setting, api: Setting, issuer: TokenIssuer, produce: Produce
) -> None:
    run(consumer.env, "consume")
    serve = run(api.env, "serve")
    serve.answers(f"{api.url}/internal/health/readiness")
    token = issuer.token(CLIENT_ID)
    assert json.loads(look_up(api, token).body)["paaTiltak"] is False

    produce([melding(1), melding(2, partition=1, avtaleStatus="ANNULLERT")])
    wait_until(lambda: json.loads(look_up(api, token).body)["paaTiltak"], "the person is on a tiltak")
    answer = look_up(api, token)
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "paaTiltak": True,
        "antall": 1,
        "naavaerende": [
            {
                "avtaleId": avtale_id(1),
                "avtaleNr": 1,
                "tiltakstype": "ARBEIDSTRENING",
                "startDato": "2022-02-01",
                "sluttDato": "2022-08-01",
                "varighetDager": 182,
                "stillingprosent": 50.5,
                "antallDagerPerUke": 3,
                "bedriftNr": "999999999",
            }
        ],
        "kommende": [],
        "tidligere": [],
    }
    found = json.loads(look_up(api, token, {"fnr": FNR}, "avtaler/sok").body)["avtaler"]
    assert {avtale["avtaleId"] for avtale in found} == {avtale_id(1), avtale_id(2)}
    one = call(
        f"{api.url}/api/v1/avtaler/{avtale_id(1)}",
        headers={"Authorization": f"Bearer {token}", "Behandlingsnummer": "B123"},
    )
    assert json.loads(one.body)["avtaleInngaatt"] == "2022-01-20T12:00:00.123456+01:00"

    page = call(f"{api.url}/internal/prometheus").body
    families = [family.name for family in text_string_to_metric_families(page)]
    assert len(families) == len(set(families))
    assert {"datadeling_events", "datadeling_lookups"} <= set(families)
    assert FNR not in page
    assert serve.terminate(timeout=10) == 0
    assert FNR not in serve.output


def bad_tokens(issuer: TokenIssuer) -> dict[str, str | None]:
    """Return tokens that are refused, by their fault."""
    now = datetime.now(UTC)
    claims = {
        "iss": issuer.issuer,
        "aud": CLIENT_ID,
        "nbf": now,
        "iat": now,
        "exp": now + timedelta(hours=1),
        "roles": ["access_as_application"],
        "idtyp": "app",
    }
    kid = jwt.get_unverified_header(issuer.token(CLIENT_ID))["kid"]
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "missing": None,
        "garbage": "a.b.c",
        "expired": issuer.token(CLIENT_ID, lifetime_s=-3_600),
        "signed by another key": jwt.encode(claims, stranger, "RS256", {"kid": kid}),
        "signed by an unknown key": jwt.encode(claims, stranger, "RS256", {"kid": "unknown"}),
        "for another audience": issuer.token("somebody-else"),
        "alg none": jwt.encode(claims, "", "none", {"kid": kid}),
    }


def test_invalid_tokens_are_refused(run: Run, api: Setting, issuer: TokenIssuer) -> None:
    run(api.env, "serve").answers(f"{api.url}/internal/health/readiness")
    for what, token in bad_tokens(issuer).items():
        answer = look_up(api, token)
        assert (answer.status, answer.headers["Content-Type"]) == (401, "application/problem+json"), what
    without_role = look_up(api, issuer.token(CLIENT_ID, roles=()))
    assert without_role.status == 403
    assert json.loads(without_role.body)["kode"] == "MANGLER_ROLLE"
    assert look_up(api, issuer.token(CLIENT_ID)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"fnr": "0189010015"}, id="ten digits"),
        pytest.param({"fnr": FNR, "hemmelig01890100150": "x"}, id="unknown property"),
        pytest.param({"fnr": FNR, "dato": "hemmelig"}, id="no date"),
        pytest.param({}, id="nobody"),
    ],
)
def test_a_bad_request_is_400_without_its_values(
    run: Run, api: Setting, issuer: TokenIssuer, body: dict[str, str]
) -> None:
    serve = run(api.env, "serve")
    serve.answers(f"{api.url}/internal/health/readiness")
    answer = look_up(api, issuer.token(CLIENT_ID), body)
    assert answer.status == 400
    assert "hemmelig" not in answer.body + serve.output
    assert "0189010015" not in answer.body + serve.output


def test_it_is_not_ready_before_the_migrations(run: Run, api: Setting, empty_db_url: str) -> None:
    env = {**api.env, "DB_URL": empty_db_url}
    serve = run(env, "serve")
    serve.answers(f"{api.url}/internal/health/liveness")
    serve.answers(f"{api.url}/internal/health/readiness", 503)
    assert run(env, "migrate").process.wait(30) == 0
    serve.answers(f"{api.url}/internal/health/readiness")


def test_a_port_in_use_is_one_line_and_exit_code_2(run: Run, api: Setting) -> None:
    run(api.env, "serve").answers(f"{api.url}/internal/health/liveness")
    second = run(api.env, "serve")
    assert second.process.wait(30) == 2
    assert second.output.strip().splitlines()[-1].startswith("datadeling: PORT")


def test_a_broken_connection_is_replaced(
    run: Run, api: Setting, issuer: TokenIssuer, connection: psycopg.Connection
) -> None:
    run(api.env, "serve").answers(f"{api.url}/internal/health/readiness")
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'datadeling serve'"
    )
    token = issuer.token(CLIENT_ID)
    wait_until(lambda: look_up(api, token).status == 200, "lookups are answered again")
