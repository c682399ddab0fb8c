"""Request bodies of `tiltaksstatus/bolk`: each invalid person has an error of its own."""

import pytest
from flask.testing import FlaskClient

from datadeling.api.v1.tiltaksstatus import PersonSpoersmaal
from tests.unit.api.conftest import FakeLookups, errors_of

_FNR = "15877512360"
_OTHER = "15877512441"
_BOLK = "/api/v1/tiltaksstatus/bolk"
_IDENTER = "må være en liste med 1–20 identitetsnumre"


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
        pytest.param({"fnr": _FNR, "dato": "2026-03-01"}, (None, "ukjent egenskap"), id="its own date"),
    ],
)
def test_an_invalid_person_has_an_error_of_its_own(
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
    first, invalid, last = call[0]
    assert (first, last) == ([_FNR], [_OTHER, _FNR])
    error = '{"kode": "UGYLDIGE_FELT", "feil": [{"felt": %s, "melding": "%s"}]}'
    assert invalid == error % ("null" if feil[0] is None else f'"{feil[0]}"', feil[1])


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
def test_an_invalid_list_of_persons_is_400(
    body: object, feil: str, client: FlaskClient, token: dict[str, str]
) -> None:
    assert errors_of(client, token, _BOLK, body) == [("personer", feil)]


def test_a_person_has_only_fnr_and_identer() -> None:
    assert list(PersonSpoersmaal().fields) == ["fnr", "identer"]
