"""The avtaler themselves: which, in what order, and every field as consumers were promised it."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from datadeling.domain.felt import FELTER
from tests.integration.api.rows import FNR, OTHER_FNR, avtale_id, insert, row

_FULL = {
    "avtale_nr": 123,
    "veileder_nav_ident": "Z999999",
    "tiltakstype": "SOMMERJOBB",
    "avtale_status": "PÅBEGYNT",
    "versjon": 3,
    "opphav": "ARENA",
    "start_dato": date(2026, 2, 1),
    "slutt_dato": date(2026, 7, 31),
    "stillingprosent": Decimal("33.3300"),
    "antall_dager_per_uke": Decimal("5.0000"),
    "stillingstype": "FAST",
    "avtale_inngaatt": datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC),
    "godkjent_av_deltaker": datetime(2026, 7, 2, 3, 4, 5, 0, UTC),
    "godkjent_av_arbeidsgiver": datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
    "godkjent_av_veileder": datetime(2025, 10, 26, 1, 30, tzinfo=UTC),
    "godkjent_av_beslutter": datetime(2026, 1, 1, 0, 0, 0, 100_000, UTC),
    "godkjent_paa_vegne_av": True,
    "godkjent_av_nav_ident": "Z999998",
    "godkjent_av_beslutter_nav_ident": 'Z"\\\n',
    "annullert_tidspunkt": datetime(2026, 5, 1, tzinfo=UTC),
    "opprettet_tidspunkt": datetime(2026, 1, 1, tzinfo=UTC),
    "endret_tidspunkt": datetime(2026, 6, 1, tzinfo=UTC),
}
_TOLD = {
    "avtaleId": avtale_id(1),
    "avtaleNr": 123,
    "deltakerFnr": FNR,
    "bedriftNr": "999999999",
    "veilederNavIdent": "Z999999",
    "tiltakstype": "SOMMERJOBB",
    "avtaleStatus": "PÅBEGYNT",
    "versjon": 3,
    "opphav": "ARENA",
    "startDato": "2026-02-01",
    "sluttDato": "2026-07-31",
    "stillingprosent": 33.33,
    "antallDagerPerUke": 5,
    "stillingstype": "FAST",
    "avtaleInngaatt": "2026-01-02T04:04:05.678901+01:00",
    "godkjentAvDeltaker": "2026-07-02T05:04:05+02:00",
    "godkjentAvArbeidsgiver": "2025-10-26T02:30:00+02:00",
    "godkjentAvVeileder": "2025-10-26T02:30:00+01:00",
    "godkjentAvBeslutter": "2026-01-01T01:00:00.1+01:00",
    "godkjentPaaVegneAv": True,
    "godkjentPaaVegneAvArbeidsgiver": False,
    "godkjentAvNavIdent": "Z999998",
    "godkjentAvBeslutterNavIdent": 'Z"\\\n',
    "annullertTidspunkt": "2026-05-01T02:00:00+02:00",
    "feilregistrert": False,
    "opprettetTidspunkt": "2026-01-01T01:00:00+01:00",
    "endretTidspunkt": "2026-06-01T02:00:00+02:00",
}


def test_every_field_is_as_described(client: FlaskClient, connection: psycopg.Connection) -> None:
    insert(connection, [row(1, **_FULL)])
    response = client.get(f"/api/v1/avtaler/{avtale_id(1)}")
    assert isinstance(response.json, dict)
    assert list(response.json) == [felt.json for felt in FELTER]
    assert {name: response.json[name] for name in _TOLD} == _TOLD
    assert b'"stillingprosent":33.33,' in response.data
    assert b'"antallDagerPerUke":5,' in response.data
    assert _search(client)["avtaler"] == [response.json]


def test_a_missing_value_is_null(client: FlaskClient, connection: psycopg.Connection) -> None:
    nothing = dict.fromkeys((felt.column for felt in FELTER if felt.nullable), None)
    insert(connection, [row(1, **nothing)])
    answer = client.get(f"/api/v1/avtaler/{avtale_id(1)}").json
    assert isinstance(answer, dict)
    assert {felt.json for felt in FELTER if felt.nullable} == {
        name for name in answer if answer[name] is None
    }


def test_a_search_by_person_returns_their_avtaler_newest_first(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    old, new = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, UTC)
    insert(
        connection,
        [
            row(1, opprettet_tidspunkt=old, endret_tidspunkt=new),
            row(2, opprettet_tidspunkt=new),
            row(3, opprettet_tidspunkt=old, avtale_status="ANNULLERT", avtale_inngaatt=None, start_dato=None),
            row(4, opprettet_tidspunkt=new, feilregistrert=True),
            row(5, opprettet_tidspunkt=new, deltaker_fnr=OTHER_FNR),
            row(6, opprettet_tidspunkt=new, deltaker_fnr=None),
        ],
    )
    answer = _search(client)
    assert [avtale["avtaleNr"] for avtale in answer["avtaler"]] == [2, 3, 1]
    assert answer["markoer"] is None


def test_the_metrics_have_the_pool_and_the_fields(client: FlaskClient) -> None:
    client.post("/api/v1/avtaler/sok", json={"fnr": FNR, "felter": ["avtaleNr"]})
    page = client.get("/internal/prometheus").text
    assert re.search(r"^datadeling_db_pool_size [12]\.0$", page, re.MULTILINE)
    assert "\ndatadeling_db_pool_waiting 0.0\n" in page
    assert 'field="avtaleNr"} 1.0\n' in page


def test_an_unknown_person_has_no_avtaler(client: FlaskClient) -> None:
    assert _search(client) == {"avtaler": [], "markoer": None}


def test_feilregistrerte_avtaler_are_not_found(client: FlaskClient, connection: psycopg.Connection) -> None:
    insert(connection, [row(1, feilregistrert=True)])
    for number in (1, 2):
        assert client.get(f"/api/v1/avtaler/{avtale_id(number)}").status_code == 404


@pytest.mark.parametrize("spelling", [str.upper, str.lower])
def test_an_id_is_found_in_either_case(
    spelling: Any, client: FlaskClient, connection: psycopg.Connection
) -> None:
    given = "ABCDEF00-1234-4567-89AB-CDEF01234567"
    insert(connection, [row(1, avtale_id=UUID(given))])
    answer = client.get(f"/api/v1/avtaler/{spelling(given)}")
    assert answer.json is not None
    assert answer.json["avtaleId"] == given.lower()


def _search(client: FlaskClient) -> dict[str, Any]:
    response = client.post("/api/v1/avtaler/sok", json={"fnr": FNR})
    assert response.status_code == 200
    assert isinstance(response.json, dict)
    return response.json
