"""`POST /api/v1/avtaler/sok`, `GET /api/v1/avtaler` and `…/{avtaleId}`: the avtaler themselves."""

import re
from typing import Any

from flask import Response

from datadeling.api.fields import EXAMPLE_ID, NO_UUID
from datadeling.api.openapi.blueprint import Blueprint
from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.api.responses import Json
from datadeling.api.security.access import Access
from datadeling.api.security.purpose import audit_context
from datadeling.api.v1.requests import AvtaleNrQuery, AvtaleQuery, AvtalesoekSpoersmaal, identer
from datadeling.api.v1.responses import Avtale, Avtaleside
from datadeling.db.lookups import Lookups
from datadeling.domain.felt import FELTER
from datadeling.domain.search import Search

AVTALE_ID = {
    "in": "path",
    "name": "avtaleId",
    "description": "Avtalens id.",
    "schema": {"type": "string", "format": "uuid"},
    "example": EXAMPLE_ID,
}
"""The parameter of a route, in OpenAPI."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def blueprint(lookups: Lookups, access: Access) -> Blueprint:
    """The calls."""
    calls = Blueprint("avtaler", __name__, description="Avtalene selv")

    @calls.call(
        "POST",
        "/avtaler/sok",
        body=AvtalesoekSpoersmaal,
        answer=Avtaleside,
        operationId="sokAvtaler",
        summary="Avtalene til en person, hos en bedrift, av en type: nyeste først",
        description="Alle kriterier som er oppgitt, må stemme. fnr, identer eller bedriftNr må være med; "
        "uten dem trengs rollen bulk. Feilregistrerte er utelatt. "
        "En ukjent person har ingen: 200 og en tom liste.",
    )
    def search(body: dict[str, Any]) -> Response:
        wanted = _search(body)
        if wanted.is_empty:
            raise Problem(400, kode="MANGLER_KRITERIUM", detail="Søket trenger minst ett kriterium.")
        access.criteria(wanted)
        felter = access.fields(body.get("felter"), FELTER, FELTER)
        return Json(lookups.search(audit_context(), wanted, felter, body["antall"]))

    @calls.call(
        "GET",
        "/avtaler/<avtaleId>",
        parameters=[AVTALE_ID],
        query=AvtaleQuery,
        answer=Avtale,
        errors=[404],
        operationId="hentAvtale",
        summary="Én avtale",
        description="En avtale som er feilregistrert svares som om den ikke fantes.",
    )
    def find(query: dict[str, Any], avtaleId: str) -> Response:  # noqa: N803 (its name in OpenAPI)
        return one(Search(avtale_id=valid_id(avtaleId)), query)

    @calls.call(
        "GET",
        "/avtaler",
        query=AvtaleNrQuery,
        answer=Avtale,
        errors=[404],
        operationId="hentAvtaleMedNr",
        summary="Én avtale, etter nummeret",
        description="En avtale som er feilregistrert svares som om den ikke fantes.",
    )
    def find_by_number(query: dict[str, Any]) -> Response:
        return one(Search(avtale_nr=query["avtaleNr"]), query)

    def one(wanted: Search, query: dict[str, Any]) -> Response:
        felter = access.fields(query.get("felter"), FELTER, FELTER)
        answer = lookups.find(audit_context(), wanted, felter)
        if answer is None:
            raise unknown_avtale()
        return Json(answer)

    return calls


def valid_id(avtale_id: str) -> str:
    """An id as it stands in an address. Raise `Problem` 400."""
    if not UUID.fullmatch(avtale_id):
        raise invalid_fields([Feil("avtaleId", NO_UUID)])
    return avtale_id


def unknown_avtale() -> Problem:
    """There is none that can be shown."""
    return Problem(404, kode="UKJENT_AVTALE", detail="Det finnes ingen slik avtale.")


def _search(body: dict[str, Any]) -> Search:
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
