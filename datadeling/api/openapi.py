"""flask-smorest as we use it: calls are declared once, and OpenAPI 3.1 is made from the declarations."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest  # type: ignore[import-untyped]
from flask import Flask, Response
from marshmallow import Schema

from datadeling.api import purpose
from datadeling.api.answers import ProblemSvar
from datadeling.api.arguments import read_body, read_query
from datadeling.api.call_id import HEADER
from datadeling.api.koder import KODER
from datadeling.api.problems import KINDS, MEDIA_TYPE, UGYLDIGE_FELT, Problem
from datadeling.api.schemas import EXAMPLE_ID, NO_FNR

_View = TypeVar("_View", bound=Callable[..., Response])

_ANY_CALL = (400, 401, 403, 405, 429, 500, 503)
_CALL_WITH_BODY = (413, 415)
CALL_ID: Mapping[str, Any] = {
    "in": "header",
    "name": HEADER,
    "description": "Kallets id: 1–64 av A–Z, a–z, 0–9, _ . : -. Lages når den mangler. Sendes tilbake.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"},
}
PURPOSE: Mapping[str, Any] = {
    "in": "header",
    "name": purpose.HEADER,
    "description": "Behandlingen i Behandlingskatalogen som oppslaget skjer under: B og tre siffer, "
    "flere med komma mellom.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[Bb][0-9]{3}( *, *[Bb][0-9]{3})*$"},
    "example": "B123",
}
_OPTIONS = {
    "info": {
        "description": "Oppslag i NAVs avtaler om arbeidsmarkedstiltak. Verdiene i tiltakstype, "
        "avtaleStatus, opphav og stillingstype er åpne: nye kan komme uten varsel. Feil svares som "
        "application/problem+json."
    },
    "security": [{"entra": []}],
    "components": {
        "securitySchemes": {
            "entra": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "Token fra Entra ID: rollen access_as_application, eller på vegne av en "
                "bruker fra en klient som er godkjent for det.",
            }
        }
    },
}


_ANSWER_HEADERS: Mapping[str, Any] = {
    HEADER: {"description": "Kallets id.", "schema": {"type": "string"}, "example": EXAMPLE_ID},
    "Retry-After": {
        "description": "Sekunder til det er verdt å prøve igjen.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}, "example": "Bearer"},
    "Allow": {"description": "Metodene som adressen tar.", "schema": {"type": "string"}, "example": "POST"},
}
_MORE_HEADERS = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}
_EXAMPLES: Mapping[int, Mapping[str, Any]] = {
    400: {"kode": UGYLDIGE_FELT, "feil": [{"felt": "fnr", "melding": NO_FNR}]},
    403: {"kode": "MANGLER_ROLLE", "mangler": "access_as_application", "roller": []},
    404: {"kode": "UKJENT_AVTALE"},
    503: {"kode": "DATABASE_UTILGJENGELIG"},
}


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A group of calls."""

    HEADERS: Sequence[Mapping[str, Any]] = (CALL_ID, PURPOSE)
    """Those that every call takes."""

    def call(
        self,
        method: str,
        rule: str,
        *,
        answer: type[Schema],
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        parameters: Sequence[dict[str, Any]] = (),
        errors: Sequence[int] = (),
        status: int = 200,
        **doc: str,
    ) -> Callable[[_View], _View]:
        """Declare a call. The view gets the validated `body` or `query`, and answers with a `Response`.

        `answer` and `errors`, the statuses beside those of any call, are described, not enforced. `doc` is
        what OpenAPI says about the call: `summary`, `description`, `operationId`.
        """
        statuses = sorted({*_ANY_CALL, *(_CALL_WITH_BODY if body else ()), *errors})

        def described(view: _View) -> Any:  # noqa: ANN401 (what smorest makes of a view)
            decorated = self.response(
                status,
                answer,
                description=HTTPStatus(status).phrase,
                headers={HEADER: dict(_ANSWER_HEADERS[HEADER])},
            )(view)
            for error in statuses:
                decorated = self.alt_response(error, HTTPStatus(error).name)(decorated)
            for schema, location in ((body, "json"), (query, "query")):
                if schema:
                    decorated = self.arguments(schema, location=location, error_status_code=400)(decorated)
            return self.doc(**doc)(decorated)

        def declare(view: _View) -> _View:
            read = partial(read_body, body()) if body else partial(read_query, query()) if query else None

            @wraps(view)
            def answered(**path: Any) -> Response:  # noqa: ANN401 (texts of the address)
                return view(read(), **path) if read else view(**path)

            # Described by smorest, and run without it: its wrappers would cost as much as the lookup.
            answered._apidoc = described(view)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001
            # Said of the address; of the call, they would take the place of what its query string may hold.
            everywhere = [dict(parameter) for parameter in (*self.HEADERS, *parameters)]
            self.add_url_rule(rule, view.__name__, answered, methods=[method], parameters=everywhere)
            return view

        return declare


class Api(flask_smorest.Api):  # type: ignore[misc]
    """OpenAPI of the application at `/api/openapi.json`."""

    DEFAULT_ERROR_RESPONSE_NAME = None  # every call names its own
    ERROR_SCHEMA = ProblemSvar

    def __init__(self, app: Flask) -> None:
        app.config.update(
            API_TITLE="datadeling",
            API_VERSION="v1",
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/api",
            OPENAPI_JSON_PATH="openapi.json",
            API_SPEC_OPTIONS=_OPTIONS,
        )
        super().__init__(app)

    def _register_error_handlers(self) -> None:
        """Not smorest's: `problems` answers."""

    def _register_pagination_header(self) -> None:
        """Not smorest's: pages have markers."""

    def _register_responses(self) -> None:
        for status, kind in KINDS.items():
            example = Problem(status, **_EXAMPLES.get(status, {})).body | {"traceId": EXAMPLE_ID}
            content = {MEDIA_TYPE: {"schema": self.ERROR_SCHEMA, "example": example}}
            koder = "".join(f"\n* `{kode}`: {meaning}" for kode, meaning in KODER[status].items())
            response = {
                "description": f"{kind.title}. `kode` er en av:\n{koder}",
                "headers": {name: _ANSWER_HEADERS[name] for name in (HEADER, *_MORE_HEADERS.get(status, ()))},
                "content": content,
            }
            self.spec.components.response(HTTPStatus(status).name, response, lazy=True)
