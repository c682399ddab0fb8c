"""Request schemas that name one person: by fnr, or by all the numbers that the person has had."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from datadeling.api import schemas
from datadeling.api.schemas import Question

_MOST_IDENTER = 20
# JSON Schema for the reader of the description. A property that is null is one that is missing.
_IDENTER_GIVEN = {"required": ["identer"], "properties": {"identer": {"type": "array"}}}
_FNR_GIVEN = {"required": ["fnr"], "properties": {"fnr": {"type": "string"}}}
_NO_FNR = {"properties": {"fnr": {"type": "null"}}}


class Person(Question):
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

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse two ways to name somebody."""
        if given.get("fnr") is not None and given.get("identer") is not None:
            raise ValidationError(schemas.ONE_PERSON, "identer")


class OnePerson(Person):
    """Exactly one person."""

    rules = {**Person.rules, "else": _FNR_GIVEN}  # noqa: RUF012

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuse nobody, too."""
        if given.get("fnr") is None and given.get("identer") is None:
            raise ValidationError(schemas.MISSING, "fnr")
        Person.check(self, given)


def identer(body: Mapping[str, Any]) -> list[str] | None:
    """Return the numbers of the person in a valid body, or None when it names nobody."""
    if body.get("fnr") is not None:
        return [body["fnr"]]
    return None if body.get("identer") is None else list(dict.fromkeys(body["identer"]))
