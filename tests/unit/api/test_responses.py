"""Answers leave with their length, and with what every answer says to browsers and caches."""

from typing import Any

import pytest
from flask import Flask, Response

from datadeling.api.responses import Json, secured
from datadeling.api.security.headers import SECURITY_HEADERS


@pytest.fixture
def app() -> Flask:
    app = Flask("responses", static_folder=None)
    app.wsgi_app = secured(app.wsgi_app)  # type: ignore[method-assign, assignment]

    @app.get("/text")
    def text() -> Response:
        return Json('{"a": "å"}')

    @app.get("/bytes")
    def as_bytes() -> Response:
        return Json(b"[]")

    @app.get("/own")
    def own() -> Response:
        return Response("page", headers={"Content-Security-Policy": "default-src 'self'"})

    return app


@pytest.mark.parametrize(("path", "body"), [("/text", '{"a": "å"}'.encode()), ("/bytes", b"[]")])
def test_json_leaves_as_it_is_with_its_length(app: Flask, path: str, body: bytes) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code == 200
    assert answer.data == body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers.getlist("Content-Length") == [str(len(body))]


def test_json_tells_its_length_to_who_asks_for_no_body(app: Flask) -> None:
    answer = app.test_client().head("/bytes")
    assert (answer.data, answer.headers["Content-Length"]) == (b"", "2")


@pytest.mark.parametrize("path", ["/bytes", "/nowhere"])
def test_every_answer_has_each_header_once(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers
    assert {name: headers.getlist(name) for name in SECURITY_HEADERS} == {
        name: [value] for name, value in SECURITY_HEADERS.items()
    }


def test_what_an_answer_says_itself_is_left(app: Flask) -> None:
    headers = app.test_client().get("/own").headers
    assert headers.getlist("Content-Security-Policy") == ["default-src 'self'"]
    assert headers.getlist("Cache-Control") == ["no-store"]


def test_an_error_while_answering_is_passed_on() -> None:
    told: list[Any] = []

    def broken(_: Any, start_response: Any) -> list[bytes]:
        start_response("500 BROKEN", [], (ValueError, ValueError(), None))
        return []

    secured(broken)({}, lambda *given: told.append(given))  # type: ignore[arg-type]
    ((status, _, error),) = told
    assert (status, error[0]) == ("500 BROKEN", ValueError)
