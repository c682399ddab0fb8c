"""JSON is sent as it is with its length, and every response has the security headers."""

import pytest
from flask import Flask, Response

from datadeling.api.responses import SECURITY_HEADERS, Json, register


@pytest.fixture
def app() -> Flask:
    app = Flask("responses", static_folder=None)
    register(app)

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
def test_json_is_sent_unchanged_with_its_length(app: Flask, path: str, body: bytes) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code == 200
    assert answer.data == body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers.getlist("Content-Length") == [str(len(body))]


def test_head_gives_the_length_of_json(app: Flask) -> None:
    answer = app.test_client().head("/bytes")
    assert (answer.data, answer.headers["Content-Length"]) == (b"", "2")


@pytest.mark.parametrize("path", ["/bytes", "/nowhere"])
def test_every_answer_has_each_header_once(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers
    assert {name: headers.getlist(name) for name in SECURITY_HEADERS} == {
        name: [value] for name, value in SECURITY_HEADERS.items()
    }


def test_a_header_of_the_view_is_kept(app: Flask) -> None:
    headers = app.test_client().get("/own").headers
    assert headers.getlist("Content-Security-Policy") == ["default-src 'self'"]
    assert headers.getlist("Cache-Control") == ["no-store"]
