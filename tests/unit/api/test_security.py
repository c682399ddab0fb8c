"""Every response has headers against caching, framing and scripts."""

from http import HTTPStatus

import pytest
from flask.testing import FlaskClient

from datadeling.api.headers import SECURITY_HEADERS
from datadeling.api.worker import _raw_response
from datadeling.errors import DatabaseUnavailable
from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"
_STATUS = "/api/v1/tiltaksstatus"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("POST", _STATUS, {"fnr": _FNR}, 200, id="an answer"),
        pytest.param("POST", _STATUS, {}, 400, id="a bad body"),
        pytest.param("GET", _STATUS, None, 405, id="a wrong method"),
        pytest.param("OPTIONS", _STATUS, None, 200, id="a preflight"),
        pytest.param("GET", "/x", None, 404, id="no such address"),
        pytest.param("GET", "/api/v1/avtaler/x", None, 400, id="a bad address"),
        pytest.param("HEAD", "/api/openapi.json", None, 200, id="a head alone"),
        pytest.param("GET", "/api/openapi.json", None, 200, id="the description"),
        pytest.param("GET", "/internal/health/liveness", None, 200, id="health"),
        pytest.param("GET", "/internal/prometheus", None, 200, id="metrics"),
    ],
)
def test_every_response_has_the_security_headers(
    method: str, path: str, body: object, status: int, client: FlaskClient, token: dict[str, str]
) -> None:
    answer = client.open(path, method=method, json=body, headers={**token, "Origin": "https://x.example"})
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == dict(SECURITY_HEADERS)
    names = {name.lower() for name, _ in answer.headers}
    assert not {name for name in names if name.startswith("access-control-")}
    assert not names & {"server", "set-cookie", "x-powered-by"}


def test_a_response_without_a_token_has_the_security_headers(client: FlaskClient) -> None:
    answer = client.post(_STATUS)
    assert answer.status_code == 401
    assert {name: answer.headers.getlist(name) for name in SECURITY_HEADERS} == {
        name: [value] for name, value in SECURITY_HEADERS.items()
    }


@pytest.mark.parametrize("error", [DatabaseUnavailable("no connection"), ValueError("x")])
def test_a_response_to_an_internal_error_has_the_security_headers(
    error: Exception, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = error
    answer = client.post(_STATUS, json={"fnr": _FNR}, headers=token)
    assert answer.status_code >= 500
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == dict(SECURITY_HEADERS)


def test_a_response_to_a_malformed_request_has_the_security_headers() -> None:
    head = _raw_response(HTTPStatus.BAD_REQUEST, "call-1").split(b"\r\n\r\n")[0].decode()
    assert not [name for name, value in SECURITY_HEADERS.items() if f"{name}: {value}" not in head]
