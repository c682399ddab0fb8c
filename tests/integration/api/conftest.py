"""The API over a real database, with a real issuer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from datadeling.api.app import POOL, create_app
from datadeling.config import ApiConfig, EntraConfig
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.demo.process import free_port
from tests.unit.api.issuer import CLIENT_ID, ISSUER, Issuer, serving

Api = Callable[[str], AbstractContextManager[FlaskClient]]


@pytest.fixture
def pool(db_url: str) -> Iterator[Pool]:
    pool = Pool(db_url, 2)
    pool.open()
    yield pool
    pool.close()


@pytest.fixture
def lookups(pool: Pool) -> Lookups:
    return Lookups(pool)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        yield issuer


@pytest.fixture
def api(issuer: Issuer) -> Api:
    """An application over the database of a URL; its client carries a token that is good for 100 years."""

    @contextmanager
    def running(url: str) -> Iterator[FlaskClient]:
        entra = EntraConfig(CLIENT_ID, ISSUER, issuer.uri, frozenset())
        config = ApiConfig(url, entra, port=8080, consumer_port=free_port())
        app = create_app(config, connections=2, registry=CollectorRegistry())
        client = app.test_client()
        token = issuer.token(0, exp=4_102_444_800)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        client.environ_base["HTTP_BEHANDLINGSNUMMER"] = "B123"
        try:
            yield client
        finally:
            app.extensions[POOL].close()

    return running


@pytest.fixture
def client(api: Api, db_url: str) -> Iterator[FlaskClient]:
    with api(db_url) as client:
        yield client
