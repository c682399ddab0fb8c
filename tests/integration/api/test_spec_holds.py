"""The API conforms to its description for any request: schemathesis over every call and a real database.

Bounded and seeded, so that a run takes a while and each the same. Longer, by hand:
`make integration ARGS="-k spec_holds --hypothesis-profile long"`, with another seed in SPEC_SEED.
"""

import base64
import json
import os
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID
from zlib import crc32

import jsonschema_rs
import psycopg
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from schemathesis.generation.case import Case

from datadeling.api.app import POOL, create_app
from datadeling.config import ApiConfig, EntraConfig
from datadeling.demo.process import free_port
from tests.integration.api.rows import avtale_id, insert, row
from tests.unit.api.issuer import CLIENT_ID, ISSUER, ROLE, Issuer
from tools.openapi import described

_ADMINS = "44444444-dddd-4ddd-8ddd-444444444444"
_TOPIC = "avtaler"
_FAR_AWAY = 4_102_444_800


def _marker(time: int, number: int) -> str:
    place = struct.pack(">q", time) + UUID(avtale_id(number)).bytes
    return base64.urlsafe_b64encode(place + struct.pack(">I", crc32(place))).decode().rstrip("=")


_markers = st.builds(_marker, st.integers(0, 2**50), st.integers(0, 2**64))
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
def token(issuer: Issuer, connection: psycopg.Connection) -> dict[str, str]:
    """The header of a caller who may do everything; there are a few avtaler to ask for."""
    insert(connection, [row(number) for number in range(1, 6)])
    token = issuer.token(0, exp=_FAR_AWAY, roles=[ROLE, "bulk"], groups=[_ADMINS])
    return {"Authorization": f"Bearer {token}"}


_SPEC = json.loads(described())
_BOLK = "/api/v1/tiltaksstatus/bolk"
_ANSWERED_BOLK = ("POST", _BOLK, HTTPStatus.OK)
_a_person = jsonschema_rs.Draft202012Validator(
    {"components": _SPEC["components"], "$ref": "#/components/schemas/PersonSpoersmaal"}
)
_GENERATION = {
    "database": "none",
    "deterministic": "SPEC_SEED" not in os.environ,
    "max-examples": int(os.environ.get("SPEC_EXAMPLES", "20")),
}
_NOT_CHECKED = {
    # A bad person is answered in its place; the others get their answers.
    "tiltaksstatusBolk": ("negative_data_rejection",),
    # The address also fits a call with an id in it, whose method is GET.
    "sokAvtaler": ("allow_header_conformance", "unsupported_method"),
    "adminProevAlleIgjen": ("allow_header_conformance", "unsupported_method"),
}


def _check_of(operation_id: str) -> Callable[..., None]:
    """Return a test of one operation."""
    checks = {name: {"enabled": False} for name in _NOT_CHECKED.get(operation_id, ())}
    seed = int(os.environ.get("SPEC_SEED", "6"))
    config = schemathesis.Config.from_dict({"seed": seed, "generation": _GENERATION, "checks": checks})
    schema = schemathesis.openapi.from_dict(_SPEC, config=config).include(operation_id=operation_id)

    @schema.parametrize()
    @settings(suppress_health_check=list(HealthCheck), deadline=None)
    def check(case: Case[Any], app: Flask, token: dict[str, str]) -> None:
        case.operation.app = case.operation.schema.app = app
        answer = case.call_and_validate(headers=token)
        if (case.method, case.path, answer.status_code) == _ANSWERED_BOLK:
            body: Any = case.body
            results = [result["kode"] == "OK" for result in json.loads(answer.content)["resultater"]]
            assert results == [_a_person.is_valid(person) for person in body["personer"]]

    test: Callable[..., None] = check
    return test


# One test for each operation: all items of a single `schema.parametrize()` would share one node id.
for _operations in _SPEC["paths"].values():
    for _method in sorted(_operations.keys() - {"parameters"}):
        _id = _operations[_method]["operationId"]
        globals()[f"test_what_is_described_holds_of_{_id}"] = _check_of(_id)
