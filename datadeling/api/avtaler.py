"""`POST /api/v1/avtaler/sok` and `GET /api/v1/avtaler/{avtaleId}`: the avtaler themselves."""

import re
from typing import Any

from flask import Response

from datadeling.api.openapi import Blueprint
from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.api.schemas import NO_UUID, Avtale, Avtaler, AvtalesoekSpoersmaal
from datadeling.db.lookups import Lookups

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def blueprint(lookups: Lookups) -> Blueprint:
    """The calls."""
    calls = Blueprint("avtaler", __name__, description="Avtalene selv")

    @calls.call(
        "POST",
        "/avtaler/sok",
        body=AvtalesoekSpoersmaal,
        answer=Avtaler,
        operationId="sokAvtaler",
        summary="Avtalene til en person, nyeste først",
        description="Feilregistrerte er utelatt. En ukjent person har ingen: 200 og en tom liste.",
    )
    def search(body: dict[str, Any]) -> Response:
        return Response(lookups.search([body["fnr"]]), mimetype="application/json")

    @calls.call(
        "GET",
        "/avtaler/<avtaleId>",
        parameters=[
            {
                "in": "path",
                "name": "avtaleId",
                "description": "Avtalens id.",
                "schema": {"type": "string", "format": "uuid"},
            }
        ],
        answer=Avtale,
        errors=[400, 404],
        operationId="hentAvtale",
        summary="Én avtale",
        description="En avtale som er feilregistrert svares som om den ikke fantes.",
    )
    def find(avtaleId: str) -> Response:  # noqa: N803 (its name in OpenAPI)
        if not _UUID.fullmatch(avtaleId):
            raise invalid_fields([Feil("avtaleId", NO_UUID)])
        answer = lookups.find(avtaleId)
        if answer is None:
            raise Problem(404, kode="UKJENT_AVTALE", detail="Det finnes ingen slik avtale.")
        return Response(answer, mimetype="application/json")

    return calls
