"""`/api/v1/admin/lookups`: which consumers read which fields for which purposes; reading it is recorded."""

from typing import Any

from flask import Response
from marshmallow import ValidationError, validate

from datadeling.api import schemas as texts
from datadeling.api.admin.blueprint import action, calls, open_database, respond
from datadeling.api.admin.schemas import AdminRequest, AdminResponse, list_of, number, strings, text, time
from datadeling.api.schemas import EXAMPLE_ID, Tekst
from datadeling.domain.month import Month
from datadeling.operations.audit import report

_LONGEST_CLIENT = 200


class _Month(Tekst):
    """A month in Oslo."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Month:  # type: ignore[override]  # noqa: ANN401
        try:
            return Month.parse(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise ValidationError(texts.NO_MONTH) from None


class LookupsQuery(AdminRequest):
    """The month, and optionally one consumer."""

    month = _Month(
        required=True,
        metadata={
            "description": "Måneden i Oslo.",
            "pattern": "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$",
            "example": "2026-11",
        },
    )
    consumer = Tekst(
        validate=validate.Length(1, _LONGEST_CLIENT, error=texts.INVALID),
        metadata={"description": "Bare denne klienten (azp). Uten: alle.", "example": EXAMPLE_ID},
    )


class Reading(AdminResponse):
    """Lookups of one consumer by one call, for one set of purposes and of fields."""

    consumer = text("Klienten (azp).", EXAMPLE_ID)
    consumer_name = text("Det den het sist; ikke entydig.", "prod-gcp:team:app", allow_none=True)
    endpoint = text("Kallet.", "POST /api/v1/tiltaksstatus")
    behandlingsnummer = strings("Formålene; ingen er mulig over GraphQL.", ["B123"])
    felter = strings("Feltene.", ["tiltakstype", "startDato"])
    lookups = number("Oppslag som er besvart.", 1_200)
    persons = number("Ulike identitetsnumre.", 830)
    hits = number("Avtaler i svarene.", 1_410)
    users = number("Ulike brukere som klienten spurte på vegne av.", 0)
    first = time("Det første.")
    last = time("Det siste.")


class Lookups(AdminResponse):
    """The readings of a month."""

    month = text("Måneden i Oslo.", "2026-11")
    readings = list_of(Reading, "Etter konsument, kall, formål og felt.")


@calls.call(
    "GET",
    "/lookups",
    query=LookupsQuery,
    response=Lookups,
    operationId="adminHentOppslagsrapport",
    summary="Hvilke konsumenter som har lest hvilke felt, for hvilke formål, i en måned",
    description="Personer telles, de nevnes ikke. At du har sett på den, tas vare på.",
)
def lookups_report(query: dict[str, Any]) -> Response:
    """Report the lookups of a month."""
    with open_database() as database:
        readings = report(database, query.get("consumer"), query["month"], action())
    return respond(Lookups(), {"month": str(query["month"]), "readings": readings})
