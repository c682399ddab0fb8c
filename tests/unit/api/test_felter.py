"""The fields that a call reads: those requested, or the usual ones, if the consumer may have them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from datadeling.api.app import assemble
from datadeling.api.v1.avtale import TILTAK
from datadeling.config import ApiConfig, EntraConfig
from datadeling.domain.felt import FELTER, VARIGHET_DAGER
from datadeling.metrics import ApiMetrics
from tests.unit.api.conftest import Clock, FakeLookups, names
from tests.unit.api.issuer import CONSUMER, OBO_CONSUMER, ROLE, Issuer

_FNR = "15877512360"
_ID = "5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42"
_SHARED = names(FELTER)
_ALL = [*_SHARED, VARIGHET_DAGER.json]
_MAY_HAVE = ["avtaleId", "startDato", "sluttDato", "varighetDager"]


class Call(NamedTuple):
    path: str
    body: dict[str, Any] | None
    valid: list[str]
    default: list[str]

    def ask(
        self, client: FlaskClient, headers: dict[str, str], felter: list[str] | None = None
    ) -> TestResponse:
        if self.body is not None:
            return client.post(f"/api/v1/{self.path}", json={**self.body, "felter": felter}, headers=headers)
        query = {} if felter is None else {"felter": ",".join(felter)}
        return client.get(f"/api/v1/{self.path}", query_string=query, headers=headers)


_POSTED = {
    "tiltaksstatus": Call("tiltaksstatus", {"fnr": _FNR}, _ALL, names(TILTAK)),
    "bolk": Call("tiltaksstatus/bolk", {"personer": [{"fnr": _FNR}]}, _ALL, names(TILTAK)),
    "sok": Call("avtaler/sok", {"fnr": _FNR}, _SHARED, _SHARED),
}
_GOT = {"id": Call(f"avtaler/{_ID}", None, _SHARED, _SHARED)}
_CALLS = _POSTED | _GOT
every_call = pytest.mark.parametrize("call", _CALLS.values(), ids=_CALLS)


@pytest.fixture
def allowed() -> list[str]:
    """Return the fields that the consumer may have."""
    return _MAY_HAVE


@pytest.fixture
def limited(
    entra: EntraConfig,
    lookups: FakeLookups,
    registry: CollectorRegistry,
    clock: Clock,
    consumer_port: int,
    allowed: list[str],
) -> FlaskClient:
    """Create a client of an application in which the consumer may have only some fields."""
    config = ApiConfig(
        "postgresql://nowhere/nothing",
        entra,
        port=8080,
        consumer_port=consumer_port,
        consumer_fields={CONSUMER: frozenset(allowed)},
    )
    return assemble(config, lookups, ApiMetrics(registry), clock).test_client()


Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def bearer(issuer: Issuer, clock: Clock) -> Bearer:
    def headers(**claims: Any) -> dict[str, str]:
        token = issuer.token(clock().timestamp(), **claims)
        return {"Authorization": f"Bearer {token}", "Behandlingsnummer": "B123"}

    return headers


def _read(lookups: FakeLookups) -> list[str]:
    """Return the fields of the last lookup."""
    call = lookups.calls[-1]
    assert isinstance(call, tuple)
    (felter,) = (each for each in call if isinstance(each, list) and all(name in _ALL for name in each))
    return list(felter)


def _problem(response: TestResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert isinstance(response.json, dict)
    return response.json


@every_call
def test_without_felter_the_default_fields_are_read(
    call: Call, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    assert call.ask(client, token).status_code == 200
    assert _read(lookups) == call.default


@every_call
def test_requested_fields_are_read_each_once_in_one_order(
    call: Call, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    @given(st.lists(st.sampled_from(call.valid), min_size=1, max_size=40))
    def check(felter: list[str]) -> None:
        assert call.ask(client, token, felter).status_code == 200
        assert _read(lookups) == [name for name in call.valid if name in felter]

    check()


@every_call
@pytest.mark.parametrize("unknown", ["x", "avtale_id", "AVTALEID", " avtaleId", "", _FNR])
def test_an_unknown_field_is_400_and_the_valid_ones_are_listed(
    call: Call, unknown: str, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    response = call.ask(client, token, ["avtaleId", unknown])
    valid = ", ".join(call.valid)
    assert _problem(response, 400)["feil"] == [
        {"felt": "felter", "melding": f"ukjent felt; gyldige er {valid}"}
    ]
    assert _FNR not in response.text
    assert not lookups.calls


@every_call
def test_a_consumer_gets_the_allowed_ones_of_the_default_fields(
    call: Call, limited: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    assert call.ask(limited, token).status_code == 200
    assert _read(lookups) == [name for name in call.default if name in _MAY_HAVE]


@every_call
def test_requesting_more_is_403_with_the_missing_and_the_allowed_fields(
    call: Call, limited: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    problem = _problem(call.ask(limited, token, ["startDato", "veilederNavIdent", "opphav"]), 403)
    assert (problem["kode"], problem["mangler"]) == ("MANGLER_FELT", "veilederNavIdent, opphav")
    assert (problem["felter"], problem["roller"]) == (_MAY_HAVE, [ROLE])
    assert problem["detail"].startswith(
        f"Klienten har ikke lov til: veilederNavIdent, opphav. Den har lov til: {', '.join(_MAY_HAVE)}."
    )
    assert not lookups.calls


@pytest.mark.parametrize("allowed", [["godkjentAvVeileder"]])
def test_a_consumer_without_any_default_field_must_request_others(
    limited: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    call = _CALLS["tiltaksstatus"]
    assert _problem(call.ask(limited, token), 403)["mangler"] == ", ".join(names(TILTAK))
    assert call.ask(limited, token, ["godkjentAvVeileder"]).status_code == 200
    assert _read(lookups) == ["godkjentAvVeileder"]


@pytest.mark.parametrize("allowed", [["avtaleId"]])
@pytest.mark.parametrize(
    ("criterion", "missing"),
    [
        pytest.param({"bedriftNr": "1"}, "bedriftNr", id="bedriftNr"),
        pytest.param({"tiltakstype": "VTAO"}, "tiltakstype", id="tiltakstype"),
        pytest.param({"avtaleStatus": "PÅBEGYNT"}, "avtaleStatus", id="avtaleStatus"),
        pytest.param({"periode": {"fom": "2026-03-01"}}, "startDato, sluttDato", id="fom"),
        pytest.param({"periode": {"tom": "2026-03-01"}}, "startDato", id="tom"),
        pytest.param({"inkluderFeilregistrerte": True}, "feilregistrert", id="inkluderFeilregistrerte"),
    ],
)
def test_a_consumer_may_not_search_by_fields_that_it_may_not_have(
    criterion: dict[str, Any],
    missing: str,
    limited: FlaskClient,
    token: dict[str, str],
    bearer: Bearer,
    lookups: FakeLookups,
) -> None:
    body = {"fnr": _FNR, **criterion}
    response = limited.post("/api/v1/avtaler/sok", json=body, headers=token)
    assert _problem(response, 403)["mangler"].split(", ") == list(dict.fromkeys(missing.split(", ")))
    assert not lookups.calls
    others = limited.post("/api/v1/avtaler/sok", json=body, headers=bearer(azp="another-client"))
    assert others.status_code == 200


def test_a_consumer_may_search_by_persons_and_times(limited: FlaskClient, token: dict[str, str]) -> None:
    body = {"identer": [_FNR], "tidspunkt": "2026-03-01T00:00:00Z", "inkluderFeilregistrerte": False}
    assert limited.post("/api/v1/avtaler/sok", json=body, headers=token).status_code == 200


_OBO = {"idtyp": None, "azp": OBO_CONSUMER, "NAVident": "Z999999", "scp": "user"}


@pytest.mark.parametrize(
    "body", [{"tiltakstype": "VTAO"}, {"avtaleStatus": "x"}, {"periode": {"fom": "2026-03-01"}}]
)
@pytest.mark.parametrize(
    ("claims", "status"),
    [
        pytest.param({"roles": [ROLE, "bulk"]}, 200, id="bulk"),
        pytest.param({"roles": [ROLE]}, 403, id="a machine"),
        pytest.param({"roles": [ROLE, "BULK", "bulky"]}, 403, id="other roles"),
        pytest.param(_OBO | {"roles": None}, 403, id="on behalf of a user"),
        pytest.param(_OBO | {"roles": [ROLE, "bulk"]}, 403, id="on behalf of a user with the role"),
    ],
)
def test_a_search_for_many_persons_needs_a_machine_with_the_role_bulk(
    body: object, claims: dict[str, Any], status: int, client: FlaskClient, bearer: Bearer
) -> None:
    response = client.post("/api/v1/avtaler/sok", json=body, headers=bearer(**claims))
    assert response.status_code == status
    if status == 403:
        problem = _problem(response, 403)
        assert (problem["kode"], problem["mangler"]) == ("MANGLER_ROLLE", "bulk")
        assert problem["roller"] == sorted(claims["roles"] or [])


def test_on_behalf_of_a_user_a_person_is_looked_up(client: FlaskClient, bearer: Bearer) -> None:
    response = client.post("/api/v1/avtaler/sok", json={"fnr": _FNR}, headers=bearer(**_OBO, roles=None))
    assert response.status_code == 200
