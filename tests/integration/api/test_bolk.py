"""Many persons at once: each is answered as alone, in order, by one statement with one audit record."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from datadeling.api.v1.tiltaksstatus import BolkResultat
from tests.integration.api.rows import FNR, OTHER_FNR, Row, insert, row

_BOLK, _STATUS = "/api/v1/tiltaksstatus/bolk", "/api/v1/tiltaksstatus"
_DAY = date(2026, 3, 1)
_TIME = datetime(2026, 3, 1, 12, tzinfo=UTC)
_NUMBERS = (FNR, OTHER_FNR, "15877512522", "15877512603")
_NO_FNR = {"felt": "fnr", "melding": "må være nøyaktig elleve siffer"}

_days = st.integers(-2, 2).map(lambda days: _DAY + timedelta(days=days))
_rows = st.fixed_dictionaries(
    {
        "deltaker_fnr": st.sampled_from([*_NUMBERS[:3], None]),
        "start_dato": st.none() | _days,
        "slutt_dato": st.none() | _days,
        "feilregistrert": st.sampled_from([False, False, True]),
        "hendelse_tidspunkt": st.integers(-1, 1).map(lambda hours: _TIME + timedelta(hours=hours)),
    }
)
_numbers = st.sampled_from(_NUMBERS)
_persons = (
    st.builds(lambda fnr: {"fnr": fnr}, _numbers)
    | st.builds(lambda fnr: {"fnr": fnr, "identer": None}, _numbers)
    | st.builds(lambda identer: {"identer": identer}, st.lists(_numbers, min_size=1, max_size=20))
)
_bad: st.SearchStrategy[Any] = st.sampled_from(
    [None, 1, "x", [], {}, {"fnr": "1"}, {"fnr": FNR, "identer": [FNR]}, {"identer": [FNR] * 21}, {"x": 1}]
)
_options = st.fixed_dictionaries(
    {},
    optional={
        "dato": st.none() | _days.map(str),
        "tidspunkt": st.none()
        | st.integers(-2, 2).map(lambda hours: (_TIME + timedelta(hours=hours)).isoformat()),
        "felter": st.none() | st.permutations(["avtaleNr", "varighetDager", "deltakerFnr"]),
    },
)


def test_each_person_has_the_result_of_a_single_lookup(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    @settings(max_examples=150)
    @given(st.lists(_rows, max_size=6), st.lists(_persons | _bad, min_size=1, max_size=8), _options)
    def check(rows: list[Row], persons: list[Any], options: dict[str, Any]) -> None:
        if options.get("tidspunkt") is None and options.get("dato") is None:
            options = {**options, "dato": str(_DAY)}  # today may become yesterday meanwhile
        connection.execute("DELETE FROM avtale")
        insert(connection, (row(number, **each) for number, each in enumerate(rows)))
        answer = _ask(client, persons, **options)
        assert ("historikkKomplettFra" in answer) == bool(options.get("tidspunkt"))
        assert answer["resultater"] == [_alone(client, person, options) for person in persons]

    check()


def _alone(client: FlaskClient, person: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of `tiltaksstatus` for one of them, in the form of `bolk`."""
    sent = {**person, **options} if isinstance(person, dict) else person
    response = client.post(_STATUS, data=msgspec.json.encode(sent), content_type="application/json")
    assert isinstance(response.json, dict)
    if response.status_code == 400:
        return {"kode": response.json["kode"], "feil": response.json["feil"]}
    return {"kode": "OK", **{n: v for n, v in response.json.items() if n != "historikkKomplettFra"}}


def test_a_thousand_persons_have_results_in_order_and_one_record(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    numbers = [f"158775{number:05d}" for number in range(1_000)]
    insert(connection, (row(n, deltaker_fnr=fnr) for n, fnr in enumerate(numbers) if n % 2))
    requested = [*reversed(numbers[1:]), numbers[-1]]
    answer = _ask(client, [{"fnr": fnr} for fnr in requested], felter=["deltakerFnr"], dato=str(_DAY))[
        "resultater"
    ]
    assert [person["naavaerende"] for person in answer] == [
        [{"deltakerFnr": fnr}] if int(fnr[6:]) % 2 else [] for fnr in requested
    ]
    (record,) = connection.execute("SELECT personer, hits, criteria, felter FROM lookup_log").fetchall()
    assert record == ([*reversed(numbers[1:])], 501, ["identer"], ["deltakerFnr"])


def test_the_largest_valid_request_is_answered(client: FlaskClient) -> None:
    """1000 persons with 20 numbers each."""
    persons = [{"identer": [f"15877{p:04d}{n:02d}" for n in range(20)]} for p in range(1_000)]
    assert len(msgspec.json.encode({"personer": persons})) > 256 * 1024
    answer = _ask(client, persons)["resultater"]
    assert [person["antall"] for person in answer] == [0] * 1_000


@pytest.mark.parametrize(
    ("path", "most"), [pytest.param(_BOLK, 512, id="bolk"), pytest.param(_STATUS, 64, id="one person")]
)
def test_a_body_has_its_limit(path: str, most: int, client: FlaskClient) -> None:
    body = b'{"fnr": "%s"}' % FNR.encode()
    if path == _BOLK:
        body = b'{"personer": [%s]}' % body
    for size, status in ((most * 1024, 200), (most * 1024 + 1, 413)):
        response = client.post(path, data=body.rjust(size), content_type="application/json")
        assert response.status_code == status


def test_a_request_with_only_invalid_persons_is_answered(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    bad = {"kode": "UGYLDIGE_FELT", "feil": [_NO_FNR]}
    assert _ask(client, [{"fnr": "1"}, {"fnr": ""}]) == {"resultater": [bad, bad]}
    assert connection.execute("SELECT personer, hits FROM lookup_log").fetchall() == [([], 0)]


def test_a_result_is_as_described(client: FlaskClient, connection: psycopg.Connection) -> None:
    insert(connection, [row(1)])
    good, nobody, bad = _ask(client, [{"fnr": FNR}, {"fnr": OTHER_FNR}, {}])["resultater"]
    assert list(good) == list(nobody) == [name for name in BolkResultat().fields if name != "feil"]
    assert list(bad) == ["kode", "feil"]


def _ask(client: FlaskClient, persons: list[Any], **options: Any) -> dict[str, Any]:
    response = client.post(_BOLK, json={"personer": persons, **options})
    assert response.status_code == 200, response.text
    assert isinstance(response.json, dict)
    return response.json
