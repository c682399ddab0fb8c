"""No number of a person gets out but in the answers of those who may have it.

Messages about many persons come in, good and bad, and everything is asked, well and in every wrong way. Then
the numbers are looked for in the logs, the metrics, every header and every answer.
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
from tests.acceptance.leaks import graphql, malformed, messages, questions
from tests.acceptance.leaks.numbers import WORD, Numbers
from tests.acceptance.leaks.questions import Curious
from tests.acceptance.leaks.wire import Question, Reply, Wire
from tests.acceptance.operating import Produce
from tests.acceptance.processes import Process, call, handled, wait_until
from tests.hendelser import avtale_id

GROUP = "00000000-0000-4000-8000-00000000ad31"
OK = {200, 202}
# Texts of the database that tell of the person whose avtale it will not have.
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
    """Asks, and looks at every answer for numbers that are not to be in it."""

    def __init__(self, wire: Wire, numbers: Numbers, person: str) -> None:
        self.wire = wire
        self._numbers, self._person = numbers, person
        self.statuses: Counter[int] = Counter()
        self.leaks: list[tuple[str, ...]] = []
        self.told = 0  # answers with the number of the person who was asked about

    def ask(self, question: Question, *, may_tell: bool = False) -> Reply:
        """`may_tell`: a good answer may hold the number of the person asked about."""
        reply = self.wire.ask(question)
        self.statuses[reply.status] += 1
        tells = may_tell and reply.status in OK and '"errors"' not in reply.body
        self.told += tells and self._person in reply.body
        body = reply.body.replace(self._person, "") if tells else reply.body
        self.look(question.what, reply.headers + body)
        return reply

    def look(self, where: str, text: str) -> None:
        self.leaks += [(where, *leak) for leak in self._numbers.in_text(text).items()]
        if WORD in text:
            self.leaks.append((where, WORD))


@pytest.fixture
def numbers() -> Numbers:
    return Numbers(seed=6)


@pytest.fixture
def person(numbers: Numbers) -> str:
    """Who lookups find."""
    return numbers.new("the person asked about")


class Running(NamedTuple):
    """Both processes, and where they answer."""

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
def curious(numbers: Numbers, issuer: TokenIssuer) -> Curious:
    rights = {"roles": ["access_as_application", "bulk"], "groups": [GROUP]}
    return Curious(
        numbers, lambda audience=CLIENT_ID, **claims: issuer.token(audience, **{**rights, **claims})
    )


@pytest.fixture
def watch(api: Setting, numbers: Numbers, person: str) -> Watch:
    return Watch(Wire(int(api.env["PORT"])), numbers, person)


def how_to_ask(person: str, replay: str, under_way: str, failed: str, useless: str) -> questions.Good:
    """Each call as it should be asked."""
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


def ask_for_replays(watch: Watch, curious: Curious, connection: psycopg.Connection) -> tuple[str, str]:
    """Ids of one that has been run, and of one that takes long."""
    path = "/api/v1/admin/replays"
    ids = []
    for more in ({}, {"rate": 1}):
        reply = watch.ask(curious.json("a replay", path, {"fromBeginning": True, **more}))
        ids.append(str(json.loads(reply.body)["id"]))
    states = "SELECT state FROM replay_job ORDER BY id"
    wait_until(lambda: connection.execute(states).fetchone() == ("done",), "a consumer has run one")
    return ids[0], ids[1]


def ask_everything(watch: Watch, curious: Curious, each: questions.Call) -> bool:
    """Whether any of the answers was a good one."""
    asked = [*curious.wrongly(each), curious.well(each)]
    return bool({watch.ask(question, may_tell=each.is_lookup).status for question in asked} & OK)


@contextmanager
def refused_records(connection: psycopg.Connection) -> Iterator[None]:
    """The database refuses the records of lookups, and says whom they were about."""
    connection.execute("ALTER TABLE lookup_log ADD CONSTRAINT refused CHECK (call_id <> 'refused') NOT VALID")
    yield
    connection.execute("ALTER TABLE lookup_log DROP CONSTRAINT refused")


def test_no_number_of_a_person_gets_out(
    running: Running, produce: Produce, connection: psycopg.Connection,
    numbers: Numbers, person: str, curious: Curious, watch: Watch,
) -> None:  # fmt: skip
    sent = [*messages.of_person(person), *messages.of_others(numbers)]
    produce(sent)
    wait_until(lambda: handled(connection) == len(sent), "everything is handled")
    replays = ask_for_replays(watch, curious, connection)
    places = ["0:{}:{}".format(*place) for place in connection.execute(_PLACES).fetchall()]
    well = how_to_ask(person, *replays, *places)
    every = [*questions.calls(well), graphql.call(person)]

    answered = {each.name for each in every if ask_everything(watch, curious, each)}
    assert answered == {each.name for each in every}
    for what, body in graphql.bodies(numbers):
        watch.ask(curious.json(what, "/graphql", body), may_tell=True)
    for what, raw in malformed.requests(numbers):
        watch.look(what, watch.wire.send(raw))
    with refused_records(connection):
        for each in every:
            watch.ask(curious.well(each, **{"Nav-Call-Id": "refused"}))
    for url in running.urls:
        for page in ("prometheus", "health/readiness", "health/liveness", numbers.new("an internal page")):
            watch.look(page, str(call(f"{url}/internal/{page}?{numbers.new('an internal page')}")))

    produce([messages.of_refused(numbers, messages.GIVEN_UP)])
    wait_until(lambda: running.consume.process.poll() is not None, "the consumer has given up")
    assert running.serve.terminate() == 0
    watch.look("the log of consume", running.consume.output)
    watch.look("the log of serve", running.serve.output)
    assert not watch.leaks, "\n".join(map(str, watch.leaks[:20]))
    assert "/api/v1" not in running.serve.output  # no addresses are logged
    assert {"operator", "lookup_refused", "request_refused"} <= set(running.serve.output.split('"'))
    assert watch.told > 0
    assert set(watch.statuses) >= {200, 202, 400, 401, 403, 404, 405, 409, 413, 415, 503}
    assert 500 not in watch.statuses
