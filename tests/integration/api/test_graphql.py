"""Today's consumers over a real database: what they send, and field by field what they get."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import pytest
from flask.testing import FlaskClient

from datadeling.api.graphql import queries
from datadeling.api.graphql.schema import GRAPHQL_FELTER
from tests.integration.api.rows import FNR, OTHER_FNR, avtale_id, insert, row
from tests.unit.api.issuer import Issuer

Ask = Callable[..., dict[str, Any]]

_PERSON = """
query avtaler($fnr: String) {
  avtalerForPerson(personnummer: $fnr) {
    avtaleId avtaleNr tiltakstype avtaleStatus startDato sluttDato bedriftNr opprettetTidspunkt
  }
}
"""
_ALL = " ".join(felt.json for felt in GRAPHQL_FELTER)
_TIME = datetime(2023, 1, 16, 10, 5, 40, 946_999, UTC)


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    def send(query: str, variables: object = None, **more: Any) -> dict[str, Any]:
        response = client.post("/graphql", json={"query": query, "variables": variables, **more})
        assert response.status_code == 200
        assert response.content_type == "application/json"
        assert isinstance(response.json, dict)
        return response.json

    return send


@pytest.fixture
def as_bulk(client: FlaskClient, issuer: Issuer) -> None:
    token = issuer.token(0, exp=4_102_444_800, roles=["access_as_application", "bulk"])
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"


def test_the_query_of_a_consumer_in_production_is_answered(ask: Ask, connection: psycopg.Connection) -> None:
    insert(
        connection,
        [
            row(
                7,
                avtale_status="PÅBEGYNT",
                start_dato=date(2023, 2, 1),
                slutt_dato=None,
                opprettet_tidspunkt=_TIME,
            ),
            row(8, deltaker_fnr=OTHER_FNR),
        ],
    )
    assert ask(_PERSON, {"fnr": FNR}, operationName="avtaler") == {
        "data": {
            "avtalerForPerson": [
                {
                    "avtaleId": avtale_id(7),
                    "avtaleNr": 7,
                    "tiltakstype": "VTAO",
                    "avtaleStatus": "PAABEGYNT",
                    "startDato": "2023-02-01",
                    "sluttDato": None,
                    "bedriftNr": "999999999",
                    "opprettetTidspunkt": "2023-01-16T11:05:40.946+01:00",
                }
            ]
        }
    }


def test_every_field_is_as_in_the_contract(ask: Ask, connection: psycopg.Connection) -> None:
    summer = datetime(2023, 7, 1, 22, 0, 0, 1_999, UTC)
    insert(
        connection,
        [
            row(
                7,
                veileder_nav_ident="Z999999",
                tiltakstype="FIREARIG_LONNSTILSKUDD",
                avtale_status="GJENNOMFØRES",
                versjon=3,
                opphav="ARENA",
                stillingstype="FAST",
                stillingprosent=Decimal("33.3300"),
                antall_dager_per_uke=Decimal("5.0000"),
                avtale_inngaatt=summer,
                godkjent_av_deltaker=_TIME,
                godkjent_av_arbeidsgiver=_TIME,
                godkjent_av_veileder=_TIME,
                godkjent_av_beslutter=None,
                godkjent_paa_vegne_av=True,
                godkjent_av_nav_ident="Z999998",
                opprettet_tidspunkt=_TIME,
                endret_tidspunkt=_TIME,
                mottatt_tidspunkt=summer,
            )
        ],
    )
    winter_text, summer_text = "2023-01-16T11:05:40.946+01:00", "2023-07-02T00:00:00.001+02:00"
    assert ask(f'{{ avtale(avtaleId: "{avtale_id(7)}") {{ {_ALL} }} }}')["data"]["avtale"] == {
        "avtaleId": avtale_id(7),
        "avtaleNr": 7,
        "deltakerFnr": FNR,
        "bedriftNr": "999999999",
        "veilederNavIdent": "Z999999",
        "tiltakstype": "FIREARIG_LONNSTILSKUDD",
        "versjon": 3,
        "avtaleStatus": "GJENNOMFORES",
        "avtaleInngaatt": summer_text,
        "startDato": "2026-01-01",
        "sluttDato": None,
        "stillingprosent": 33.33,
        "antallDagerPerUke": 5.0,
        "godkjentAvDeltaker": winter_text,
        "godkjentAvArbeidsgiver": winter_text,
        "godkjentAvVeileder": winter_text,
        "godkjentAvBeslutter": None,
        "godkjentPaaVegneAv": True,
        "godkjentPaaVegneAvArbeidsgiver": False,
        "stillingstype": "FAST",
        "godkjentAvNavIdent": "Z999998",
        "godkjentAvBeslutterNavIdent": None,
        "opprettetTidspunkt": winter_text,
        "endretTidspunkt": winter_text,
        "endring_mottatt_tidspunkt": summer_text,
        "opphav": "ARENA",
    }


def test_unknown_enum_values_are_null(ask: Ask, connection: psycopg.Connection) -> None:
    new = dict.fromkeys(("tiltakstype", "avtale_status", "opphav", "stillingstype"), "NOE_NYTT")
    insert(connection, [row(1, **new)])
    found = ask("{ avtale(avtaleNr: 1) { tiltakstype avtaleStatus opphav stillingstype avtaleNr } }")
    assert found == {"data": {"avtale": {**dict.fromkeys(_camel(new)), "avtaleNr": 1}}}


def test_avtaler_without_a_number_and_feilregistrerte_are_left_out(
    ask: Ask, connection: psycopg.Connection
) -> None:
    insert(connection, [row(1), row(2, avtale_nr=None), row(3, feilregistrert=True)])
    assert ask(_PERSON, {"fnr": FNR})["data"]["avtalerForPerson"][0]["avtaleNr"] == 1
    for number in (2, 3, 4):
        assert ask(f'{{ avtale(avtaleId: "{avtale_id(number)}") {{ avtaleNr }} }}') == {
            "data": {"avtale": None}
        }


def test_fragments_aliases_and_directives(ask: Ask, connection: psycopg.Connection) -> None:
    insert(connection, [row(1), row(2, bedrift_nr="1", deltaker_fnr=None)])
    query = """
    query q($fnr: String, $no: Boolean = false) {
      a: avtalerForPerson(personnummer: $fnr) {
        ...felles id: avtaleId versjon @include(if: $no) __typename
      }
      b: avtalerForBedrift(organisasjonsnummer: "1") {
        ... on Avtale { nr: avtaleNr } bedriftNr @skip(if: $no)
      }
      __typename
    }
    fragment felles on Avtale { avtaleNr }
    """
    assert ask(query, {"fnr": FNR})["data"] == {
        "a": [{"avtaleNr": 1, "id": avtale_id(1), "__typename": "Avtale"}],
        "b": [{"nr": 2, "bedriftNr": "1"}],
        "__typename": "Query",
    }
    rows = connection.execute("SELECT endpoint, criteria, felter, personer, hits FROM lookup_log ORDER BY 1")
    assert rows.fetchall() == [
        ("POST /graphql avtalerForBedrift", ["bedrift_nr"], ["avtaleNr", "bedriftNr"], [], 1),
        ("POST /graphql avtalerForPerson", ["identer"], ["avtaleId", "avtaleNr"], [FNR], 1),
    ]


def test_a_query_for_typename_alone_is_answered(ask: Ask, connection: psycopg.Connection) -> None:
    insert(connection, [row(1)])
    query = f'{{ avtalerForPerson(personnummer: "{FNR}") {{ __typename }} }}'
    assert ask(query) == {"data": {"avtalerForPerson": [{"__typename": "Avtale"}]}}


@pytest.mark.usefixtures("as_bulk")
def test_bulk_finds_by_status_and_type(ask: Ask, connection: psycopg.Connection) -> None:
    insert(connection, [row(1, avtale_status="PÅBEGYNT"), row(2, tiltakstype="MENTOR")])
    assert ask("{ avtalerForStatus(status: PAABEGYNT) { avtaleNr } }") == {
        "data": {"avtalerForStatus": [{"avtaleNr": 1}]}
    }
    assert ask(
        "query($t: Tiltakstype) { avtalerForTiltakstype(tiltakstype: $t) { avtaleNr } }", {"t": "MENTOR"}
    ) == {"data": {"avtalerForTiltakstype": [{"avtaleNr": 2}]}}


@pytest.mark.usefixtures("as_bulk")
def test_too_many_hits_are_an_error(
    ask: Ask, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_AVTALER", 3)
    query = "{ avtalerForTiltakstype(tiltakstype: VTAO) { avtaleNr } }"
    insert(connection, [row(number) for number in (1, 2, 3)])
    assert len(ask(query)["data"]["avtalerForTiltakstype"]) == 3
    insert(connection, [row(4)])
    answer = ask(query)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"classification": "DataFetchingException"}


@pytest.mark.parametrize(
    "query", ["avtalerForStatus(status: AVSLUTTET)", "avtalerForTiltakstype(tiltakstype: MENTOR)"]
)
def test_a_search_for_everything_requires_the_role_bulk(
    query: str, ask: Ask, connection: psycopg.Connection
) -> None:
    answer = ask(f"{{ {query} {{ avtaleNr }} }}")
    (error,) = answer["errors"]
    assert error["extensions"] == {"classification": "FORBIDDEN"}
    assert "bulk" in error["message"]
    assert error["path"] == [query.split("(", maxsplit=1)[0]]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert answer["data"] is None
    assert connection.execute("SELECT count(*) FROM lookup_log").fetchone() == (0,)


def test_a_query_that_cannot_be_recorded_is_not_answered(ask: Ask, connection: psycopg.Connection) -> None:
    insert(connection, [row(1)])
    connection.execute("ALTER TABLE lookup_log RENAME TO gone")
    answer = ask(_PERSON, {"fnr": FNR})
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"classification": "INTERNAL_ERROR"}


def test_purposes_are_recorded_when_they_are_sent(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    for sent in ("b123, B456", "nonsense", None):
        client.environ_base.pop("HTTP_BEHANDLINGSNUMMER", None)
        headers = {} if sent is None else {"Behandlingsnummer": sent}
        body = {"query": _PERSON, "variables": {"fnr": FNR}}
        assert client.post("/graphql", json=body, headers=headers).status_code == 200
    rows = connection.execute("SELECT behandlingsnummer FROM lookup_log ORDER BY tidspunkt").fetchall()
    assert rows == [(["B123", "B456"],), ([],), ([],)]


def test_the_largest_response_is_complete(
    client: FlaskClient, issuer: Issuer, connection: psycopg.Connection
) -> None:
    """All fields of 10,000 avtaler are one answer, whole."""
    token = issuer.token(0, exp=4_102_444_800, roles=["access_as_application", "bulk"])
    insert(connection, (row(number) for number in range(queries.MAX_AVTALER)))
    body = {"query": f"{{ avtalerForTiltakstype(tiltakstype: VTAO) {{ {_ALL} }} }}"}
    response = client.post("/graphql", json=body, headers={"Authorization": f"Bearer {token}"})
    found = msgspec.json.decode(response.data)["data"]["avtalerForTiltakstype"]
    assert len({avtale["avtaleId"] for avtale in found}) == queries.MAX_AVTALER
    assert list(found[0]) == [felt.json for felt in GRAPHQL_FELTER]


def _camel(columns: dict[str, str]) -> list[str]:
    by_column = {felt.column: felt.json for felt in GRAPHQL_FELTER}
    return [by_column[column] for column in columns]
