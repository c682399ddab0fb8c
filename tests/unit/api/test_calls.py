"""The arguments of a lookup, and its result as the response."""

from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient

from datadeling.api.v1.avtale import TILTAK
from tests.unit.api.conftest import Clock, FakeLookups, names
from tests.unit.api.issuer import Issuer

_FNR = "15877512360"
_ID = "5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42"


def test_the_requested_day_is_looked_up(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR, "dato": "2026-03-01"}, headers=token)
    assert lookups.calls == [([_FNR], date(2026, 3, 1), names(TILTAK), None)]


@pytest.mark.parametrize("body", [{"fnr": _FNR}, {"fnr": _FNR, "dato": None}], ids=["missing", "null"])
@pytest.mark.parametrize(
    ("now", "today"),
    [
        pytest.param(
            datetime(2026, 7, 1, 21, 59, tzinfo=UTC), date(2026, 7, 1), id="summer, before midnight"
        ),
        pytest.param(datetime(2026, 7, 1, 22, 0, tzinfo=UTC), date(2026, 7, 2), id="summer, midnight"),
        pytest.param(
            datetime(2026, 1, 1, 22, 59, tzinfo=UTC), date(2026, 1, 1), id="winter, before midnight"
        ),
        pytest.param(datetime(2026, 1, 1, 23, 0, tzinfo=UTC), date(2026, 1, 2), id="winter, midnight"),
    ],
)
def test_without_a_day_it_is_today_in_oslo(
    body: dict[str, str],
    now: datetime,
    today: date,
    client: FlaskClient,
    clock: Clock,
    issuer: Issuer,
    lookups: FakeLookups,
) -> None:
    clock.now = now
    headers = {"Authorization": f"Bearer {issuer.token(now.timestamp())}", "Behandlingsnummer": "B123"}
    client.post("/api/v1/tiltaksstatus", json=body, headers=headers)
    assert lookups.calls == [([_FNR], today, names(TILTAK), None)]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/api/v1/tiltaksstatus", {"fnr": _FNR}, id="tiltaksstatus"),
        pytest.param("POST", "/api/v1/avtaler/sok", {"fnr": _FNR}, id="sok"),
        pytest.param("GET", f"/api/v1/avtaler/{_ID}", None, id="one avtale"),
    ],
)
def test_the_result_is_sent_as_it_is(
    method: str,
    path: str,
    body: object,
    client: FlaskClient,
    token: dict[str, str],
    lookups: FakeLookups,
) -> None:
    lookups.answer = '{"avtaleStatus" : "GJENNOMFØRES"}'
    response = client.open(path, method=method, json=body, headers=token)
    assert response.status_code == 200
    assert response.data == lookups.answer.encode()
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
