"""Two pages for a browser: Swagger UI at `/api/docs`, GraphiQL at `/graphql`. Neither needs a token.

Their files are in this package or in one that it depends on, and a policy forbids all others: a page into
which people type identity numbers loads nothing from elsewhere.
"""

from importlib.resources import files

from flask import Blueprint, Response, abort

_ASSETS = files("datadeling.api") / "assets"
_SWAGGER_UI = files("flask_swagger_ui") / "dist"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CACHED = "public, max-age=3600"  # these files hold nothing of anybody
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript"}
_FILES = {
    "swagger-ui.css": _SWAGGER_UI / "swagger-ui.css",
    "swagger-ui.js": _SWAGGER_UI / "swagger-ui-bundle.js",
    "docs.js": _ASSETS / "docs.js",
    "graphiql.css": _ASSETS / "graphiql" / "graphiql.min.css",
    "graphiql.js": _ASSETS / "graphiql" / "graphiql.min.js",
    "react.js": _ASSETS / "graphiql" / "react.production.min.js",
    "react-dom.js": _ASSETS / "graphiql" / "react-dom.production.min.js",
    "try.js": _ASSETS / "try.js",
    "try.css": _ASSETS / "try.css",
}

blueprint = Blueprint("pages", __name__)


@blueprint.get("/api/docs", defaults={"name": "docs.html"}, endpoint="docs")
@blueprint.get("/graphql", defaults={"name": "graphiql.html"}, endpoint="graphiql")
def page(name: str) -> Response:
    """Answer with Swagger UI or GraphiQL."""
    response = Response((_ASSETS / name).read_bytes(), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.get("/api/assets/<name>")
def asset(name: str) -> Response:
    """Answer with a file that one of the pages loads. Unknown names are 404."""
    if name not in _FILES:
        abort(404)
    response = Response(_FILES[name].read_bytes(), content_type=_MEDIA_TYPES[name.rpartition(".")[2]])
    response.headers["Cache-Control"] = _CACHED
    return response
