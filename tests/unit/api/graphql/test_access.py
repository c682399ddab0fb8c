"""Over GraphQL, too, a consumer gets the fields that it may have, and calls for users need approval."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from datadeling.api.app import assemble
from datadeling.config import ApiConfig, EntraConfig
from datadeling.metrics import ApiMetrics
from tests.unit.api.conftest import Clock, FakeLookups
from tests.unit.api.issuer import CONSUMER, OBO_CONSUMER, Issuer

_OF_USER: dict[str, Any] = {"idtyp": None, "roles": [], "scp": "defaultaccess", "NAVident": "Z999999"}
_FOR_PERSON = '{ avtalerForPerson(personnummer: "15877512360") { %s } }'


@pytest.fixture
def limited(
    entra: EntraConfig, lookups: FakeLookups, registry: CollectorRegistry, clock: Clock, consumer_port: int
) -> FlaskClient:
    """A client of an application in which the consumer may have two fields alone."""
    config = ApiConfig(
        "postgresql://nowhere/nothing",
        entra,
        port=8080,
        consumer_port=consumer_port,
        consumer_fields={CONSUMER: frozenset({"avtaleId", "startDato"})},
    )
    lookups.answer = "[]"
    return assemble(config, lookups, ApiMetrics(registry), clock).test_client()


def _ask(client: FlaskClient, token: dict[str, str], query: str) -> Any:
    response = client.post("/graphql", json={"query": query}, headers=token)
    assert response.status_code == 200
    return response.json


def test_allowed_fields_are_answered(
    limited: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    answer = _ask(limited, token, _FOR_PERSON % "avtaleId startDato")
    assert answer == {"data": {"avtalerForPerson": []}}
    assert len(lookups.calls) == 1


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        pytest.param(_FOR_PERSON % "avtaleId veilederNavIdent", "veilederNavIdent", id="a field"),
        pytest.param(
            _FOR_PERSON % "...F" + " fragment F on Avtale { deltakerFnr }", "deltakerFnr", id="in a fragment"
        ),
        pytest.param(_FOR_PERSON % "a: sluttDato", "sluttDato", id="under another name"),
        pytest.param(
            '{ avtalerForBedrift(organisasjonsnummer: "999999999") { avtaleId } }',
            "bedriftNr",
            id="to look for",
        ),
    ],
)
def test_forbidden_fields_are_named_and_nothing_is_read(
    query: str, missing: str, limited: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    (error,) = _ask(limited, token, query)["errors"]
    assert error["extensions"] == {"classification": "FORBIDDEN"}
    assert missing in error["message"]
    assert "avtaleId, startDato" in error["message"]  # what it has
    assert not lookups.calls


def test_on_behalf_of_a_user_only_those_that_check_them_may_ask(
    client: FlaskClient, issuer: Issuer, clock: Clock, lookups: FakeLookups
) -> None:
    lookups.answer = "[]"
    for azp, status in ((OBO_CONSUMER, 200), (CONSUMER, 403)):
        token = issuer.token(clock().timestamp(), azp=azp, **_OF_USER)
        response = client.post(
            "/graphql",
            json={"query": _FOR_PERSON % "avtaleId"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert response.status_code == status
    ((audit_context),) = lookups.contexts
    assert (audit_context.consumer, audit_context.nav_ident) == (OBO_CONSUMER, "Z999999")
