"""Requests of administrators are checked before anything is done."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from datadeling.api.app import assemble
from datadeling.config import ApiConfig, EntraConfig
from datadeling.metrics import ApiMetrics
from tests.unit.api.conftest import NOW, FakeLookups
from tests.unit.api.issuer import CLIENT_ID, ISSUER, serving

_ADMIN = "/api/v1/admin"
_GROUP = "55555555-dddd-4ddd-8ddd-555555555555"
_ID = "5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42"
_ALL = {"fromBeginning": True}
_ONE_BEGINNING = "oppgi høyst én av fromBeginning, fromOffsets og fromTime"
_NO_BEGINNING = "oppgi fromBeginning, fromOffsets, fromTime eller avtaleId"
_NO_OFFSETS = "må være et objekt med en offset for hver partisjon"
_NO_RATE = "må være et heltall fra 1 til 1000000"
_NO_REASON = "må være en tekst på 1–500 tegn"
_NO_TIME = "må være et tidspunkt med sone, ISO 8601"
_NO_COUNT = "må være et heltall fra 1 til 1000"


@pytest.fixture(scope="module")
def client() -> Any:
    """An administrator's; there is no database, so whatever is let through is answered with 503."""
    with serving() as issuer:
        entra = EntraConfig(CLIENT_ID, ISSUER, issuer.uri, frozenset(), _GROUP)
        config = ApiConfig("postgresql://127.0.0.1:1/nothing", entra, 8080, 8081, topic="avtaler")
        app: Flask = assemble(config, FakeLookups(), ApiMetrics(CollectorRegistry()), lambda: NOW)
        client = app.test_client()
        token = issuer.token(NOW.timestamp(), groups=[_GROUP])
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        yield client


@pytest.mark.parametrize(
    ("body", "felt", "melding"),
    [
        pytest.param({}, None, _NO_BEGINNING, id="nothing"),
        pytest.param({"fromBeginning": False}, None, _NO_BEGINNING, id="not from the beginning"),
        pytest.param({"toTime": "2026-01-01T00:00Z"}, None, _NO_BEGINNING, id="only an end"),
        pytest.param({**_ALL, "fromOffsets": {"0": 1}}, None, _ONE_BEGINNING, id="two beginnings"),
        pytest.param(
            {"fromOffsets": {"0": 1}, "fromTime": "2026-01-01T00:00Z"}, None, _ONE_BEGINNING, id="two others"
        ),
        pytest.param({**_ALL, "avtale": _ID}, None, "ukjent egenskap", id="unknown property"),
        pytest.param({**_ALL, "from_time": "2026-01-01T00:00Z"}, None, "ukjent egenskap", id="another style"),
        pytest.param({"fromBeginning": "ja"}, "fromBeginning", "må være true eller false", id="no boolean"),
        pytest.param({"fromBeginning": 1}, "fromBeginning", "må være true eller false", id="one"),
        pytest.param({"fromOffsets": {}}, "fromOffsets", _NO_OFFSETS, id="no offsets"),
        pytest.param({"fromOffsets": [1]}, "fromOffsets", _NO_OFFSETS, id="a list of offsets"),
        pytest.param({"fromOffsets": {"x": 1}}, "fromOffsets", _NO_OFFSETS, id="no partition"),
        pytest.param({"fromOffsets": {"٣": 1}}, "fromOffsets", _NO_OFFSETS, id="an Arabic partition"),
        pytest.param({"fromOffsets": {"00": 1}}, "fromOffsets", _NO_OFFSETS, id="a partition twice"),
        pytest.param({"fromOffsets": {"0": -1}}, "fromOffsets", _NO_OFFSETS, id="offset below 0"),
        pytest.param({"fromOffsets": {"0": True}}, "fromOffsets", _NO_OFFSETS, id="offset is a boolean"),
        pytest.param({"fromOffsets": {"0": "1"}}, "fromOffsets", _NO_OFFSETS, id="offset is a text"),
        pytest.param({"fromOffsets": {"0": 1.5}}, "fromOffsets", _NO_OFFSETS, id="half an offset"),
        pytest.param({"fromOffsets": {"0": 2**63}}, "fromOffsets", _NO_OFFSETS, id="offset too great"),
        pytest.param({**_ALL, "toOffsets": None}, "toOffsets", "kan ikke være null", id="null"),
        pytest.param(
            {"fromTime": "2026-01-01T00:00"},
            "fromTime",
            "må være et tidspunkt med sone, ISO 8601",
            id="no zone",
        ),
        pytest.param({"avtaleId": "x"}, "avtaleId", "må være en UUID", id="no avtale"),
        pytest.param({"avtaleId": _ID + "\n"}, "avtaleId", "må være en UUID", id="a line break after it"),
        pytest.param({**_ALL, "rate": 0}, "rate", _NO_RATE, id="no rate"),
        pytest.param({**_ALL, "rate": 1.5}, "rate", _NO_RATE, id="a rate with decimals"),
        pytest.param({**_ALL, "rate": 10**9}, "rate", _NO_RATE, id="too fast"),
        pytest.param({**_ALL, "begrunnelse": ""}, "begrunnelse", _NO_REASON, id="no reason"),
        pytest.param({**_ALL, "begrunnelse": "  "}, "begrunnelse", _NO_REASON, id="a reason of blanks"),
        pytest.param({**_ALL, "begrunnelse": "x" * 501}, "begrunnelse", _NO_REASON, id="a long reason"),
        pytest.param({**_ALL, "begrunnelse": "a\0"}, "begrunnelse", "må være en tekst", id="NUL"),
    ],
)
def test_an_invalid_replay_request_is_400(
    body: object, felt: str | None, melding: str, client: FlaskClient
) -> None:
    response = client.post(f"{_ADMIN}/replays", json=body)
    assert response.status_code == 400
    assert response.json is not None
    assert response.json["feil"] == [{"felt": felt, "melding": melding}]


@pytest.mark.parametrize(
    ("method", "path", "body", "felt", "melding"),
    [
        pytest.param("GET", "replays?limit=0", None, "limit", _NO_COUNT, id="limit 0"),
        pytest.param("GET", "replays?limit=1001", None, "limit", _NO_COUNT, id="limit too great"),
        pytest.param("GET", "replays?state=done", None, None, "ukjent egenskap", id="unknown parameter"),
        pytest.param("GET", "replays/x", None, "id", "må være et heltall", id="no id"),
        pytest.param("GET", "replays/0", None, "id", "må være et heltall", id="id 0"),
        pytest.param("GET", f"replays/{'9' * 19}", None, "id", "må være et heltall", id="id too great"),
        pytest.param("GET", "replays/1?x=1", None, None, "ukjent egenskap", id="no parameters here"),
        pytest.param("POST", "replays/1/cancel?x=1", {}, None, "ukjent egenskap", id="nor here"),
        pytest.param("POST", "replays/1/cancel", {"x": 1}, None, "ukjent egenskap", id="no such property"),
        pytest.param("POST", "replays?x=1", _ALL, None, "ukjent egenskap", id="a parameter beside a body"),
        pytest.param("GET", "consumer?x=1", None, None, "ukjent egenskap", id="none of the consumer"),
        pytest.param(
            "GET", "failed-messages?state=NEW", None, "state",
            "må være new, resolved, superseded eller discarded", id="no state",
        ),
        pytest.param("GET", "failed-messages?reason=", None, "reason", "ugyldig verdi", id="no reason code"),
        pytest.param("GET", "failed-messages?reason=%00", None, "reason", "må være en tekst", id="NUL"),
        pytest.param(
            "GET", "failed-messages/1:2", None, "id", "må være generasjon:partisjon:offset", id="no place"
        ),
        pytest.param(
            "POST", "failed-messages/-1:0:0/retry", {}, "id", "må være generasjon:partisjon:offset",
            id="a place below 0",
        ),
        pytest.param(
            "POST", "failed-messages/retry", {"after": "15877512360"}, "after",
            "må være generasjon:partisjon:offset", id="nowhere to go on",
        ),
        pytest.param("POST", "failed-messages/0:0:0/discard", {}, "begrunnelse", "mangler", id="no reason"),
    ],
)  # fmt: skip
def test_an_invalid_field_is_400_and_named(
    method: str, path: str, body: object, felt: str | None, melding: str, client: FlaskClient
) -> None:
    response = client.open(f"{_ADMIN}/{path}", method=method, json=body)
    assert response.status_code == 400, response.text
    assert response.json is not None
    assert response.json["feil"] == [{"felt": felt, "melding": melding}]
    assert "15877512360" not in response.text


def test_without_a_database_it_is_503(client: FlaskClient) -> None:
    response = client.post(f"{_ADMIN}/replays", json=_ALL)
    assert response.json is not None
    assert (response.status_code, response.json["kode"]) == (503, "DATABASE_UTILGJENGELIG")
    assert response.headers["Retry-After"]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_names = st.sampled_from(
    ["fromBeginning", "fromOffsets", "fromTime", "toOffsets", "toTime", "avtaleId", "rate", "begrunnelse"]
)


@given(body=st.dictionaries(_names, _json, max_size=4))
def test_any_request_is_refused_or_accepted(client: FlaskClient, body: object) -> None:
    assert client.post(f"{_ADMIN}/replays", json=body).status_code in {400, 503}
