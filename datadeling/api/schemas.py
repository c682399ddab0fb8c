"""What goes in and what comes out, in the words of OpenAPI.

Bodies are validated with these schemas. Answers are not: PostgreSQL builds them, and tests hold them to what
is said here. No field of an avtale is `required`: a consumer gets those that it asks for.
"""

import datetime as dt
import re
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from datadeling.domain.felt import FELTER, Felt, Type

EXAMPLE_FNR = "15877512360"  # synthetic: 80 has been added to the month
_EXAMPLE_ID = "5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42"
_EXAMPLE_TIME = "2026-01-16T11:05:40.946+01:00"

UNKNOWN = "ukjent egenskap"
NO_OBJECT = "må være et JSON-objekt"
MISSING = "mangler"
NOT_NULL = "kan ikke være null"
NO_FNR = "må være nøyaktig elleve siffer"
NO_DATE = "må være en dato, åååå-mm-dd"
NO_UUID = "må være en UUID"
# What an answer may say of a field. Everything else, a text of a library, becomes the last one.
INVALID = "ugyldig verdi"
MELDINGER = frozenset({UNKNOWN, NO_OBJECT, MISSING, NOT_NULL, NO_FNR, NO_DATE, NO_UUID})

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Dato(fields.Date):
    """A date as yyyy-MM-dd and in no other of ISO 8601's spellings."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dt.date:  # noqa: ANN401
        if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class Body(Schema):
    """The body of a request: an object with these properties and no others."""

    error_messages = {"unknown": UNKNOWN, "type": NO_OBJECT}  # noqa: RUF012 (marshmallow reads it so)


class Answer(Schema):
    """An answer: more properties may come."""

    class Meta:
        """What marshmallow calls it."""

        unknown = EXCLUDE


def _fnr() -> fields.String:
    return fields.String(
        required=True,
        # The length, too: "$" also matches before a line break at the end.
        validate=[
            validate.Length(equal=11, error=NO_FNR),
            validate.Regexp("^[0-9]{11}$", error=NO_FNR),
        ],
        error_messages={"required": MISSING, "null": NOT_NULL, "invalid": NO_FNR, "invalid_utf8": NO_FNR},
        metadata={
            "description": "Personens identitetsnummer: elleve siffer. Mer sjekkes ikke.",
            "example": EXAMPLE_FNR,
        },
    )


class TiltaksstatusSpoersmaal(Body):
    """Whom and which day `tiltaksstatus` is about."""

    fnr = _fnr()
    dato = Dato(
        allow_none=True,
        error_messages={"invalid": NO_DATE},
        metadata={
            "description": "Dagen det spørres om; i dag (Oslo) når den mangler.",
            "example": "2026-03-01",
        },
    )


class AvtalesoekSpoersmaal(Body):
    """What `avtaler/sok` is to look for."""

    fnr = _fnr()


def _described(felt: Felt) -> fields.Field[Any]:
    metadata: dict[str, Any] = {"description": felt.meaning}
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
_EXAMPLES: dict[str, Any] = {
    "avtaleId": _EXAMPLE_ID,
    "avtaleNr": 123456,
    "deltakerFnr": EXAMPLE_FNR,
    "bedriftNr": "999999999",
    "veilederNavIdent": "Z999999",
    "tiltakstype": "MIDLERTIDIG_LONNSTILSKUDD",
    "avtaleStatus": "GJENNOMFØRES",
    "versjon": 3,
    "opphav": "VEILEDER",
    "startDato": "2026-02-01",
    "sluttDato": "2026-07-31",
    "stillingprosent": 62.5,
    "antallDagerPerUke": 3,
    "stillingstype": "MIDLERTIDIG",
    "opprettetTidspunkt": _EXAMPLE_TIME,
    "endretTidspunkt": _EXAMPLE_TIME,
}

Avtale = Answer.from_dict({felt.json: _described(felt) for felt in FELTER}, name="Avtale")

_BY_NAME = {felt.json: felt for felt in FELTER}
_TILTAK_FIRST = ("avtaleId", "avtaleNr", "tiltakstype", "startDato", "sluttDato")
_TILTAK_LAST = ("stillingprosent", "antallDagerPerUke", "bedriftNr")
Tiltak = Answer.from_dict(
    {
        **{name: _described(_BY_NAME[name]) for name in _TILTAK_FIRST},
        "varighetDager": fields.Integer(
            allow_none=True,
            metadata={
                "description": "Dager fra og med start til og med slutt; til og med dagen det spørres om når "
                "tiltaket er åpent. Mangler når det er åpent og ikke har begynt.",
                "example": 181,
            },
        ),
        **{name: _described(_BY_NAME[name]) for name in _TILTAK_LAST},
    },
    name="Tiltak",
)


def _list_of(schema: type[Schema], description: str) -> fields.List[Any]:
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


class Tiltaksstatus(Answer):
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


class Avtaler(Answer):
    """The answer of `avtaler/sok`."""

    avtaler = _list_of(Avtale, "Nyeste først, etter opprettetTidspunkt og avtaleId.")
    markoer = fields.String(
        required=True, allow_none=True, metadata={"description": "Alltid null: alt er på én side."}
    )


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
        metadata={"description": "Kallets id, den samme som i Nav-Call-Id.", "example": _EXAMPLE_ID},
    )
    feil = fields.List(
        fields.Nested(FeilSvar), metadata={"description": "Hva som er galt med hvilket felt, ved status 400."}
    )
    mangler = fields.String(metadata={"description": "Hva klienten mangler, ved status 403."})
    roller = fields.List(
        fields.String(), metadata={"description": "Rollene som klienten har, ved status 403."}
    )
