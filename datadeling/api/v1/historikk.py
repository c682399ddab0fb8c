"""`GET /api/v1/avtaler/{avtaleId}/historikk`: the versions of one avtale, and what changed between them."""

from typing import Any

from flask import Response

from datadeling.api.openapi.blueprint import Blueprint
from datadeling.api.responses import Json
from datadeling.api.security.access import Access
from datadeling.api.security.purpose import audit_context
from datadeling.api.v1.avtaler import AVTALE_ID, unknown_avtale, valid_id
from datadeling.api.v1.requests import AvtaleQuery
from datadeling.api.v1.responses import Historikk
from datadeling.db.lookups import Lookups
from datadeling.domain.felt import FELTER


def blueprint(lookups: Lookups, access: Access) -> Blueprint:
    """The call."""
    calls = Blueprint("historikk", __name__, description="Versjonene av en avtale")

    @calls.call(
        "GET",
        "/avtaler/<avtaleId>/historikk",
        parameters=[AVTALE_ID],
        query=AvtaleQuery,
        answer=Historikk,
        errors=[404],
        operationId="hentHistorikk",
        summary="Versjonene av én avtale, og hva som er endret",
        description="Nyeste først. En ny versjon er en melding der noe er endret; også når det ikke er i de "
        "feltene det spørres om. En avtale som er feilregistrert nå, svares som om den ikke fantes.",
    )
    def history(query: dict[str, Any], avtaleId: str) -> Response:  # noqa: N803 (its name in OpenAPI)
        wanted = valid_id(avtaleId)
        felter = access.fields(query.get("felter"), FELTER, FELTER)
        answer = lookups.history(audit_context(), wanted, felter)
        if answer is None:
            raise unknown_avtale()
        return Json(answer)

    return calls
