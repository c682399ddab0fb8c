"""The application over fake lookups, with a token issuer and a clock of its own."""

import base64
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from datadeling.api.app import assemble
from datadeling.config import ApiConfig, EntraConfig
from datadeling.db.lookup_sql import Fields
from datadeling.db.lookups import Lookups
from datadeling.demo.process import free_port
from datadeling.domain.search import AuditContext, Search
from datadeling.metrics import ApiMetrics
from tests.unit.api.issuer import CLIENT_ID, ISSUER, OBO_CONSUMER, Issuer, serving

NOW = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)  # the second of July in Oslo
_MARKERS_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)


def names(felter: Fields) -> list[str]:
    """Return the names of the fields in JSON."""
    return [felt.json for felt in felter]


def errors_of(client: FlaskClient, headers: dict[str, str], path: str, body: object) -> list[tuple[Any, Any]]:
    """Return the errors of a body: fields and texts."""
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 400, response.text
    assert isinstance(response.json, dict)
    assert response.json["kode"] == "UGYLDIGE_FELT"
    return [(feil["felt"], feil["melding"]) for feil in response.json["feil"]]


def encode_marker(time: datetime, avtale_id: UUID) -> str:
    """Return the text of a marker, as the API would."""
    microseconds = (time - _MARKERS_BEGIN) // timedelta(microseconds=1)
    place = struct.pack(">q", microseconds) + avtale_id.bytes
    return base64.urlsafe_b64encode(place + struct.pack(">I", crc32(place))).decode().rstrip("=")


class Clock:
    """A clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return (self.now - NOW).total_seconds()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class FakeLookups(Lookups):
    """Lookups that return `answer`, or raise it, and keep the arguments and contexts of their calls."""

    answer: str | Exception | None = "{}"
    calls: list[object] = field(default_factory=list)
    contexts: list[AuditContext] = field(default_factory=list)

    def tiltaksstatus(
        self,
        context: AuditContext,
        identer: Sequence[str],
        dato: date,
        felter: Fields,
        tidspunkt: datetime | None,
    ) -> str:
        return str(self._call(context, (list(identer), dato, names(felter), tidspunkt)))

    def tiltaksstatus_bolk(
        self,
        context: AuditContext,
        personer: Sequence[Sequence[str] | str],
        dato: date,
        felter: Fields,
        tidspunkt: datetime | None,
    ) -> str:
        return str(self._call(context, (list(personer), dato, names(felter), tidspunkt)))

    def search(self, context: AuditContext, search: Search, felter: Fields, limit: int) -> str:
        return str(self._call(context, (search, names(felter), limit)))

    def listed(self, context: AuditContext, search: Search, felter: Fields, limit: int) -> str | None:
        return self._call(context, (search, names(felter), limit))

    def find(self, context: AuditContext, search: Search, felter: Fields) -> str | None:
        return self._call(context, (search, names(felter)))

    def history(self, context: AuditContext, avtale_id: str, felter: Fields) -> str | None:
        return self._call(context, (avtale_id, names(felter)))

    def ping(self) -> None:
        self._result()

    def _call(self, context: AuditContext, arguments: object) -> str | None:
        self.contexts.append(context)
        self.calls.append(arguments)
        return self._result()

    def _result(self) -> str | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


@pytest.fixture
def entra(issuer: Issuer) -> EntraConfig:
    return EntraConfig(CLIENT_ID, ISSUER, issuer.uri, frozenset({OBO_CONSUMER}))


@pytest.fixture
def lookups() -> FakeLookups:
    return FakeLookups()


@pytest.fixture
def consumer_port() -> int:
    """Return a port that nothing listens on."""
    return free_port()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def calls_per_second() -> int:
    """Return the rate limit of a consumer, in calls per second; 0 is no limit."""
    return 0


@pytest.fixture
def app(
    entra: EntraConfig,
    lookups: FakeLookups,
    registry: CollectorRegistry,
    clock: Clock,
    consumer_port: int,
    calls_per_second: int,
) -> Flask:
    config = ApiConfig(
        "postgresql://nowhere/nothing",
        entra,
        port=8080,
        consumer_port=consumer_port,
        calls_per_second=calls_per_second,
    )
    return assemble(config, lookups, ApiMetrics(registry), clock)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Create a client without a token."""
    return app.test_client()


@pytest.fixture
def token(issuer: Issuer, clock: Clock) -> dict[str, str]:
    """Return headers with a valid token and a purpose."""
    return {"Authorization": f"Bearer {issuer.token(clock().timestamp())}", "Behandlingsnummer": "B123"}
