"""Additions to the OpenAPI document that flask-smorest generates from the declarations.

These are examples, headers of responses, the meaning of each `kode`, and rules about several properties.
"""

from collections.abc import Mapping
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields

from datadeling.api.headers import CALL_ID
from datadeling.api.openapi.errors import CODES, ProblemSvar
from datadeling.api.openapi.examples import REQUESTS, RESPONSES, Examples, example_of
from datadeling.api.problems import MEDIA_TYPE, Kind, Problem
from datadeling.api.schemas import EXAMPLE_ID
from datadeling.api.texts import NO_FNR

Json = dict[str, Any]

_ORDER = ("openapi", "info", "servers", "security", "tags", "paths", "components")


def _header(description: str, example: object, **schema: object) -> Json:
    schema = {"type": "string", **schema}
    return {"description": description, "required": True, "schema": schema, "example": example}


_CALL_ID = {
    CALL_ID: _header(
        "Kallets id. Oppgi den når du melder fra om noe.", EXAMPLE_ID, pattern="^[A-Za-z0-9_.:-]{1,64}$"
    )
}
_RETRY_AFTER = {"Retry-After": _header("Sekunder å vente før neste forsøk.", 1, type="integer", minimum=1)}
_HEADERS: Mapping[int, Json] = {
    401: {"WWW-Authenticate": _header("Hva slags token som trengs.", "Bearer")},
    405: {"Allow": _header("Metodene som adressen har.", "OPTIONS, POST")},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
# Members of the examples that only some problems have.
_MEMBERS: Mapping[str, Json] = {
    "UGYLDIGE_FELT": {
        "detail": "Forespørselen har feil, se feltet feil.",
        "feil": [{"felt": "fnr", "melding": NO_FNR}],
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
        described: Json = super().field2property(field) | field.metadata.get("rules", {})
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

    def add_examples(described: Json, examples: Examples | None) -> None:
        content = described["content"]["application/json"]
        examples = examples or {"eksempel": ("Et eksempel", example_of(content["schema"], schemas))}
        content["examples"] = {
            name: {"summary": summary, "value": value} for name, (summary, value) in examples.items()
        }

    calls = [call for path in spec["paths"].values() for call in path.values() if "operationId" in call]
    for call in calls:
        call["responses"] = dict(sorted(call["responses"].items()))
        if "requestBody" in call:
            add_examples(call["requestBody"], REQUESTS.get(call["operationId"]))
        for status, response in call["responses"].items():
            if status < "300":
                add_examples(response, RESPONSES.get(call["operationId"]))
                response["headers"] = _CALL_ID
    return {name: spec[name] for name in _ORDER if name in spec}


def problem_response(status: int, kind: Kind) -> Json:
    """Describe the response of an error status, with each `kode` and an example of it."""
    meanings, examples = "", {}
    for kode, code in CODES.items():
        if code.status == status:
            meanings += f"\n* `{kode}`: {code.meaning} {code.remedy}"
            problem = Problem(status, kode=kode, **{"detail": code.meaning, **_MEMBERS.get(kode, {})})
            examples[kode] = {"summary": code.meaning, "value": {**problem.body, "traceId": EXAMPLE_ID}}
    return {
        "description": f"{kind.title}.\n{meanings}",
        "headers": _CALL_ID | _HEADERS.get(status, {}),
        "content": {MEDIA_TYPE: {"schema": ProblemSvar, "examples": examples}},
    }
