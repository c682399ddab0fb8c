"""Schemas that several calls share: an avtale in an answer, and `felter` and `tidspunkt` in a request.

Answers are not checked against their schemas: PostgreSQL builds them, and tests compare the two. No field of
an avtale is `required`: a consumer gets those that it requests.
"""

from typing import Any

from marshmallow import Schema, fields, validate

from datadeling.api import schemas, texts
from datadeling.api.openapi.examples import field_example
from datadeling.api.schemas import Dato, ResponseSchema, Tidspunkt
from datadeling.domain.felt import BY_NAME, FELTER, VARIGHET_DAGER, Felt, Type

TILTAK = tuple(
    BY_NAME[name]
    for name in (
        "avtaleId", "avtaleNr", "tiltakstype", "startDato", "sluttDato", "varighetDager", "stillingprosent",
        "antallDagerPerUke", "bedriftNr",
    )
)  # fmt: skip
"""The fields of a tiltak when none are requested."""

_FIELDS: dict[Type, type[fields.Field[Any]]] = {
    Type.UUID: fields.UUID,
    Type.TEXT: fields.String,
    Type.INTEGER: fields.Integer,
    Type.NUMBER: fields.Float,
    Type.DATE: fields.Date,
    Type.TIME: fields.DateTime,
    Type.BOOLEAN: fields.Boolean,
}


def _field(felt: Felt) -> fields.Field[Any]:
    metadata = {"description": felt.description, "example": field_example(felt)}
    return _FIELDS[felt.type](allow_none=felt.nullable, metadata=metadata)


Avtale = ResponseSchema.from_dict({felt.json: _field(felt) for felt in FELTER}, name="Avtale")
Tiltak = ResponseSchema.from_dict(
    {felt.json: _field(felt) for felt in dict.fromkeys((*TILTAK, *FELTER))}, name="Tiltak"
)


def list_of(schema: type[Schema], description: str, *, required: bool = True) -> fields.List[Any]:
    """Return a list of these in an answer."""
    return fields.List(fields.Nested(schema), required=required, metadata={"description": description})


class FromHistory(ResponseSchema):
    """An answer that can be as of a time."""

    historikkKomplettFra = fields.DateTime(  # noqa: N815 (as in the response)
        allow_none=True,
        metadata={
            "description": "Bare når tidspunkt er oppgitt: fra da av er historikken hel. For tidligere "
            "tidspunkt kan noe mangle. Null når ingenting er lest ennå.",
            "example": schemas.EXAMPLE_TIME,
        },
    )


class Felter(fields.List[str]):
    """Names of fields. `Access.fields` checks which there are, and who may have them."""

    default_error_messages = {"invalid": texts.NO_FIELDS}  # noqa: RUF012 (marshmallow reads it so)

    def __init__(self, component: str, valid: list[str], **metadata: object) -> None:
        super().__init__(
            fields.String(
                error_messages={"invalid": texts.NO_FIELDS, "null": texts.NO_FIELDS},
                metadata={
                    "component": component,
                    "enum": valid,
                    "description": "Et felt det kan spørres om.",
                },
            ),
            validate=validate.Length(min=1, error=texts.NO_FIELDS),
            metadata={
                "description": "Feltene som trengs; bare de leses. Uten listen svares alle som "
                "klienten har lov til.",
                "example": ["avtaleId", "tiltakstype", "startDato", "sluttDato"],
                **metadata,
            },
        )


class FelterInQuery(Felter):
    """Names of fields in an address: one text, with commas between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # type: ignore[override]  # noqa: ANN401
        names = value.split(",") if value else []
        return super()._deserialize(names, attr, data, **kwargs)  # type: ignore[return-value]


SHARED = [felt.json for felt in FELTER]


def avtalefelter() -> Felter:
    """Return `felter` of a call that answers with avtaler."""
    return Felter("Avtalefelt", SHARED)


def tiltaksfelter() -> Felter:
    """Return `felter` of a call that answers with a status."""
    return Felter(
        "Tiltaksfelt",
        [*SHARED, VARIGHET_DAGER.json],
        description="Feltene som trengs i hvert tiltak; bare de leses. Uten listen svares de ni "
        "i eksempelet på svar.",
        example=["tiltakstype", "startDato", "sluttDato", "varighetDager"],
    )


def tidspunkt() -> Tidspunkt:
    """Return the time of an as-of lookup."""
    return Tidspunkt(
        metadata={
            "description": "Svar med det som var kjent da. Svaret sier i historikkKomplettFra hvor langt "
            "tilbake historikken er hel.",
            "example": schemas.EXAMPLE_TIME,
        },
    )


def dato(description: str) -> Dato:
    """Return a day."""
    return Dato(metadata={"description": description, "example": "2026-03-01"})
