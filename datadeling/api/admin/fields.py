"""Fields that the schemas of several admin calls share, and their names: camelCase in JSON."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from marshmallow import ValidationError, fields, validate

from datadeling.api import texts
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


def create(kind: Callable[..., _Field], description: str, example: object, **rest: Any) -> _Field:  # noqa: ANN401
    """Create a field with its description in OpenAPI."""
    return kind(metadata={"description": description, "example": example}, **rest)


def begrunnelse(*, required: bool = False) -> Tekst:
    """Create the field for a reason."""
    length = validate.Length(1, 500, error=texts.NO_REASON)
    not_blank = validate.Predicate("strip", error=texts.NO_REASON)  # OpenAPI describes the length only
    description = "Hvorfor. Tas vare på; nevn ingen personer."
    return create(Tekst, description, "ny kolonne opphav", validate=[length, not_blank], required=required)


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
    up_to_1000 = partial(whole_number, 1, 1_000, texts.NO_COUNT)
    return create(up_to_1000, "Høyst så mange.", default, load_default=default)


def short_text(description: str, example: str, longest: int) -> Tekst:
    """Create a field of a request with a text."""
    return create(Tekst, description, example, validate=validate.Length(1, longest, error=texts.INVALID))


class _Masked(fields.String):
    """Free text, masked once more: rows can also be written by hand."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ANN401
        text: str | None = super()._serialize(value, attr, obj, **kwargs)
        return text and masked_prose(text)


answer = partial(create, required=True)
"""Create a field of a response, which always has it."""

text = partial(answer, _Masked)
number = partial(answer, fields.Integer)
boolean = partial(answer, fields.Boolean)
time = partial(answer, fields.DateTime, example=EXAMPLE_TIME)
strings = partial(answer, partial(fields.List, fields.String))
counts = partial(answer, partial(fields.Dict, fields.String, fields.Integer))


def list_of(schema: type[AdminResponse], description: str) -> fields.List[Any]:
    """Create a field with a list of such objects."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})
