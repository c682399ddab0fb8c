"""`POST /api/v1/avtaler/sok`, `GET /api/v1/avtaler` and `…/{avtaleId}`: the avtaler themselves."""

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

from flask import Response, g
from marshmallow import ValidationError, fields, validate, validates_schema

from datadeling.api import schemas, texts
from datadeling.api.openapi.blueprint import LookupBlueprint
from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.api.schemas import Heltall, JaNei, LookupRequest, Person, RequestSchema, Tekst, identer
from datadeling.api.services import services
from datadeling.api.v1.avtale import (
    SHARED,
    Avtale,
    FelterInQuery,
    FromHistory,
    avtalefelter,
    dato,
    list_of,
    tidspunkt,
)
from datadeling.domain.felt import BY_NAME, FELTER
from datadeling.domain.search import Marker, Search

_MOST_AVTALER = 1_000
_MARKER = struct.Struct(">q16sI")
_CHECKSUM_BYTES = 4
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts its microseconds from there
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

AVTALE_ID = {
    "in": "path",
    "name": "avtaleId",
    "description": "Avtalens id.",
    "schema": {"type": "string", "format": "uuid"},
    "example": schemas.EXAMPLE_ID,
}
"""The parameter of a route, in OpenAPI."""

blueprint = LookupBlueprint("avtaler", __name__, description="Avtalene selv")


def is_avtale_id(text: str) -> bool:
    """Return whether this is the id of an avtale, in any case of letters."""
    return _ID.fullmatch(text) is not None


def parse_avtale_id(text: str) -> str:
    """Return an id from an address. Raise `Problem` 400."""
    if not is_avtale_id(text):
        raise invalid_fields([Feil("avtaleId", texts.NO_UUID)])
    return text


def unknown_avtale() -> Problem:
    """Return the answer when there is no avtale to show."""
    return Problem(404, kode="UKJENT_AVTALE", detail="Det finnes ingen slik avtale.")


class Markoer(fields.String):
    """The place where a page begins: time and id of the last avtale of the page before, and their checksum.

    With one that was damaged on its way, avtaler would be left out in silence.
    """

    default_error_messages = {"invalid": texts.NO_MARKER}  # noqa: RUF012 (marshmallow reads it so)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Marker:  # type: ignore[override]  # noqa: ANN401, ARG002
        try:
            given = urlsafe_b64decode(value + "=" * (-len(value) % 4))
            time, avtale_id, checksum = _MARKER.unpack(given)
            is_ours = (
                urlsafe_b64encode(given).rstrip(b"=").decode() == value
            )  # base64 ignores other characters
            if is_ours and checksum == crc32(given[:-_CHECKSUM_BYTES]):
                return Marker(_BEGINNING + timedelta(microseconds=time), UUID(bytes=avtale_id))
        except (TypeError, ValueError, OverflowError, struct.error):
            pass
        raise self.make_error("invalid")


def _one_of(*names: str) -> dict[str, Any]:
    """Return JSON Schema for "at least one of these properties"."""
    return {"not": {"properties": {name: {"type": "null"} for name in names}}}


class Periode(LookupRequest):
    """First and last day, both included; either may be missing."""

    rules = _one_of("fom", "tom")

    fom = dato("Første dag.")
    tom = dato("Siste dag.")

    @validates_schema
    def _check_days(self, data: dict[str, Any], **_: object) -> None:
        fom, tom = data.get("fom"), data.get("tom")
        if (fom is None and tom is None) or (fom and tom and fom > tom):
            raise ValidationError(texts.NO_PERIOD)


class AvtalesoekSpoersmaal(Person):
    """The request of `avtaler/sok`: all its criteria must hold."""

    rules = {  # noqa: RUF012 (read by the OpenAPI plugin)
        **Person.rules,
        **_one_of("fnr", "identer", "bedriftNr", "tiltakstype", "avtaleStatus", "periode"),
    }

    bedriftNr = Tekst(  # noqa: N815 (as in the request)
        metadata={"description": "Arbeidsgiverens virksomhetsnummer. Sjekkes ikke.", "example": "999999999"}
    )
    tiltakstype = Tekst(
        metadata={
            "description": BY_NAME["tiltakstype"].description,
            "example": "MIDLERTIDIG_LONNSTILSKUDD",
        }
    )
    avtaleStatus = Tekst(  # noqa: N815 (as in the request)
        metadata={
            "description": BY_NAME["avtaleStatus"].description,
            "example": "GJENNOMFØRES",
        }
    )
    periode = fields.Nested(
        Periode,
        error_messages={"invalid": texts.NO_OBJECT, "type": texts.NO_OBJECT},
        metadata={"description": "Avtaler med minst én dag i perioden. En avtale uten startDato har ingen."},
    )
    tidspunkt = tidspunkt()
    felter = avtalefelter()
    inkluderFeilregistrerte = JaNei(  # noqa: N815 (as in the request)
        load_default=False,
        metadata={
            "description": "Også avtaler som er registrert ved en feil. Uten den: false.",
            "example": False,
        },
    )
    antall = Heltall(
        strict=True,
        load_default=100,
        validate=validate.Range(1, _MOST_AVTALER, error=texts.NO_COUNT),
        error_messages={"invalid": texts.NO_COUNT, "too_large": texts.NO_COUNT},
        metadata={"description": "Høyst så mange på én side. Uten den: 100.", "example": 100},
    )
    markoer = Markoer(
        metadata={
            "description": "markoer i svaret på siden før. Uten den: første side.",
            "format": "markoer",  # ours: any other text is refused
            "example": None,
        },
    )


class Avtaleside(FromHistory):
    """The answer of `avtaler/sok`."""

    avtaler = list_of(Avtale, "Nyeste først, etter opprettetTidspunkt og avtaleId.")
    markoer = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Send den med samme spørsmål for neste side; null på den siste.",
            "example": "AALrfUCd1FBfmm8MKjxPDp9eC4o8HX5CPC-ZDQ",
        },
    )


@blueprint.call(
    "POST",
    "/avtaler/sok",
    body=AvtalesoekSpoersmaal,
    response=Avtaleside,
    operationId="sokAvtaler",
    summary="Avtalene til en person, hos en bedrift, av en type: nyeste først",
    description="Alle kriterier som er oppgitt, må stemme. fnr, identer eller bedriftNr må være med; "
    "uten dem trengs rollen bulk. Feilregistrerte er utelatt. "
    "En ukjent person har ingen: 200 og en tom liste.",
)
def search(body: dict[str, Any]) -> Response:
    """Look for avtaler, a page at a time."""
    criteria = _criteria(body)
    if criteria.is_empty:
        raise Problem(400, kode="MANGLER_KRITERIUM", detail="Søket trenger minst ett kriterium.")
    parts = services()
    parts.access.criteria(criteria)
    felter = parts.access.fields(body.get("felter"), FELTER, FELTER)
    answer = parts.lookups.search(g.audit, criteria, felter, body["antall"])
    return Response(answer, mimetype="application/json")


def _criteria(body: dict[str, Any]) -> Search:
    periode = body.get("periode", {})
    return Search(
        identer=identer(body),
        bedrift_nr=body.get("bedriftNr"),
        tiltakstype=body.get("tiltakstype"),
        avtale_status=body.get("avtaleStatus"),
        fom=periode.get("fom"),
        tom=periode.get("tom"),
        tidspunkt=body.get("tidspunkt"),
        marker=body.get("markoer"),
        feilregistrerte=body["inkluderFeilregistrerte"],
    )


class AvtaleQuery(RequestSchema):
    """The query string of a call for one avtale."""

    felter = FelterInQuery(
        "Avtalefelt", SHARED, example=["avtaleId", "tiltakstype", "startDato", "sluttDato"]
    )


class AvtaleNrQuery(AvtaleQuery):
    """The query string of a call that finds an avtale by its number."""

    avtaleNr = Heltall(  # noqa: N815 (as in the address)
        required=True,
        validate=validate.Range(-(2**31), 2**31 - 1, error=texts.NO_NUMBER),
        error_messages={"required": texts.MISSING, "invalid": texts.NO_NUMBER},
        metadata={"description": "Avtalens nummer.", "example": 123456},
    )


@blueprint.call(
    "GET",
    "/avtaler/<avtaleId>",
    parameters=[AVTALE_ID],
    query=AvtaleQuery,
    response=Avtale,
    errors=[404],
    operationId="hentAvtale",
    summary="Én avtale",
    description="En avtale som er feilregistrert svares som om den ikke fantes.",
)
def find(query: dict[str, Any], avtaleId: str) -> Response:  # noqa: N803 (its name in OpenAPI)
    """Look one avtale up by its id."""
    return _find(Search(avtale_id=parse_avtale_id(avtaleId)), query)


@blueprint.call(
    "GET",
    "/avtaler",
    query=AvtaleNrQuery,
    response=Avtale,
    errors=[404],
    operationId="hentAvtaleMedNr",
    summary="Én avtale, etter nummeret",
    description="En avtale som er feilregistrert svares som om den ikke fantes.",
)
def find_by_number(query: dict[str, Any]) -> Response:
    """Look one avtale up by its number."""
    return _find(Search(avtale_nr=query["avtaleNr"]), query)


def _find(criteria: Search, query: dict[str, Any]) -> Response:
    parts = services()
    felter = parts.access.fields(query.get("felter"), FELTER, FELTER)
    answer = parts.lookups.find(g.audit, criteria, felter)
    if answer is None:
        raise unknown_avtale()
    return Response(answer, mimetype="application/json")
