"""flask-smorest as we use it: calls are declared once, and OpenAPI 3.1 is made from the declarations."""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest  # type: ignore[import-untyped]
from flask import Flask, Response
from marshmallow import Schema

from datadeling.api import purpose
from datadeling.api.answers import ProblemSvar
from datadeling.api.arguments import Parser
from datadeling.api.call_id import HEADER
from datadeling.api.problems import KINDS
from datadeling.api.published import Plugin, finished, problem_response
from datadeling.api.schemas import EXAMPLE_ID

_View = TypeVar("_View", bound=Callable[..., Response])

VERSION = "1.0.0"
"""Of the API: the first number is the one in the addresses, and rises with what breaks clients."""

_ANY_CALL = (400, 401, 403, 405, 429, 500, 503)
_CALL_WITH_BODY = (413, 415)
_HEADERS = (
    {
        "in": "header",
        "name": HEADER,
        "description": "Kallets id: 1–64 av A–Z, a–z, 0–9, _ . : -. Lages når den mangler eller er noe "
        "annet. Sendes tilbake.",
        "schema": {"type": "string"},
        "example": EXAMPLE_ID,
    },
    {
        "in": "header",
        "name": purpose.HEADER,
        "description": "Behandlingen i Behandlingskatalogen som oppslaget skjer under: B og tre siffer, "
        "flere med komma mellom.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[Bb][0-9]{3}( *, *[Bb][0-9]{3})*$", "maxLength": 200},
        "example": "B123",
    },
)
_OPTIONS = {
    "info": {
        "description": "Oppslag i NAVs avtaler om arbeidsmarkedstiltak: er personen på et tiltak, hvilke, "
        "hvor mange, hvor lenge.\n\nVerdiene i tiltakstype, avtaleStatus, opphav og stillingstype er åpne: "
        "nye kan komme uten varsel. Svar kan få flere felt, og kode i feil flere verdier. En ukjent person "
        "er et tomt svar, ikke en feil. Feil svares som application/problem+json. Alle oppslag loggføres. "
        "Personnumre hører hjemme i kroppen, aldri i adressen.\n\nMer står i veiledningen for konsumenter."
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


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A group of calls."""

    ARGUMENTS_PARSER = Parser()

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
        **doc: str,
    ) -> Callable[[_View], _View]:
        """Declare a call. The view gets the validated `body` or `query`, and answers with a `Response`.

        `answer` and `errors`, the statuses beside those of any call, are described, not enforced. `doc` is
        what OpenAPI says about the call: `summary`, `description`, `operationId`.
        """
        statuses = sorted({*_ANY_CALL, *(_CALL_WITH_BODY if body else ()), *errors})

        def declare(view: _View) -> _View:
            decorated = self.response(200, answer, description="OK")(view)
            for status in statuses:
                decorated = self.alt_response(status, HTTPStatus(status).name)(decorated)
            if body:
                decorated = self.arguments(body)(decorated)
            if query:
                decorated = self.arguments(query, location="query")(decorated)
            decorated = self.doc(parameters=[dict(header) for header in _HEADERS], **doc)(decorated)
            self.add_url_rule(
                rule, view.__name__, decorated, methods=[method], parameters=[*map(dict, parameters)]
            )
            return view

        return declare


class Api(flask_smorest.Api):  # type: ignore[misc]
    """OpenAPI of the application at `/api/openapi.json`."""

    DEFAULT_ERROR_RESPONSE_NAME = None  # every call names its own
    ERROR_SCHEMA = ProblemSvar

    def __init__(self, app: Flask) -> None:
        app.config.update(
            API_TITLE="datadeling",
            API_VERSION=VERSION,
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/api",
            OPENAPI_JSON_PATH="openapi.json",
            API_SPEC_OPTIONS=_OPTIONS,
        )
        super().__init__(app, spec_kwargs={"marshmallow_plugin": Plugin()})

    @cached_property
    def description(self) -> str:
        """The whole of it, as JSON. The calls must have been declared."""
        return json.dumps(finished(self.spec.to_dict()), ensure_ascii=False, indent=2) + "\n"

    def _openapi_json(self) -> Response:
        return Response(self.description, mimetype="application/json")

    def _register_error_handlers(self) -> None:
        """Not smorest's: `problems` answers."""

    def _register_pagination_header(self) -> None:
        """Not smorest's: pages have markers."""

    def _register_responses(self) -> None:
        for status, kind in KINDS.items():
            response = problem_response(status, kind, self.ERROR_SCHEMA)
            self.spec.components.response(HTTPStatus(status).name, response, lazy=True)
