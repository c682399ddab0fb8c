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


def text(description: str, example: str, **rest: Any) -> fields.String:  # noqa: ANN401
    """Create a field with text."""
    return _Masked(required=True, metadata={"description": description, "example": example}, **rest)


def number(description: str, example: int, **rest: Any) -> fields.Integer:  # noqa: ANN401
    """Create a field with a whole number."""
    return fields.Integer(required=True, metadata={"description": description, "example": example}, **rest)


def time(description: str, **rest: Any) -> fields.DateTime:  # noqa: ANN401
    """Create a field with a time."""
    return fields.DateTime(
        required=True, metadata={"description": description, "example": EXAMPLE_TIME}, **rest
    )


def counts(description: str, example: dict[str, int]) -> fields.Dict:
    """Create a field with a number for each name."""
    metadata = {"description": description, "example": example}
    return fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata=metadata)


def list_of(schema: type[AdminResponse], description: str) -> fields.List[Any]:
    """Create a field with a list of such objects."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


class BegrunnelseSpoersmaal(AdminRequest):
    """An optional reason."""

    begrunnelse = begrunnelse()
