"""Requests: nulls, contradictions, markers and whole numbers in bodies and addresses."""

import base64
import struct
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from datadeling.api.schemas import NO_COUNT, NO_NUMBER
from datadeling.api.v1.avtaler import AvtaleNrQuery, AvtalesoekSpoersmaal, Markoer
from datadeling.api.v1.tiltaksstatus import BolkSpoersmaal, PersonSpoersmaal, TiltaksstatusSpoersmaal
from datadeling.domain.felt import FELTER
from datadeling.domain.search import Marker, Search
from tests.unit.api.conftest import FakeLookups, names

_FNR = "15877512360"
_OTHER = "15877512441"
_SEARCH = "/api/v1/avtaler/sok"
_STATUS = "/api/v1/tiltaksstatus"
_BOLK = "/api/v1/tiltaksstatus/bolk"
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_PERIOD = "må ha fom eller tom, og fom kan ikke være etter tom"
_TEXT = "må være en tekst"
_COUNT = "må være et heltall fra 1 til 1000"
_IDENTER = "må være en liste med 1–20 identitetsnumre"
_MARKER = "er ikke en markør herfra"
_FELTER = "må være en liste med minst ett felt"
_ALL_NULL = dict.fromkeys(AvtalesoekSpoersmaal().fields)


def _feil(client: FlaskClient, headers: dict[str, str], path: str, body: object) -> list[tuple[Any, Any]]:
    """Return the errors of a body: fields and texts."""
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 400, response.text
    assert isinstance(response.json, dict)
    assert response.json["kode"] == "UGYLDIGE_FELT"
    return [(feil["felt"], feil["melding"]) for feil in response.json["feil"]]


@pytest.mark.parametrize("schema", [AvtalesoekSpoersmaal, TiltaksstatusSpoersmaal, BolkSpoersmaal])
def test_every_optional_property_may_be_null(schema: Any) -> None:
    needed = {"fnr": _FNR} if schema is not BolkSpoersmaal else {"personer": [{"fnr": _FNR}]}
    absent = schema().load(needed)
    assert schema().load(dict.fromkeys(schema().fields) | needed) == absent
    for name in schema().fields.keys() - needed.keys():
        assert schema().load({name: None} | needed) == absent


def test_null_means_missing_in_a_period_and_in_bolk_too(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    client.post(_SEARCH, json={"fnr": _FNR, "periode": {"fom": None, "tom": "2026-03-01"}}, headers=token)
    client.post(_BOLK, json={"personer": [{"fnr": None, "identer": [_FNR]}]}, headers=token)
    search, persons = (call[0] for call in lookups.calls if isinstance(call, tuple))
    assert search == Search(identer=[_FNR], tom=date(2026, 3, 1))
    assert persons == [[_FNR]]


def test_a_search_is_passed_on_as_it_was_sent(
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
        "markoer": _marker(time, avtale_id),
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
def test_a_bad_search_is_400(
    body: object, feil: tuple[str | None, str], client: FlaskClient, token: dict[str, str]
) -> None:
    assert _feil(client, token, _SEARCH, body) == [feil]


@pytest.mark.parametrize("body", [{}, {"fnr": None, "identer": None}], ids=["missing", "null"])
def test_a_person_must_be_named(body: object, client: FlaskClient, token: dict[str, str]) -> None:
    assert _feil(client, token, _STATUS, body) == [("fnr", "mangler")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param(_ALL_NULL, id="all null"),
        pytest.param({"inkluderFeilregistrerte": True}, id="mistakes too"),
        pytest.param({"tidspunkt": "2026-01-16T11:05:40Z", "antall": 1}, id="then"),
    ],
)
def test_a_search_needs_a_criterion(body: object, client: FlaskClient, token: dict[str, str]) -> None:
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


@pytest.mark.parametrize(
    ("person", "feil"),
    [
        pytest.param(None, (None, "må være et JSON-objekt"), id="null"),
        pytest.param(1, (None, "må være et JSON-objekt"), id="a number"),
        pytest.param(_FNR, (None, "må være et JSON-objekt"), id="a text"),
        pytest.param([{"fnr": _FNR}], (None, "må være et JSON-objekt"), id="a list"),
        pytest.param({}, ("fnr", "mangler"), id="nobody"),
        pytest.param({"fnr": None}, ("fnr", "mangler"), id="nobody by null"),
        pytest.param({"fnr": "1587751236"}, ("fnr", "må være nøyaktig elleve siffer"), id="ten digits"),
        pytest.param({"fnr": _FNR + "\n"}, ("fnr", "må være nøyaktig elleve siffer"), id="a line break"),
        pytest.param({"fnr": int(_FNR)}, ("fnr", "må være nøyaktig elleve siffer"), id="fnr is a number"),
        pytest.param({"identer": [_FNR] * 21}, ("identer", _IDENTER), id="21 identer"),
        pytest.param({"identer": []}, ("identer", _IDENTER), id="no identer"),
        pytest.param(
            {"fnr": _FNR, "identer": [_FNR]}, ("identer", "oppgi enten fnr eller identer"), id="both"
        ),
        pytest.param({"fnr": _FNR, _OTHER: 1}, (None, "ukjent egenskap"), id="unknown property"),
        pytest.param({"fnr": _FNR, "dato": "2026-03-01"}, (None, "ukjent egenskap"), id="a day of its own"),
    ],
)
def test_a_bad_person_of_many_has_its_own_answer(
    person: object,
    feil: tuple[str | None, str],
    client: FlaskClient,
    token: dict[str, str],
    lookups: FakeLookups,
) -> None:
    body = {"personer": [{"fnr": _FNR}, person, {"identer": [_OTHER, _FNR]}]}
    assert client.post(_BOLK, json=body, headers=token).status_code == 200
    (call,) = lookups.calls
    assert isinstance(call, tuple)
    first, bad, last = call[0]
    assert (first, last) == ([_FNR], [_OTHER, _FNR])
    said = '{"kode": "UGYLDIGE_FELT", "feil": [{"felt": %s, "melding": "%s"}]}'
    assert bad == said % ("null" if feil[0] is None else f'"{feil[0]}"', feil[1])


@pytest.mark.parametrize(
    ("body", "feil"),
    [
        pytest.param({}, "mangler", id="missing"),
        pytest.param({"personer": None}, "kan ikke være null", id="null"),
        pytest.param({"personer": []}, "må være en liste med 1–1000 personer", id="nobody"),
        pytest.param({"personer": {"fnr": _FNR}}, "må være en liste med 1–1000 personer", id="one"),
        pytest.param({"personer": [1] * 1_001}, "må være en liste med 1–1000 personer", id="too many"),
    ],
)
def test_a_bad_list_of_persons_is_400(
    body: object, feil: str, client: FlaskClient, token: dict[str, str]
) -> None:
    assert _feil(client, token, _BOLK, body) == [("personer", feil)]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from([*AvtalesoekSpoersmaal().fields, "personer", "dato", "fom", "x"])
_bodies = st.dictionaries(_names, _json | st.just(_FNR) | st.dictionaries(_names, _json), max_size=5)


@pytest.mark.parametrize("path", [_SEARCH, _STATUS, _BOLK])
def test_anything_is_answered_or_refused(path: str, client: FlaskClient, token: dict[str, str]) -> None:
    @given(_bodies)
    def check(body: object) -> None:
        response = client.post(path, json=body, headers=token)
        assert response.status_code in {200, 400, 403}
        if response.status_code == 400:
            assert isinstance(response.json, dict)
            assert response.json["kode"] in {"UGYLDIGE_FELT", "MANGLER_KRITERIUM", "UGYLDIG_JSON"}

    check()


def _marker(time: datetime, avtale_id: UUID) -> str:
    microseconds = (time - _BEGINNING) // timedelta(microseconds=1)
    place = struct.pack(">q", microseconds) + avtale_id.bytes
    return base64.urlsafe_b64encode(place + struct.pack(">I", crc32(place))).decode().rstrip("=")


_markers = st.builds(Marker, st.datetimes(timezones=st.just(UTC)), st.uuids())


@given(_markers)
def test_a_marker_is_parsed(marker: Marker) -> None:
    read: object = Markoer().deserialize(_marker(*marker))
    assert read == marker


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data())
def test_a_damaged_marker_is_refused(data: st.DataObject) -> None:
    marker = _marker(*data.draw(_markers))
    at = data.draw(st.integers(0, len(marker) - 1))
    letters = st.text("ABCabc019-_+/=! \n\0å", max_size=2)
    damaged = marker[:at] + data.draw(letters) + marker[at + data.draw(st.integers(0, 2)) :]
    if damaged != marker:
        with pytest.raises(ValidationError, match="er ikke en markør herfra"):
            Markoer().deserialize(damaged)


@pytest.mark.parametrize(
    "microseconds", [-(2**63), 2**63 - 1, -(10**17), 10**18], ids=["-infinity", "infinity", "BC", "far"]
)
def test_a_marker_of_a_time_beyond_datetime_is_refused(microseconds: int) -> None:
    place = struct.pack(">q", microseconds) + UUID(int=1).bytes
    marker = base64.urlsafe_b64encode(place + struct.pack(">I", crc32(place))).decode().rstrip("=")
    with pytest.raises(ValidationError):
        Markoer().deserialize(marker)


def test_a_person_of_bolk_has_no_other_properties() -> None:
    assert list(PersonSpoersmaal().fields) == ["fnr", "identer"]


@pytest.mark.parametrize("antall", [1, 1.0, 1e3, 1_000])
def test_a_body_may_spell_a_whole_number_as_json_does(antall: float) -> None:
    loaded = AvtalesoekSpoersmaal().load({"bedriftNr": "1", "antall": antall})
    assert (loaded["antall"], type(loaded["antall"])) == (int(antall), int)


@pytest.mark.parametrize("antall", [1.5, True, "1", 0, 0.0, 1001.0, 1e300, [1], {}])
def test_a_body_with_any_other_number_is_refused(antall: object) -> None:
    assert AvtalesoekSpoersmaal().validate({"antall": antall}) == {"antall": [NO_COUNT]}


@pytest.mark.parametrize(("given", "number"), [("0", 0), ("-5", -5), ("0007", 7), ("2147483647", 2**31 - 1)])
def test_digits_are_a_number_in_an_address(given: str, number: int) -> None:
    assert AvtaleNrQuery().load({"avtaleNr": given}) == {"avtaleNr": number}


@pytest.mark.parametrize(
    "given", ["", " 5", "5 ", "1_000", "1.0", "1e3", "+5", "٥", "５", "2147483648", "5,6"]
)
def test_an_address_with_any_other_number_is_refused(given: str) -> None:
    assert AvtaleNrQuery().validate({"avtaleNr": given}) == {"avtaleNr": [NO_NUMBER]}


_ID = "5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42"
_NO_NUMBER = {"felt": "avtaleNr", "melding": "må være et heltall"}
_UNKNOWN = {"felt": None, "melding": "ukjent egenskap"}
_NO_ID = {"felt": "avtaleId", "melding": "må være en UUID"}


@pytest.mark.parametrize(
    ("given", "number"),
    [("1", 1), ("0", 0), ("007", 7), ("-5", -5), ("2147483647", 2**31 - 1), ("-2147483648", -(2**31))],
)
def test_a_number_is_looked_up(
    given: str, number: int, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    assert client.get(f"/api/v1/avtaler?avtaleNr={given}", headers=token).status_code == 200
    assert lookups.calls == [(Search(avtale_nr=number), names(FELTER))]


@pytest.mark.parametrize(
    ("path", "feil"),
    [
        pytest.param("?avtaleNr=x", _NO_NUMBER, id="no number"),
        pytest.param("?avtaleNr=", _NO_NUMBER, id="empty"),
        pytest.param("?avtaleNr=1.0", _NO_NUMBER, id="no integer"),
        pytest.param("?avtaleNr=1e3", _NO_NUMBER, id="a power"),
        pytest.param("?avtaleNr=1_000", _NO_NUMBER, id="as Python writes it"),
        pytest.param("?avtaleNr=%2B1", _NO_NUMBER, id="a sign"),
        pytest.param("?avtaleNr=%201", _NO_NUMBER, id="a blank"),
        pytest.param("?avtaleNr=1%0A", _NO_NUMBER, id="a line break"),
        pytest.param("?avtaleNr=%D9%A1", _NO_NUMBER, id="an Arabic digit"),
        pytest.param("?avtaleNr=2147483648", _NO_NUMBER, id="too large"),
        pytest.param("?avtaleNr=-2147483649", _NO_NUMBER, id="too small"),
        pytest.param(f"?avtaleNr={'9' * 5_000}", _NO_NUMBER, id="far too large"),
        pytest.param("", {"felt": "avtaleNr", "melding": "mangler"}, id="missing"),
        pytest.param("?avtaleNr=1&fnr=1", _UNKNOWN, id="unknown"),
        pytest.param("?avtaleNr=1&fields=avtaleId", _UNKNOWN, id="nearly known"),
        pytest.param(f"/{_ID}?avtaleNr=1", _UNKNOWN, id="a number and an id"),
        pytest.param("/x", _NO_ID, id="no id"),
        pytest.param(f"/{_ID.replace('-', '')}", _NO_ID, id="without hyphens"),
        pytest.param(f"/%7B{_ID}%7D", _NO_ID, id="in braces"),
        pytest.param(f"/{_ID}%0A", _NO_ID, id="an id and a line break"),
        pytest.param("/15877512360", _NO_ID, id="somebody's number"),
        pytest.param(
            f"/{_ID}?felter=",
            {"felt": "felter", "melding": "må være en liste med minst ett felt"},
            id="no fields",
        ),
    ],
)
def test_a_bad_address_is_400(
    path: str, feil: dict[str, Any], client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    response = client.get(f"/api/v1/avtaler{path}", headers=token)
    assert response.status_code == 400
    assert isinstance(response.json, dict)
    assert (response.json["kode"], response.json["feil"]) == ("UGYLDIGE_FELT", [feil])
    assert "15877512360" not in response.text
    assert not lookups.calls


@pytest.mark.parametrize("path", [f"/{_ID}", "?avtaleNr=1"])
def test_an_unknown_avtale_is_404(
    path: str, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = None
    response = client.get(f"/api/v1/avtaler{path}", headers=token)
    assert (response.status_code, response.json and response.json["kode"]) == (404, "UKJENT_AVTALE")
