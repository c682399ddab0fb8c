"""`/api/v1/admin/lookups`: which consumers read which fields for which purposes; reading it is recorded."""

from typing import Any

from datadeling.api import texts
from datadeling.api.admin import fields
from datadeling.api.admin.blueprint import action, call, described, open_database
from datadeling.api.admin.fields import AdminRequest, AdminResponse, Parsed
from datadeling.api.schemas import EXAMPLE_ID
from datadeling.domain.month import Month
from datadeling.operations.audit import report


class LookupsQuery(AdminRequest):
    """The month, and optionally one consumer."""

    month = Parsed(
        "(19|20)[0-9]{2}-(0[1-9]|1[0-2])",
        Month.parse,
        texts.NO_MONTH,
        required=True,
        metadata={"description": "Måneden i Oslo.", "example": "2026-11"},
    )
    consumer = fields.short_text("Bare denne klienten (azp). Uten: alle.", EXAMPLE_ID, 200)


class Reading(AdminResponse):
    """Lookups of one consumer by one call, for one set of purposes and of fields."""

    consumer = fields.text("Klienten (azp).", EXAMPLE_ID)
    consumer_name = fields.text("Det den het sist; ikke entydig.", "prod-gcp:team:app", allow_none=True)
    endpoint = fields.text("Kallet.", "POST /api/v1/tiltaksstatus")
    behandlingsnummer = fields.strings("Formålene; ingen er mulig over GraphQL.", ["B123"])
    felter = fields.strings("Feltene.", ["tiltakstype", "startDato"])
    lookups = fields.number("Oppslag som er besvart.", 1_200)
    persons = fields.number("Ulike identitetsnumre.", 830)
    hits = fields.number("Avtaler i svarene.", 1_410)
    users = fields.number("Ulike brukere som klienten spurte på vegne av.", 0)
    first = fields.time("Det første.")
    last = fields.time("Det siste.")


class Lookups(AdminResponse):
    """The readings of a month."""

    month = fields.text("Måneden i Oslo.", "2026-11")
    readings = fields.list_of(Reading, "Etter konsument, kall, formål og felt.")


@call("GET", "/lookups", Lookups, query=LookupsQuery, errors=())
@described(
    "adminHentOppslagsrapport",
    "Hvilke konsumenter som har lest hvilke felt, for hvilke formål, i en måned",
    "Personer telles, de nevnes ikke. At du har sett på den, tas vare på.",
)
def lookups_report(query: dict[str, Any]) -> dict[str, object]:
    """Report the lookups of a month."""
    with open_database() as database:
        readings = report(database, query.get("consumer"), query["month"], action())
    return {"month": query["month"], "readings": readings}
