"""The API while the database is not there, and when it comes."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from datadeling.db.migrate import migrate
from tests.integration.api.conftest import Api
from tests.integration.api.rows import FNR
from tests.relay import Relay

_ATTEMPTS = 60  # each blocks for up to a second while there is nothing


def _until(status: int, ask: Callable[[], int]) -> bool:
    return any(ask() == status for _ in range(_ATTEMPTS))


def test_it_starts_without_a_database_and_comes_and_goes_with_it(api: Api, db_url: str) -> None:
    with Relay.to(db_url) as relay, api(relay.way_to(db_url)) as client:
        _expect_down(client)
        for _ in range(2):
            relay.start()
            assert _until(200, lambda: client.get("/internal/health/readiness").status_code)
            assert client.post("/api/v1/avtaler/sok", json={"fnr": FNR}).status_code == 200
            relay.stop()
            _expect_down(client)


def test_it_is_ready_once_the_schema_is(api: Api, empty_db_url: str) -> None:
    with api(empty_db_url) as client:
        response = client.get("/internal/health/readiness")
        assert response.status_code == 503
        assert response.json == {"status": "DOWN", "faults": ["database: the schema lacks migrations"]}
        migrate(empty_db_url)
        assert client.get("/internal/health/readiness").json == {"status": "UP"}


@pytest.mark.parametrize("path", ["/api/v1/tiltaksstatus", "/api/v1/avtaler/sok"])
def test_a_lookup_without_the_schema_is_503(path: str, api: Api, empty_db_url: str) -> None:
    with api(empty_db_url) as client:
        assert client.post(path, json={"fnr": FNR}).status_code == 503


def _expect_down(client: FlaskClient) -> None:
    assert client.get("/internal/health/liveness").status_code == 200
    ready = client.get("/internal/health/readiness")
    assert (ready.status_code, ready.json) == (503, {"status": "DOWN", "faults": ["database: no connection"]})
    response = client.post("/api/v1/avtaler/sok", json={"fnr": FNR})
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["kode"] == "DATABASE_UTILGJENGELIG"
    assert response.headers["Retry-After"] == "1"
