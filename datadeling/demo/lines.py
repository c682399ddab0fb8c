"""What the demo prints to paste: one line for each thing that can be tried."""

import json
from collections.abc import Sequence

from datadeling.demo.expected import Person
from datadeling.demo.issuer import TokenIssuer

ADMIN_GROUP = "00000000-0000-4000-8000-00000000ad31"
"""The group of administrators that the demo's API knows."""

_LIFETIME_S = 12 * 3_600
_GRAPHQL = "query($p: String) { avtalerForPerson(personnummer: $p) { avtaleId tiltakstype avtaleStatus } }"


def token(issuer: TokenIssuer, client_id: str) -> str:
    """For a machine that may do everything, for 12 hours."""
    return issuer.token(
        client_id,
        roles=("access_as_application", "bulk"),
        groups=[ADMIN_GROUP],
        lifetime_s=_LIFETIME_S,
    )


def lines(api: str, person: Person, token: str) -> Sequence[str]:
    """Lines for a shell, the one with the token first."""
    avtale = person.avtaler[0]["avtaleId"]
    headers = (
        '-H "Authorization: Bearer $TOKEN" -H "Behandlingsnummer: B123" -H "Content-Type: application/json"'
    )

    def get(path: str) -> str:
        return f"curl -s {api}{path} {headers}"

    def post(path: str, body: object) -> str:
        return f"{get(path)} -d '{json.dumps(body)}'"

    one = {"fnr": person.fnr}
    return [
        f"TOKEN={token}",
        post("/api/v1/tiltaksstatus", one),
        post("/api/v1/tiltaksstatus", {**one, "felter": ["tiltakstype", "sluttDato"]}),
        post("/api/v1/tiltaksstatus/bolk", {"personer": [one, {"identer": [person.fnr]}]}),
        post("/api/v1/avtaler/sok", one),
        get(f"/api/v1/avtaler/{avtale}"),
        get(f"/api/v1/avtaler/{avtale}/historikk"),
        post("/graphql", {"query": _GRAPHQL, "variables": {"p": person.fnr}}),
        get("/api/v1/admin/consumer"),
        f"curl -s {api}/internal/prometheus | grep ^datadeling",
    ]
