"""Request schemas that name one person: by fnr, or by all the numbers that the person has had."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validate, validates_schema

from datadeling.api import schemas
from datadeling.api.schemas import LookupRequest

_MOST_IDENTER = 20
# JSON Schema for the reader of the description. A property that is null is one that is missing.
_IDENTER_GIVEN = {"required": ["identer"], "properties": {"identer": {"type": "array"}}}
_FNR_GIVEN = {"required": ["fnr"], "properties": {"fnr": {"type": "string"}}}
_NO_FNR = {"properties": {"fnr": {"type": "null"}}}


class Person(LookupRequest):
    """At most one person."""

    rules = {"if": _IDENTER_GIVEN, "then": _NO_FNR}  # noqa: RUF012 (read by the OpenAPI plugin)

    fnr = schemas.fnr()
    identer = fields.List(
        schemas.fnr(),
        validate=validate.Length(min=1, max=_MOST_IDENTER, error=schemas.NO_IDENTER),
        error_messages={"invalid": schemas.NO_IDENTER},
        metadata={
            "description": "Personens nåværende og tidligere identitetsnumre, i stedet for fnr: 1–20.",
            "example": [schemas.EXAMPLE_FNR],
        },
    )

    is_required: ClassVar[bool] = False

    # Also when a field is bad in itself, so that all that is wrong is answered at once.
    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _check_person(self, _: dict[str, Any], sent: Any, **__: object) -> None:  # noqa: ANN401 (any JSON)
        if not isinstance(sent, dict):
            return
        has_fnr, has_identer = sent.get("fnr") is not None, sent.get("identer") is not None
        if has_fnr and has_identer:
            raise ValidationError(schemas.ONE_PERSON, "identer")
        if self.is_required and not has_fnr and not has_identer:
            raise ValidationError(schemas.MISSING, "fnr")


class OnePerson(Person):
    """Exactly one person."""

    rules = {**Person.rules, "else": _FNR_GIVEN}  # noqa: RUF012
    is_required = True


def identer(body: Mapping[str, Any]) -> list[str] | None:
    """Return the numbers of the person in a valid body, or None when it names nobody."""
    if body.get("fnr") is not None:
        return [body["fnr"]]
    return None if body.get("identer") is None else list(dict.fromkeys(body["identer"]))
