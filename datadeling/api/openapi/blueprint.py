"""Declaration of calls: once, by flask-smorest's blueprint, from which OpenAPI 3.1 is generated."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial, wraps
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest  # type: ignore[import-untyped]
from flask import Flask, Response, request
from marshmallow import Schema

from datadeling.api import headers, hooks
from datadeling.api.openapi.document import Plugin, complete, problem_response
from datadeling.api.problems import KINDS, Feil, invalid_fields
from datadeling.api.schemas import EXAMPLE_ID, read_body, read_query
from datadeling.api.texts import UNKNOWN

_View = TypeVar("_View", bound=Callable[..., Response])

_ANY_CALL = (400, 401, 403, 405, 429, 500, 503)
_CALL_WITH_BODY = (413, 415)
CALL_ID: Mapping[str, Any] = {
    "in": "header",
    "name": headers.CALL_ID,
    "description": "Kallets id: 1–64 av A–Z, a–z, 0–9, _ . : -. Lages når den mangler eller er noe annet. "
    "Sendes tilbake.",
    "schema": {"type": "string"},
    "example": EXAMPLE_ID,
}
PURPOSE: Mapping[str, Any] = {
    "in": "header",
    "name": hooks.PURPOSE,
    "description": "Behandlingen i Behandlingskatalogen som oppslaget skjer under: B og tre siffer, "
    "flere med komma mellom.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[Bb][0-9]{3}( *, *[Bb][0-9]{3})*$", "maxLength": 200},
    "example": "B123",
}
_ABOUT = (
    "Oppslag i NAVs avtaler om arbeidsmarkedstiltak: er personen på et tiltak, hvilke, hvor mange, hvor "
    "lenge.\n\nVerdiene i tiltakstype, avtaleStatus, opphav og stillingstype er åpne: nye kan komme uten "
    "varsel. Svar kan få flere felt, og kode i feil flere verdier. En ukjent person er et tomt svar, ikke en "
    "feil. Feil svares som application/problem+json. Alle oppslag loggføres. Personnumre hører hjemme i "
    "kroppen, aldri i adressen.\n\nMer står i veiledningen for konsumenter."
)
_ENTRA = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Token fra Entra ID: rollen access_as_application, eller på vegne av en bruker fra en "
    "klient som er godkjent for det.",
}


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A group of calls that share their headers."""

    HEADERS: Sequence[Mapping[str, Any]] = (CALL_ID, PURPOSE)
    REFUSES_QUERY = False
    """Calls that declare no query string refuse one."""

    def call(  # noqa: PLR0913 (one call, as OpenAPI describes it)
        self,
        method: str,
        rule: str,
        *,
        response: type[Schema],
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        parameters: Sequence[dict[str, Any]] = (),
        errors: Sequence[int] = (),
        status: int = 200,
        max_bytes: int | None = None,
        **doc: str,
    ) -> Callable[[_View], _View]:
        """Declare a call. Its view receives the validated `body` or `query`, and returns a `Response`.

        `response` and `errors`, the statuses beside those of any call, are described, not enforced.
        `max_bytes` is the largest body, if it may be larger than others. `doc` has the `summary`,
        `description` and `operationId` of the call.
        """
        statuses = sorted({*_ANY_CALL, *(_CALL_WITH_BODY if body else ()), *errors})
        read: Callable[[], dict[str, Any]] | None = None
        if body:
            read = partial(read_body, body(), max_bytes)
        elif query:
            read = partial(read_query, query())
        refuses_query = self.REFUSES_QUERY and not query

        def declare(view: _View) -> _View:
            @wraps(view)
            def answered(**path: Any) -> Response:  # noqa: ANN401 (texts of the address)
                if refuses_query and request.args:
                    raise invalid_fields([Feil(None, UNKNOWN)])
                return view(read(), **path) if read else view(**path)

            answered.__doc__ = None  # smorest would publish it
            # Described by smorest, and run without its wrappers: they would cost as much as the lookup.
            described = self.response(status, response, description=HTTPStatus(status).phrase)(view)
            for error in statuses:
                described = self.alt_response(error, HTTPStatus(error).name)(described)
            for schema, location in ((body, "json"), (query, "query")):
                if schema:
                    described = self.arguments(schema, location=location, error_status_code=400)(described)
            answered._apidoc = self.doc(**doc)(described)._apidoc  # type: ignore[attr-defined]  # noqa: SLF001
            # Parameters of the address; as parameters of the call they would replace its query string.
            everywhere = [dict(parameter) for parameter in (*self.HEADERS, *parameters)]
            self.add_url_rule(rule, view.__name__, answered, methods=[method], parameters=everywhere)
            return view

        return declare


class LookupBlueprint(Blueprint):
    """A group of lookups: each needs a caller and a purpose, and is measured."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (the arguments of flask.Blueprint)
        super().__init__(*args, **kwargs)
        self.before_request(hooks.admit_lookup)
        self.after_request(hooks.measure_lookup)


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The OpenAPI document of the application, at `/api/openapi.json`."""

    DEFAULT_ERROR_RESPONSE_NAME = None  # every call names its own

    def __init__(self, app: Flask) -> None:
        app.config.update(
            API_TITLE="datadeling",
            API_VERSION="1.0.0",  # the first number is in the addresses, and rises with what breaks clients
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/api",
            OPENAPI_JSON_PATH="openapi.json",
            API_SPEC_OPTIONS={
                "info": {"description": _ABOUT},
                "security": [{"entra": []}],
                "components": {"securitySchemes": {"entra": _ENTRA}},
            },
        )
        super().__init__(app, spec_kwargs={"marshmallow_plugin": Plugin()})

    @cached_property
    def description(self) -> str:
        """The document, as JSON. The calls must have been declared."""
        return json.dumps(complete(self.spec.to_dict()), ensure_ascii=False, indent=2) + "\n"

    def _openapi_json(self) -> Response:
        return Response(self.description, mimetype="application/json")

    def _register_error_handlers(self) -> None:
        """Leave errors to `problems`."""

    def _register_pagination_header(self) -> None:
        """Leave it out: pages have markers."""

    def _register_responses(self) -> None:
        for status, kind in KINDS.items():
            self.spec.components.response(HTTPStatus(status).name, problem_response(status, kind), lazy=True)
