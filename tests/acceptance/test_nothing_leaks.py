"""No identity number gets out: not into a log, a metric, an error or a header, whatever is sent.

Consumer and API run as they do in production; persons come in by Kafka, in good messages and in bad ones, and are
asked for in every way that there is, in the right places and in the wrong ones. Then everything that the two
have said is searched for every number that was produced or asked for.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import count
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg
import pytest

from datadeling.demo.generator import HendelseGenerator
from datadeling.demo.issuer import TokenIssuer
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.operating import Produce
from tests.acceptance.processes import Answer, Process, call, handled, wait_until
from tests.hendelser import avtale_id, encoded, hendelse, record

_GROUP = "00000000-0000-4000-8000-00000000ad31"
_EVENTS = 300
_UNKNOWN = "24836012345"  # asked for, and on no avtale
_NUMBER = re.compile(r"(?=([0-7]\d(?:8[1-9]|9[0-2])\d{7}))")  # synthetic: 80 has been added to the month
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


def numbers_in(text: str) -> set[str]:
    """Whatever could be one, also within longer rows of digits."""
    return set(_NUMBER.findall(text))


def bad_messages(fnr: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Keys and values about a person that cannot be read, each for another reason."""
    good = encoded(hendelse(901, deltakerFnr=fnr))
    key = avtale_id(901).encode()
    yield fnr.encode(), good
    yield key, good[:-1]
    yield key, fnr.encode()
    yield key, f'"{fnr}"'.encode()
    yield key, good.replace(b"{", b'{"x": \xff, "y": "', 1)
    yield key, encoded({fnr: fnr})
    for field in (
        "avtaleId",
        "avtaleNr",
        "versjon",
        "sistEndret",
        "startDato",
        "tiltakstype",
        "stillingprosent",
    ):
        for value in (fnr, [fnr], {fnr: fnr}, float(fnr)):
            if (field, value) != ("tiltakstype", fnr):
                yield key, encoded(hendelse(901, deltakerFnr=fnr, **{field: value}))
    yield key, encoded(hendelse(901, deltakerFnr=f"{fnr}\0"))
    yield key, encoded(hendelse(901, deltakerFnr=fnr * 100))


@pytest.fixture
def processes(
    run: Run, api: Setting, consumer: Setting, produce: Produce, connection: psycopg.Connection
) -> tuple[list[Process], set[str]]:
    """Consumer and API, when everything has been handled, and the numbers that were produced."""
    records = list(HendelseGenerator(7, date(2026, 11, 1)).hendelser(_EVENTS))
    fnr = str(json.loads(records[0].value or b"")["deltakerFnr"])
    sent = [(each.key, each.value) for each in records] + list(bad_messages(fnr))
    sent += [(avtale_id(1).encode(), None), (fnr.encode(), None)]
    offsets = count()
    messages = [record(next(offsets), key, value) for key, value in sent]
    reads = run({**consumer.env, "PARK_LIMIT": "1000"}, "consume")
    produce(messages)
    wait_until(lambda: handled(connection) == len(messages), "everything is handled")
    topic = consumer.env["KAFKA_TOPIC"]
    serves = run({**api.env, "KAFKA_TOPIC": topic, "ADMIN_GROUP": _GROUP, "LOG_FORMAT": "json"}, "serve")
    serves.answers(f"{api.url}/internal/health/readiness")
    produced = {
        n for key, value in sent for part in (key, value) for n in numbers_in((part or b"").decode("latin-1"))
    }
    return [reads, serves], produced


@pytest.fixture
def asking(api: Setting, issuer: TokenIssuer) -> Asking:
    roles = ["access_as_application", "bulk"]
    return Asking(api.url, issuer.token(CLIENT_ID, roles=roles, groups=[_GROUP]))


def ask_rightly(asking: Asking, fnr: str, avtale: str) -> None:
    """Every call as it is meant; the answers of lookups hold the person."""
    before = len(asking.said)
    person = {"fnr": fnr}
    assert fnr in asking.ask("/api/v1/avtaler/sok", person).body
    for path, body in (
        ("/api/v1/tiltaksstatus", {**person, "felter": ["deltakerFnr"], "tidspunkt": "2026-11-20T12:00:00Z"}),
        ("/api/v1/tiltaksstatus/bolk", {"personer": [person, {"identer": [fnr, _UNKNOWN]}]}),
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
        {fnr: fnr}, {"fnr": f"{fnr} "}, {"fnr": int(fnr)}, {"fnr": [fnr]}, {"fnr": {fnr: 1}}, fnr, [fnr],
        {"fnr": fnr, "identer": [fnr]}, {"identer": [fnr] * 21}, {"identer": [f"{fnr}0"]},
        {"fnr": fnr, "dato": fnr}, {"fnr": fnr, "tidspunkt": fnr}, {"fnr": fnr, "felter": [fnr]},
        {"fnr": fnr, "periode": {fnr: fnr}}, {"fnr": fnr, "periode": {"fom": fnr}}, {"fnr": fnr, "antall": int(fnr)},
        {"fnr": fnr, "markoer": fnr}, {"personer": [{"fnr": f"{fnr}1"}, fnr, {fnr: fnr}]}, {"personer": fnr},
        {"bedriftNr": f"{fnr}\0"}, {"avtaleStatus": {"x": fnr}},
    ]  # fmt: skip
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
        f"/{fnr}", f"/api/v1/{fnr}", f"/api/v1/avtaler/{fnr}", f"/api/v1/avtaler/{fnr}/historikk",
        f"/api/v1/avtaler?avtaleNr={fnr}", f"/api/v1/avtaler?{fnr}={fnr}", f"/api/v1/avtaler?avtaleNr=1&felter={fnr}",
        f"/api/v1/avtaler/{avtale_id(1)}?felter={fnr}", f"/api/assets/{fnr}", f"/internal/{fnr}",
        f"/api/v1/admin/{fnr}", f"/api/v1/admin/replays/{fnr}", f"/api/v1/admin/failed-messages/{fnr}",
        f"/api/v1/admin/failed-messages/0:0:{fnr}", f"/api/v1/admin/failed-messages?state={fnr}", f"/api/v1/admin/lookups?month={fnr}",
        f"/api/v1/admin/lookups?consumer={fnr}", f"/api/v1/admin/{quote(f'{fnr} ø')}",
    ):  # fmt: skip
        asking.ask(path)


def ask_graphql(asking: Asking, fnr: str) -> None:
    for query in (
        fnr, f"{{ {fnr} }}", f"{{ a{fnr} }}", f'{{ avtalerForPerson(personnummer: "{fnr}" }}',
        f'{{ avtalerForPerson(personnummer: "{fnr}") {{ a{fnr} }} }}', f'{{ avtalerForPerson(p{fnr}: "{fnr}") {{ avtaleId }} }}',
        f"{{ avtalerForStatus(status: A{fnr}) {{ avtaleId }} }}", f"{{ avtale(avtaleNr: {fnr}) {{ avtaleId }} }}",
        f'{{ avtale(avtaleId: "{fnr}") {{ avtaleId }} }}', f"query A{fnr} {{ avtale {{ avtaleId }} }}",
        f'{{ avtalerForPerson(personnummer: "{fnr}") }}', f"{{ ...F{fnr} }}", f'{{ avtale @d{fnr}(x: "{fnr}") {{ avtaleId }} }}',
        f"query(${'v' + fnr}: String) {{ avtale {{ avtaleId }} }}", f'{{ avtalerForPerson(personnummer: "{fnr}',
    ):  # fmt: skip
        asking.ask("/graphql", {"query": query})
    for body in (
        {"query": _QUERY, "variables": {"p": int(fnr)}}, {"query": _QUERY, "variables": {"p": [fnr]}},
        {"query": _QUERY, "variables": fnr}, {"query": _QUERY, "operationName": fnr}, {"query": fnr, fnr: fnr},
        {"query": "query($n: Int) { avtale(avtaleNr: $n) { avtaleId } }", "variables": {"n": int(fnr)}},
        {"query": "query($s: AvtaleStatus) { avtalerForStatus(status: $s) { avtaleId } }", "variables": {"s": fnr}},
        [fnr], fnr, {fnr: 1},
    ):  # fmt: skip
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


def test_no_number_is_anywhere_but_in_answers_to_lookups(
    processes: tuple[list[Process], set[str]], asking: Asking, api: Setting, consumer: Setting,
    connection: psycopg.Connection,
) -> None:  # fmt: skip
    running, produced = processes
    fnr, avtale = connection.execute(
        "SELECT deltaker_fnr, avtale_id::text FROM avtale WHERE NOT feilregistrert AND avtale_nr IS NOT NULL"
        " AND deltaker_fnr IS NOT NULL ORDER BY avtale_id LIMIT 1"
    ).fetchone() or ("", "")
    assert len(produced) > _EVENTS / 3
    ask_rightly(asking, fnr, avtale)
    for number in (fnr, _UNKNOWN):
        ask_wrongly(asking, number)
        ask_graphql(asking, number)
    ask_as_administrator(asking, fnr)
    assert len(asking.said) > 300
    numbers = produced | {_UNKNOWN}
    for what, answer in asking.said:
        assert not numbers & numbers_in(f"{answer.body} {dict(answer.headers)}"), what
    for url in (api.url, consumer.url):
        metrics = call(f"{url}/internal/prometheus").body
        assert "datadeling_" in metrics
        assert not numbers & numbers_in(metrics), url
    for process in running:
        process.terminate()
        assert process.output
        assert "Traceback" not in process.output
        assert not numbers & numbers_in(process.output)
