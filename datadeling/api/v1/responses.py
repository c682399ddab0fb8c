"""What comes out, in the words of OpenAPI.

Answers are not checked against this: PostgreSQL builds them, and tests hold them to what is said here. No
field of an avtale is `required`: a consumer gets those that it asks for.
"""

from typing import Any

from marshmallow import Schema, fields

from datadeling.api.fields import EXAMPLE_ID, EXAMPLE_TIME, NO_FNR, Answer
from datadeling.api.openapi.examples import AVTALE, VARIGHET
from datadeling.domain.felt import BY_NAME, FELTER, Felt, Type


def _described(felt: Felt) -> fields.Field[Any]:
    metadata: dict[str, Any] = {"description": felt.description}
    if felt.json in _EXAMPLES:
        metadata["example"] = _EXAMPLES[felt.json]
    return _FIELDS[felt.type](allow_none=felt.nullable, metadata=metadata)


_FIELDS: dict[Type, type[fields.Field[Any]]] = {
    Type.UUID: fields.UUID,
    Type.TEXT: fields.String,
    Type.INTEGER: fields.Integer,
    Type.NUMBER: fields.Float,
    Type.DATE: fields.Date,
    Type.TIME: fields.DateTime,
    Type.BOOLEAN: fields.Boolean,
}
_EXAMPLES = {**AVTALE, "varighetDager": VARIGHET}

Avtale = Answer.from_dict({felt.json: _described(felt) for felt in FELTER}, name="Avtale")

TILTAK = tuple(
    BY_NAME[name]
    for name in (
        "avtaleId",
        "avtaleNr",
        "tiltakstype",
        "startDato",
        "sluttDato",
        "varighetDager",
        "stillingprosent",
        "antallDagerPerUke",
        "bedriftNr",
    )
)
"""What a tiltak is told by when nothing else is asked for."""

Tiltak = Answer.from_dict(
    {felt.json: _described(felt) for felt in dict.fromkeys((*TILTAK, *FELTER))}, name="Tiltak"
)


def _list_of(schema: type[Schema], description: str, *, required: bool = True) -> fields.List[Any]:
    return fields.List(fields.Nested(schema), required=required, metadata={"description": description})


class _FromHistory(Answer):
    """An answer that can be as of a time."""

    historikkKomplettFra = fields.DateTime(  # noqa: N815 (as in the answer)
        allow_none=True,
        metadata={
            "description": "Bare når tidspunkt er oppgitt: fra da av er historikken hel. For tidligere "
            "tidspunkt kan noe mangle. Null når ingenting er lest ennå.",
            "example": EXAMPLE_TIME,
        },
    )


class Tiltaksstatus(_FromHistory):
    """The answer of `tiltaksstatus`."""

    paaTiltak = fields.Boolean(  # noqa: N815 (as in the answer)
        required=True,
        metadata={"description": "Om personen er på minst ett tiltak den dagen.", "example": True},
    )
    antall = fields.Integer(
        required=True, metadata={"description": "Hvor mange tiltak personen er på den dagen.", "example": 1}
    )
    naavaerende = _list_of(Tiltak, "Tiltak den dagen, etter startDato og avtaleId.")
    kommende = _list_of(Tiltak, "Inngåtte avtaler som begynner senere, i samme rekkefølge.")
    tidligere = _list_of(Tiltak, "Inngåtte avtaler som er over, i samme rekkefølge.")


class FeilSvar(Answer):
    """What is wrong with one field."""

    felt = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Feltet i forespørselen; null når det ikke er et av våre.",
            "example": "fnr",
        },
    )
    melding = fields.String(required=True, metadata={"example": NO_FNR})


class BolkResultat(Answer):
    """What `bolk` says of one person. With another `kode` than OK there is only `feil`."""

    kode = fields.String(
        required=True,
        metadata={"description": "OK eller UGYLDIGE_FELT; nye kan komme.", "example": "OK"},
    )
    paaTiltak = fields.Boolean(  # noqa: N815 (as in the answer)
        metadata={"description": "Som i tiltaksstatus.", "example": True}
    )
    antall = fields.Integer(metadata={"description": "Som i tiltaksstatus.", "example": 1})
    naavaerende = _list_of(Tiltak, "Som i tiltaksstatus.", required=False)
    kommende = _list_of(Tiltak, "Som i tiltaksstatus.", required=False)
    tidligere = _list_of(Tiltak, "Som i tiltaksstatus.", required=False)
    feil = fields.List(
        fields.Nested(FeilSvar),
        metadata={"description": "Hva som er galt med personen, når kode er UGYLDIGE_FELT."},
    )


class Bolk(_FromHistory):
    """The answer of `tiltaksstatus/bolk`."""

    resultater = _list_of(BolkResultat, "Ett for hver person, i samme rekkefølge som det ble spurt.")


class Avtaleside(_FromHistory):
    """The answer of `avtaler/sok`."""

    avtaler = _list_of(Avtale, "Nyeste først, etter opprettetTidspunkt og avtaleId.")
    markoer = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Send den med samme spørsmål for neste side; null på den siste.",
            "example": "AALrfUCd1FBfmm8MKjxPDp9eC4o8HX5CPC-ZDQ",
        },
    )


class Versjon(Answer):
    """One version of an avtale."""

    gyldigFra = fields.DateTime(  # noqa: N815 (as in the answer)
        required=True,
        metadata={"description": "Da meldingen om den ble sendt.", "example": EXAMPLE_TIME},
    )
    gyldigTil = fields.DateTime(  # noqa: N815 (as in the answer)
        required=True,
        allow_none=True,
        metadata={
            "description": "Da meldingen om den neste ble sendt; null for den nåværende. Lik gyldigFra når "
            "den neste ble sendt før den selv: da gjaldt den aldri alene.",
            "example": None,
        },
    )
    endret = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "Feltene, av dem det ble spurt om, som er andre enn i versjonen før. Tom når "
            "ingen av dem er det, og for den eldste vi kjenner.",
            "example": ["avtaleStatus", "endretTidspunkt"],
        },
    )
    avtale = fields.Nested(
        Avtale, required=True, metadata={"description": "Avtalen slik den var da: feltene det ble spurt om."}
    )


class Historikk(Answer):
    """The answer of `avtaler/{avtaleId}/historikk`."""

    versjoner = _list_of(Versjon, "Nyeste først.")
    historikkKomplettFra = fields.DateTime(  # noqa: N815 (as in the answer)
        required=True,
        allow_none=True,
        metadata={
            "description": "Fra da av er historikken hel. Versjoner fra før kan mangle. "
            "Null når ingenting er lest ennå.",
            "example": EXAMPLE_TIME,
        },
    )


class ProblemSvar(Answer):
    """Every error answer."""

    type = fields.String(required=True, metadata={"example": "about:blank"})
    title = fields.String(required=True, metadata={"example": "Ugyldig forespørsel"})
    status = fields.Integer(required=True, metadata={"example": 400})
    detail = fields.String(required=True, metadata={"example": "Forespørselen har feil, se feltet feil."})
    kode = fields.String(
        required=True,
        metadata={"description": "Stabil kode; nye kan komme.", "example": "UGYLDIGE_FELT"},
    )
    traceId = fields.String(  # noqa: N815 (as in the answer)
        required=True,
        metadata={"description": "Kallets id, den samme som i Nav-Call-Id.", "example": EXAMPLE_ID},
    )
    feil = fields.List(
        fields.Nested(FeilSvar), metadata={"description": "Hva som er galt med hvilket felt, ved status 400."}
    )
    mangler = fields.String(metadata={"description": "Hva klienten mangler, ved status 403."})
    roller = fields.List(
        fields.String(), metadata={"description": "Rollene som klienten har, ved status 403."}
    )
    felter = fields.List(
        fields.String(),
        metadata={"description": "Feltene som klienten har lov til, når det er et felt som mangler."},
    )
