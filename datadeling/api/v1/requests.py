"""What goes in: the bodies and query strings of the calls, in the words of OpenAPI."""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

from marshmallow import ValidationError, fields, validate, validates_schema

from datadeling.api import fields as schemas
from datadeling.api.fields import Body, Dato, Heltall, JaNei, Tekst, Tidspunkt
from datadeling.api.openapi import rules
from datadeling.domain.felt import BY_NAME, FELTER, VARIGHET_DAGER
from datadeling.domain.search import Marker

MOST_PERSONS = 1_000
"""In one request of `bolk`."""

_MOST_IDENTER = 20
_MOST_AVTALER = 1_000
_MARKER = struct.Struct(">q16sI")
_CHECKSUM = 4  # bytes
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts its microseconds from there


class Markoer(fields.String):
    """Where a page begins, as the page before said it: time and id of its last avtale, and their checksum.

    With one that was damaged on its way, avtaler would be passed over in silence.
    """

    default_error_messages = {"invalid": schemas.NO_MARKER}  # noqa: RUF012 (marshmallow reads it so)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Marker:  # type: ignore[override]  # noqa: ANN401, ARG002
        try:
            given = urlsafe_b64decode(value + "=" * (-len(value) % 4))
            time, avtale_id, checksum = _MARKER.unpack(given)
            is_ours = urlsafe_b64encode(given).rstrip(b"=").decode() == value  # base64 passes over much
            if is_ours and checksum == crc32(given[:-_CHECKSUM]):
                return Marker(_BEGINNING + timedelta(microseconds=time), UUID(bytes=avtale_id))
        except (TypeError, ValueError, OverflowError, struct.error):
            pass
        raise self.make_error("invalid")


class Felter(fields.List[str]):
    """Names of fields; whether there are such fields, and who may have them, is seen to elsewhere."""

    default_error_messages = {"invalid": schemas.NO_FIELDS}  # noqa: RUF012 (marshmallow reads it so)

    def __init__(self, component: str, valid: list[str], **metadata: object) -> None:
        super().__init__(
            fields.String(
                error_messages={"invalid": schemas.NO_FIELDS, "null": schemas.NO_FIELDS},
                metadata={
                    "component": component,
                    "enum": valid,
                    "description": "Et felt det kan spørres om.",
                },
            ),
            validate=validate.Length(min=1, error=schemas.NO_FIELDS),
            metadata={
                "description": "Feltene som trengs; bare de leses. Uten listen svares alle som "
                "klienten har lov til.",
                "example": ["avtaleId", "tiltakstype", "startDato", "sluttDato"],
                **metadata,
            },
        )


_SHARED = [felt.json for felt in FELTER]


def felter() -> Felter:
    """`felter` of the calls that answer with avtaler."""
    return Felter("Avtalefelt", _SHARED)


def tiltaksfelter() -> Felter:
    """`felter` of the calls that answer with a status."""
    return Felter(
        "Tiltaksfelt",
        [*_SHARED, VARIGHET_DAGER.json],
        description="Feltene som trengs i hvert tiltak; bare de leses. Uten listen svares de ni "
        "i eksempelet på svar.",
        example=["tiltakstype", "startDato", "sluttDato", "varighetDager"],
    )


def _tidspunkt() -> Tidspunkt:
    return Tidspunkt(
        metadata={
            "description": "Svar med det som var kjent da. Svaret sier i historikkKomplettFra hvor langt "
            "tilbake historikken er hel.",
            "example": schemas.EXAMPLE_TIME,
        },
    )


def _dato(description: str) -> Dato:
    return Dato(metadata={"description": description, "example": "2026-03-01"})


class Person(schemas.Question):
    """Whom it is about: a number, or all the numbers that one person has had."""

    rules = rules.ONE_PERSON_AT_MOST

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
        """At most one way to name somebody."""
        if given.get("fnr") is not None and given.get("identer") is not None:
            raise ValidationError(schemas.ONE_PERSON, "identer")


def identer(body: dict[str, Any]) -> list[str] | None:
    """The numbers of the person that a valid body names; None when it names nobody."""
    if body.get("fnr") is not None:
        return [body["fnr"]]
    return None if body.get("identer") is None else list(dict.fromkeys(body["identer"]))


class OnePerson(Person):
    """A body that must name one person."""

    rules = rules.ONE_PERSON

    def check(self, given: Mapping[str, Any]) -> None:
        """Exactly one."""
        super().check(given)
        if given.get("fnr") is None and given.get("identer") is None:
            raise ValidationError(schemas.MISSING, "fnr")


class TiltaksstatusSpoersmaal(OnePerson):
    """Whom and which day `tiltaksstatus` is about."""

    dato = _dato("Dagen det spørres om; i dag (Oslo) når den mangler, eller dagen i tidspunkt.")
    tidspunkt = _tidspunkt()
    felter = tiltaksfelter()


class PersonSpoersmaal(OnePerson):
    """One of many."""


class _LookedAtLater(fields.Nested):
    """Described as what it should be, and taken as it is: a bad one does not fail the others."""

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **_: Any) -> Any:  # noqa: ANN401, ARG002
        return value


class BolkSpoersmaal(schemas.Question):
    """Whom and which day `tiltaksstatus/bolk` is about. What is wrong with a person is in the answer."""

    personer = fields.List(
        _LookedAtLater(PersonSpoersmaal),
        required=True,
        validate=validate.Length(min=1, max=MOST_PERSONS, error=schemas.NO_PERSONS),
        error_messages={
            "required": schemas.MISSING,
            "null": schemas.NOT_NULL,
            "invalid": schemas.NO_PERSONS,
        },
        metadata={
            "description": "1–1000 personer, hver med fnr eller identer. Er det noe galt med en av dem, står "
            "det i svaret for den.",
            "example": [{"fnr": schemas.EXAMPLE_FNR}],
        },
    )
    dato = _dato("Dagen det spørres om; i dag (Oslo) når den mangler, eller dagen i tidspunkt.")
    tidspunkt = _tidspunkt()
    felter = tiltaksfelter()


class Periode(schemas.Question):
    """Days from and to, both included; either may be missing."""

    rules = rules.some_of("fom", "tom")

    fom = _dato("Første dag.")
    tom = _dato("Siste dag.")

    @validates_schema
    def _has_days(self, data: dict[str, Any], **_: object) -> None:
        fom, tom = data.get("fom"), data.get("tom")
        if (fom is None and tom is None) or (fom and tom and fom > tom):
            raise ValidationError(schemas.NO_PERIOD)


class AvtalesoekSpoersmaal(Person):
    """What `avtaler/sok` is to look for: all of it must hold."""

    rules = rules.ONE_PERSON_AT_MOST | rules.some_of(
        "fnr", "identer", "bedriftNr", "tiltakstype", "avtaleStatus", "periode"
    )

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
        error_messages={"invalid": schemas.NO_OBJECT, "type": schemas.NO_OBJECT},
        metadata={"description": "Avtaler med minst én dag i perioden. En avtale uten startDato har ingen."},
    )
    tidspunkt = _tidspunkt()
    felter = felter()
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
        validate=validate.Range(1, _MOST_AVTALER, error=schemas.NO_COUNT),
        error_messages={"invalid": schemas.NO_COUNT, "too_large": schemas.NO_COUNT},
        metadata={"description": "Høyst så mange på én side. Uten den: 100.", "example": 100},
    )
    markoer = Markoer(
        metadata={
            "description": "markoer i svaret på siden før. Uten den: første side.",
            "format": "markoer",  # ours: any other text is refused
            "example": None,
        },
    )


class _FelterInQuery(Felter):
    """The same in an address: one text, with commas between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # type: ignore[override]  # noqa: ANN401
        names = value.split(",") if value else []
        return super()._deserialize(names, attr, data, **kwargs)  # type: ignore[return-value]


class AvtaleQuery(Body):
    """The query string of a call about one avtale."""

    felter = _FelterInQuery(
        "Avtalefelt", _SHARED, example=["avtaleId", "tiltakstype", "startDato", "sluttDato"]
    )


class AvtaleNrQuery(AvtaleQuery):
    """The query string of a call that finds an avtale by its number."""

    avtaleNr = Heltall(  # noqa: N815 (as in the address)
        required=True,
        validate=validate.Range(-(2**31), 2**31 - 1, error=schemas.NO_NUMBER),
        error_messages={"required": schemas.MISSING, "invalid": schemas.NO_NUMBER},
        metadata={"description": "Avtalens nummer.", "example": 123456},
    )
