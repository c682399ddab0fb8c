"""`GET /api/v1/avtaler/{avtaleId}/historikk`: the versions of one avtale, and what changed between them."""

from typing import Any

from flask import Response, g
from marshmallow import fields

from datadeling.api.openapi.blueprint import LookupBlueprint
from datadeling.api.schemas import EXAMPLE_TIME, ResponseSchema
from datadeling.api.services import services
from datadeling.api.v1.avtale import Avtale, list_of
from datadeling.api.v1.avtaler import AVTALE_ID, AvtaleQuery, parse_avtale_id, unknown_avtale
from datadeling.domain.felt import FELTER

blueprint = LookupBlueprint("historikk", __name__, description="Versjonene av en avtale")


class Versjon(ResponseSchema):
    """One version of an avtale."""

    gyldigFra = fields.DateTime(  # noqa: N815 (as in the response)
        required=True,
        metadata={"description": "Da meldingen om den ble sendt.", "example": EXAMPLE_TIME},
    )
    gyldigTil = fields.DateTime(  # noqa: N815 (as in the response)
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


class Historikk(ResponseSchema):
    """The answer of `avtaler/{avtaleId}/historikk`."""

    versjoner = list_of(Versjon, "Nyeste først.")
    historikkKomplettFra = fields.DateTime(  # noqa: N815 (as in the response)
        required=True,
        allow_none=True,
        metadata={
            "description": "Fra da av er historikken hel. Versjoner fra før kan mangle. "
            "Null når ingenting er lest ennå.",
            "example": EXAMPLE_TIME,
        },
    )


@blueprint.call(
    "GET",
    "/avtaler/<avtaleId>/historikk",
    parameters=[AVTALE_ID],
    query=AvtaleQuery,
    response=Historikk,
    errors=[404],
    operationId="hentHistorikk",
    summary="Versjonene av én avtale, og hva som er endret",
    description="Nyeste først. En ny versjon er en melding der noe er endret; også når det ikke er i de "
    "feltene det spørres om. En avtale som er feilregistrert nå, svares som om den ikke fantes.",
)
def history(query: dict[str, Any], avtaleId: str) -> Response:  # noqa: N803 (its name in OpenAPI)
    """Look the versions of one avtale up."""
    parts, avtale_id = services(), parse_avtale_id(avtaleId)
    felter = parts.access.fields(query.get("felter"), FELTER, FELTER)
    answer = parts.lookups.history(g.audit, avtale_id, felter)
    if answer is None:
        raise unknown_avtale()
    return Response(answer, mimetype="application/json")
