"""Fields that the schemas of several admin calls share, and their names: camelCase in JSON."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from marshmallow import ValidationError, fields, validate

from datadeling.api import schemas as texts
from datadeling.api.schemas import EXAMPLE_TIME, Heltall, RequestSchema, ResponseSchema, Tekst
from datadeling.log import masked_prose

_Field = TypeVar("_Field")


class _CamelCase:
    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Called by marshmallow for each field."""
        field_obj.data_key = re.sub(r"_(.)", lambda found: found[1].upper(), field_name)


class AdminRequest(_CamelCase, RequestSchema):
    """Base of request schemas."""


class AdminResponse(_CamelCase, ResponseSchema):
    """Base of response schemas."""


class Parsed(Tekst):
    """Text of exactly this form, loaded by `parse`."""

    def __init__(self, form: str, parse: Callable[[str], Any], error: str, **rest: Any) -> None:  # noqa: ANN401
        super().__init__(**rest)
        self.metadata = {**self.metadata, "pattern": f"^{form}$"}
        self._form, self._parse, self.error = re.compile(form, re.ASCII), parse, error

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        text = super()._deserialize(value, attr, data, **kwargs)
        if not self._form.fullmatch(text):
            raise ValidationError(self.error)
        return self._parse(text)


def begrunnelse(*, required: bool = False) -> Tekst:
    """Create the field for a reason."""
    return Tekst(
        required=required,
        # Blanks alone are refused; OpenAPI describes the length only.
        validate=[
            validate.Length(1, 500, error=texts.NO_REASON),
            validate.Predicate("strip", error=texts.NO_REASON),
        ],
        metadata={
            "description": "Hvorfor. Tas vare på; nevn ingen personer.",
            "example": "ny kolonne opphav",
        },
    )


class BegrunnelseSpoersmaal(AdminRequest):
    """An optional reason."""

    begrunnelse = begrunnelse()


def whole_number(lowest: int, highest: int, error: str, **rest: Any) -> Heltall:  # noqa: ANN401
    """Create a field of a request with a whole number in a range."""
    messages: Any = {"invalid": error, "too_large": error, "null": texts.NOT_NULL}
    in_range = validate.Range(lowest, highest, error=error)
    return Heltall(validate=in_range, error_messages=messages, **rest)


def limit(default: int) -> Heltall:
    """Create the field for the length of a list."""
    metadata = {"description": "Høyst så mange.", "example": default}
    return whole_number(1, 1_000, texts.NO_COUNT, load_default=default, metadata=metadata)


class _Masked(fields.String):
    """Free text, masked once more: rows can also be written by hand."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ANN401
        text: str | None = super()._serialize(value, attr, obj, **kwargs)
        return text and masked_prose(text)


def answer(kind: Callable[..., _Field], description: str, example: object, **rest: Any) -> _Field:  # noqa: ANN401
    """Create a field of a response, which always has it."""
    return kind(required=True, metadata={"description": description, "example": example}, **rest)


text = partial(answer, _Masked)
number = partial(answer, fields.Integer)
boolean = partial(answer, fields.Boolean)
time = partial(answer, fields.DateTime, example=EXAMPLE_TIME)
strings = partial(answer, partial(fields.List, fields.String))
counts = partial(answer, partial(fields.Dict, fields.String, fields.Integer))


def list_of(schema: type[AdminResponse], description: str) -> fields.List[Any]:
    """Create a field with a list of such objects."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})
