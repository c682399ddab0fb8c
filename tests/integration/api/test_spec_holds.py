"""The API does what its description says, whatever is sent: schemathesis over every call and a real database.

Bounded and seeded, so that a run takes a while and each the same. Longer, by hand:
`make integration ARGS="-k spec_holds --hypothesis-profile long"`, with another seed in SPEC_SEED.
"""

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import schemathesis
from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from schemathesis.generation.case import Case
from schemathesis.openapi.checks import AcceptedNegativeData, RejectedPositiveData

from datadeling.api.app import POOL, create_app
from datadeling.config import ApiConfig, EntraConfig
from datadeling.demo.ports import free_port
from tests.integration.api.rows import avtale_id, insert, row
from tests.unit.api.issuer import CLIENT_ID, ISSUER, ROLE, Issuer

_ADMINS = "44444444-dddd-4ddd-8ddd-444444444444"
_TOPIC = "avtaler"
_FAR_AWAY = 4_102_444_800

_markers = st.builds(
    lambda time, number: (
        base64.urlsafe_b64encode(f"{time}_{avtale_id(number)}".encode()).decode().rstrip("=")
    ),
    st.integers(0, 2**50),
    st.integers(0, 2**64),
)
_times = st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)).map(
    datetime.isoformat
)
schemathesis.openapi.format("markoer", _markers)
schemathesis.openapi.format("date-time", _times)


@pytest.fixture
def app(db_url: str, issuer: Issuer) -> Iterator[Flask]:
    """The application, as one worker has it."""
    entra = EntraConfig(CLIENT_ID, ISSUER, issuer.uri, frozenset(), _ADMINS)
    config = ApiConfig(db_url, entra, port=8080, consumer_port=free_port(), topic=_TOPIC)
    app = create_app(config, connections=2, registry=CollectorRegistry())
    yield app
    app.extensions[POOL].close()


@pytest.fixture
def described(app: Flask, issuer: Issuer, connection: psycopg.Connection) -> Any:
    """What the application says of itself, over a few avtaler, for a caller who may do everything."""
    insert(connection, [row(number) for number in range(1, 6)])
    token = issuer.token(0, exp=_FAR_AWAY, roles=[ROLE, "bulk"], groups=[_ADMINS])
    config = schemathesis.Config.from_dict(
        {
            "seed": int(os.environ.get("SPEC_SEED", "6")),
            "headers": {"Authorization": f"Bearer {token}"},
            "generation": {
                "database": "none",
                "deterministic": "SPEC_SEED" not in os.environ,
                "max-examples": int(os.environ.get("SPEC_EXAMPLES", "20")),
            },
        }
    )
    return schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=config)


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
def test_what_is_described_holds(case: Case) -> None:
    case.call_and_validate()
