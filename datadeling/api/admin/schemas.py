"""Naming and fields that the schemas of several admin calls share."""

import re
from typing import Any

from marshmallow import fields, validate

from datadeling.api import schemas as texts
from datadeling.api.schemas import EXAMPLE_TIME, Heltall, RequestSchema, ResponseSchema, Tekst
from datadeling.log import masked_prose

_LONGEST_REASON = 500


class _CamelCase:
    """Names fields in snake_case in Python and in camelCase in JSON."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Called by marshmallow for each field."""
        field_obj.data_key = re.sub(r"_(.)", lambda found: found[1].upper(), field_name)


class AdminRequest(_CamelCase, RequestSchema):
    """Base of request schemas."""


class AdminResponse(_CamelCase, ResponseSchema):
    """Base of response schemas."""


def begrunnelse(*, required: bool = False) -> Tekst:
    """Create the field for a reason."""
    return Tekst(
        required=required,
        # Blanks alone are refused; OpenAPI describes the length only.
        validate=[
            validate.Length(1, _LONGEST_REASON, error=texts.NO_REASON),
            validate.Predicate("strip", error=texts.NO_REASON),
        ],
        metadata={
            "description": "Hvorfor. Tas vare på; nevn ingen personer.",
            "example": "ny kolonne opphav",
        },
    )


def limit(default: int) -> Heltall:
    """Create the field for the length of a list."""
    return Heltall(
        load_default=default,
        validate=validate.Range(1, 1_000, error=texts.NO_COUNT),
        error_messages={"invalid": texts.NO_COUNT, "too_large": texts.NO_COUNT},
        metadata={"description": "Høyst så mange.", "example": default},
    )


class _Masked(fields.String):
    """Free text, masked once more: rows can also be written by hand."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ANN401
        text: str | None = super()._serialize(value, attr, obj, **kwargs)
        return text and masked_prose(text)


def described(description: str, example: object) -> dict[str, Any]:
    """Return the arguments that every field of a response has."""
    return {"required": True, "metadata": {"description": description, "example": example}}


def text(description: str, example: str, **rest: Any) -> fields.String:  # noqa: ANN401
    """Create a field with text."""
    return _Masked(**described(description, example), **rest)


def number(description: str, example: int, **rest: Any) -> fields.Integer:  # noqa: ANN401
    """Create a field with a whole number."""
    return fields.Integer(**described(description, example), **rest)


def boolean(description: str, *, example: bool) -> fields.Boolean:
    """Create a field with true or false."""
    return fields.Boolean(**described(description, example))


def time(description: str, **rest: Any) -> fields.DateTime:  # noqa: ANN401
    """Create a field with a time."""
    return fields.DateTime(**described(description, EXAMPLE_TIME), **rest)


def strings(description: str, example: list[str]) -> fields.List[Any]:
    """Create a field with a list of texts."""
    return fields.List(fields.String(), **described(description, example))


def counts(description: str, example: dict[str, int], **rest: Any) -> fields.Dict:  # noqa: ANN401
    """Create a field with a number for each name."""
    return fields.Dict(fields.String(), fields.Integer(), **described(description, example), **rest)


def nested(schema: type[AdminResponse], description: str, **rest: Any) -> fields.Nested:  # noqa: ANN401
    """Create a field with an object."""
    return fields.Nested(schema, required=True, metadata={"description": description}, **rest)


def list_of(schema: type[AdminResponse], description: str) -> fields.List[Any]:
    """Create a field with a list of such objects."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


def id_parameter(description: str, schema: dict[str, object], example: object) -> dict[str, Any]:
    """Describe the `id` in the address of a call."""
    return {"in": "path", "name": "id", "description": description, "schema": schema, "example": example}


class BegrunnelseSpoersmaal(AdminRequest):
    """An optional reason."""

    begrunnelse = begrunnelse()
