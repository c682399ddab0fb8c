"""Calls of every kind, with identity numbers in right places and in wrong ones; what came back is kept."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from tests.acceptance.processes import Answer, call
from tests.hendelser import avtale_id

UNKNOWN = "24836012345"
"""Asked for, and on no avtale."""

_QUERY = "query($p: String) { avtalerForPerson(personnummer: $p) { deltakerFnr } }"


class Said(NamedTuple):
    """What an answer may not repeat, and where it came from."""

    what: str
    answer: Answer


class Asking:
    """Sends, and keeps what came back."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Behandlingsnummer": "B123"}
        self.said: list[Said] = []

    def ask(
        self,
        path: str,
        body: object = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:
        """GET, or POST with a body, with these headers instead of good ones."""
        sent = raw if body is None else json.dumps(body).encode()
        answer = call(f"{self._url}{path}", body=sent, headers={**self._headers, **headers})
        assert answer.status, path
        self.said.append(Said(path, answer))
        return answer


def ask_rightly(asking: Asking, fnr: str, avtale: str) -> None:
    """Every call as it is meant; the answers of lookups hold the person."""
    before = len(asking.said)
    person = {"fnr": fnr}
    assert fnr in asking.ask("/api/v1/avtaler/sok", person).body
    for path, body in (
        ("/api/v1/tiltaksstatus", {**person, "felter": ["deltakerFnr"], "tidspunkt": "2026-11-20T12:00:00Z"}),
        ("/api/v1/tiltaksstatus/bolk", {"personer": [person, {"identer": [fnr, UNKNOWN]}]}),
        ("/api/v1/avtaler/sok", {"tiltakstype": "MENTOR", "antall": 2}),
        ("/graphql", {"query": _QUERY, "variables": {"p": fnr}}),
        (f"/api/v1/avtaler/{avtale}", None),
        (f"/api/v1/avtaler/{avtale}/historikk", None),
    ):
        assert asking.ask(path, body).status == 200, path
    del asking.said[before:]  # they may hold the person; their headers may not
    headers = asking.ask("/api/v1/avtaler/sok", person).headers
    asking.said[-1] = Said("headers", Answer(200, "", headers))


def ask_wrongly(asking: Asking, fnr: str) -> None:
    """The number where it does not belong."""
    in_bodies: list[object] = [
        {fnr: fnr},
        {"fnr": f"{fnr} "},
        {"fnr": int(fnr)},
        {"fnr": [fnr]},
        {"fnr": {fnr: 1}},
        fnr,
        [fnr],
        {"fnr": fnr, "identer": [fnr]},
        {"identer": [fnr] * 21},
        {"identer": [f"{fnr}0"]},
        {"fnr": fnr, "dato": fnr},
        {"fnr": fnr, "tidspunkt": fnr},
        {"fnr": fnr, "felter": [fnr]},
        {"fnr": fnr, "periode": {fnr: fnr}},
        {"fnr": fnr, "periode": {"fom": fnr}},
        {"fnr": fnr, "antall": int(fnr)},
        {"fnr": fnr, "markoer": fnr},
        {"personer": [{"fnr": f"{fnr}1"}, fnr, {fnr: fnr}]},
        {"personer": fnr},
        {"bedriftNr": f"{fnr}\0"},
        {"avtaleStatus": {"x": fnr}},
    ]
    for path in ("tiltaksstatus", "tiltaksstatus/bolk", "avtaler/sok"):
        for body in in_bodies:
            asking.ask(f"/api/v1/{path}", body)
        for raw in (fnr, f'{{"fnr": "{fnr}"', f'{{"fnr": "{fnr}", "fnr": "{fnr}"}}', f'{{"{fnr}": \x00}}'):
            asking.ask(f"/api/v1/{path}", raw=raw.encode())
        asking.ask(f"/api/v1/{path}")
        good = {"fnr": fnr, "personer": [{"fnr": fnr}]}
        asking.ask(f"/api/v1/{path}", good, headers={"Content-Type": f"text/{fnr}"})
        for header in ("Authorization", "Behandlingsnummer", "Accept", "Content-Encoding"):
            asking.ask(f"/api/v1/{path}", good, headers={header: fnr})
        asking.ask(f"/api/v1/{path}", good, headers={"Authorization": f"Bearer {fnr}"})
        for header in ("Nav-Call-Id", "Nav-CallId", "X-Correlation-Id"):
            asking.ask(f"/api/v1/{path}", good, headers={"Authorization": "", header: fnr})
    for path in (
        f"/{fnr}",
        f"/api/v1/{fnr}",
        f"/api/v1/avtaler/{fnr}",
        f"/api/v1/avtaler/{fnr}/historikk",
        f"/api/v1/avtaler?avtaleNr={fnr}",
        f"/api/v1/avtaler?{fnr}={fnr}",
        f"/api/v1/avtaler?avtaleNr=1&felter={fnr}",
        f"/api/v1/avtaler/{avtale_id(1)}?felter={fnr}",
        f"/api/assets/{fnr}",
        f"/internal/{fnr}",
        f"/api/v1/admin/{fnr}",
        f"/api/v1/admin/replays/{fnr}",
        f"/api/v1/admin/failed-messages/{fnr}",
        f"/api/v1/admin/failed-messages/0:0:{fnr}",
        f"/api/v1/admin/failed-messages?state={fnr}",
        f"/api/v1/admin/lookups?month={fnr}",
        f"/api/v1/admin/lookups?consumer={fnr}",
        f"/api/v1/admin/{quote(f'{fnr} ø')}",
    ):
        asking.ask(path)


def ask_graphql(asking: Asking, fnr: str) -> None:
    for query in (
        fnr,
        f"{{ {fnr} }}",
        f"{{ a{fnr} }}",
        f'{{ avtalerForPerson(personnummer: "{fnr}" }}',
        f'{{ avtalerForPerson(personnummer: "{fnr}") {{ a{fnr} }} }}',
        f'{{ avtalerForPerson(p{fnr}: "{fnr}") {{ avtaleId }} }}',
        f"{{ avtalerForStatus(status: A{fnr}) {{ avtaleId }} }}",
        f"{{ avtale(avtaleNr: {fnr}) {{ avtaleId }} }}",
        f'{{ avtale(avtaleId: "{fnr}") {{ avtaleId }} }}',
        f"query A{fnr} {{ avtale {{ avtaleId }} }}",
        f'{{ avtalerForPerson(personnummer: "{fnr}") }}',
        f"{{ ...F{fnr} }}",
        f'{{ avtale @d{fnr}(x: "{fnr}") {{ avtaleId }} }}',
        f"query(${'v' + fnr}: String) {{ avtale {{ avtaleId }} }}",
        f'{{ avtalerForPerson(personnummer: "{fnr}',
    ):
        asking.ask("/graphql", {"query": query})
    for body in (
        {"query": _QUERY, "variables": {"p": int(fnr)}},
        {"query": _QUERY, "variables": {"p": [fnr]}},
        {"query": _QUERY, "variables": fnr},
        {"query": _QUERY, "operationName": fnr},
        {"query": fnr, fnr: fnr},
        {"query": "query($n: Int) { avtale(avtaleNr: $n) { avtaleId } }", "variables": {"n": int(fnr)}},
        {
            "query": "query($s: AvtaleStatus) { avtalerForStatus(status: $s) { avtaleId } }",
            "variables": {"s": fnr},
        },
        [fnr],
        fnr,
        {fnr: 1},
    ):
        asking.ask("/graphql", body)
    asking.ask("/graphql", raw=fnr.encode())


def ask_as_administrator(asking: Asking, fnr: str) -> None:
    """Everything about every failed message, and what administrators may write."""
    listed = json.loads(asking.ask("/api/v1/admin/failed-messages?limit=1000").body)["failedMessages"]
    assert len(listed) > 30
    for each in listed:
        assert asking.ask(f"/api/v1/admin/failed-messages/{each['id']}").status == 200
    discarded = f"/api/v1/admin/failed-messages/{listed[0]['id']}/discard"
    assert asking.ask(discarded, {"begrunnelse": f"it is about {fnr}"}).status == 200
    asking.ask(f"/api/v1/admin/failed-messages/{listed[1]['id']}/retry", {"begrunnelse": fnr})
    asking.ask("/api/v1/admin/failed-messages/retry", {"begrunnelse": fnr})
    asking.ask("/api/v1/admin/failed-messages/retry", {"after": fnr})
    for body in ({"avtaleId": fnr}, {"fromOffsets": {fnr: int(fnr)}}, {fnr: fnr}, {"fromTime": fnr}):
        assert asking.ask("/api/v1/admin/replays", body).status == 400
    asked = asking.ask("/api/v1/admin/replays", {"fromBeginning": True, "begrunnelse": f"for {fnr}"})
    assert asked.status == 202
    for path in ("replays", "consumer", "lookups?month=2026-11"):
        assert asking.ask(f"/api/v1/admin/{path}").status == 200
