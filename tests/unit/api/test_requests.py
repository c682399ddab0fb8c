"""Request bodies of searches and of tiltaksstatus: null, invalid values and whole numbers."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from datadeling.api.texts import NO_COUNT
from datadeling.api.v1.avtaler import AvtalesoekSpoersmaal
from datadeling.api.v1.tiltaksstatus import BolkSpoersmaal, TiltaksstatusSpoersmaal
from datadeling.domain.search import Marker, Search
from tests.unit.api.conftest import FakeLookups, encode_marker, errors_of

_FNR = "15877512360"
_OTHER = "15877512441"
_SEARCH = "/api/v1/avtaler/sok"
_STATUS = "/api/v1/tiltaksstatus"
_BOLK = "/api/v1/tiltaksstatus/bolk"
_PERIOD = "må ha fom eller tom, og fom kan ikke være etter tom"
_TEXT = "må være en tekst"
_COUNT = "må være et heltall fra 1 til 1000"
_IDENTER = "må være en liste med 1–20 identitetsnumre"
_MARKER = "er ikke en markør herfra"
_FELTER = "må være en liste med minst ett felt"
_ALL_NULL = dict.fromkeys(AvtalesoekSpoersmaal().fields)


@pytest.mark.parametrize("schema", [AvtalesoekSpoersmaal, TiltaksstatusSpoersmaal, BolkSpoersmaal])
def test_every_optional_property_may_be_null(schema: Any) -> None:
    needed = {"fnr": _FNR} if schema is not BolkSpoersmaal else {"personer": [{"fnr": _FNR}]}
    absent = schema().load(needed)
    assert schema().load(dict.fromkeys(schema().fields) | needed) == absent
    for name in schema().fields.keys() - needed.keys():
        assert schema().load({name: None} | needed) == absent


def test_null_counts_as_missing_in_a_period_and_in_bolk(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    client.post(_SEARCH, json={"fnr": _FNR, "periode": {"fom": None, "tom": "2026-03-01"}}, headers=token)
    client.post(_BOLK, json={"personer": [{"fnr": None, "identer": [_FNR]}]}, headers=token)
    search, persons = (call[0] for call in lookups.calls if isinstance(call, tuple))
    assert search == Search(identer=[_FNR], tom=date(2026, 3, 1))
    assert persons == [[_FNR]]


def test_all_criteria_of_a_search_are_parsed(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    time, avtale_id = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), UUID(int=7)
    body = {
        "identer": [_OTHER, _FNR, _OTHER],
        "bedriftNr": "x" * 5_000,
        "tiltakstype": "NOE_NYTT",
        "avtaleStatus": "PÅBEGYNT",
        "periode": {"fom": "2026-03-01", "tom": "2026-03-01"},
        "tidspunkt": "2026-01-16T11:05:40.9460009+01:00",
        "felter": ["sluttDato", "avtaleId", "sluttDato"],
        "inkluderFeilregistrerte": True,
        "antall": 1_000,
        "markoer": encode_marker(time, avtale_id),
    }
    client.post(_SEARCH, json=body, headers=token)
    day = date(2026, 3, 1)
    wanted = Search(
        identer=[_OTHER, _FNR],
        bedrift_nr="x" * 5_000,
        tiltakstype="NOE_NYTT",
        avtale_status="PÅBEGYNT",
        fom=day,
        tom=day,
        tidspunkt=datetime(2026, 1, 16, 10, 5, 40, 946_000, tzinfo=UTC),
        marker=Marker(time, avtale_id),
        feilregistrerte=True,
    )
    assert lookups.calls == [(wanted, ["avtaleId", "sluttDato"], 1_000)]


@pytest.mark.parametrize(
    ("body", "feil"),
    [
        pytest.param(
            {"fnr": _FNR, "identer": [_FNR]}, ("identer", "oppgi enten fnr eller identer"), id="both"
        ),
        pytest.param({"identer": []}, ("identer", _IDENTER), id="no identer"),
        pytest.param({"identer": [_FNR] * 21}, ("identer", _IDENTER), id="21 identer"),
        pytest.param({"identer": _FNR}, ("identer", _IDENTER), id="identer is a text"),
        pytest.param({"identer": [None]}, ("identer", "kan ikke være null"), id="identer holds null"),
        pytest.param({"identer": ["1"]}, ("identer", "må være nøyaktig elleve siffer"), id="a wrong ident"),
        pytest.param({"bedriftNr": 999_999_999}, ("bedriftNr", _TEXT), id="bedriftNr is a number"),
        pytest.param({"bedriftNr": "a\0"}, ("bedriftNr", _TEXT), id="bedriftNr has a NUL"),
        pytest.param({"bedriftNr": ["1"]}, ("bedriftNr", _TEXT), id="bedriftNr is a list"),
        pytest.param({"tiltakstype": True}, ("tiltakstype", _TEXT), id="tiltakstype is a boolean"),
        pytest.param({"avtaleStatus": {}}, ("avtaleStatus", _TEXT), id="avtaleStatus is an object"),
        pytest.param({"fnr": _FNR, "periode": {}}, ("periode", _PERIOD), id="no period"),
        pytest.param({"fnr": _FNR, "periode": {"fom": None}}, ("periode", _PERIOD), id="a period of null"),
        pytest.param(
            {"fnr": _FNR, "periode": {"fom": "2026-03-02", "tom": "2026-03-01"}},
            ("periode", _PERIOD),
            id="a period backwards",
        ),
        pytest.param(
            {"fnr": _FNR, "periode": {"fom": "i dag"}},
            ("periode.fom", "må være en dato, åååå-mm-dd"),
            id="no date",
        ),
        pytest.param(
            {"fnr": _FNR, "periode": {"fom": "2026-03-01", "til": None}},
            (None, "ukjent egenskap"),
            id="unknown in a period",
        ),
        pytest.param(
            {"fnr": _FNR, "periode": "2026"}, ("periode", "må være et JSON-objekt"), id="a period as text"
        ),
        pytest.param(
            {"fnr": _FNR, "inkluderFeilregistrerte": "ja"},
            ("inkluderFeilregistrerte", "må være true eller false"),
            id="no boolean",
        ),
        pytest.param({"fnr": _FNR, "antall": 0}, ("antall", _COUNT), id="none"),
        pytest.param({"fnr": _FNR, "antall": 1_001}, ("antall", _COUNT), id="too many"),
        pytest.param({"fnr": _FNR, "antall": "10"}, ("antall", _COUNT), id="antall is a text"),
        pytest.param({"fnr": _FNR, "antall": 10.5}, ("antall", _COUNT), id="antall is no integer"),
        pytest.param({"fnr": _FNR, "antall": True}, ("antall", _COUNT), id="antall is a boolean"),
        pytest.param({"fnr": _FNR, "antall": 10**30}, ("antall", _COUNT), id="antall is huge"),
        pytest.param({"fnr": _FNR, "markoer": ""}, ("markoer", _MARKER), id="no marker"),
        pytest.param({"fnr": _FNR, "markoer": 1}, ("markoer", _MARKER), id="markoer is a number"),
        pytest.param({"fnr": _FNR, "markoer": ["a"]}, ("markoer", _MARKER), id="markoer is a list"),
        pytest.param({"fnr": _FNR, "felter": []}, ("felter", _FELTER), id="no fields"),
        pytest.param({"fnr": _FNR, "felter": "avtaleId"}, ("felter", _FELTER), id="felter is a text"),
        pytest.param({"fnr": _FNR, "felter": [None]}, ("felter", _FELTER), id="felter holds null"),
        pytest.param({"fnr": _FNR, "x": None}, (None, "ukjent egenskap"), id="unknown and null"),
    ],
)
def test_an_invalid_search_is_400(
    body: object, feil: tuple[str | None, str], client: FlaskClient, token: dict[str, str]
) -> None:
    assert errors_of(client, token, _SEARCH, body) == [feil]


@pytest.mark.parametrize("body", [{}, {"fnr": None, "identer": None}], ids=["missing", "null"])
def test_tiltaksstatus_requires_a_person(body: object, client: FlaskClient, token: dict[str, str]) -> None:
    assert errors_of(client, token, _STATUS, body) == [("fnr", "mangler")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param(_ALL_NULL, id="all null"),
        pytest.param({"inkluderFeilregistrerte": True}, id="only inkluderFeilregistrerte"),
        pytest.param({"tidspunkt": "2026-01-16T11:05:40Z", "antall": 1}, id="only tidspunkt and antall"),
    ],
)
def test_a_search_requires_a_criterion(body: object, client: FlaskClient, token: dict[str, str]) -> None:
    response = client.post(_SEARCH, json=body, headers=token)
    assert (response.status_code, response.json and response.json["kode"]) == (400, "MANGLER_KRITERIUM")


@pytest.mark.parametrize("path", [_SEARCH, _STATUS])
@pytest.mark.parametrize(
    ("time", "status"),
    [
        pytest.param("0001-01-01T00:00:00Z", 200, id="the first"),
        pytest.param("0001-01-01T00:00:00+14:00", 400, id="before the first"),
        pytest.param("9999-12-31T22:59:59.999999Z", 200, id="the last with a day in Oslo"),
        pytest.param("9999-12-31T23:00:00Z", 400, id="after the last day in Oslo"),
        pytest.param("9999-12-31T23:59:59-14:00", 400, id="after the last"),
        pytest.param("infinity", 400, id="infinity"),
        pytest.param("0044-03-15T00:00:00Z BC", 400, id="before Christ"),
    ],
)
def test_an_extreme_time_is_answered_or_refused(
    path: str, time: str, status: int, client: FlaskClient, token: dict[str, str]
) -> None:
    response = client.post(path, json={"fnr": _FNR, "tidspunkt": time}, headers=token)
    assert response.status_code == status


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from([*AvtalesoekSpoersmaal().fields, "personer", "dato", "fom", "x"])
_bodies = st.dictionaries(_names, _json | st.just(_FNR) | st.dictionaries(_names, _json), max_size=5)


@pytest.mark.parametrize("path", [_SEARCH, _STATUS, _BOLK])
def test_any_body_is_answered_or_refused(path: str, client: FlaskClient, token: dict[str, str]) -> None:
    @given(_bodies)
    def check(body: object) -> None:
        response = client.post(path, json=body, headers=token)
        assert response.status_code in {200, 400, 403}
        if response.status_code == 400:
            assert isinstance(response.json, dict)
            assert response.json["kode"] in {"UGYLDIGE_FELT", "MANGLER_KRITERIUM", "UGYLDIG_JSON"}

    check()


@pytest.mark.parametrize("antall", [1, 1.0, 1e3, 1_000])
def test_a_whole_number_may_be_a_float_in_json(antall: float) -> None:
    loaded = AvtalesoekSpoersmaal().load({"bedriftNr": "1", "antall": antall})
    assert (loaded["antall"], type(loaded["antall"])) == (int(antall), int)


@pytest.mark.parametrize("antall", [1.5, True, "1", 0, 0.0, 1001.0, 1e300, [1], {}])
def test_any_other_number_is_refused(antall: object) -> None:
    assert AvtalesoekSpoersmaal().validate({"antall": antall}) == {"antall": [NO_COUNT]}
