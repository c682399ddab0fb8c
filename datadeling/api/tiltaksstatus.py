"""`POST /api/v1/tiltaksstatus`: is the person on a tiltak that day, how many, which, from when to when."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Response

from datadeling.api.openapi import Blueprint
from datadeling.api.schemas import Tiltaksstatus, TiltaksstatusSpoersmaal
from datadeling.db.lookups import Lookups


def blueprint(lookups: Lookups, today: Callable[[], date]) -> Blueprint:
    """The calls. `today` is the day in Oslo."""
    calls = Blueprint("tiltaksstatus", __name__, description="Er personen på tiltak?")

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
        answer = lookups.tiltaksstatus([body["fnr"]], body.get("dato") or today())
        return Response(answer, mimetype="application/json")

    return calls
