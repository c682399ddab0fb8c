"""Two pages for a browser: Swagger UI at `/api/docs`, GraphiQL at `/graphql`. Neither needs a token.

Their files are in this package or in one that it depends on, and a policy forbids all others: a page into
which people type identity numbers loads nothing from elsewhere.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from flask import Blueprint, Response, abort

_ASSETS = files("datadeling.api") / "assets"
_SWAGGER_UI = files("flask_swagger_ui") / "dist"
_GRAPHIQL = _ASSETS / "graphiql"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CACHED = "public, max-age=3600"  # these files hold nothing of anybody


class _Asset(NamedTuple):
    """A file and its media type."""

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


blueprint = Blueprint("pages", __name__)


@blueprint.get("/api/docs")
def docs() -> Response:
    """Answer with Swagger UI."""
    return _page("docs.html")


@blueprint.get("/graphql")
def graphiql() -> Response:
    """Answer with GraphiQL."""
    return _page("graphiql.html")


@blueprint.get("/api/assets/<name>")
def asset(name: str) -> Response:
    """Answer with a file that one of the pages loads. Unknown names are 404."""
    if name not in _FILES:
        abort(404)
    file, media_type = _FILES[name]
    response = Response(file.read_bytes(), content_type=media_type)
    response.headers["Cache-Control"] = _CACHED
    return response


def _page(name: str) -> Response:
    response = Response((_ASSETS / name).read_bytes(), content_type=_HTML)
    response.headers["Content-Security-Policy"] = _POLICY
    return response
