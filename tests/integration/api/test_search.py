"""Searches with any criteria against a plain telling of them, and who may make which."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import psycopg
import pytest
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from datadeling.domain.avtale import COLUMNS
from tests.integration.api.rows import Row, avtale_id, insert, row
from tests.unit.api.issuer import ROLE, Issuer

_PERSONS = [f"158775124{number:02d}" for number in range(24)]
_TEXTS = ["", "999999999", 'Å\'s "bedrift"\\ %s', "{NULL}", "x" * 3_000]
_TYPES = ["VTAO", "MENTOR", "NOE_NYTT"]
_STATES = ["PÅBEGYNT", "GJENNOMFØRES", "AVSLUTTET"]
_DAY = date(2026, 3, 1)
_TIME = datetime(2026, 3, 1, tzinfo=UTC)
_NEVER = 4_102_444_800  # 2100-01-01

_days = st.integers(-3, 3).map(lambda days: _DAY + timedelta(days=days)) | st.sampled_from(
    [date.min, date.max]
)
_times = st.integers(-1, 7).map(lambda minutes: _TIME + timedelta(minutes=minutes))
_versions = st.fixed_dictionaries(
    {
        "deltaker_fnr": st.sampled_from([*_PERSONS[:3], None]),
        "bedrift_nr": st.sampled_from([*_TEXTS, None]),
        "tiltakstype": st.sampled_from(_TYPES),
        "avtale_status": st.sampled_from(_STATES),
        "start_dato": st.none() | _days,
        "slutt_dato": st.none() | _days,
        "feilregistrert": st.sampled_from([False, False, True]),
    }
)
_avtaler = st.lists(st.lists(_versions, min_size=1, max_size=3), max_size=6)
_persons = st.lists(st.sampled_from(_PERSONS), min_size=1, max_size=20)
_periods = st.fixed_dictionaries({}, optional={"fom": _days, "tom": _days}).filter(
    lambda days: bool(days) and days.get("fom", date.min) <= days.get("tom", date.max)
)
_searches = st.fixed_dictionaries(
    {},
    optional={
        "identer": _persons,
        "bedriftNr": st.sampled_from(_TEXTS) | st.text(max_size=20).filter(lambda text: "\0" not in text),
        "tiltakstype": st.sampled_from(_TYPES),
        "avtaleStatus": st.sampled_from(_STATES),
        "periode": _periods,
        "inkluderFeilregistrerte": st.booleans(),
        "tidspunkt": _times,
    },
).filter(lambda body: bool(body.keys() - {"inkluderFeilregistrerte", "tidspunkt"}))


class Version(NamedTuple):
    since: datetime
    content: Row


@pytest.fixture
def bulk(client: FlaskClient, issuer: Issuer) -> FlaskClient:
    """A client that may page through everything."""
    token = issuer.token(0, exp=_NEVER, roles=[ROLE, "bulk"])
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def test_any_criteria_find_the_avtaler_of_the_oracle(
    bulk: FlaskClient, connection: psycopg.Connection
) -> None:
    @settings(max_examples=400)
    @given(_avtaler, _searches)
    @example([[{**_plain(), "start_dato": date.max}]], {"periode": {"fom": date.max, "tom": date.max}})
    def check(contents: list[list[Row]], body: dict[str, Any]) -> None:
        avtaler = [_told(content) for content in contents]
        _store(connection, avtaler)
        response = bulk.post("/api/v1/avtaler/sok", json={**_sent(body), "felter": ["avtaleId"]})
        assert response.status_code == 200, response.text
        assert isinstance(response.json, dict)
        found = [avtale["avtaleId"] for avtale in response.json["avtaler"]]
        assert found == [
            avtale_id(number) for number in reversed(range(len(avtaler))) if _is_meant(avtaler[number], body)
        ]
        assert ("historikkKomplettFra" in response.json) == ("tidspunkt" in body)

    check()


def _plain() -> Row:
    return {
        "deltaker_fnr": _PERSONS[0],
        "bedrift_nr": None,
        "tiltakstype": "VTAO",
        "avtale_status": "AVSLUTTET",
        "start_dato": None,
        "slutt_dato": None,
        "feilregistrert": False,
    }


def _told(contents: list[Row]) -> list[Version]:
    """Versions, oldest first, two minutes apart."""
    return [Version(_TIME + timedelta(minutes=2 * n), content) for n, content in enumerate(contents)]


def _is_meant(versions: list[Version], body: dict[str, Any]) -> bool:
    """Return whether an avtale meets the criteria: a plain version of them."""
    then = [
        version
        for version in versions
        if version.since <= body.get("tidspunkt", datetime.max.replace(tzinfo=UTC))
    ]
    if not then:
        return False
    avtale, now = then[-1].content, versions[-1].content
    start, end = avtale["start_dato"], avtale["slutt_dato"] or date.max
    periode = body.get("periode", {})
    return all(
        [
            body.get("inkluderFeilregistrerte") or not (avtale["feilregistrert"] or now["feilregistrert"]),
            "identer" not in body or avtale["deltaker_fnr"] in body["identer"],
            avtale["bedrift_nr"] == body.get("bedriftNr", avtale["bedrift_nr"]),
            avtale["tiltakstype"] == body.get("tiltakstype", avtale["tiltakstype"]),
            avtale["avtale_status"] == body.get("avtaleStatus", avtale["avtale_status"]),
            not periode or start is not None,
            "tom" not in periode or (start or date.max) <= periode["tom"],
            "fom" not in periode or end >= periode["fom"],
        ]
    )


def _sent(body: dict[str, Any]) -> dict[str, Any]:
    sent = dict(body)
    if "periode" in body:
        sent["periode"] = {name: day.isoformat() for name, day in body["periode"].items()}
    if "tidspunkt" in body:
        sent["tidspunkt"] = body["tidspunkt"].isoformat()
    return sent


def _store(connection: psycopg.Connection, avtaler: list[list[Version]]) -> None:
    connection.execute("DELETE FROM avtale")
    connection.execute("DELETE FROM avtale_historikk")
    insert(connection, (_row(number, history, len(history) - 1) for number, history in enumerate(avtaler)))
    columns = (*COLUMNS, "gyldig_fra", "gyldig_til")
    statement = sql.SQL("INSERT INTO avtale_historikk ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join(map(sql.Placeholder, columns))
    )
    for number, history in enumerate(avtaler):
        for version, (former, successor) in enumerate(pairwise(history)):
            interval = {"gyldig_fra": former.since, "gyldig_til": successor.since}
            connection.execute(statement, _row(number, history, version) | interval)


def _row(number: int, history: list[Version], version: int) -> Row:
    since, content = history[version]
    return row(number, **content, hendelse_tidspunkt=since, kafka_offset=10 * number + version)


_PERIOD = {"periode": {"fom": "2026-01-01"}}
_TOO_WIDE = [
    pytest.param({"tiltakstype": "VTAO"}, id="tiltakstype"),
    pytest.param({"avtaleStatus": "PÅBEGYNT"}, id="avtaleStatus"),
    pytest.param(_PERIOD, id="periode"),
    pytest.param({"tiltakstype": "VTAO", "avtaleStatus": "PÅBEGYNT", **_PERIOD}, id="all of them"),
    pytest.param(
        {"tiltakstype": "VTAO", "fnr": None, "identer": None, "bedriftNr": None}, id="the others null"
    ),
]


@pytest.mark.parametrize("body", _TOO_WIDE)
def test_a_search_for_many_persons_requires_the_role_bulk(
    body: dict[str, Any], bulk: FlaskClient, issuer: Issuer
) -> None:
    assert bulk.post("/api/v1/avtaler/sok", json=body).status_code == 200
    without = {"Authorization": f"Bearer {issuer.token(0, exp=_NEVER)}"}
    response = bulk.post("/api/v1/avtaler/sok", json=body, headers=without)
    assert response.status_code == 403
    assert isinstance(response.json, dict)
    said = {name: response.json[name] for name in ("kode", "mangler", "roller")}
    assert said == {"kode": "MANGLER_ROLLE", "mangler": "bulk", "roller": [ROLE]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"bedriftNr": "1", "tiltakstype": "VTAO"}, id="an employer"),
        pytest.param({"bedriftNr": ""}, id="an employer without a number"),
        pytest.param({"fnr": _PERSONS[0], **_PERIOD}, id="a person"),
        pytest.param({"identer": _PERSONS[:20]}, id="a person of many numbers"),
    ],
)
def test_a_selective_search_requires_no_role(body: dict[str, Any], client: FlaskClient) -> None:
    assert client.post("/api/v1/avtaler/sok", json=body).json == {"avtaler": [], "markoer": None}
