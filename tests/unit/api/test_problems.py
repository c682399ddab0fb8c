"""Every error is a problem in our words, and repeats nothing."""

import json
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields, validate
from structlog.testing import capture_logs

from datadeling.api.problems import Problem
from datadeling.api.schemas import read_body
from datadeling.domain.search import Search
from datadeling.errors import DatabaseBug, DatabaseUnavailable
from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"
_STATUS = "/api/v1/tiltaksstatus"
_SOK = "/api/v1/avtaler/sok"
_NO_FNR = {"felt": "fnr", "melding": "må være nøyaktig elleve siffer"}
_NO_DATE = {"felt": "dato", "melding": "må være en dato, åååå-mm-dd"}
_UNKNOWN = {"felt": None, "melding": "ukjent egenskap"}


@pytest.mark.parametrize(
    ("body", "feil"),
    [
        pytest.param({}, [{"felt": "fnr", "melding": "mangler"}], id="nothing"),
        pytest.param({"fnr": None}, [{"felt": "fnr", "melding": "mangler"}], id="null"),
        pytest.param({"fnr": int(_FNR)}, [_NO_FNR], id="a number"),
        pytest.param({"fnr": ""}, [_NO_FNR], id="empty"),
        pytest.param({"fnr": _FNR[:-1]}, [_NO_FNR], id="ten digits"),
        pytest.param({"fnr": _FNR + "0"}, [_NO_FNR], id="twelve digits"),
        pytest.param({"fnr": _FNR + "\n"}, [_NO_FNR], id="a line break after it"),
        pytest.param({"fnr": _FNR[:-1] + "\n"}, [_NO_FNR], id="a line break in its place"),
        pytest.param({"fnr": f" {_FNR}"}, [_NO_FNR], id="a space before it"),
        pytest.param({"fnr": "１５８７７５１２３６０"}, [_NO_FNR], id="wide digits"),
        pytest.param({"fnr": "١٥٨٧٧٥١٢٣٦٠"}, [_NO_FNR], id="Arabic digits"),
        pytest.param({"fnr": [_FNR]}, [_NO_FNR], id="a list"),
        pytest.param({"fnr": {"fnr": _FNR}}, [_NO_FNR], id="an object"),
        pytest.param({"fnr": _FNR, "dato": ""}, [_NO_DATE], id="empty date"),
        pytest.param({"fnr": _FNR, "dato": "2026-02-29"}, [_NO_DATE], id="a day that is none"),
        pytest.param({"fnr": _FNR, "dato": "20260228"}, [_NO_DATE], id="a date without hyphens"),
        pytest.param({"fnr": _FNR, "dato": "2026-W09-6"}, [_NO_DATE], id="a date by week"),
        pytest.param({"fnr": _FNR, "dato": "2026-2-8"}, [_NO_DATE], id="a date without zeros"),
        pytest.param({"fnr": _FNR, "dato": "0000-01-01"}, [_NO_DATE], id="the year nought"),
        pytest.param({"fnr": _FNR, "dato": "2026-02-28T00:00:00"}, [_NO_DATE], id="a time"),
        pytest.param({"fnr": _FNR, "dato": 20_260_228}, [_NO_DATE], id="date is a number"),
        pytest.param({"fnr": _FNR, "dato": True}, [_NO_DATE], id="date is a boolean"),
        pytest.param({"fnr": _FNR, _FNR: 1, "b": 2}, [_UNKNOWN], id="unknown properties, reported once"),
        pytest.param(
            {"fnr": "x", "dato": "x", "_schema": 1}, [_NO_FNR, _NO_DATE, _UNKNOWN], id="all at once"
        ),
        pytest.param({"FNR": _FNR}, [{"felt": "fnr", "melding": "mangler"}, _UNKNOWN], id="upper case"),
    ],
)
def test_a_bad_body_is_400_and_names_the_field(
    body: object, feil: list[dict[str, Any]], client: FlaskClient, token: dict[str, str]
) -> None:
    response = client.post(_STATUS, json=body, headers=token)
    problem = _problem(response, 400)
    assert (problem["kode"], problem["feil"]) == ("UGYLDIGE_FELT", feil)


@pytest.mark.parametrize(
    "body", [pytest.param(b, id=b) for b in ("[]", '"x"', "1", "true", "null", '[{"fnr": "15877512360"}]')]
)
def test_a_body_that_is_no_object_is_400(body: str, client: FlaskClient, token: dict[str, str]) -> None:
    response = client.post(_STATUS, data=body, content_type="application/json", headers=token)
    assert _problem(response, 400)["feil"] == [{"felt": None, "melding": "må være et JSON-objekt"}]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"fnr": "15877512360", "fnr": "15877512441"}', id="a name twice"),
        pytest.param(b'\xef\xbb\xbf{"fnr": "15877512360"}', id="a byte order mark"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{'fnr': 1}", id="another language"),
        pytest.param(b'{"fnr": "15877512360"} x', id="something after it"),
        pytest.param(b'{"fnr": NaN}', id="not a number"),
        pytest.param(b'{"fnr": "\xff"}', id="not UTF-8"),
        pytest.param('{"fnr": "15877512360"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"fnr": "\\ud800"}', id="half a character"),
        pytest.param(b"[" * 30_000, id="nested too deep"),
        pytest.param(b'{"fnr": ' + b"1" * 5_000 + b"}", id="a number without end"),
    ],
)
def test_invalid_json_is_400(body: bytes, client: FlaskClient, token: dict[str, str]) -> None:
    response = client.post(_STATUS, data=body, content_type="application/json", headers=token)
    assert _problem(response, 400)["kode"] == "UGYLDIG_JSON"


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(None, id="none"),
        pytest.param("text/plain", id="text"),
        pytest.param("application/x-www-form-urlencoded", id="a form"),
        pytest.param("multipart/form-data", id="parts"),
        pytest.param("application/xml", id="XML"),
    ],
)
def test_another_content_type_is_415(
    content_type: str | None, client: FlaskClient, token: dict[str, str]
) -> None:
    response = client.post(_STATUS, data='{"fnr": "15877512360"}', content_type=content_type, headers=token)
    assert _problem(response, 415)["kode"] == "FEIL_INNHOLDSTYPE"


def test_json_may_name_its_charset(client: FlaskClient, token: dict[str, str]) -> None:
    kind = "application/json; charset=utf-8"
    response = client.post(_SOK, data='{"fnr": "15877512360"}', content_type=kind, headers=token)
    assert response.status_code == 200


def test_a_body_over_64_kb_is_413(client: FlaskClient, token: dict[str, str]) -> None:
    just = b'{"fnr": "15877512360"}'.ljust(64 * 1024)
    ok = client.post(_SOK, data=just, content_type="application/json", headers=token)
    assert ok.status_code == 200
    response = client.post(_SOK, data=just + b" ", content_type="application/json", headers=token)
    assert _problem(response, 413)["kode"] == "FOR_STOR"


def test_a_body_over_64_kb_in_chunks_is_413(client: FlaskClient, token: dict[str, str]) -> None:
    body = BytesIO(b'{"fnr": "15877512360"}'.ljust(65 * 1024))  # its beginning would do
    chunked = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    response = client.post(_SOK, content_type="application/json", headers=token, environ_overrides=chunked)
    assert _problem(response, 413)["kode"] == "FOR_STOR"


def test_an_unknown_address_is_404(client: FlaskClient) -> None:
    for path in (
        "/",
        "/api",
        f"/api/v1/{_FNR}",
        f"/x/{_FNR}/",
        f"/api/v1//avtaler/{_FNR}",
        "/api/v1/avtaler/a/b",
    ):
        assert _problem(client.get(path), 404)["kode"] == "FINNES_IKKE"


def test_a_wrong_method_is_405_with_the_right_ones(client: FlaskClient) -> None:
    response = client.get(_STATUS)
    assert _problem(response, 405)["kode"] == "METODE_IKKE_TILLATT"
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    "avtale_id", ["x", "1", _FNR, "{5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42}", "0" * 32, "ø"]
)
def test_an_id_that_is_no_uuid_is_400(avtale_id: str, client: FlaskClient, token: dict[str, str]) -> None:
    problem = _problem(client.get(f"/api/v1/avtaler/{avtale_id}", headers=token), 400)
    assert problem["feil"] == [{"felt": "avtaleId", "melding": "må være en UUID"}]


def test_a_parameter_that_comes_twice_is_400(client: FlaskClient, token: dict[str, str]) -> None:
    problem = _problem(client.get("/api/v1/avtaler?avtaleNr=1&avtaleNr=2", headers=token), 400)
    assert problem["feil"] == [{"felt": None, "melding": "oppgitt mer enn én gang"}]


@pytest.mark.parametrize("query", ["felter=versjon&felter=opphav", "felter=versjon,opphav"])
def test_a_list_in_an_address_is_written_either_way(
    query: str, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    client.get(f"/api/v1/avtaler?avtaleNr=1&{query}", headers=token)
    assert lookups.calls == [(Search(avtale_nr=1), ["versjon", "opphav"])]


def test_an_avtale_that_is_not_there_is_404(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = None
    response = client.get("/api/v1/avtaler/5F9A6F0C-2a3c-4f0e-9f5e-0b8a3c1d7e42", headers=token)
    assert _problem(response, 404)["kode"] == "UKJENT_AVTALE"


def test_an_unavailable_database_is_503_with_a_time_to_come_back(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = DatabaseUnavailable("SQLSTATE 57014")
    response = client.post(_SOK, json={"fnr": _FNR}, headers=token)
    assert _problem(response, 503)["kode"] == "DATABASE_UTILGJENGELIG"
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("testing", [False, True])
def test_the_text_of_an_unexpected_error_is_neither_answered_nor_logged(
    testing: bool, app: Flask, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    app.testing = testing
    lookups.answer = KeyError(f"Key (deltaker_fnr)=({_FNR}) hemmelig")
    with capture_logs() as logs:
        response = client.post(_SOK, json={"fnr": _FNR}, headers=token)
    assert _problem(response, 500)["kode"] == "INTERN_FEIL"
    (line,) = logs
    assert (line["event"], line["error"], line["cause"]) == ("unexpected_error", "KeyError", None)
    assert line["at"][-1].startswith("conftest.py:")
    assert "hemmelig" not in repr(logs)


def test_an_error_of_ours_is_logged_with_its_text(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = DatabaseBug("42703", 'column "x" does not exist')
    with capture_logs() as logs:
        response = client.post(_SOK, json={"fnr": _FNR}, headers=token)
    assert "42703" not in response.text
    assert _problem(response, 503)["kode"] == "OPPSLAG_AVVIST"
    assert "42703" in logs[0]["cause"]


def test_a_text_that_is_not_ours_never_gets_out() -> None:
    class Careless(Schema):
        a = fields.String(validate=validate.Equal("x", error="{input} is not {other}"))
        b = fields.List(fields.Integer())

    sent = Flask("test").test_request_context(json={"a": "hemmelig", "b": ["hemmelig"], "hemmelig": 1})
    with sent, pytest.raises(Problem) as caught:
        read_body(Careless())
    assert caught.value.body["feil"] == [
        {"felt": "a", "melding": "ugyldig verdi"},
        {"felt": "b", "melding": "ugyldig verdi"},
        {"felt": None, "melding": "ugyldig verdi"},
    ]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("QWXZ", min_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("QWXZ", min_size=3), inner),
    max_leaves=5,
)


def test_no_response_repeats_the_request(client: FlaskClient, token: dict[str, str]) -> None:
    names = st.sampled_from(["fnr", "dato"]) | st.text("QWXZ", min_size=3)

    @given(st.dictionaries(names, _json, min_size=1))
    def check(body: dict[str, Any]) -> None:
        response = client.post(_STATUS, json=body, headers=token)
        problem = _problem(response, 400)
        assert not set(response.text) & set("QWXZ")
        assert {feil["felt"] for feil in problem["feil"]} <= {"fnr", "dato", None}

    check()


def _problem(response: Any, status: int) -> dict[str, Any]:
    """Check the properties that all problems have, and return the body."""
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    problem: dict[str, Any] = json.loads(response.data)
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    assert problem["traceId"] == response.headers["Nav-Call-Id"]
    assert _FNR not in response.text
    return problem
