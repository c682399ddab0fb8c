"""The application over lookups that answer what a test says, with an issuer and a clock of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

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


def names(felter: Fields) -> list[str]:
    """Return the names of the fields in JSON."""
    return [felt.json for felt in felter]


class Clock:
    """Time that stands still until it is advanced."""

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
    """Returns `answer`, or raises it, and keeps the arguments and contexts of its calls."""

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
    """Nobody listens there."""
    return free_port()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def calls_per_second() -> int:
    """Calls per second that each consumer may make; 0 is no limit."""
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
    """A client without a token."""
    return app.test_client()


@pytest.fixture
def token(issuer: Issuer, clock: Clock) -> dict[str, str]:
    """The headers of a caller with the right to call, and a purpose."""
    return {"Authorization": f"Bearer {issuer.token(clock().timestamp())}", "Behandlingsnummer": "B123"}
