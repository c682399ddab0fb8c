"""Addresses of single avtaler: `avtaleId`, `avtaleNr` and `felter`."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from datadeling.domain.felt import FELTER
from datadeling.domain.search import Search
from tests.unit.api.conftest import FakeLookups, names

_ID = "5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42"
_NO_NUMBER = {"felt": "avtaleNr", "melding": "må være et heltall"}
_UNKNOWN = {"felt": None, "melding": "ukjent egenskap"}
_NO_ID = {"felt": "avtaleId", "melding": "må være en UUID"}


@pytest.mark.parametrize(
    ("given", "number"),
    [("1", 1), ("0", 0), ("007", 7), ("-5", -5), ("2147483647", 2**31 - 1), ("-2147483648", -(2**31))],
)
def test_an_avtale_is_looked_up_by_its_number(
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
        pytest.param("?avtaleNr=1_000", _NO_NUMBER, id="an underscore"),
        pytest.param("?avtaleNr=%2B1", _NO_NUMBER, id="a sign"),
        pytest.param("?avtaleNr=%201", _NO_NUMBER, id="a blank"),
        pytest.param("?avtaleNr=5%20", _NO_NUMBER, id="a blank at the end"),
        pytest.param("?avtaleNr=1%0A", _NO_NUMBER, id="a line break"),
        pytest.param("?avtaleNr=%D9%A1", _NO_NUMBER, id="an Arabic digit"),
        pytest.param("?avtaleNr=%EF%BC%95", _NO_NUMBER, id="a fullwidth digit"),
        pytest.param("?avtaleNr=5,6", _NO_NUMBER, id="a comma"),
        pytest.param("?avtaleNr=2147483648", _NO_NUMBER, id="too large"),
        pytest.param("?avtaleNr=-2147483649", _NO_NUMBER, id="too small"),
        pytest.param(f"?avtaleNr={'9' * 5_000}", _NO_NUMBER, id="far too large"),
        pytest.param("", {"felt": "avtaleNr", "melding": "mangler"}, id="missing"),
        pytest.param("?avtaleNr=1&fnr=1", _UNKNOWN, id="unknown"),
        pytest.param("?avtaleNr=1&fields=avtaleId", _UNKNOWN, id="unknown, in English"),
        pytest.param(f"/{_ID}?avtaleNr=1", _UNKNOWN, id="a number and an id"),
        pytest.param("/x", _NO_ID, id="no id"),
        pytest.param(f"/{_ID.replace('-', '')}", _NO_ID, id="without hyphens"),
        pytest.param(f"/%7B{_ID}%7D", _NO_ID, id="in braces"),
        pytest.param(f"/{_ID}%0A", _NO_ID, id="an id and a line break"),
        pytest.param("/15877512360", _NO_ID, id="an identity number"),
        pytest.param(
            f"/{_ID}?felter=",
            {"felt": "felter", "melding": "må være en liste med minst ett felt"},
            id="no fields",
        ),
    ],
)
def test_an_invalid_address_is_400(
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
