"""Additions to the OpenAPI document that flask-smorest generates from the declarations.

These are examples, headers of responses, the meaning of each `kode`, and rules about several properties.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from datadeling.api.openapi.errors import codes_of
from datadeling.api.openapi.examples import REQUESTS, RESPONSES, example_of
from datadeling.api.problems import MEDIA_TYPE, Kind, Problem
from datadeling.api.schemas import EXAMPLE_ID
from datadeling.api.security.context import CALL_ID

Json = dict[str, Any]

_JSON = "application/json"
_ORDER = ("openapi", "info", "servers", "security", "tags", "paths", "components")
_CALL_ID = {
    CALL_ID: {
        "description": "Kallets id. Oppgi den når du melder fra om noe.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"},
        "example": EXAMPLE_ID,
    }
}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Sekunder å vente før neste forsøk.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    }
}
_HEADERS: Mapping[int, Json] = {
    401: {
        "WWW-Authenticate": {
            "description": "Hva slags token som trengs.",
            "required": True,
            "schema": {"type": "string"},
            "example": "Bearer",
        }
    },
    405: {
        "Allow": {
            "description": "Metodene som adressen har.",
            "required": True,
            "schema": {"type": "string"},
            "example": "OPTIONS, POST",
        }
    },
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
# Members of the examples that only some problems have.
_MEMBERS: Mapping[str, Json] = {
    "UGYLDIGE_FELT": {
        "detail": "Forespørselen har feil, se feltet feil.",
        "feil": [{"felt": "fnr", "melding": "må være nøyaktig elleve siffer"}],
    },
    "MANGLER_ROLLE": {"mangler": "access_as_application", "roller": []},
    "KLIENT_IKKE_GODKJENT": {"mangler": "godkjenning av klienten", "roller": []},
    "MANGLER_FELT": {
        "mangler": "veilederNavIdent",
        "roller": ["access_as_application"],
        "felter": ["avtaleId", "tiltakstype", "startDato", "sluttDato"],
    },
}


class _Converter(OpenAPIConverter):
    def schema2jsonschema(self, schema: Any) -> Json:  # noqa: ANN401 (a schema, its class or its name)
        described: Json = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        # Descriptions have it instead: openapi-typescript takes a property with a default for required.
        for each in described.get("properties", {}).values():
            each.pop("default", None)
        return described | getattr(resolve_schema_instance(schema), "rules", {})

    def field2property(self, field: fields.Field[Any]) -> Json:
        rules: Json = field.metadata.get("rules", {})
        described: Json = super().field2property(field) | rules
        # Described once, by this name, so that generators make one type of it instead of one for each use.
        component = field.metadata.get("component")
        if component is None:
            return described
        if component not in self.spec.components.schemas:
            self.spec.components.schema(component, described)
        return {"$ref": f"#/components/schemas/{component}"}


class Plugin(MarshmallowPlugin):
    """Adds `rules` of schemas and fields, and components of fields."""

    Converter = _Converter


def complete(spec: Json) -> Json:
    """Return the document with examples and headers, in a fixed order."""
    schemas = spec["components"]["schemas"]
    for call in _calls(spec):
        call["responses"] = dict(sorted(call["responses"].items()))
        name = call["operationId"]
        if "requestBody" in call:
            content = call["requestBody"]["content"][_JSON]
            content["examples"] = REQUESTS.get(name) or example_of(content["schema"], schemas)
        for status, response in call["responses"].items():
            if status < "300":
                content = response["content"][_JSON]
                content["examples"] = RESPONSES.get(name) or example_of(content["schema"], schemas)
                response["headers"] = _CALL_ID
    return {name: spec[name] for name in _ORDER if name in spec}


def problem_response(status: int, kind: Kind, schema: type[Schema]) -> Json:
    """Describe the response of an error status, with each `kode` and an example of it."""
    codes = codes_of(status)
    meanings = "\n".join(f"* `{kode}`: {code.meaning} {code.remedy}" for kode, code in codes.items())
    examples = {
        kode: {"summary": code.meaning, "value": _problem(status, kode, code.meaning)}
        for kode, code in codes.items()
    }
    return {
        "description": f"{kind.title}.\n\n{meanings}",
        "headers": _CALL_ID | _HEADERS.get(status, {}),
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }


def _problem(status: int, kode: str, meaning: str) -> Json:
    body = Problem(status, kode=kode, **{"detail": meaning, **_MEMBERS.get(kode, {})}).body
    return {**body, "traceId": EXAMPLE_ID}


def _calls(spec: Json) -> Iterator[Json]:
    methods = {method.lower() for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}
    for path in spec["paths"].values():
        yield from (call for method, call in path.items() if method in methods)
