"""`POST /api/v1/tiltaksstatus` and `…/bolk`: tiltak of a person that day: any, how many, which, how long."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask import Response, g
from marshmallow import fields, validate

from datadeling.api import schemas, texts
from datadeling.api.openapi.blueprint import LookupBlueprint
from datadeling.api.openapi.errors import FeilSvar
from datadeling.api.problems import UGYLDIGE_FELT
from datadeling.api.schemas import LookupRequest, OnePerson, ResponseSchema, feil_in, identer
from datadeling.api.services import services
from datadeling.api.v1.avtale import TILTAK, FromHistory, Tiltak, dato, list_of, tidspunkt, tiltaksfelter
from datadeling.domain.felt import FELTER, VARIGHET_DAGER
from datadeling.domain.month import OSLO

MOST_PERSONS = 1_000
_LARGEST_BOLK = 512 * 1024  # bytes
_EVERY_FIELD = (*FELTER, VARIGHET_DAGER)

blueprint = LookupBlueprint("tiltaksstatus", __name__, description="Er personen på tiltak?")


class TiltaksstatusSpoersmaal(OnePerson):
    """The request of `tiltaksstatus`."""

    dato = dato("Dagen det spørres om; i dag (Oslo) når den mangler, eller dagen i tidspunkt.")
    tidspunkt = tidspunkt()
    felter = tiltaksfelter()


class Tiltaksstatus(FromHistory):
    """The answer of `tiltaksstatus`."""

    paaTiltak = fields.Boolean(  # noqa: N815 (as in the response)
        required=True,
        metadata={"description": "Om personen er på minst ett tiltak den dagen.", "example": True},
    )
    antall = fields.Integer(
        required=True, metadata={"description": "Hvor mange tiltak personen er på den dagen.", "example": 1}
    )
    naavaerende = list_of(Tiltak, "Tiltak den dagen, etter startDato og avtaleId.")
    kommende = list_of(Tiltak, "Inngåtte avtaler som begynner senere, i samme rekkefølge.")
    tidligere = list_of(Tiltak, "Inngåtte avtaler som er over, i samme rekkefølge.")


@blueprint.call(
    "POST",
    "/tiltaksstatus",
    body=TiltaksstatusSpoersmaal,
    response=Tiltaksstatus,
    operationId="tiltaksstatus",
    summary="Er personen på tiltak en dag, hvor mange, hvilke og hvor lenge?",
    description="Datoene avgjør hva som er nåværende, ikke statusen. "
    "En ukjent person er ikke på tiltak: 200.",
)
def tiltaksstatus(body: dict[str, Any]) -> Response:
    """Look one person up."""
    parts = services()
    felter = parts.access.fields(body.get("felter"), TILTAK, _EVERY_FIELD)
    answer = parts.lookups.tiltaksstatus(
        g.audit, identer(body) or [], _day(body, parts.now()), felter, body.get("tidspunkt")
    )
    return Response(answer, mimetype="application/json")


class PersonSpoersmaal(OnePerson):
    """One person of a request of `bolk`."""


class _CheckedLater(fields.Nested):
    """Described as what it should be, and taken as it is: a bad person does not fail the others."""

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **_: Any) -> Any:  # noqa: ANN401, ARG002
        return value


class BolkSpoersmaal(LookupRequest):
    """The request of `bolk`. What is wrong with a person is in the answer for that person."""

    personer = fields.List(
        _CheckedLater(PersonSpoersmaal),
        required=True,
        validate=validate.Length(min=1, max=MOST_PERSONS, error=texts.NO_PERSONS),
        error_messages={
            "required": texts.MISSING,
            "null": texts.NOT_NULL,
            "invalid": texts.NO_PERSONS,
        },
        metadata={
            "description": "1–1000 personer, hver med fnr eller identer. Er det noe galt med en av dem, står "
            "det i svaret for den.",
            "example": [{"fnr": schemas.EXAMPLE_FNR}],
        },
    )
    dato = dato("Dagen det spørres om; i dag (Oslo) når den mangler, eller dagen i tidspunkt.")
    tidspunkt = tidspunkt()
    felter = tiltaksfelter()


class BolkResultat(ResponseSchema):
    """The answer of `bolk` for one person. With another `kode` than OK there is only `feil`."""

    kode = fields.String(
        required=True,
        metadata={"description": "OK eller UGYLDIGE_FELT; nye kan komme.", "example": "OK"},
    )
    paaTiltak = fields.Boolean(  # noqa: N815 (as in the response)
        metadata={"description": "Som i tiltaksstatus.", "example": True}
    )
    antall = fields.Integer(metadata={"description": "Som i tiltaksstatus.", "example": 1})
    naavaerende = list_of(Tiltak, "Som i tiltaksstatus.", required=False)
    kommende = list_of(Tiltak, "Som i tiltaksstatus.", required=False)
    tidligere = list_of(Tiltak, "Som i tiltaksstatus.", required=False)
    feil = fields.List(
        fields.Nested(FeilSvar),
        metadata={"description": "Hva som er galt med personen, når kode er UGYLDIGE_FELT."},
    )


class Bolk(FromHistory):
    """The answer of `bolk`."""

    resultater = list_of(BolkResultat, "Ett for hver person, i samme rekkefølge som det ble spurt.")


@blueprint.call(
    "POST",
    "/tiltaksstatus/bolk",
    body=BolkSpoersmaal,
    response=Bolk,
    max_bytes=_LARGEST_BOLK,
    operationId="tiltaksstatusBolk",
    summary="Det samme for inntil 1000 personer",
    description="Svarene kommer i samme rekkefølge som personene. Er det noe galt med en av dem, "
    "står det i svaret for den, og de andre får sitt.",
)
def bolk(body: dict[str, Any]) -> Response:
    """Look many persons up."""
    parts = services()
    felter = parts.access.fields(body.get("felter"), TILTAK, _EVERY_FIELD)
    persons = [_identer_or_error(person) for person in body["personer"]]
    answer = parts.lookups.tiltaksstatus_bolk(
        g.audit, persons, _day(body, parts.now()), felter, body.get("tidspunkt")
    )
    return Response(answer, mimetype="application/json")


_person = PersonSpoersmaal()


def _identer_or_error(person: object) -> list[str] | str:
    """Return the numbers of a person, or the answer for a bad one."""
    errors = _person.validate(person)  # type: ignore[arg-type]  # any JSON
    if not errors:
        return identer(person) or []  # type: ignore[arg-type]
    feil = [each._asdict() for each in feil_in(errors, _person)]
    return json.dumps({"kode": UGYLDIGE_FELT, "feil": feil}, ensure_ascii=False)


def _day(body: Mapping[str, Any], now: datetime) -> date:
    """Return the day of the lookup, in Oslo. An as-of lookup is about the day of its time."""
    day: date | None = body.get("dato")
    time: datetime = body.get("tidspunkt") or now
    return day or time.astimezone(OSLO).date()
