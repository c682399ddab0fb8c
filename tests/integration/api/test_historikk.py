"""The versions of an avtale as they were stored, and what each of them changed."""

from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from datadeling.api.v1.historikk import Historikk, Versjon
from datadeling.pipeline.store import Store
from tests.hendelser import avtale_id, melding, tombstone
from tests.integration.storing import write

_FELTER = "avtaleStatus,sluttDato,stillingprosent"


def _ask(client: FlaskClient, number: int = 1, felter: str = _FELTER) -> dict[str, Any]:
    response = client.get(f"/api/v1/avtaler/{avtale_id(number)}/historikk?felter={felter}")
    assert response.status_code == 200
    assert isinstance(response.json, dict)
    return response.json


def test_versions_are_listed_newest_first_with_their_changes(client: FlaskClient, store: Store) -> None:
    write(
        store,
        melding(offset=0),
        melding(offset=1, sluttDato=None),
        melding(offset=2, sluttDato=None),  # says nothing new
        melding(2, offset=3),
        melding(offset=4, sluttDato="2022-09-01", avtaleStatus="AVSLUTTET", opphav="ARENA"),
        melding(offset=5, sluttDato="2022-09-01", avtaleStatus="AVSLUTTET"),
    )
    answer = _ask(client)
    assert answer == {
        "versjoner": [
            {
                "gyldigFra": "2026-01-01T01:05:00+01:00",
                "gyldigTil": None,
                "endret": [],  # only fields that were not requested
                "avtale": {"avtaleStatus": "AVSLUTTET", "sluttDato": "2022-09-01", "stillingprosent": 50.5},
            },
            {
                "gyldigFra": "2026-01-01T01:04:00+01:00",
                "gyldigTil": "2026-01-01T01:05:00+01:00",
                "endret": ["avtaleStatus", "sluttDato"],
                "avtale": {"avtaleStatus": "AVSLUTTET", "sluttDato": "2022-09-01", "stillingprosent": 50.5},
            },
            {
                "gyldigFra": "2026-01-01T01:01:00+01:00",
                "gyldigTil": "2026-01-01T01:04:00+01:00",
                "endret": ["sluttDato"],
                "avtale": {"avtaleStatus": "PÅBEGYNT", "sluttDato": None, "stillingprosent": 50.5},
            },
            {
                "gyldigFra": "2026-01-01T01:00:00+01:00",
                "gyldigTil": "2026-01-01T01:01:00+01:00",
                "endret": [],  # the version before is not known
                "avtale": {"avtaleStatus": "PÅBEGYNT", "sluttDato": "2022-08-01", "stillingprosent": 50.5},
            },
        ],
        "historikkKomplettFra": "2026-01-01T01:00:00+01:00",
    }
    assert list(answer) == list(Historikk().fields)
    assert list(answer["versjoner"][0]) == list(Versjon().fields)


def test_the_record_has_the_number_of_versions_and_their_persons(
    client: FlaskClient, store: Store, connection: psycopg.Connection
) -> None:
    numbers = ("15877512360", None, "15877512441", "15877512360")
    write(store, *(melding(offset=offset, deltakerFnr=fnr) for offset, fnr in enumerate(numbers)))
    _ask(client, felter="versjon")
    record = connection.execute(
        "SELECT endpoint, criteria, felter, personer, hits FROM lookup_log"
    ).fetchall()
    endpoint = "GET /api/v1/avtaler/{avtaleId}/historikk"
    assert record == [(endpoint, ["avtale_id"], ["versjon"], ["15877512360", "15877512441"], 4)]


@pytest.mark.parametrize("before", [False, True], ids=["always", "only now"])
def test_a_feilregistrert_avtale_has_no_history(
    before: bool, client: FlaskClient, store: Store, connection: psycopg.Connection
) -> None:
    write(
        store, melding(offset=0, feilregistrert=not before), melding(offset=1, feilregistrert=True, versjon=2)
    )
    response = client.get(f"/api/v1/avtaler/{avtale_id(1)}/historikk")
    assert (response.status_code, response.json and response.json["kode"]) == (404, "UKJENT_AVTALE")
    assert connection.execute("SELECT hits, personer FROM lookup_log").fetchall() == [(0, [])]
    write(store, melding(offset=2, versjon=3))  # it was none, after all
    assert len(_ask(client)["versjoner"]) == 3


def test_a_deleted_avtale_has_no_history(client: FlaskClient, store: Store) -> None:
    write(store, melding(offset=0), melding(offset=1, versjon=2), tombstone(1, offset=2))
    assert client.get(f"/api/v1/avtaler/{avtale_id(1)}/historikk").status_code == 404
    write(store, melding(offset=3, versjon=3))
    assert [each["endret"] for each in _ask(client)["versjoner"]] == [[]]


def test_versions_are_ordered_by_edit_time_and_then_by_place(client: FlaskClient, store: Store) -> None:
    """Whatever the times of the messages: an empty interval is answered, too."""
    late, early = melding(offset=9).timestamp, melding(offset=0).timestamp
    times = (late, early, late)
    for offset, time in enumerate(times):
        edited = f"2022-02-04T08:46:0{min(offset, 1)}Z"
        write(store, melding(offset=offset, versjon=offset + 1, sistEndret=edited)._replace(timestamp=time))
    answer = _ask(client, felter="versjon")["versjoner"]
    assert [each["avtale"]["versjon"] for each in answer] == [3, 2, 1]
    assert answer[2]["gyldigFra"] == answer[2]["gyldigTil"]


@pytest.mark.parametrize(
    ("path", "feil"),
    [
        pytest.param("x/historikk", {"felt": "avtaleId", "melding": "må være en UUID"}, id="no id"),
        pytest.param(
            f"{avtale_id(1)}/historikk?felter=",
            {"felt": "felter", "melding": "må være en liste med minst ett felt"},
            id="no fields",
        ),
        pytest.param(
            f"{avtale_id(1)}/historikk?fra=1", {"felt": None, "melding": "ukjent egenskap"}, id="unknown"
        ),
    ],
)
def test_an_invalid_request_is_400(path: str, feil: dict[str, Any], client: FlaskClient) -> None:
    response = client.get(f"/api/v1/avtaler/{path}")
    assert response.status_code == 400
    assert response.json is not None
    assert response.json["feil"] == [feil]
