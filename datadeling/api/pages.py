"""The two pages for people with a browser: Swagger UI at `/api/docs`, GraphiQL at `/graphql`.

All that they are made of is in the package or in one that it depends on, and a policy forbids all else: a
page that people type identity numbers into loads nothing from strangers.
"""

from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from flask import Blueprint, Response

_ASSETS = files("datadeling.api") / "assets"
_SWAGGER_UI = files("flask_swagger_ui") / "dist"
_GRAPHIQL = _ASSETS / "graphiql"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_KEPT = "public, max-age=3600"  # these files hold nothing of anybody


class _Asset(NamedTuple):
    """A file, and what it is."""

    file: Traversable
    media_type: str


_CSS, _SCRIPT, _HTML = "text/css", "text/javascript", "text/html; charset=utf-8"
_FILES = {
    "swagger-ui.css": _Asset(_SWAGGER_UI / "swagger-ui.css", _CSS),
    "swagger-ui.js": _Asset(_SWAGGER_UI / "swagger-ui-bundle.js", _SCRIPT),
    "docs.js": _Asset(_ASSETS / "docs.js", _SCRIPT),
    "graphiql.css": _Asset(_GRAPHIQL / "graphiql.min.css", _CSS),
    "graphiql.js": _Asset(_GRAPHIQL / "graphiql.min.js", _SCRIPT),
    "react.js": _Asset(_GRAPHIQL / "react.production.min.js", _SCRIPT),
    "react-dom.js": _Asset(_GRAPHIQL / "react-dom.production.min.js", _SCRIPT),
    "try.js": _Asset(_ASSETS / "try.js", _SCRIPT),
    "try.css": _Asset(_ASSETS / "try.css", _CSS),
}


def blueprint() -> Blueprint:
    """The pages and what they load. None asks for a token; what is asked from them does."""
    pages = Blueprint("pages", __name__)

    @pages.get("/api/docs")
    def docs() -> Response:
        return _page("docs.html")

    @pages.get("/graphql")
    def graphiql() -> Response:
        return _page("graphiql.html")

    for name, asset in _FILES.items():
        pages.add_url_rule(f"/api/assets/{name}", name.replace(".", "_"), _serving(asset), methods=["GET"])
    return pages


def _page(name: str) -> Response:
    response = Response((_ASSETS / name).read_bytes(), content_type=_HTML)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _serving(asset: _Asset) -> Callable[[], Response]:
    def serve() -> Response:
        response = Response(asset.file.read_bytes(), content_type=asset.media_type)
        response.headers["Cache-Control"] = _KEPT
        return response

    return serve
