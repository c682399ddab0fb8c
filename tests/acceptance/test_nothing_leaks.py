"""No identity number gets out: not into a log, a metric, an error or a header, whatever is sent.

Consumer and API run as in production; persons come in by Kafka, in good messages and in bad ones, and are
asked for in every way that there is, in the right places and in the wrong ones. Then everything that the two
have said is searched for every number that was produced or asked for.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from itertools import count

import psycopg
import pytest

from datadeling.demo.generator import HendelseGenerator
from datadeling.demo.issuer import TokenIssuer
from tests.acceptance.asking import (
    UNKNOWN,
    Asking,
    ask_as_administrator,
    ask_graphql,
    ask_rightly,
    ask_wrongly,
)
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.operating import Produce
from tests.acceptance.processes import Process, call, handled, wait_until
from tests.hendelser import avtale_id, encoded, hendelse, record

_GROUP = "00000000-0000-4000-8000-00000000ad31"
_EVENTS = 300
_NUMBER = re.compile(r"(?=([0-7]\d(?:8[1-9]|9[0-2])\d{7}))")  # synthetic: 80 has been added to the month


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


def test_no_number_is_anywhere_but_in_answers_to_lookups(
    processes: tuple[list[Process], set[str]],
    asking: Asking,
    api: Setting,
    consumer: Setting,
    connection: psycopg.Connection,
) -> None:
    running, produced = processes
    fnr, avtale = connection.execute(
        "SELECT deltaker_fnr, avtale_id::text FROM avtale WHERE NOT feilregistrert AND avtale_nr IS NOT NULL"
        " AND deltaker_fnr IS NOT NULL ORDER BY avtale_id LIMIT 1"
    ).fetchone() or ("", "")
    assert len(produced) > _EVENTS / 3
    ask_rightly(asking, fnr, avtale)
    for number in (fnr, UNKNOWN):
        ask_wrongly(asking, number)
        ask_graphql(asking, number)
    ask_as_administrator(asking, fnr)
    assert len(asking.said) > 300
    numbers = produced | {UNKNOWN}
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
