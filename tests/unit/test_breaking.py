"""Breaking changes are found, and no others."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tools.breaking import breaks

Spec = dict[str, Any]

_SPEC: Spec = {
    "security": [{"entra": []}],
    "paths": {
        "/sok": {
            "parameters": [{"in": "header", "name": "Id", "schema": {"type": "string"}}],
            "post": {
                "operationId": "sok",
                "tags": ["avtaler"],
                "parameters": [],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Sok"}}},
                },
                "responses": {
                    "200": {
                        "headers": {"Id": {"required": True}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Svar"}}},
                    },
                    "400": {"$ref": "#/components/responses/BAD_REQUEST"},
                },
            },
        },
        "/en": {
            "get": {
                "operationId": "en",
                "parameters": [
                    {"in": "query", "name": "felter", "explode": True, "schema": {"enum": ["a", "b"]}}
                ],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            }
        },
    },
    "components": {
        "responses": {
            "BAD_REQUEST": {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
        },
        "schemas": {
            "Sok": {
                "type": "object",
                "additionalProperties": False,
                "required": ["fnr"],
                "properties": {
                    "fnr": {"type": "string", "minLength": 11, "maxLength": 11},
                    "dato": {"type": ["string", "null"], "format": "date"},
                    "antall": {"type": "integer", "default": 100, "maximum": 1000},
                    "type": {"type": "string", "enum": ["A", "B"]},
                },
                "not": {"properties": {"type": {"type": "null"}}},
            },
            "Svar": {
                "type": "object",
                "required": ["avtaler"],
                "properties": {
                    "avtaler": {"type": "array", "items": {"$ref": "#/components/schemas/Avtale"}},
                    "markoer": {"type": "string"},
                },
            },
            "Avtale": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "prosent": {"type": "number"},
                    "forrige": {"$ref": "#/components/schemas/Avtale"},
                },
            },
        },
    },
}


def _schema(spec: Spec, name: str) -> Spec:
    return spec["components"]["schemas"][name]  # type: ignore[no-any-return]


def _in(name: str, field: str) -> Callable[[Spec], Spec]:
    return lambda spec: _schema(spec, name)["properties"][field]


def _call(spec: Spec) -> Spec:
    return spec["paths"]["/sok"]["post"]  # type: ignore[no-any-return]


def _new_type(spec: Spec) -> None:
    _schema(spec, "Svar")["properties"]["avtaler"]["items"]["$ref"] = "#/components/schemas/Ny"
    spec["components"]["schemas"]["Ny"] = spec["components"]["schemas"]["Avtale"]


_BREAKING: dict[str, tuple[Callable[[Spec], object], str]] = {
    "path gone": (lambda s: s["paths"].pop("/en"), "GET /en: is gone"),
    "method gone": (lambda s: s["paths"]["/sok"].pop("post"), "POST /sok: is gone"),
    "operationId": (lambda s: _call(s).update(operationId="finn"), "operationId was sok, is finn"),
    "tag": (lambda s: _call(s).update(tags=["sok"]), "first tag"),
    "security": (lambda s: s.update(security=[]), "security is another"),
    "parameter gone": (lambda s: s["paths"]["/sok"]["parameters"].clear(), "request: header Id is gone"),
    "parameter required": (
        lambda s: s["paths"]["/sok"]["parameters"][0].update(required=True),
        "request: header Id has become required",
    ),
    "new required parameter": (
        lambda s: _call(s)["parameters"].append({"in": "query", "name": "x", "required": True, "schema": {}}),
        "request: query x has become required",
    ),
    "parameter written otherwise": (
        lambda s: s["paths"]["/en"]["get"]["parameters"][0].update(explode=False),
        "request.query felter: explode",
    ),
    "parameter narrowed": (
        lambda s: s["paths"]["/en"]["get"]["parameters"][0]["schema"].update(enum=["a"]),
        "request.query felter: enum",
    ),
    "body gone": (lambda s: _call(s).pop("requestBody"), "request: body application/json is gone"),
    "a body where none was": (
        lambda s: s["paths"]["/en"]["get"].update(requestBody=_call(s)["requestBody"]),
        "request: body application/json has become required",
    ),
    "body of another kind": (
        lambda s: _call(s)["requestBody"].update(content={"text/plain": {}}),
        "request: body application/json is gone",
    ),
    "property gone from a request": (
        lambda s: _schema(s, "Sok")["properties"].pop("dato"),
        "request.body application/json: dato is gone",
    ),
    "property required in a request": (
        lambda s: _schema(s, "Sok").update(required=["fnr", "dato"]),
        "request.body application/json: dato has become required",
    ),
    "null refused": (
        lambda s: _in("Sok", "dato")(s).update(type="string"),
        "request.body application/json.dato: type was null or string, is string",
    ),
    "another format required": (
        lambda s: _in("Sok", "dato")(s).update(format="date-time"),
        "request.body application/json.dato: format",
    ),
    "shorter texts required": (
        lambda s: _in("Sok", "fnr")(s).update(maxLength=10),
        "request.body application/json.fnr: maxLength",
    ),
    "a bound that was none": (
        lambda s: _in("Sok", "antall")(s).update(minimum=1),
        "request.body application/json.antall: minimum",
    ),
    "a pattern that was none": (
        lambda s: _in("Sok", "fnr")(s).update(pattern="^0"),
        "request.body application/json.fnr: pattern",
    ),
    "fewer values accepted": (
        lambda s: _in("Sok", "type")(s).update(enum=["A"]),
        "request.body application/json.type: enum",
    ),
    "another default": (
        lambda s: _in("Sok", "antall")(s).update(default=10),
        "request.body application/json.antall: default",
    ),
    "another rule": (
        lambda s: _schema(s, "Sok").update({"not": {"type": "string"}}),
        "request.body application/json: not is another",
    ),
    "status gone": (lambda s: _call(s)["responses"].pop("400"), "response 400 is gone"),
    "another success": (lambda s: _call(s)["responses"].update({"202": {}}), "response 202 is new"),
    "response of another kind": (
        lambda s: _call(s)["responses"]["200"].update(content={"text/plain": {}}),
        "response 200: application/json is gone",
    ),
    "header gone": (
        lambda s: _call(s)["responses"]["200"].pop("headers"),
        "response 200: header Id is gone",
    ),
    "problems of another kind": (
        lambda s: s["components"]["responses"]["BAD_REQUEST"].update(content={}),
        "response 400: application/problem+json is gone",
    ),
    "property gone from a response": (
        lambda s: _schema(s, "Avtale")["properties"].pop("prosent"),
        "response 200.application/json.avtaler[]: prosent is gone",
    ),
    "property no longer certain": (
        lambda s: _schema(s, "Svar").pop("required"),
        "response 200.application/json: avtaler is no longer certain",
    ),
    "null in a response": (
        lambda s: _in("Svar", "markoer")(s).update(type=["string", "null"]),
        "response 200.application/json.markoer: type was string, is null or string",
    ),
    "another type in a response": (
        lambda s: _in("Avtale", "prosent")(s).update(type="string"),
        "response 200.application/json.avtaler[].prosent: type was number, is string",
    ),
    "format no longer certain": (
        lambda s: _in("Avtale", "id")(s).pop("format"),
        "response 200.application/json.avtaler[].id: format is another",
    ),
    "items no longer described": (
        lambda s: _in("Svar", "avtaler")(s).pop("items"),
        "response 200.application/json.avtaler[]: type was object, is",
    ),
    "a type renamed": (_new_type, "response 200.application/json.avtaler[]: its type, Avtale, is called Ny"),
}

_HARMLESS: dict[str, Callable[[Spec], object]] = {
    "nothing": lambda _: None,
    "a new path": lambda s: s["paths"].update({"/ny": s["paths"]["/en"]}),
    "a new optional parameter": lambda s: _call(s)["parameters"].append(
        {"in": "query", "name": "x", "schema": {}}
    ),
    "another description": lambda s: _call(s).update(description="Mer", summary="Annet"),
    "another example": lambda s: _in("Sok", "fnr")(s).update(example="x", description="y"),
    "a new optional property of a request": lambda s: _schema(s, "Sok")["properties"].update(ny={}),
    "no longer required": lambda s: _schema(s, "Sok").update(required=[]),
    "null accepted": lambda s: _in("Sok", "fnr")(s).update(type=["string", "null"]),
    "numbers accepted": lambda s: _in("Sok", "antall")(s).update(type="number"),
    "longer texts accepted": lambda s: _in("Sok", "fnr")(s).update(minLength=1, maxLength=20),
    "more values accepted": lambda s: _in("Sok", "type")(s).update(enum=["A", "B", "C"]),
    "any value accepted": lambda s: _in("Sok", "type")(s).pop("enum"),
    "any format accepted": lambda s: _in("Sok", "dato")(s).pop("format"),
    "a rule less": lambda s: _schema(s, "Sok").pop("not"),
    "open requests": lambda s: _schema(s, "Sok").pop("additionalProperties"),
    "a new property of a response": lambda s: _schema(s, "Avtale")["properties"].update(ny={}),
    "a property now certain": lambda s: _schema(s, "Svar").update(required=["avtaler", "markoer"]),
    "whole numbers in a response": lambda s: _in("Avtale", "prosent")(s).update(type="integer"),
    "a new error": lambda s: _call(s)["responses"].update({"409": {}}),
    "a new header": lambda s: _call(s)["responses"]["200"]["headers"].update(Ny={}),
}


@pytest.mark.parametrize(("change", "said"), _BREAKING.values(), ids=_BREAKING.keys())
def test_a_break_is_found_and_named(change: Callable[[Spec], object], said: str) -> None:
    new = deepcopy(_SPEC)
    change(new)
    assert said in breaks(_SPEC, new)[0]


@pytest.mark.parametrize("change", _HARMLESS.values(), ids=_HARMLESS.keys())
def test_a_harmless_change_is_let_through(change: Callable[[Spec], object]) -> None:
    new = deepcopy(_SPEC)
    change(new)
    assert breaks(_SPEC, new) == []
