"""`POST /api/v1/tiltaksstatus` and `…/bolk`: who is on a tiltak that day, how many, which, how long."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request

from datadeling.api.openapi.blueprint import Blueprint
from datadeling.api.parsing import feil_in
from datadeling.api.problems import UGYLDIGE_FELT
from datadeling.api.responses import Json
from datadeling.api.security.access import Access
from datadeling.api.security.purpose import audit_context
from datadeling.api.v1.requests import BolkSpoersmaal, PersonSpoersmaal, TiltaksstatusSpoersmaal, identer
from datadeling.api.v1.responses import TILTAK, Bolk, Tiltaksstatus
from datadeling.db.lookups import Lookups
from datadeling.domain.felt import FELTER, VARIGHET_DAGER

_MOST_BYTES = 512 * 1024
_OSLO = ZoneInfo("Europe/Oslo")
_EVERY_FIELD = (*FELTER, VARIGHET_DAGER)
_person = PersonSpoersmaal()


def blueprint(lookups: Lookups, access: Access, today: Callable[[], date]) -> Blueprint:
    """The calls. `today` is the day in Oslo."""
    calls = Blueprint("tiltaksstatus", __name__, description="Er personen på tiltak?")

    def day(body: Mapping[str, Any]) -> date:
        """The day that is asked about; as of a time it is that time's."""
        tidspunkt: datetime | None = body.get("tidspunkt")
        asked: date | None = body.get("dato")
        return asked or (tidspunkt.astimezone(_OSLO).date() if tidspunkt else today())

    @calls.call(
        "POST",
        "/tiltaksstatus",
        body=TiltaksstatusSpoersmaal,
        answer=Tiltaksstatus,
        operationId="tiltaksstatus",
        summary="Er personen på tiltak en dag, hvor mange, hvilke og hvor lenge?",
        description="Datoene avgjør hva som er nåværende, ikke statusen. "
        "En ukjent person er ikke på tiltak: 200.",
    )
    def tiltaksstatus(body: dict[str, Any]) -> Response:
        felter = access.fields(body.get("felter"), TILTAK, _EVERY_FIELD)
        person = identer(body) or []
        answer = lookups.tiltaksstatus(audit_context(), person, day(body), felter, body.get("tidspunkt"))
        return Json(answer)

    @calls.call(
        "POST",
        "/tiltaksstatus/bolk",
        body=BolkSpoersmaal,
        answer=Bolk,
        operationId="tiltaksstatusBolk",
        summary="Det samme for inntil 1000 personer",
        description="Svarene kommer i samme rekkefølge som personene. Er det noe galt med en av dem, "
        "står det i svaret for den, og de andre får sitt.",
    )
    def bolk(body: dict[str, Any]) -> Response:
        felter = access.fields(body.get("felter"), TILTAK, _EVERY_FIELD)
        persons = [_identer_or_feil(person) for person in body["personer"]]
        answer = lookups.tiltaksstatus_bolk(
            audit_context(), persons, day(body), felter, body.get("tidspunkt")
        )
        return Json(answer)

    @calls.before_request  # type: ignore[untyped-decorator]
    def allow_large_bodies() -> None:
        if request.endpoint == "tiltaksstatus.bolk":
            request.max_content_length = _MOST_BYTES

    return calls


def _identer_or_feil(person: object) -> list[str] | str:
    """The numbers of a person, or the answer to a bad one."""
    faults = _person.validate(person)  # type: ignore[arg-type]  # whatever was sent
    if not faults:
        return identer(person) or []  # type: ignore[arg-type]
    feil = [each._asdict() for each in feil_in(faults, _person)]
    return json.dumps({"kode": UGYLDIGE_FELT, "feil": feil}, ensure_ascii=False)
