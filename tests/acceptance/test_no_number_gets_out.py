"""Identity numbers appear only in the responses to consumers that may have them.

The test sends messages about many persons, valid and invalid, and every request, valid and invalid. It looks
for the numbers in logs, metrics, headers and answers.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
import pytest

from datadeling.demo.issuer import TokenIssuer
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.leaks import graphql, malformed, messages, requests
from tests.acceptance.leaks.numbers import WORD, Numbers
from tests.acceptance.leaks.requests import RequestBuilder
from tests.acceptance.leaks.wire import Reply, Request, Wire
from tests.acceptance.operating import Produce
from tests.acceptance.processes import Process, call, wait_until_handled
from tests.hendelser import avtale_id
from tests.waiting import wait_until

GROUP = "00000000-0000-4000-8000-00000000ad31"
OK = {200, 202}
# The database refuses some avtaler, with error texts that contain the number.
_REFUSE = f"""
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.bedrift_nr = '{messages.REFUSED}' THEN
            RAISE '{WORD} %', NEW.deltaker_fnr USING ERRCODE = '22000', DETAIL = NEW.deltaker_fnr;
        ELSIF NEW.bedrift_nr = '{messages.GIVEN_UP}' THEN
            RAISE '{WORD} %', NEW.deltaker_fnr USING ERRCODE = 'P0001', DETAIL = NEW.deltaker_fnr;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON avtale FOR EACH ROW EXECUTE FUNCTION refuse()
"""
_PLACES = """
    SELECT kafka_partition, kafka_offset FROM failed_message WHERE state = 'new' ORDER BY 1, 2 LIMIT 2
"""


class Watch:
    """Sends requests, and searches every answer for numbers that must not be in it."""

    def __init__(self, wire: Wire, numbers: Numbers, person: str) -> None:
        self.wire = wire
        self._numbers, self._person = numbers, person
        self.statuses: Counter[int] = Counter()
        self.leaks: list[tuple[str, ...]] = []
        self.named = 0  # answers with the number of the person looked up

    def send(self, request: Request, *, may_name: bool = False) -> Reply:
        """Send a request; with `may_name` a valid answer may contain the number of the person looked up."""
        reply = self.wire.send(request)
        self.statuses[reply.status] += 1
        names = may_name and reply.status in OK and '"errors"' not in reply.body
        self.named += names and self._person in reply.body
        body = reply.body.replace(self._person, "") if names else reply.body
        self.search(request.what, reply.headers + body)
        return reply

    def search(self, where: str, text: str) -> None:
        self.leaks += [(where, *leak) for leak in self._numbers.in_text(text).items()]
        if WORD in text:
            self.leaks.append((where, WORD))


@pytest.fixture
def numbers() -> Numbers:
    return Numbers(seed=6)


@pytest.fixture
def person(numbers: Numbers) -> str:
    """The number of the person that lookups find."""
    return numbers.new("the person looked up")


class Running(NamedTuple):
    """Both processes, and their addresses."""

    consume: Process
    serve: Process
    urls: tuple[str, str]


@pytest.fixture
def running(run: Run, consumer: Setting, api: Setting, connection: psycopg.Connection) -> Running:
    connection.execute(_REFUSE)
    consume = run({**consumer.env, "PARK_LIMIT": "1000"}, "consume")
    more = {
        "KAFKA_TOPIC": consumer.env["KAFKA_TOPIC"],
        "ADMIN_GROUP": GROUP,
        "CONSUMER_FIELDS": json.dumps({"narrow": ["avtaleId"]}),
    }
    serve = run({**api.env, **more}, "serve")
    serve.answers(f"{api.url}/internal/health/readiness")
    return Running(consume, serve, (api.url, consumer.url))


@pytest.fixture
def builder(numbers: Numbers, issuer: TokenIssuer) -> RequestBuilder:
    rights = {"roles": ["access_as_application", "bulk"], "groups": [GROUP]}
    return RequestBuilder(
        numbers, lambda audience=CLIENT_ID, **claims: issuer.token(audience, **{**rights, **claims})
    )


@pytest.fixture
def watch(api: Setting, numbers: Numbers, person: str) -> Watch:
    return Watch(Wire(int(api.env["PORT"])), numbers, person)


def valid_calls(person: str, replay: str, under_way: str, failed: str, useless: str) -> requests.Good:
    """Return the values of a valid request for each call."""
    one = {"avtaleId": avtale_id(1)}
    of_month = "month=2026-11&consumer=client"
    why = {"begrunnelse": "because"}
    return {
        "tiltaksstatus": ({}, "", {"fnr": person, "dato": "2022-03-01"}),
        "tiltaksstatusBolk": ({}, "", {"personer": [{"fnr": person}], "dato": "2022-03-01"}),
        "sokAvtaler": ({}, "", {"fnr": person, "antall": 2}),
        "hentAvtale": (one, "felter=avtaleId,deltakerFnr", None),
        "hentAvtaleMedNr": ({}, "avtaleNr=2", None),
        "hentHistorikk": (one, "", None),
        "adminBestillReplay": ({}, "", {"fromOffsets": {"0": 0}, "toOffsets": {"0": 1}, **why}),
        "adminHentReplays": ({}, "limit=1000", None),
        "adminHentReplay": ({"id": replay}, "", None),
        "adminAvbrytReplay": ({"id": under_way}, "", why),
        "adminHentFeilede": ({}, "limit=1000", None),
        "adminHentFeilet": ({"id": failed}, "", None),
        "adminProevAlleIgjen": ({}, "", {"after": "0:2:999999"}),
        "adminProevIgjen": ({"id": failed}, "", why),
        "adminForkast": ({"id": useless}, "", why),
        "adminHentOppslagsrapport": ({}, of_month, None),
        "adminHentKonsument": ({}, "", None),
    }


def request_replays(watch: Watch, builder: RequestBuilder, connection: psycopg.Connection) -> tuple[str, str]:
    """Return the ids of a replay that has run, and of one that takes long."""
    path = "/api/v1/admin/replays"
    ids = []
    for more in ({}, {"rate": 1}):
        reply = watch.send(builder.json("a replay", path, {"fromBeginning": True, **more}))
        ids.append(str(json.loads(reply.body)["id"]))
    states = "SELECT state FROM replay_job ORDER BY id"
    wait_until(lambda: connection.execute(states).fetchone() == ("done",), "a consumer has run one")
    return ids[0], ids[1]


def send_all(watch: Watch, builder: RequestBuilder, each: requests.Call) -> bool:
    """Send every request of a call; return True when any of the answers was a valid one."""
    requests = [*builder.wrongly(each), builder.well(each)]
    return bool({watch.send(request, may_name=each.is_lookup).status for request in requests} & OK)


@contextmanager
def refused_records(connection: psycopg.Connection) -> Iterator[None]:
    """Let the database refuse the records of lookups, with error texts that contain the number."""
    connection.execute("ALTER TABLE lookup_log ADD CONSTRAINT refused CHECK (call_id <> 'refused') NOT VALID")
    yield
    connection.execute("ALTER TABLE lookup_log DROP CONSTRAINT refused")


def test_identity_numbers_are_in_no_other_output(
    running: Running, produce: Produce, connection: psycopg.Connection,
    numbers: Numbers, person: str, builder: RequestBuilder, watch: Watch,
) -> None:  # fmt: skip
    sent = [*messages.of_person(person), *messages.of_others(numbers)]
    produce(sent)
    wait_until_handled(connection, len(sent))
    replays = request_replays(watch, builder, connection)
    places = ["0:{}:{}".format(*place) for place in connection.execute(_PLACES).fetchall()]
    well = valid_calls(person, *replays, *places)
    every = [*requests.calls(well), graphql.call(person)]

    answered = {each.name for each in every if send_all(watch, builder, each)}
    assert answered == {each.name for each in every}
    for what, body in graphql.bodies(numbers):
        watch.send(builder.json(what, "/graphql", body), may_name=True)
    for what, raw in malformed.requests(numbers):
        watch.search(what, watch.wire.send_raw(raw))
    with refused_records(connection):
        for each in every:
            watch.send(builder.well(each, **{"Nav-Call-Id": "refused"}))
    for url in running.urls:
        for page in ("prometheus", "health/readiness", "health/liveness", numbers.new("an internal page")):
            watch.search(page, str(call(f"{url}/internal/{page}?{numbers.new('an internal page')}")))

    produce([messages.of_refused(numbers, messages.GIVEN_UP)])
    wait_until(lambda: running.consume.process.poll() is not None, "the consumer has given up")
    assert running.serve.terminate() == 0
    watch.search("the log of consume", running.consume.output)
    watch.search("the log of serve", running.serve.output)
    assert not watch.leaks, "\n".join(map(str, watch.leaks[:20]))
    assert "/api/v1" not in running.serve.output  # no addresses are logged
    assert {"operator", "lookup_refused", "request_refused"} <= set(running.serve.output.split('"'))
    assert watch.named > 0
    assert set(watch.statuses) >= {200, 202, 400, 401, 403, 404, 405, 409, 413, 415, 503}
    assert 500 not in watch.statuses
